"""Operations on StackSets: in the order of the sets' needs, each started once and watched to its end; then stopping."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, call, together
from builder.deploy import StackContents
from builder.deploy.change_sets.change_set import token
from builder.deploy.observe.operation import DEADLINE_S, is_passing
from builder.deploy.observe.stacks import LAG_S
from builder.deploy.progress import Started, StatusChange, Waiting, Work, run_in_order
from builder.errors import AwsError, BuilderError, Failed
from builder.fleet.observe import SetOperation, SetWatch, are_ended, client_of, named, observe_operations
from builder.fleet.progress import FleetEmit, SetCancelled, SetDone, SetFailed, SetOutcome
from builder.fleet.records import InstanceOverride, StackImport, StackInstance, StackSet, TargetedSite
from builder.fleet.sets import observe_again, observe_sets
from builder.graph import closure, dependants
from builder.terms import StackId

if TYPE_CHECKING:
    from builder.terms import Region


Waits = Mapping[StackId, Collection[StackId]]
Given = Collection[InstanceOverride]
SetWork = Callable[[StackSet, Mapping[StackId, SetOutcome]], Coroutine[Any, Any, SetOutcome]]
"""The work on a set, given the outcomes of the sets that it waits for."""


def needs_of(sets: Iterable[StackSet]) -> Waits:
    """Return by set all sets that have to be done before it, including indirect needs; pure."""
    direct = {stack_set.id: stack_set.needs for stack_set in sets}
    return {stack: sorted(closure(direct, stack)) for stack in direct}


def dependants_of(sets: Iterable[StackSet]) -> Waits:
    """Return by set all sets that have to be deleted before it: the same order reversed; pure."""
    return {stack: sorted(others) for stack, others in dependants(needs_of(sets)).items()}


def is_done(ended: SetOutcome) -> bool:
    """Return whether everything on the set is done."""
    return isinstance(ended, SetDone)


async def in_order(
    sets: Iterable[StackSet], waits: Waits, work: SetWork, goes_on: Callable[[SetOutcome], bool] = is_done
) -> tuple[SetOutcome, ...]:
    """Do the work on each set once `goes_on` holds for all outcomes that it waits for; return each outcome."""
    by_id = {stack_set.id: stack_set for stack_set in sets}

    async def run(stack: StackId, before: Mapping[StackId, SetOutcome]) -> SetOutcome:
        try:
            return await work(by_id[stack], before)
        except BuilderError as error:
            return SetFailed(stack, (), reason=error.what)

    def cancel(stack: StackId, other: StackId | None) -> SetOutcome:
        return SetCancelled(stack, because=f"{other}, which it waits for, is not done")

    ended = await run_in_order(by_id, waits, Work(run, cancel, goes_on))
    return tuple(ended.values())


_OURS_ALREADY = "OperationIdAlreadyExistsException"


# A StackSet runs one operation at a time; an operation that overlaps an auto-deployment gets the second error.
_IN_THE_WAY = frozenset({"OperationInProgressException", "StaleRequestException"})


@dataclass(frozen=True, slots=True)
class _OperationRequest:
    """A call for operations; its ids are the same for the same run, so a repetition is the same operation.

    A batch's id follows from its places, since a resumed run has fewer batches than the first one had. Deletions are
    numbered instead: a repetition finds their operations by number.
    """

    call: Callable[..., object]
    run_id: str
    what: str
    more: Mapping[str, Any] = field(default_factory=dict)
    prefix: str = ""
    """How its ids begin: a later run learns from it what an instance's last operation was."""


async def create_instances(
    watch: SetWatch, stack_set: StackSet, places: Iterable[TargetedSite], run_id: str, given: Given = ()
) -> tuple[SetOperation, ...]:
    """Create the set's stack in just these places, and return the operations as they ended.

    `given` are overrides of the parameters of some of these stacks.
    """
    client = client_of(watch.clients, stack_set)
    request = _OperationRequest(client.create_stack_instances, run_id, "create")
    return await _run_batches(watch, stack_set, make_creations(stack_set, places, given), request)


async def update_instances(
    watch: SetWatch, stack_set: StackSet, instances: Iterable[StackInstance], run_id: str
) -> tuple[SetOperation, ...]:
    """Update just these instances to their set, keeping their parameters; return the operations as they ended."""
    client = client_of(watch.clients, stack_set)
    request = _OperationRequest(client.update_stack_instances, run_id, "update")
    return await _run_batches(watch, stack_set, make_batches(stack_set, instances), request)


async def reset_instances(
    watch: SetWatch, stack_set: StackSet, instances: Iterable[StackInstance], run_id: str, given: Given = ()
) -> tuple[SetOperation, ...]:
    """Update these instances to their set, with no overrides but those `given`; return the operations as they ended."""
    batches = ({_OVERRIDES: [], **batch} for batch in make_creations(stack_set, instances, given))
    request = _OperationRequest(
        client_of(watch.clients, stack_set).update_stack_instances, run_id, "reset", prefix=RESET
    )
    return await _run_batches(watch, stack_set, batches, request)


