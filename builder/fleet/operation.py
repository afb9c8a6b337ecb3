"""Operations on StackSets: in the order of the sets' needs, each begun once and watched to its end; and stopped."""

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
from builder.fleet.sets import look_again, observe_sets
from builder.graph import closure, dependants
from builder.terms import StackId

if TYPE_CHECKING:
    from builder.terms import Region


Waits = Mapping[StackId, Collection[StackId]]
Given = Collection[InstanceOverride]
SetWork = Callable[[StackSet, Mapping[StackId, SetOutcome]], Coroutine[Any, Any, SetOutcome]]
"""What is done on a set, told how those ended that it waits for."""


def needs_of(sets: Iterable[StackSet]) -> Waits:
    """Return by set all that has to be done before it, not only what it needs itself; pure."""
    direct = {one.id: one.needs for one in sets}
    return {one: sorted(closure(direct, one)) for one in direct}


def dependants_of(sets: Iterable[StackSet]) -> Waits:
    """Return by set all that has to be gone before it: the same order backwards; pure."""
    return {one: sorted(others) for one, others in dependants(needs_of(sets)).items()}


def is_done(ended: SetOutcome) -> bool:
    """Return whether all of the set is done."""
    return isinstance(ended, SetDone)


async def in_order(
    sets: Iterable[StackSet], waits: Waits, work: SetWork, goes_on: Callable[[SetOutcome], bool] = is_done
) -> tuple[SetOutcome, ...]:
    """Do the work on each set once all that it waits for ended so that it `goes_on`; return how each ended."""
    by_id = {one.id: one for one in sets}

    async def run(stack: StackId, before: Mapping[StackId, SetOutcome]) -> SetOutcome:
        try:
            return await work(by_id[stack], before)
        except BuilderError as error:
            return SetFailed(stack, (), reason=error.what)

    def cancel(stack: StackId, need: StackId | None) -> SetOutcome:
        return SetCancelled(stack, because=f"{need}, which it waits for, is not done")

    ended = await run_in_order(by_id, waits, Work(run, cancel, goes_on))
    return tuple(ended.values())


_OURS_ALREADY = "OperationIdAlreadyExistsException"


# StackSets do one operation at a time; the second is what an operation is told that overlaps with an auto-deployment.
_IN_THE_WAY = frozenset({"OperationInProgressException", "StaleRequestException"})


@dataclass(frozen=True, slots=True)
class _Asking:
    """What is asked of CloudFormation; for the same run its ids are the same, so a repeat is the same operation.

    It is the places that tell batches apart: a run that goes on has other batches before it than the first one had.
    Deletions are counted: who goes on with one knows its operations by that.
    """

    call: Callable[..., object]
    run_id: str
    what: str
    more: Mapping[str, Any] = field(default_factory=dict)
    prefix: str = ""
    """How its ids begin, for who comes later and asks what was done to an instance."""


async def create_instances(
    watch: SetWatch, stack_set: StackSet, places: Iterable[TargetedSite], run_id: str, given: Given = ()
) -> tuple[SetOperation, ...]:
    """Create the set's stack in just these places, and return the operations as they ended.

    `given` are the parameters that some of these stacks get of their own.
    """
    client = client_of(watch.clients, stack_set)
    asking = _Asking(client.create_stack_instances, run_id, "create")
    return await _each(watch, stack_set, make_creations(stack_set, places, given), asking)


async def update_instances(
    watch: SetWatch, stack_set: StackSet, instances: Iterable[StackInstance], run_id: str
) -> tuple[SetOperation, ...]:
    """Bring just these instances up to their set, and return the operations as they ended; parameters stay."""
    client = client_of(watch.clients, stack_set)
    asking = _Asking(client.update_stack_instances, run_id, "update")
    return await _each(watch, stack_set, make_batches(stack_set, instances), asking)


