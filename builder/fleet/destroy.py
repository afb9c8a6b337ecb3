"""Taking a fleet down: the stacks in all accounts, in reverse order of needs, then the sets with the stack they are in.

Nothing is kept between runs: what is gone is not listed any more, so it goes on from wherever it was left.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from builder.aws import Clients, together
from builder.deploy import Removal, StackContents, check_removable, delete_deployment
from builder.deploy.change_sets.change_set import token
from builder.deploy.delete.contents import check_clear, empty, observe_stack_contents, unblock
from builder.deploy.delete.delete import DeleteContext, settled
from builder.deploy.observe.operation import DEADLINE_S, make_watches
from builder.deploy.observe.stacks import unless_lagging
from builder.deploy.progress import Finished, NotStarted, RunBegun, Started, Waiting
from builder.errors import BuilderError, Failed
from builder.fleet.observe import SetWatch, are_ended, observe_instances, observe_operations
from builder.fleet.operation import FIRST_DELETION, delete_instances, dependants_of, in_order, is_done
from builder.fleet.progress import Failure, FleetEmit, FleetEnd, SetDone, SetFailed, SetOutcome
from builder.fleet.records import Skipped, StackInstance, StackSet, skips
from builder.fleet.sets import look_again, observe_sets
from builder.fleet.targets import in_accounts, observe_instance_stack, observe_states
from builder.terms import AccountId, Site, StackId, StackPlace

TRIES = 3
"""How often an instance is deleted where what is in its way can be removed."""
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

    @property
    def helps(self) -> bool:
        """Whether what keeps a stack from being deleted is removed."""
        return self.role is not None and not self.retain


@dataclass(frozen=True, slots=True)
class RemovalRun:
    """A removal under way."""

    fleet: FleetRemoval
    watch: SetWatch
    id: str
    """Of which the ids of its operations are made."""
    account: AccountId | None = None
    """The only account that it takes instances from; None for all of them."""
    shown: frozenset[tuple[StackId, Site, str]] | None = None
    """The only instances that it takes, by set, place and stack, since somebody agreed to those; None for all."""

    async def instances(self, stack_set: StackSet) -> tuple[StackInstance, ...]:
        """Return the set's instances that it is about."""
        listed = await observe_instances(self.watch.clients, stack_set, self.account)
        if self.shown is None:
            return listed
        return tuple(one for one in listed if (stack_set.id, one.site, one.stack) in self.shown)

    async def came(self, stack_set: StackSet) -> tuple[Failure, ...]:
        """Return what the set has of the account though all that was shown is gone: it stays."""
        listed = await unless_lagging(lambda: observe_instances(self.watch.clients, stack_set, self.account), bool)
        return tuple(Failure(one.site, "came while the others went") for one in listed)


async def delete_fleet(fleet: FleetRemoval, clients: Clients, run_id: str, emit: FleetEmit) -> FleetEnd:
    """Delete all instances, then the stacks that hold the sets; return how everything ended.

    What runs on those stacks is waited for, since until then more may be in the sets than is seen. Where an instance
    stays, so do its set, what it needs in that account, and the stack that holds them.
    Raises Stopped, before anything is changed, where a stack has termination protection that may not be lifted.
    """
    check_removable(fleet.removal.stacks, fleet.removal.allow)
    removal = replace(fleet.removal, stacks=await settle_holders(fleet.removal.stacks, clients, run_id, emit))
    sets = await observe_sets(removal.stacks, clients)
    emit(RunBegun(what="destroy", stacks=(*(one.id for one in sets), *(one.id for one in removal.stacks))))
    run = RemovalRun(fleet, SetWatch(clients, emit), run_id)
    await run.watch.begin(sets)

    ended = await in_order(sets, dependants_of(sets), partial(delete_set, run), is_known)
    if all(is_done(one) for one in ended):
        removal = replace(removal, stacks=await settle_holders(removal.stacks, clients, run_id, emit))
        back = await _come_back(removal.stacks, clients)
        if not back:
            return FleetEnd(await delete_deployment(removal, clients, run_id, emit), ended)
        ended = tuple({one.stack: one for one in (*ended, *back)}.values())
    for one in removal.stacks:
        emit(NotStarted(stack=one.id, because="its sets still have instances"))
    return FleetEnd((), ended)


