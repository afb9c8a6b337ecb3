"""Read StackSets: their instances, the sites of their stacks, their operations. Changes nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, call, pages, together
from builder.deploy.observe.operation import DEADLINE_S, is_passing
from builder.errors import AwsError, Failed
from builder.fleet.progress import Failure, FleetEmit, InstanceFailed, SetProgress
from builder.fleet.records import InstanceOverride, StackInstance, StackSet
from builder.fleet.targets import ObservedSet
from builder.terms import AccountId, Region, Site, StackId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import (
        StackInstanceSummaryTypeDef,
        StackSetOperationResultSummaryTypeDef,
        StackSetOperationSummaryTypeDef,
        StackSetTypeDef,
    )


# Beyond this number of instances overrides are read only on request: each instance costs a call.
OVERRIDES_READ = 100


ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})


_NO_SET = "StackSetNotFoundException"


@dataclass(frozen=True, slots=True)
class SetOperation:
    """One operation of a StackSet."""

    id: str
    action: str
    status: str
    created: str
    reason: str = ""

    @property
    def ended(self) -> bool:
        """Whether it is over; QUEUED and STOPPING operations are not."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True)
class InstanceResult:
    """The state of an operation in one account and region."""

    site: Site
    status: str
    """PENDING, RUNNING, SUCCEEDED, FAILED or CANCELLED."""
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the operation does nothing more there."""
        return self.status not in {"PENDING", "RUNNING"}


def client_of(clients: Clients, stack_set: StackSet) -> "CloudFormationClient":
    """Return a CloudFormation client for the set's administration account and region."""
    return clients.of(stack_set.site).cloudformation(stack_set.site.region)


def named(stack_set: StackSet) -> Any:  # noqa: ANN401 - keyword arguments, which the stubs type call by call
    """Return the arguments with which every call names the set."""
    return {"StackSetName": stack_set.name, "CallAs": stack_set.call_as}


async def observe_set(
    clients: Clients, stack_set: StackSet, *, overrides: bool = True, all_overrides: bool = False
) -> ObservedSet | None:
    """Return the set with all its instances; None if it does not exist.

    `overrides` are the parameters of its instances: read up to a number, as each costs a call, or all, with
    `all_overrides`.
    """
    answer = await describe_set(clients, stack_set)
    if answer is None:
        return None
    instances = await observe_instances(clients, stack_set)
    known = overrides and (all_overrides or len(instances) <= OVERRIDES_READ)
    return ObservedSet(
        body=answer.get("TemplateBody", ""),
        parameters=_values(answer.get("Parameters", [])),
        is_service_managed=answer.get("PermissionModel") == "SERVICE_MANAGED",
        tags={tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])},
        instances=instances,
        overrides=await _overrides(clients, stack_set, instances) if known else (),
        overrides_known=known,
    )


async def describe_set(clients: Clients, stack_set: StackSet) -> "StackSetTypeDef | None":
    """Return the set as DescribeStackSet shows it; None if it does not exist."""
    try:
        answer = await call(stack_set.id, client_of(clients, stack_set).describe_stack_set, **named(stack_set))
    except AwsError as error:
        if error.code == _NO_SET:
            return None
        raise
    return answer["StackSet"]


async def observe_instances(
    clients: Clients, stack_set: StackSet, account: str | None = None
) -> tuple[StackInstance, ...]:
    """Return every stack instance of the set, or of one account, over all pages; none if the set does not exist."""
    client = client_of(clients, stack_set)
    only = {"StackInstanceAccount": account} if account else {}
    listed = _pages(stack_set, client.list_stack_instances, **only)
    return tuple([_instance(summary) async for page in listed for summary in page])


async def observe_operations(
    clients: Clients, stack_set: StackSet, enough: Callable[[Sequence[SetOperation]], bool] = lambda _: False
) -> tuple[SetOperation, ...]:
    """Return the set's operations, the newest first; none if the set does not exist.

    AWS lists those of 90 days, the newest first: no page is read after one that is `enough`.
    """
    listed: list[SetOperation] = []
    async for page in _pages(stack_set, client_of(clients, stack_set).list_stack_set_operations):
        operations = [_operation(summary) for summary in page]
        listed += operations
        if operations and enough(operations):
            break
    return tuple(sorted(listed, key=lambda operation: operation.created, reverse=True))


def are_ended(operations: Sequence[SetOperation]) -> bool:
    """Return whether none of these still runs; if a page of them is over, so are all older ones."""
    return all(operation.ended for operation in operations)


async def observe_results(clients: Clients, stack_set: StackSet, operation: str) -> tuple[InstanceResult, ...]:
    """Return the operation's state in each account and region, over all pages."""
    client = client_of(clients, stack_set)
    results = pages(stack_set.id, client.list_stack_set_operation_results, OperationId=operation, **named(stack_set))
    return tuple([_result(summary) async for page in results for summary in page["Summaries"]])