async def import_instances(
    watch: SetWatch, stack_set: StackSet, stacks: Iterable[StackImport], run_id: str
) -> tuple[SetOperation, ...]:
    """Import these stacks into the set, and return the operations as they ended."""
    by_unit: dict[str, list[str]] = defaultdict(list)
    for stack_import in stacks:
        by_unit[stack_import.unit].append(stack_import.stack)
    batches = (
        {"StackIds": arns[first : first + _IMPORTED], **({"OrganizationalUnitIds": [unit]} if unit else {})}
        for unit, arns in by_unit.items()
        for first in range(0, len(arns), _IMPORTED)
    )
    request = _OperationRequest(
        client_of(watch.clients, stack_set).import_stacks_to_stack_set, run_id, "import", prefix=IMPORT
    )
    return await _run_batches(watch, stack_set, batches, request)


IMPORT, RESET = "import-", "reset-"
"""How the ids of operations begin that import a stack into a set, and that update it to the set afterwards."""
# The most stacks that one call takes: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-import.html
_IMPORTED = 10


async def delete_instances(
    watch: SetWatch, stack_set: StackSet, instances: Iterable[StackInstance], run_id: str, *, retain: bool
) -> tuple[SetOperation, ...]:
    """Delete just these instances, with their stacks unless these are retained; return the operations as they ended."""
    client = client_of(watch.clients, stack_set)
    request = _OperationRequest(client.delete_stack_instances, run_id, _DELETE, {"RetainStacks": retain})
    return await _run_batches(watch, stack_set, make_batches(stack_set, instances), request)


def make_creations(
    stack_set: StackSet, places: Iterable[StackInstance | TargetedSite], given: Given
) -> tuple[dict[str, Any], ...]:
    """Return the arguments that name the stacks to create, one call for all with the same overrides; pure."""
    own = {override.site: override.parameters for override in given}
    by_own: dict[tuple[tuple[str, str], ...], list[StackInstance | TargetedSite]] = defaultdict(list)
    for place in places:
        by_own[tuple(sorted(own.get(place.site, {}).items()))].append(place)
    return tuple(
        {**batch, **({_OVERRIDES: _parameters(parameters)} if parameters else {})}
        for parameters, these in by_own.items()
        for batch in make_batches(stack_set, these)
    )


def _parameters(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in pairs]


_OVERRIDES = "ParameterOverrides"
_DELETE = "delete"
FIRST_DELETION = f"{_DELETE} 1"
"""The text from which the id of a deletion's first operation is derived."""


def make_batches(stack_set: StackSet, instances: Iterable[StackInstance | TargetedSite]) -> tuple[dict[str, Any], ...]:
    """Return the arguments that name just these instances; one call for all accounts with the same regions."""
    regions: dict[str, set[Region]] = defaultdict(set)
    units: dict[str, str] = {}
    for instance in instances:
        account = str(instance.site.account)
        regions[account].add(instance.site.region)
        units[account] = instance.unit
    together: dict[tuple[Region, ...], list[str]] = defaultdict(list)
    for account, where in regions.items():
        together[tuple(sorted(where))].append(account)
    return tuple(
        {"Regions": list(where), **_targets(stack_set, accounts, units)} for where, accounts in together.items()
    )


def _targets(stack_set: StackSet, accounts: list[str], units: Mapping[str, str]) -> dict[str, Any]:
    if not stack_set.is_service_managed:
        return {"Accounts": accounts}
    targets = {
        "Accounts": accounts,
        "OrganizationalUnitIds": sorted({units[account] for account in accounts}),
        "AccountFilterType": "INTERSECTION",
    }
    return {"DeploymentTargets": targets}


async def _run_batches(
    watch: SetWatch, stack_set: StackSet, batches: Iterable[Mapping[str, Any]], request: _OperationRequest
) -> tuple[SetOperation, ...]:
    """Run the batches one after the other, as a set runs one operation at a time; none after a stopped one."""
    ended = []
    for number, batch in enumerate(batches, start=1):
        which = str(number) if request.what == _DELETE else _places(batch)
        own = await _own_id(watch, stack_set, request, which)
        arguments = {**named(stack_set), **batch, **request.more, "OperationPreferences": dict(stack_set.preferences)}
        await begin_operation(watch, stack_set, request.call, {**arguments, "OperationId": own})
        ended.append(await watch.until_ended(stack_set, own))
        if ended[-1].status == "STOPPED":
            break
    return tuple(ended)