async def settle_holders(
    standing: Iterable[StackContents], clients: Clients, run_id: str, emit: FleetEmit
) -> tuple[StackContents, ...]:
    """Wait until nothing runs on the stacks, and return what each then holds."""
    standing = await look_again(standing, clients)
    ids = {StackPlace(one.stack.site, one.stack.name): one.id for one in standing}
    watches = make_watches(ids, clients, emit, known={one.stack.arn: one.stack.status for one in standing})
    return tuple(
        await together(settled(DeleteContext(clients, emit, watches[one.stack.site], run_id), one) for one in standing)
    )


async def _come_back(standing: Iterable[StackContents], clients: Clients) -> tuple[SetFailed, ...]:
    """Return the sets that have instances, though all were emptied: they would go with their stack, data and all."""
    sets = await observe_sets(standing, clients)
    listed = await together(observe_instances(clients, one) for one in sets)
    return tuple(
        SetFailed(stack_set.id, tuple(Failure(one.site, "came while the others were deleted") for one in instances))
        for stack_set, instances in zip(sets, listed, strict=True)
        if instances
    )


def is_known(ended: SetOutcome) -> bool:
    """Return whether it is known in which accounts the set still has stacks."""
    return isinstance(ended, SetDone) or (isinstance(ended, SetFailed) and bool(ended.failures))


def _occupied(before: Iterable[SetOutcome]) -> Mapping[AccountId | None, StackId]:
    """Return the accounts where stacks that need a set's are still there, with the first set that has one."""
    found: dict[AccountId | None, StackId] = {}
    for ended in before:
        for failure in ended.failures if isinstance(ended, SetFailed) else ():
            found.setdefault(failure.site.account, ended.stack)
    return found


async def delete_set(run: RemovalRun, stack_set: StackSet, before: Mapping[StackId, SetOutcome]) -> SetOutcome:
    """Delete the set's instances, but for accounts that still have a stack which needs the set's there."""
    ended = await _delete_stacks(run, stack_set, _occupied(before.values()))
    if is_done(ended):
        run.watch.emit(Finished(stack=stack_set.id, status="DELETED"))
    return ended


async def _delete_stacks(
    run: RemovalRun, stack_set: StackSet, occupied: Mapping[AccountId | None, StackId]
) -> SetOutcome:
    """Delete the set's instances, and again where what was in the way could be removed.

    Raises Failed where somebody stopped it.
    """
    fleet, watch = run.fleet, run.watch
    at_first = left = await run.instances(stack_set)
    unclear: Mapping[Site, str] = {}
    skipped: tuple[Skipped, ...] = ()
    for attempt in range(1, (TRIES if fleet.helps else 1) + 1):
        free = [one for one in left if one.site.account not in occupied]
        if not free:
            break
        watch.emit(Started(stack=stack_set.id, what=f"DELETE in {len(free)}"))
        unclear = await _clear(run, stack_set, free, again=attempt > 1)
        going = [one for one in free if one.site not in unclear]
        await _delete(run, stack_set, going, f"{run.id} {attempt}", retain=fleet.retain)
        tried = {one.site for one in going}
        left, passed = await _let_go(run, stack_set, f"{run.id} {attempt} suspended", free, tried)
        skipped += passed
    if not left:
        came = await run.came(stack_set) if run.shown is not None else ()
        return SetFailed(stack_set.id, came, skipped=skipped) if came else SetDone(stack_set.id, len(at_first), skipped)
    seen = {**{one.site: one.reason for one in watch.failures(stack_set.id)}, **unclear}
    waiting = {account: f"{other}, which needs it, is still there" for account, other in occupied.items()}
    failures = tuple(
        Failure(one.site, waiting.get(one.site.account) or seen.get(one.site) or one.reason or "no reason given")
        for one in left
    )
    return SetFailed(stack_set.id, failures, reason="" if fleet.helps or fleet.retain else _HELP, skipped=skipped)