async def _pages(stack_set: StackSet, ask: Callable[..., Any], **only: str) -> AsyncIterator[list[Any]]:
    """Yield a set's listing page by page; nothing if the set does not exist."""
    try:
        async for page in pages(stack_set.id, ask, **named(stack_set), **only):
            yield page["Summaries"]
    except AwsError as error:
        if error.code != _NO_SET:
            raise


async def _overrides(
    clients: Clients, stack_set: StackSet, instances: Collection[StackInstance]
) -> tuple[InstanceOverride, ...]:
    client = client_of(clients, stack_set)

    async def read(instance: StackInstance) -> InstanceOverride:
        answer = await call(
            stack_set.id,
            client.describe_stack_instance,
            StackInstanceAccount=str(instance.site.account),
            StackInstanceRegion=instance.site.region,
            **named(stack_set),
        )
        return InstanceOverride(
            site=instance.site, parameters=_values(answer["StackInstance"].get("ParameterOverrides", []))
        )

    return tuple(
        override for override in await together(read(instance) for instance in instances) if override.parameters
    )


def _values(parameters: Any) -> Mapping[str, str]:  # noqa: ANN401 - the same shape under several types
    return {parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in parameters}


def _instance(summary: "StackInstanceSummaryTypeDef") -> StackInstance:
    return StackInstance(
        site=Site(AccountId(summary["Account"]), Region(summary["Region"])),
        status=summary["Status"],
        detailed_status=summary.get("StackInstanceStatus", {}).get("DetailedStatus", ""),
        reason=summary.get("StatusReason", ""),
        stack=summary.get("StackId", ""),
        unit=summary.get("OrganizationalUnitId", ""),
        drift=summary.get("DriftStatus", ""),
        drift_at=summary["LastDriftCheckTimestamp"].isoformat() if summary.get("LastDriftCheckTimestamp") else "",
        operation=summary.get("LastOperationId", ""),
    )


def _operation(summary: "StackSetOperationSummaryTypeDef") -> SetOperation:
    return SetOperation(
        id=summary["OperationId"],
        action=summary["Action"],
        status=summary["Status"],
        created=summary["CreationTimestamp"].isoformat(),
        reason=summary.get("StatusReason", ""),
    )


def _result(summary: "StackSetOperationResultSummaryTypeDef") -> InstanceResult:
    return InstanceResult(
        site=Site(AccountId(summary["Account"]), Region(summary["Region"])),
        status=summary["Status"],
        reason=summary.get("StatusReason", ""),
    )


@dataclass(frozen=True, slots=True)
class _Before:
    """A set's operations when the watch began."""

    ids: frozenset[str] = frozenset()
    """The ids of those that were over, as far as they were listed."""
    newest: str = ""
    """When the newest ended one was started: those that were not listed are older."""
    running: frozenset[str] = frozenset()

    def has(self, operation: SetOperation) -> bool:
        """Return whether the operation was over before."""
        return operation.id in self.ids or (operation.id not in self.running and operation.created <= self.newest)