async def reset_instances(
    watch: SetWatch, stack_set: StackSet, instances: Iterable[StackInstance], run_id: str, given: Given = ()
) -> tuple[SetOperation, ...]:
    """Bring these instances up to their set, with no parameters of their own but those `given`."""
    batches = ({_OVERRIDES: [], **batch} for batch in make_creations(stack_set, instances, given))
    asking = _Asking(client_of(watch.clients, stack_set).update_stack_instances, run_id, "reset", prefix=RESET)
    return await _each(watch, stack_set, batches, asking)


async def import_instances(
    watch: SetWatch, stack_set: StackSet, stacks: Iterable[StackImport], run_id: str
) -> tuple[SetOperation, ...]:
    """Take these stacks into the set as they are, and return the operations as they ended."""
    by_unit: dict[str, list[str]] = defaultdict(list)
    for one in stacks:
        by_unit[one.unit].append(one.stack)
    batches = (
        {"StackIds": arns[first : first + _IMPORTED], **({"OrganizationalUnitIds": [unit]} if unit else {})}
        for unit, arns in by_unit.items()
        for first in range(0, len(arns), _IMPORTED)
    )
    asking = _Asking(client_of(watch.clients, stack_set).import_stacks_to_stack_set, run_id, "import", prefix=IMPORT)
    return await _each(watch, stack_set, batches, asking)


IMPORT, RESET = "import-", "reset-"
"""How the ids of operations begin by which a stack is taken into a set, and then brought up to it."""
# The most that one call takes: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-import.html
_IMPORTED = 10


async def delete_instances(
    watch: SetWatch, stack_set: StackSet, instances: Iterable[StackInstance], run_id: str, *, retain: bool
) -> tuple[SetOperation, ...]:
    """Delete just these instances, with their stacks unless those are retained; return the operations as they ended."""
    client = client_of(watch.clients, stack_set)
    asking = _Asking(client.delete_stack_instances, run_id, _DELETE, {"RetainStacks": retain})
    return await _each(watch, stack_set, make_batches(stack_set, instances), asking)


def make_creations(
    stack_set: StackSet, places: Iterable[StackInstance | TargetedSite], given: Given
) -> tuple[dict[str, Any], ...]:
    """Return how calls name the stacks to create, one call for all that get the same parameters of their own; pure."""
    own = {one.site: one.parameters for one in given}
    by_own: dict[tuple[tuple[str, str], ...], list[StackInstance | TargetedSite]] = defaultdict(list)
    for place in places:
        by_own[tuple(sorted(own.get(place.site, {}).items()))].append(place)
    return tuple(
        {**batch, **({_OVERRIDES: _parameters(said)} if said else {})}
        for said, these in by_own.items()
        for batch in make_batches(stack_set, these)
    )


def _parameters(said: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in said]


_OVERRIDES = "ParameterOverrides"
_DELETE = "delete"
FIRST_DELETION = f"{_DELETE} 1"
"""What the first operation of a deletion is for, as its id has that."""


def make_batches(stack_set: StackSet, instances: Iterable[StackInstance | TargetedSite]) -> tuple[dict[str, Any], ...]:
    """Return how calls name just these instances; one call for all accounts that are meant in the same regions."""
    regions: dict[str, set[Region]] = defaultdict(set)
    units: dict[str, str] = {}
    for one in instances:
        account = str(one.site.account)
        regions[account].add(one.site.region)
        units[account] = one.unit
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


async def _each(
    watch: SetWatch, stack_set: StackSet, batches: Iterable[Mapping[str, Any]], asking: _Asking
) -> tuple[SetOperation, ...]:
    """Do it batch by batch, since a set does one thing at a time, and none after one that somebody stopped."""
    ended = []
    for number, batch in enumerate(batches, start=1):
        which = str(number) if asking.what == _DELETE else _places(batch)
        own = await _own_id(watch, stack_set, asking, which)
        said = {**named(stack_set), **batch, **asking.more, "OperationPreferences": dict(stack_set.preferences)}
        await begin_operation(watch, stack_set, asking.call, {**said, "OperationId": own})
        ended.append(await watch.until_ended(stack_set, own))
        if ended[-1].status == "STOPPED":
            break
    return tuple(ended)