async def _own_id(watch: SetWatch, stack_set: StackSet, request: _OperationRequest, which: str) -> str:
    """Return the operation id of a batch: that of an earlier attempt, unless this is over and failed anywhere."""
    what = f"{request.what} {which}"
    own = request.prefix + token(request.run_id, stack_set.id, what)
    attempt = 1
    while await watch.is_used_up(stack_set, own):
        attempt += 1
        own = request.prefix + token(request.run_id, stack_set.id, f"{what}, attempt {attempt}")
    return own


def _places(batch: Mapping[str, Any]) -> str:
    """Return the places of a batch as text, without its parameter values."""
    return json.dumps({name: value for name, value in batch.items() if name != _OVERRIDES}, sort_keys=True)


async def begin_operation(
    watch: SetWatch, stack_set: StackSet, call_it: Callable[..., object], arguments: Mapping[str, Any]
) -> None:
    """Start an operation; wait for another one on the set, and for the end of throttling."""
    loop = asyncio.get_running_loop()
    began, waited_for = loop.time(), ""
    while True:
        try:
            await call(stack_set.id, call_it, **arguments)
        except AwsError as error:
            if error.code == _OURS_ALREADY:
                return  # boto3 repeated a call whose answer was lost
            if error.code not in _IN_THE_WAY and not is_passing(error):
                raise
        else:
            return
        newest = await observe_operations(watch.clients, stack_set, are_ended)
        if any(operation.id == arguments["OperationId"] for operation in newest):
            return  # likewise: drift detection has no error for it
        running = next((operation for operation in newest if not operation.ended), None)
        if running is not None and running.id != waited_for:
            waited_for = running.id
            watch.emit(Waiting(stack=stack_set.id, status=running.status, token=running.id))
        await asyncio.sleep(watch.clients.tempo.stacks.wait_s(loop.time() - began))


# The errors of an operation that has ended by itself meanwhile.
_OVER = frozenset({"InvalidOperationException", "OperationNotFoundException"})


@dataclass(frozen=True, slots=True)
class StoppedOperation:
    """An operation that was stopped; it still finishes the accounts in which it has begun."""

    stack: StackId
    operation: SetOperation


async def stop_operations(
    holders: Iterable[StackContents], clients: Clients, emit: FleetEmit
) -> tuple[StoppedOperation, ...]:
    """Stop every operation on the sets until the holders have settled and none runs any more; return all of them.

    A stack continues after a stopped operation: with the set's next one, and with sets that do not need it.
    Raises Failed where that lasts longer than CloudFormation itself waits for a set.
    """
    loop, pace = asyncio.get_running_loop(), clients.tempo.stacks.pace
    began = news = loop.time()
    stopped: list[StoppedOperation] = []
    shown: dict[StackId, str] = {}
    while loop.time() - began < DEADLINE_S:
        holders = await observe_again(holders, clients)
        for holder in holders:
            if not holder.stack.facts.settled and shown.get(holder.id) != holder.stack.status:
                shown[holder.id] = holder.stack.status
                emit(StatusChange(stack=holder.id, status=holder.stack.status))
        running = await _running(await observe_sets(holders, clients), clients)
        if now := await _stop_all(running, clients, emit):
            stopped += now
            news = loop.time()
        # A read may not show yet an operation that began a moment ago.
        if not running and all(holder.stack.facts.settled for holder in holders) and loop.time() - began > LAG_S:
            return tuple(stopped)
        await asyncio.sleep(pace.wait_s(max(loop.time() - news, pace.first_s)))
    raise Failed(where="fleet stop", what=f"operations went on for {DEADLINE_S:.0f} s")


async def _running(sets: Iterable[StackSet], clients: Clients) -> list[tuple[StackSet, SetOperation]]:
    sets = tuple(sets)
    listed = await together(observe_operations(clients, stack_set, are_ended) for stack_set in sets)
    return [
        (stack_set, operation)
        for stack_set, operations in zip(sets, listed, strict=True)
        for operation in operations
        if not operation.ended
    ]


async def _stop_all(
    running: Iterable[tuple[StackSet, SetOperation]], clients: Clients, emit: FleetEmit
) -> list[StoppedOperation]:
    stopped = await together(
        _stop(stack_set, operation, clients, emit) for stack_set, operation in running if operation.status != "STOPPING"
    )
    return [operation for operation in stopped if operation is not None]


async def _stop(
    stack_set: StackSet, operation: SetOperation, clients: Clients, emit: FleetEmit
) -> StoppedOperation | None:
    stop = client_of(clients, stack_set).stop_stack_set_operation
    try:
        await call(stack_set.id, stop, OperationId=operation.id, **named(stack_set))
    except AwsError as error:
        if error.code not in _OVER:
            raise
        return None
    emit(Started(stack=stack_set.id, what=f"STOP {operation.action} {operation.id}"))
    return StoppedOperation(stack_set.id, operation)
