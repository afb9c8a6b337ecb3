"""One eye on the operations of all sets: how far each is, and every account that fails as soon as that is seen."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from builder.aws import Clients, together
from builder.deploy.watch import DEADLINE_S, is_passing
from builder.errors import AwsError, Failed
from builder.fleet.observe import Operation, Result, observe_operations, observe_results
from builder.fleet.outcome import Failure
from builder.fleet.progress import FleetEmit, InstanceFailed, SetProgress
from builder.fleet.records import Instance, StackSet
from builder.terms import AccountId, Site, StackId


@dataclass(slots=True)
class SetWatch:
    """Remembers what was seen of each set's operations, so that everything is told once."""

    clients: Clients
    emit: FleetEmit
    expected: Mapping[tuple[StackId, str], int] = field(default_factory=dict)
    """By set and action in how many accounts and regions it is to be done; CloudFormation may list them by and by."""
    _before: dict[StackId, frozenset[str]] = field(default_factory=dict)
    _of_set: dict[StackId, list[str]] = field(default_factory=dict)
    _ended: dict[str, Operation] = field(default_factory=dict)
    _last: dict[str, SetProgress] = field(default_factory=dict)
    _failures: dict[StackId, dict[Site, str]] = field(default_factory=dict)

    async def begin(self, sets: Iterable[StackSet]) -> None:
        """Note which operations were over before, so that those to come are told from them, by their ids."""

        async def note(one: StackSet) -> None:
            known = await observe_operations(self.clients, one)
            self._before[one.id] = frozenset(operation.id for operation in known if operation.ended)

        await together(note(one) for one in sets)

    def has_seen(self, stack: StackId) -> bool:
        """Return whether anything was begun on the set since."""
        return stack in self._of_set

    def unsuccessful(self, stack: StackId) -> Operation | None:
        """Return the first operation on the set that failed as a whole or was stopped; None where none did."""
        ended = (self._ended[one] for one in self._of_set.get(stack, ()) if one in self._ended)
        return next((one for one in ended if one.status != "SUCCEEDED"), None)

    def knows_better(self, stack: StackId, bad: Iterable[Site], shown: Mapping[Site, Instance]) -> bool:
        """Return whether a listing contradicts the operations, which ended well: in these sites nothing failed.

        An account that StackSets pass over, because it is suspended, is nobody's failure, and the listing says so.
        """
        if not self.has_seen(stack) or self.unsuccessful(stack) is not None:
            return False
        failed = self._failures.get(stack, {})
        return any(
            site not in failed and not (site in shown and shown[site].detailed_status.startswith("SKIPPED"))
            for site in bad
        )

    def failures(self, stack: StackId) -> tuple[Failure, ...]:
        """Return where the set's operations failed, in the order that was seen, repaired since or not."""
        return tuple(Failure(site, reason) for site, reason in self._failures.get(stack, {}).items())

    @asynccontextmanager
    async def following(self, sets: Iterable[StackSet]) -> AsyncIterator[None]:
        """Look at the sets, in turn, until the block ends; then once more, so that nothing is missed."""
        sets = tuple(sets)
        looking = asyncio.ensure_future(self._keep_looking(sets))
        try:
            yield
        finally:
            looking.cancel()
        await together(self.look(one) for one in sets)

    async def until_ended(self, stack_set: StackSet, operation: str) -> Operation:
        """Return one of our own operations as it ended. Raises Failed where it goes on for longer than StackSets do."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        # Begun by an earlier run of the same plan it may be over already.
        self._before[stack_set.id] = self._before.get(stack_set.id, frozenset()) - {operation}
        while loop.time() - began < DEADLINE_S:
            await asyncio.sleep(self.clients.tempo.stacks.wait_s(loop.time() - began))
            try:
                await self.look(stack_set)
            except AwsError as error:
                if not is_passing(error):
                    raise
            if operation in self._ended:
                return self._ended[operation]
        raise Failed(where=stack_set.id, what=f"operation {operation} had not ended after {DEADLINE_S:.0f} s")

    async def look(self, stack_set: StackSet) -> None:
        """Tell what is new of the set's operations, the oldest first."""
        before = self._before.get(stack_set.id, frozenset())
        for operation in reversed(await observe_operations(self.clients, stack_set)):
            if operation.id not in before and operation.id not in self._ended:
                seen = self._of_set.setdefault(stack_set.id, [])
                if operation.id not in seen:
                    seen.append(operation.id)
                self._tell(stack_set, operation, await observe_results(self.clients, stack_set, operation.id))

    async def _keep_looking(self, sets: tuple[StackSet, ...]) -> None:
        loop = asyncio.get_running_loop()
        began, took = loop.time(), 0.0
        while True:
            # Of a thousand accounts a look takes many calls: it never takes more than half of the time.
            await asyncio.sleep(max(took, self.clients.tempo.stacks.wait_s(loop.time() - began)))
            started = loop.time()
            for one in sets:
                try:
                    await self.look(one)
                except AwsError:
                    continue  # the work does not hang on its being watched; the last look tells what lasts
            took = loop.time() - started

    def _tell(self, stack_set: StackSet, operation: Operation, results: tuple[Result, ...]) -> None:
        counts = Counter(one.status for one in results)
        progress = SetProgress(
            stack=stack_set.id,
            action=operation.action,
            status=operation.status,
            done=counts["SUCCEEDED"],
            total=max(len(results), self.expected.get((stack_set.id, operation.action), 0)),
            failed=counts["FAILED"],
            operation=operation.id,
        )
        self._tell_failures(stack_set, results)
        if _is_news(self._last.get(operation.id), progress):
            self._last[operation.id] = progress
            self.emit(progress)
        if operation.ended:
            self._ended[operation.id] = operation

    def _tell_failures(self, stack_set: StackSet, results: tuple[Result, ...]) -> None:
        known = self._failures.setdefault(stack_set.id, {})
        for one in results:
            if one.status == "FAILED" and known.get(one.site) != one.reason:
                known[one.site] = one.reason
                self.emit(InstanceFailed(stack_set.id, AccountId(str(one.site.account)), one.site.region, one.reason))


def _is_news(told: SetProgress | None, now: SetProgress) -> bool:
    """Return whether it is worth a line: a first look, another status, a failure more, or a twentieth of the way."""
    if told is None or (told.status, told.failed) != (now.status, now.failed):
        return True
    return now.done - told.done >= max(1, now.total // 20)
