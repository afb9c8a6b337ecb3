"""Taking a fleet down: the stacks in all accounts, in reverse order of needs, then the sets with the stack they are in.

Nothing is kept between runs: what is gone is not listed any more, so it goes on from wherever it was left.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from builder.aws import Clients, together
from builder.deploy import Removal, check_removable, destroy
from builder.deploy.progress import Begun, Finished, NotStarted, Started
from builder.deploy.take_down import check_clear, empty, observe_standing, release
from builder.fleet.observe import observe_instances
from builder.fleet.operation import delete_instances
from builder.fleet.order import dependants_of, in_order
from builder.fleet.outcome import Failure, FleetEnd, SetDone, SetFailed, SetOutcome
from builder.fleet.outputs import observe_instance_stack, reach
from builder.fleet.progress import FleetEmit
from builder.fleet.records import Instance, StackSet
from builder.fleet.standing import observe_sets
from builder.fleet.watch import SetWatch
from builder.terms import StackId

_TRIES = 3
_HELP = "--role NAME    takes a role in each account that may empty what keeps a stack from being deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRemoval:
    """What is to be removed, and how."""

    removal: Removal
    """The stacks that hold the sets."""
    role: str | None = None
    """The role in each account that empties what its stacks hold; without one nothing is emptied."""
    retain: bool = False
    """The stacks stay in their accounts, on their own from then on."""


async def destroy_fleet(fleet: FleetRemoval, clients: Clients, run_id: str, emit: FleetEmit) -> FleetEnd:
    """Delete all instances, then the stacks that hold the sets; return how everything ended.

    Where an instance stays, so do its set and the stack that holds it.
    Raises Stopped, before anything is changed, where a stack has termination protection that may not be lifted.
    """
    check_removable(fleet.removal.standing, fleet.removal.allow)
    sets = await observe_sets(fleet.removal.standing, clients)
    emit(Begun(what="destroy", stacks=(*(one.id for one in sets), *(one.id for one in fleet.removal.standing))))
    watch = SetWatch(clients, emit)
    await watch.begin(sets)

    async def take_down(stack_set: StackSet) -> SetOutcome:
        ended = await _take_down(watch, stack_set, fleet, run_id)
        if isinstance(ended, SetDone):
            emit(Finished(stack=stack_set.id, status="DELETED"))
        return ended

    ended = await in_order(sets, dependants_of(sets), take_down)
    if all(isinstance(one, SetDone) for one in ended):
        return FleetEnd(await destroy(fleet.removal, clients, run_id, emit), ended)
    for one in fleet.removal.standing:
        emit(NotStarted(stack=one.id, because="its sets still have instances"))
    return FleetEnd((), ended)


async def _take_down(watch: SetWatch, stack_set: StackSet, fleet: FleetRemoval, run_id: str) -> SetOutcome:
    """Delete the set's instances, and again where what was in the way could be removed."""
    at_first = await observe_instances(watch.clients, stack_set)
    left: Sequence[Instance] = at_first
    helps = fleet.role is not None and not fleet.retain
    for attempt in range(1, (_TRIES if helps else 1) + 1):
        if not left:
            break
        watch.emit(Started(stack=stack_set.id, what=f"DELETE in {len(left)}"))
        if helps:
            reaching = reach(watch.clients, [(stack_set, one) for one in left], fleet.role)
            await together(_clear(watch, stack_set, one, reaching, again=attempt > 1) for one in left)
        await delete_instances(watch, stack_set, left, f"{run_id} {attempt}", retain=fleet.retain)
        left = await observe_instances(watch.clients, stack_set)
    if not left:
        return SetDone(stack_set.id, len(at_first))
    return SetFailed(stack_set.id, _failures(watch, stack_set.id, left), reason="" if helps or fleet.retain else _HELP)


async def _clear(watch: SetWatch, stack_set: StackSet, one: Instance, reaching: Clients, *, again: bool) -> None:
    """Empty what an instance's stack holds, and remove what else its deletion was refused for."""
    stack = await observe_instance_stack(one, reaching)
    if stack is None:
        return
    standing = await observe_standing(stack_set.id, stack, reaching)
    check_clear([standing])
    await empty(standing, reaching, watch.emit)
    if again:
        await release(stack_set.id, stack, reaching)


def _failures(watch: SetWatch, stack: StackId, left: Collection[Instance]) -> tuple[Failure, ...]:
    seen = {one.site: one.reason for one in watch.failures(stack)}
    return tuple(Failure(one.site, seen.get(one.site) or one.reason or "no reason given") for one in left)
