"""An operation on a stack: the wait until it ends, and what its events show.

One poller for each region of an account serves every wait for a stack there. The events show which resource failed
first, what happened to the others, and which resource CloudFormation works on.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from builder.aws import Clients, Rhythm, call, pages
from builder.deploy.observe.nested import NestedStack
from builder.deploy.observe.stacks import LAG_S, Located, ObservedStack, SiteView, once_there
from builder.deploy.progress import Emit, ResourceProgress, StatusChange
from builder.errors import AwsError, Failed
from builder.resource_types import NESTED_STACK
from builder.terms import STATUSES, Arn, LogicalId, Operation, Site, StackId, StackPlace

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef


_PASSING = ("Throttling", "ServiceUnavailable", "InternalFailure", "InternalError", "RequestLimitExceeded")
# CloudFormation's own longest wait for a resource, a StackSet with all its accounts.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
DEADLINE_S = 36 * 3600.0
Settled = Callable[[ObservedStack], bool]


def is_passing(error: AwsError) -> bool:
    """Return whether an error is temporary, so that polling goes on; any other (a lost permission, say) ends a wait."""
    return not error.answered or error.code.startswith(_PASSING)


def settled_after(before: str) -> Settled:
    """Return the condition for the end of an operation that has just begun on a stack in this status.

    A read may lag behind: the status from before counts as the end only after LAG_S.
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
    """A poller that reads a site's stacks while a wait for one is open, at the pace of the newest wait."""

    def __init__(self, view: SiteView, rhythm: Rhythm, seen: Callable[[ObservedStack], None]) -> None:
        self._view = view
        self._rhythm = rhythm
        self._seen = seen
        self._waits: list[_Wait] = []
        self._read_at = float("-inf")
        self._joined = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def until(self, arn: Arn, settled: Settled, deadline_s: float) -> ObservedStack:
        """Return the stack as soon as a read of it satisfies `settled`.

        Raises Failed after `deadline_s` seconds, or AwsError if the stack cannot be read.
        """
        loop = asyncio.get_running_loop()
        wait = _Wait(arn, settled, loop.time(), loop.create_future())
        self._waits.append(wait)
        self._joined.set()
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._read_while_awaited())
        try:
            async with asyncio.timeout(deadline_s):
                return await wait.future
        except TimeoutError as error:
            raise Failed(
                where=f"{self._view.site.region}: {arn}", what=f"had not settled after {deadline_s:.0f} s"
            ) from error
        finally:
            self._waits = [other for other in self._waits if other is not wait]

    async def _read_while_awaited(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waits:
            self._joined.clear()
            try:
                async with asyncio.timeout_at(min(self._due(wait) for wait in self._waits)):
                    await self._joined.wait()  # a new wait may be due sooner
            except TimeoutError:
                await self._read_stacks(loop.time())
                self._read_at = loop.time()

    def _due(self, wait: _Wait) -> float:
        """Return when the next read for a wait is due: the first after a while, later ones at its pace."""
        return wait.since + self._rhythm.due_s(self._read_at - wait.since, early=True)

    async def _read_stacks(self, now: float) -> None:
        try:
            stacks = await self._view.stacks({wait.arn for wait in self._waits})
        except AwsError as error:
            if is_passing(error):
                return
            for wait in self._waits:
                wait.future.set_exception(error)
            self._waits = []
            return
        for stack in stacks.values():
            self._seen(stack)
        for wait in self._waits:
            shown = stacks.get(wait.arn)
            if shown is not None and now - wait.since <= LAG_S and self._view.is_contradicted(shown):
                continue  # it shows the stack before the operation that this wait is for
            ended = shown is not None and wait.settled(shown)
            if (age_s := now - wait.since) >= 0:
                self._rhythm.learn(age_s, ended=ended)
            if shown is not None and ended and not wait.future.done():
                self._view.remember(shown)
                wait.future.set_result(shown)
        self._waits = [wait for wait in self._waits if not wait.future.done()]


def make_watches(
    ids: Mapping[StackPlace, StackId], clients: Clients, emit: Emit, known: Mapping[Arn, str] | None = None
) -> dict[Site, Watch]:
    """Return a watch for each site of these stacks; they emit every change of a status.

    `known` are the statuses to start from, which are not emitted.
    """
    last = dict(known or {})

    def seen(stack: ObservedStack) -> None:
        if last.get(stack.arn) != stack.status:
            last[stack.arn] = stack.status
            emit(StatusChange(stack=ids[StackPlace(stack.site, stack.name)], status=stack.status))

    sites = dict.fromkeys(place.site for place in ids)
    return {site: Watch(SiteView(clients, site), clients.tempo.stacks, seen) for site in sites}


# CloudFormation's reason for resources that it stops because another one failed.
_COLLATERAL = ("Resource creation cancelled", "Resource update cancelled", "Resource deletion cancelled")
# The statuses to which CloudFormation rolls back, RollbackStack's "last known stable state".
_GOOD = frozenset(status for status, facts in STATUSES.items() if facts.operation is Operation.UPDATE)
# CloudFormation's reason where a nested stack failed.
_EMBEDDED = re.compile(r"Embedded stack (arn:\S+) was not successfully")
# The statuses with which an operation on a stack begins.
_BEGINNINGS = frozenset({"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"})


@dataclass(frozen=True, slots=True)
class FirstCause:
    """The resource whose failure made the operation fail."""

    resource: str
    """`LogicalId (Type)`; in a nested stack `Child/LogicalId (Type)`."""
    reason: str
    nested: str = ""
    """The ARN of the nested stack that failed, if the resource is one: its own events show why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinceGood:
    """What happened to a stack's resources since its last good state."""

    known: bool
    """Whether the events show such a state; if not, the creation failed as well, or older events are no longer kept."""
    made: frozenset[LogicalId]
    """The resources that were created."""
    failed: frozenset[LogicalId]
    """The resources that failed by themselves, not because another one did, in the last rollback."""
    tokens: frozenset[str] = frozenset()
    """The client tokens of the operations since then; AWS puts them on the events of nested stacks as well."""


def first_cause(events: Iterable["StackEventTypeDef"], client_token: str) -> FirstCause | None:
    """Return the first real failure of the operation with this token, or None if no event shows one.

    Events are as DescribeStackEvents gives them, newest first. They are matched by token, never by time.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
    """
    failures = _failures(events, client_token)
    if not failures:
        return None
    return _cause(failures[-1])


def first_cause_inside(events: Iterable["StackEventTypeDef"], client_token: str) -> FirstCause | None:
    """Return the first real failure in a nested stack that failed in its root's operation.

    Its events carry the token of the root's operation, which AWS documents for all that an operation triggers; where
    none does, the last operation on the nested stack with a failure is taken.
    """
    events = tuple(events)
    if any(event.get("ClientRequestToken") == client_token for event in events):
        return first_cause(events, client_token)
    failures: list[StackEventTypeDef] = []
    for event in events:
        if _is_of_the_stack(event) and event.get("ResourceStatus") in _BEGINNINGS and failures:
            break
        if _is_failure(event):
            failures.append(event)
    return _cause(failures[-1]) if failures else None


def _cause(event: "StackEventTypeDef") -> FirstCause:
    kind, reason = event.get("ResourceType", "?"), event.get("ResourceStatusReason", "no reason given")
    named = _EMBEDDED.search(reason)
    nested = event.get("PhysicalResourceId") or (named[1] if named else "")
    return FirstCause(
        resource=f"{event.get('LogicalResourceId', '?')} ({kind})",
        reason=reason,
        nested=nested if kind == NESTED_STACK else "",
    )


def failed_resources(events: Iterable["StackEventTypeDef"], client_token: str) -> frozenset[LogicalId]:
    """Return every resource that failed by itself in the operation with this token."""
    return frozenset(LogicalId(event.get("LogicalResourceId", "")) for event in _failures(events, client_token))


def _failures(events: Iterable["StackEventTypeDef"], client_token: str) -> "list[StackEventTypeDef]":
    return [event for event in events if event.get("ClientRequestToken") == client_token and _is_failure(event)]


def _is_failure(event: "StackEventTypeDef") -> bool:
    return (
        event.get("ResourceStatus", "").endswith("_FAILED")
        and not _is_collateral(event)
        and not _is_of_the_stack(event)
    )


def is_collateral(reason: str) -> bool:
    """Return whether a resource failed only because CloudFormation stopped it when another one did."""
    return reason.startswith(_COLLATERAL)


def since_good(events: Iterable["StackEventTypeDef"]) -> SinceGood:
    """Return what happened to a stack's resources since its last good state.

    Events are newest first, and only the needed ones are read.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackStack.html
    """
    made: set[LogicalId] = set()
    failed: set[LogicalId] = set()
    tokens: set[str] = set()
    known, in_last_rollback = False, True
    for event in events:
        status, resource = event.get("ResourceStatus", ""), LogicalId(event.get("LogicalResourceId", ""))
        if _is_of_the_stack(event):
            in_last_rollback = in_last_rollback and status != "UPDATE_ROLLBACK_IN_PROGRESS"
            if known := status in _GOOD:
                break
        tokens.add(event.get("ClientRequestToken", ""))
        if _is_of_the_stack(event):
            continue
        if status.startswith("CREATE_"):
            made.add(resource)
        elif status == "UPDATE_FAILED" and in_last_rollback and not _is_collateral(event):
            failed.add(resource)
    return SinceGood(known=known, made=frozenset(made), failed=frozenset(failed), tokens=frozenset(tokens - {""}))


def made_inside(events: Iterable["StackEventTypeDef"], tokens: frozenset[str]) -> frozenset[LogicalId]:
    """Return what operations with these tokens created in a nested stack, by its events.

    Where no event carries one of the tokens, return all resources that were ever created: none can be ruled out.
    """
    events = tuple(event for event in events if not _is_of_the_stack(event))
    ours = [event for event in events if event.get("ClientRequestToken") in tokens]
    return frozenset(
        LogicalId(event.get("LogicalResourceId", ""))
        for event in ours or events
        if event.get("ResourceStatus", "").startswith("CREATE_")
    )


def _is_of_the_stack(event: "StackEventTypeDef") -> bool:
    """Return whether an event is the stack's own; as a failure it only repeats that of a resource."""
    return event.get("PhysicalResourceId") == event["StackId"]


def _is_collateral(event: "StackEventTypeDef") -> bool:
    return is_collateral(event.get("ResourceStatusReason", ""))


async def observe_cause(clients: Clients, stack: ObservedStack, client_token: str) -> FirstCause | None:
    """Return the first real failure of the operation with this token, or None if no event shows one.

    Where a nested stack failed, return the resource that failed first inside it, at any depth.
    """
    cause = first_cause(await _events_of(clients, stack, client_token), client_token)
    return cause and await _inside(clients, stack.site, cause, client_token)


async def _inside(clients: Clients, site: Site, cause: FirstCause, client_token: str) -> FirstCause:
    """Return the first failure in the nested stack that the cause names; the cause itself where no event shows one."""
    if not cause.nested:
        return cause
    try:
        events = await _events_of(clients, NestedStack(site, Arn(cause.nested)), client_token)
    except AwsError:
        return cause  # it was never created, or may not be read: only its parent's event is known
    cause_inside = first_cause_inside(events, client_token)
    if cause_inside is None:
        return cause
    cause_inside = await _inside(clients, site, cause_inside, client_token)
    return replace(cause_inside, resource=f"{cause.resource.partition(' ')[0]}/{cause_inside.resource}")


async def observe_failed(clients: Clients, stack: ObservedStack, client_token: str) -> frozenset[LogicalId]:
    """Return every resource that failed by itself in the operation with this token."""
    return failed_resources(await _events_of(clients, stack, client_token), client_token)


async def observe_token(clients: Clients, stack: ObservedStack) -> str:
    """Return the client token of the stack's last operation, empty where its caller gave none."""
    client = clients.of(stack.site).cloudformation(stack.region)
    where = f"{stack.region}/{stack.name}"
    newest = await once_there(lambda: call(where, client.describe_stack_events, StackName=stack.arn))
    return next((event.get("ClientRequestToken", "") for event in newest["StackEvents"]), "")


async def observe_since_good(clients: Clients, stack: ObservedStack) -> SinceGood:
    """Return what happened to the stack's resources since its last good state."""
    client = clients.of(stack.site).cloudformation(stack.region)
    events: list[StackEventTypeDef] = []
    async for page in pages(f"{stack.region}/{stack.name}", client.describe_stack_events, StackName=stack.arn):
        events += page["StackEvents"]
        if since_good(events).known:
            break
    return since_good(events)


async def observe_made_inside(clients: Clients, stack: NestedStack, tokens: frozenset[str]) -> frozenset[LogicalId]:
    """Return what the operations with these tokens created in a nested stack."""
    client = clients.of(stack.site).cloudformation(stack.region)
    shown = pages(f"{stack.region}/{stack.name}", client.describe_stack_events, StackName=stack.arn)
    return made_inside([event async for page in shown for event in page["StackEvents"]], tokens)


async def _events_of(clients: Clients, stack: Located, client_token: str) -> "list[StackEventTypeDef]":
    client = clients.of(stack.site).cloudformation(stack.region)
    events: list[StackEventTypeDef] = []
    seen = False
    async for page in pages(f"{stack.region}/{stack.name}", client.describe_stack_events, StackName=stack.arn):
        ours = any(event.get("ClientRequestToken") == client_token for event in page["StackEvents"])
        if seen and not ours:
            break  # newest first: the next events are of the operation before
        events += page["StackEvents"]
        seen = seen or ours
    return events


EVERY_S = 5.0
_AT_ONCE = 8


async def tell_in_progress(running: Mapping[StackId, tuple[Site, Arn]], clients: Clients, emit: Emit) -> None:
    """Emit, every few seconds and until cancelled, the resource that each stack works on; one call a stack.

    Where many stacks run, a few are read at a time, in turn, so that these calls never delay others that matter.
    """
    last: dict[StackId, ResourceProgress] = {}
    first = 0
    while True:
        await asyncio.sleep(EVERY_S)
        stacks = list(running.items())
        turn = [stacks[(first + place) % len(stacks)] for place in range(min(_AT_ONCE, len(stacks)))]
        first += len(turn)
        for resource in await asyncio.gather(*(_in_progress(stack, *where, clients) for stack, where in turn)):
            if resource is not None and last.get(resource.stack) != resource and resource.stack in running:
                last[resource.stack] = resource
                emit(resource)


async def _in_progress(stack: StackId, site: Site, arn: Arn, clients: Clients) -> ResourceProgress | None:
    client = clients.of(site).cloudformation(site.region)
    try:
        answer = await call(stack, client.describe_stack_events, StackName=arn)
    except AwsError:
        return None  # the next time will do
    event = newest_at_work(answer["StackEvents"])
    if event is None:
        return None
    return ResourceProgress(
        stack=stack,
        resource=f"{event.get('LogicalResourceId', '?')} ({event.get('ResourceType', '?')})",
        status=event.get("ResourceStatus", ""),
    )


def newest_at_work(events: "list[StackEventTypeDef]") -> "StackEventTypeDef | None":
    """Return the newest event of a resource whose change has begun and not ended; events are newest first."""
    seen: set[str] = set()
    for event in events:
        name = event.get("LogicalResourceId", "")
        if event.get("PhysicalResourceId") == event["StackId"]:
            continue
        if name not in seen and event.get("ResourceStatus", "").endswith("_IN_PROGRESS"):
            return event
        seen.add(name)
    return None