async def _delete(
    run: RemovalRun, stack_set: StackSet, going: Iterable[StackInstance], run_id: str, *, retain: bool
) -> None:
    if run.shown is not None and not retain:
        going = await _once_idle(run, stack_set, going, token(run_id, stack_set.id, FIRST_DELETION))
    ended = await delete_instances(run.watch, stack_set, going, run_id, retain=retain)
    if any(operation.status == "STOPPED" for operation in ended):
        raise Failed(where=stack_set.id, what="its deletion was stopped")


async def _once_idle(
    run: RemovalRun, stack_set: StackSet, going: Iterable[StackInstance], own: str
) -> tuple[StackInstance, ...]:
    """Wait until nothing but our own operation runs on the set; return those that then still are what was shown.

    A deletion that waits behind another's operation, where CloudFormation queues it, takes what that brings.
    Raises Failed where the other goes on for longer than CloudFormation itself waits for a set.
    """
    loop, clients = asyncio.get_running_loop(), run.watch.clients
    began, waited_for = loop.time(), ""
    while loop.time() - began < DEADLINE_S:
        newest = await observe_operations(clients, stack_set, are_ended)
        running = next((one for one in newest if not one.ended and one.id != own), None)
        if running is None:
            sites = {one.site for one in going}
            return tuple(one for one in await run.instances(stack_set) if one.site in sites)
        if running.id != waited_for:
            waited_for = running.id
            run.watch.emit(Waiting(stack=stack_set.id, status=running.status, token=running.id))
        await asyncio.sleep(clients.tempo.stacks.wait_s(loop.time() - began))
    raise Failed(where=stack_set.id, what=f"another's operation went on for {DEADLINE_S:.0f} s")


async def _let_go(
    run: RemovalRun, stack_set: StackSet, run_id: str, free: Iterable[StackInstance], tried: Collection[Site]
) -> tuple[tuple[StackInstance, ...], tuple[Skipped, ...]]:
    """Return what is left of the set's instances, and whom it let go: those that StackSets passed over.

    Nobody reaches a stack in a suspended account, and its instance would keep the set for good: so the instance goes
    without its stack, which AWS deletes with the account. What an instance says of itself counts where it was `tried`.
    """
    clients = run.watch.clients
    sites = {one.site for one in free}

    def is_contradicted(shown: Iterable[StackInstance]) -> bool:
        still = {one.site: one for one in shown if one.site in tried}
        return run.watch.knows_better(stack_set.id, still, still)

    left = await unless_lagging(lambda: run.instances(stack_set), is_contradicted)
    states = await observe_states(clients, [stack_set]) if left else {}
    known = {site for site in sites if site in tried or AccountId(str(site.account)) in states}
    passed = skips((one for one in left if one.site in known), states)
    if not passed:
        return left, ()
    sites = {one.site for one in passed}
    run.watch.emit(Started(stack=stack_set.id, what=f"RETAIN in {len(sites)}, passed over"))
    await _delete(run, stack_set, (one for one in left if one.site in sites), run_id, retain=True)
    left = await run.instances(stack_set)
    stays = sites.intersection(one.site for one in left)
    return left, tuple(
        replace(one, because=f"{one.because}; its stack stays there") for one in passed if one.site not in stays
    )


async def _clear(
    run: RemovalRun, stack_set: StackSet, free: Collection[StackInstance], *, again: bool
) -> Mapping[Site, str]:
    """Empty what the instances' stacks hold, where a role is given for it, and remove what else was in the way.

    Returns where that could not be done, and why.
    """
    if not run.fleet.helps:
        return {}

    async def one_of_them(stack_set: StackSet, one: StackInstance, reaching: Clients) -> Failure | None:
        try:
            stack = await observe_instance_stack(one, reaching)
            if stack is not None:
                standing = await observe_stack_contents(stack_set.id, stack, reaching)
                check_clear([standing])
                await empty(standing, reaching, run.watch.emit)
                if again:
                    await unblock(stack_set.id, stack, reaching)
        except BuilderError as error:
            return Failure(one.site, error.what)
        return None

    instances = [(stack_set, one) for one in free]
    tried = await in_accounts(run.watch.clients, instances, run.fleet.role, one_of_them)
    return {failure.site: failure.reason for failure in tried if failure is not None}