async def _own_id(watch: SetWatch, stack_set: StackSet, asking: _Asking, which: str) -> str:
    """Return the id of what is done on a batch: the same again, unless that is over and failed anywhere."""
    what = f"{asking.what} {which}"
    own = asking.prefix + token(asking.run_id, stack_set.id, what)
    attempt = 1
    while await watch.is_used_up(stack_set, own):
        attempt += 1
        own = asking.prefix + token(asking.run_id, stack_set.id, f"{what}, attempt {attempt}")
    return own


def _places(batch: Mapping[str, Any]) -> str:
    """Return what a batch is done on, without the values that it is done with."""
    return json.dumps({name: said for name, said in batch.items() if name != _OVERRIDES}, sort_keys=True)


async def begin_operation(
    watch: SetWatch, stack_set: StackSet, call_it: Callable[..., object], arguments: Mapping[str, Any]
) -> None:
    """Ask for an operation until it is accepted: another's on the set, and throttling, are waited for."""
    loop = asyncio.get_running_loop()
    began, said = loop.time(), ""
    while True:
        try:
            await call(stack_set.id, call_it, **arguments)
        except AwsError as error:
            if error.code == _OURS_ALREADY:
                return  # an answer was lost, and boto3 asked again
            if error.code not in _IN_THE_WAY and not is_passing(error):
                raise
        else:
            return
        newest = await observe_operations(watch.clients, stack_set, are_ended)
        if any(one.id == arguments["OperationId"] for one in newest):
            return  # likewise: the detection of drift has no error of its own for it
        running = next((one for one in newest if not one.ended), None)
        if running is not None and running.id != said:
            said = running.id
            watch.emit(Waiting(stack=stack_set.id, status=running.status, token=running.id))
        await asyncio.sleep(watch.clients.tempo.stacks.wait_s(loop.time() - began))


# It ended by itself in between.
_OVER = frozenset({"InvalidOperationException", "OperationNotFoundException"})


@dataclass(frozen=True, slots=True)
class StoppedOperation:
    """An operation that was told to stop; what it has begun in an account is done to its end there."""

    stack: StackId
    operation: SetOperation


async def stop_operations(
    standing: Iterable[StackContents], clients: Clients, emit: FleetEmit
) -> tuple[StoppedOperation, ...]:
    """Stop every operation on the stacks' sets until they have settled and none runs any more; return all of them.

    A stack goes on after an operation that was stopped: with the set's next one, and with sets that do not need it.
    Raises Failed where that lasts longer than CloudFormation itself waits for a set.
    """
    loop, pace = asyncio.get_running_loop(), clients.tempo.stacks.pace
    began = news = loop.time()
    stopped: list[StoppedOperation] = []
    shown: dict[StackId, str] = {}
    while loop.time() - began < DEADLINE_S:
        standing = await look_again(standing, clients)
        for one in standing:
            if not one.stack.facts.settled and shown.get(one.id) != one.stack.status:
                shown[one.id] = one.stack.status
                emit(StatusChange(stack=one.id, status=one.stack.status))
        running = await _running(await observe_sets(standing, clients), clients)
        if now := await _stop_all(running, clients, emit):
            stopped += now
            news = loop.time()
        # What was begun a moment ago a read may not show yet.
        if not running and all(one.stack.facts.settled for one in standing) and loop.time() - began > LAG_S:
            return tuple(stopped)
        await asyncio.sleep(pace.wait_s(max(loop.time() - news, pace.first_s)))
    raise Failed(where="fleet stop", what=f"operations went on for {DEADLINE_S:.0f} s")


async def _running(sets: Iterable[StackSet], clients: Clients) -> list[tuple[StackSet, SetOperation]]:
    sets = tuple(sets)
    listed = await together(observe_operations(clients, one, are_ended) for one in sets)
    return [(one, each) for one, operations in zip(sets, listed, strict=True) for each in operations if not each.ended]


async def _stop_all(
    running: Iterable[tuple[StackSet, SetOperation]], clients: Clients, emit: FleetEmit
) -> list[StoppedOperation]:
    stopped = await together(_stop(*one, clients, emit) for one in running if one[1].status != "STOPPING")
    return [one for one in stopped if one is not None]


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
