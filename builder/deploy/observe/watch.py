"""One poller for each region of an account serves everybody who waits for a stack there."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from builder.aws import Clients, Rhythm
from builder.deploy.observe.stacks import LAG_S, ObservedStack, SiteView
from builder.deploy.progress import Emit, StatusChange
from builder.errors import AwsError, Failed
from builder.terms import Arn, Site, StackId, StackPlace

_PASSING = ("Throttling", "ServiceUnavailable", "InternalFailure", "InternalError", "RequestLimitExceeded")
# As long as CloudFormation itself waits for the resource that may take longest, a StackSet with all its accounts.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
DEADLINE_S = 36 * 3600.0
Settled = Callable[[ObservedStack], bool]


def is_passing(error: AwsError) -> bool:
    """Return whether a poll lives through it and looks again later; the rest (a lost permission, say) ends a wait."""
    return not error.answered or error.code.startswith(_PASSING)


def settled_after(before: str) -> Settled:
    """Return what ends the wait for an operation that has just begun on a stack in this status.

    A read may lag behind: the status from before counts as an end only once it can't be a memory any more.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()

    def check(stack: ObservedStack) -> bool:
        return stack.facts.settled and (stack.status != before or loop.time() - began > LAG_S)

    return check


@dataclass(slots=True)
class _Wait:
    arn: Arn
    settled: Settled
    since: float
    future: asyncio.Future[ObservedStack]


class Watch:
    """Looks at a site's stacks while somebody waits for one, as often as the one begun last deserves."""

    def __init__(self, view: SiteView, rhythm: Rhythm, seen: Callable[[ObservedStack], None]) -> None:
        self._view = view
        self._rhythm = rhythm
        self._seen = seen
        self._waits: list[_Wait] = []
        self._looked_at = float("-inf")
        self._joined = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def until(self, arn: Arn, settled: Settled, deadline_s: float) -> ObservedStack:
        """Return the stack as soon as a look at it satisfies `settled`.

        Raises Failed after `deadline_s` seconds, or with AWS's answer if the stack cannot be looked at.
        """
        loop = asyncio.get_running_loop()
        wait = _Wait(arn, settled, loop.time(), loop.create_future())
        self._waits.append(wait)
        self._joined.set()
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._look_while_awaited())
        try:
            async with asyncio.timeout(deadline_s):
                return await wait.future
        except TimeoutError as error:
            raise Failed(
                where=f"{self._view.site.region}: {arn}", what=f"had not settled after {deadline_s:.0f} s"
            ) from error
        finally:
            self._waits = [other for other in self._waits if other is not wait]

    async def _look_while_awaited(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waits:
            self._joined.clear()
            try:
                async with asyncio.timeout_at(min(self._due(wait) for wait in self._waits)):
                    await self._joined.wait()  # somebody new may be due sooner
            except TimeoutError:
                await self._look(loop.time())
                self._looked_at = loop.time()

    def _due(self, wait: _Wait) -> float:
        """Return when a wait wants the next look: its first after a while, then at its pace after the last look."""
        return wait.since + self._rhythm.due_s(self._looked_at - wait.since, early=True)

    async def _look(self, now: float) -> None:
        try:
            found = await self._view.stacks({wait.arn for wait in self._waits})
        except AwsError as error:
            if is_passing(error):
                return
            for wait in self._waits:
                wait.future.set_exception(error)
            self._waits = []
            return
        for stack in found.values():
            self._seen(stack)
        for wait in self._waits:
            shown = found.get(wait.arn)
            if shown is not None and now - wait.since <= LAG_S and self._view.is_contradicted(shown):
                continue  # it shows the stack as it was before what began this wait
            ended = shown is not None and wait.settled(shown)
            if (age_s := now - wait.since) >= 0:
                self._rhythm.told(age_s, ended=ended)
            if shown is not None and ended and not wait.future.done():
                self._view.remember(shown)
                wait.future.set_result(shown)
        self._waits = [wait for wait in self._waits if not wait.future.done()]


def make_watches(
    ids: Mapping[StackPlace, StackId], clients: Clients, emit: Emit, known: Mapping[Arn, str] | None = None
) -> dict[Site, Watch]:
    """Return a watch for each site of these stacks; they tell of every status that differs from the one before.

    `known` are the statuses that nobody has to be told of.
    """
    last = dict(known or {})

    def seen(stack: ObservedStack) -> None:
        if last.get(stack.arn) != stack.status:
            last[stack.arn] = stack.status
            emit(StatusChange(stack=ids[StackPlace(stack.site, stack.name)], status=stack.status))

    sites = dict.fromkeys(place.site for place in ids)
    return {site: Watch(SiteView(clients, site), clients.tempo.stacks, seen) for site in sites}