@dataclass(slots=True)
class SetWatch:
    """A watch that remembers what it has read of each set's operations, so that each event is emitted once."""

    clients: Clients
    emit: FleetEmit
    expected: Mapping[tuple[StackId, str], int] = field(default_factory=dict)
    """By set and action, in how many accounts and regions it takes place; CloudFormation may list these gradually."""
    _before: dict[StackId, _Before] = field(default_factory=dict)
    _own: set[str] = field(default_factory=set)
    _of_set: dict[StackId, list[str]] = field(default_factory=dict)
    _ended: dict[str, SetOperation] = field(default_factory=dict)
    _last: dict[str, SetProgress] = field(default_factory=dict)
    _failures: dict[StackId, dict[Site, str]] = field(default_factory=dict)

    async def begin(self, sets: Iterable[StackSet]) -> bool:
        """Record which operations are over now, to tell later ones from them; return whether any still runs."""

        async def note(stack_set: StackSet) -> None:
            known = await observe_operations(self.clients, stack_set, are_ended)
            ended = [operation for operation in known if operation.ended]
            self._before[stack_set.id] = _Before(
                ids=frozenset(operation.id for operation in ended),
                newest=max((operation.created for operation in ended), default=""),
                running=frozenset(operation.id for operation in known if not operation.ended),
            )

        await together(note(stack_set) for stack_set in sets)
        return any(before.running for before in self._before.values())

    def disown(self) -> None:
        """Ignore operations that were running before this run."""
        for stack, before in self._before.items():
            self._before[stack] = replace(before, ids=before.ids | before.running, running=frozenset())

    def has_seen(self, stack: StackId) -> bool:
        """Return whether any operation on the set has begun since."""
        return stack in self._of_set

    def unsuccessful(self, stack: StackId) -> SetOperation | None:
        """Return the first operation on the set that failed as a whole or was stopped; None if none did."""
        ended = (self._ended[id_] for id_ in self._of_set.get(stack, ()) if id_ in self._ended)
        return next((operation for operation in ended if operation.status != "SUCCEEDED"), None)

    async def is_used_up(self, stack_set: StackSet, operation: str) -> bool:
        """Return whether an operation of this id is over and failed anywhere: then a retry needs another id."""
        before = self._before.get(stack_set.id, _Before())
        if operation not in before.ids and operation not in self._ended:
            return False
        results = await observe_results(self.clients, stack_set, operation)
        return not results or any(result.status != "SUCCEEDED" for result in results)

    def knows_better(self, stack: StackId, bad: Iterable[Site], shown: Mapping[Site, StackInstance]) -> bool:
        """Return whether a listing contradicts the operations: these succeeded, and nothing failed in a `bad` site.

        A suspended account, which StackSets skip, is no contradiction: the listing shows it as skipped.
        """
        if not self.has_seen(stack) or self.unsuccessful(stack) is not None:
            return False
        failed = self._failures.get(stack, {})
        return any(
            site not in failed and not (site in shown and shown[site].detailed_status.startswith("SKIPPED"))
            for site in bad
        )

    def failures(self, stack: StackId) -> tuple[Failure, ...]:
        """Return where the set's operations failed, in the order of observation, including failures repaired since."""
        return tuple(Failure(site, reason) for site, reason in self._failures.get(stack, {}).items())

    @asynccontextmanager
    async def following(self, sets: Iterable[StackSet]) -> AsyncIterator[None]:
        """Poll the sets, in turn, until the block ends; then once more, so that no event is missed."""
        sets = tuple(sets)
        polling = asyncio.ensure_future(self._keep_polling(sets))
        try:
            yield
        finally:
            polling.cancel()
        await together(self.poll(stack_set) for stack_set in sets)

    async def until_ended(self, stack_set: StackSet, operation: str) -> SetOperation:
        """Return one of our own operations as it ended. Raises Failed if it runs for longer than StackSets do."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        # An earlier run of the same plan may have started it, so it may be over already.
        self._own.add(operation)
        while loop.time() - began < DEADLINE_S:
            await asyncio.sleep(self.clients.tempo.stacks.wait_s(loop.time() - began))
            try:
                await self.poll(stack_set)
            except AwsError as error:
                if not is_passing(error):
                    raise
            if operation in self._ended:
                return self._ended[operation]
        raise Failed(where=stack_set.id, what=f"operation {operation} had not ended after {DEADLINE_S:.0f} s")

    async def poll(self, stack_set: StackSet) -> None:
        """Emit what is new about the set's operations, the oldest first."""
        before = self._before.get(stack_set.id, _Before())

        def is_old(operation: SetOperation) -> bool:
            return before.has(operation) and operation.id not in self._own

        def are_old(operations: Sequence[SetOperation]) -> bool:
            return all(is_old(operation) for operation in operations)

        for operation in reversed(await observe_operations(self.clients, stack_set, are_old)):
            if not is_old(operation) and operation.id not in self._ended:
                seen = self._of_set.setdefault(stack_set.id, [])
                if operation.id not in seen:
                    seen.append(operation.id)
                self._emit_progress(stack_set, operation, await observe_results(self.clients, stack_set, operation.id))

    async def _keep_polling(self, sets: tuple[StackSet, ...]) -> None:
        loop = asyncio.get_running_loop()
        began, took = loop.time(), 0.0
        while True:
            # Polling a thousand accounts needs many calls: it never takes more than half of the time.
            await asyncio.sleep(max(took, self.clients.tempo.stacks.wait_s(loop.time() - began)))
            started = loop.time()
            for stack_set in sets:
                try:
                    await self.poll(stack_set)
                except AwsError:
                    continue  # the work goes on unwatched; the last poll raises an error that lasts
            took = loop.time() - started

    def _emit_progress(self, stack_set: StackSet, operation: SetOperation, results: tuple[InstanceResult, ...]) -> None:
        counts = Counter(result.status for result in results)
        progress = SetProgress(
            stack=stack_set.id,
            action=operation.action,
            status=operation.status,
            done=counts["SUCCEEDED"],
            total=max(len(results), self.expected.get((stack_set.id, operation.action), 0)),
            failed=counts["FAILED"],
            operation=operation.id,
        )
        self._emit_failures(stack_set, results)
        if _is_news(self._last.get(operation.id), progress):
            self._last[operation.id] = progress
            self.emit(progress)
        if operation.ended:
            self._ended[operation.id] = operation

    def _emit_failures(self, stack_set: StackSet, results: tuple[InstanceResult, ...]) -> None:
        known = self._failures.setdefault(stack_set.id, {})
        for result in results:
            if result.status == "FAILED" and known.get(result.site) != result.reason:
                known[result.site] = result.reason
                self.emit(
                    InstanceFailed(stack_set.id, AccountId(str(result.site.account)), result.site.region, result.reason)
                )


def _is_news(last: SetProgress | None, now: SetProgress) -> bool:
    """Return whether the progress is worth a line: another status or failure, or another twentieth done."""
    if last is None or (last.status, last.failed) != (now.status, now.failed):
        return True
    return now.done - last.done >= max(1, now.total // 20)
