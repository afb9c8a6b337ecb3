"""Delete a fleet: the stacks in all accounts, in reverse order of needs, then the sets with the stack that holds them.

Nothing is recorded between runs: deleted instances are no longer listed, so a repeated run continues with the rest.
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
from builder.fleet.sets import observe_again, observe_sets
from builder.fleet.targets import in_accounts, observe_instance_stack, observe_states
from builder.terms import AccountId, Site, StackId, StackPlace

TRIES = 3
"""How many times an instance's deletion is tried where what blocks it can be removed."""
_HELP = "--role NAME    takes a role in each account that may empty what keeps a stack from being deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRemoval:
    """The stacks and sets to delete, and how."""

    removal: Removal
    """The stacks that hold the sets."""
    role: str | None = None
    """The role in each account that empties the contents of its stacks; without one nothing is emptied."""
    retain: bool = False
    """Whether the stacks stay in their accounts, without their sets."""

    @property
    def helps(self) -> bool:
        """Whether buckets are emptied, and other obstacles to a stack's deletion are removed."""
        return self.role is not None and not self.retain


@dataclass(frozen=True, slots=True)
class RemovalRun:
    """A removal in progress."""

    fleet: FleetRemoval
    watch: SetWatch
    id: str
    """What the ids of its operations are derived from."""
    account: AccountId | None = None
    """The only account whose instances it deletes; None for all of them."""
    shown: frozenset[tuple[StackId, Site, str]] | None = None
    """The only instances that it deletes, by set, place and stack, since a person agreed to those; None for all."""

    async def instances(self, stack_set: StackSet) -> tuple[StackInstance, ...]:
        """Return the set's instances that the run deletes."""
        listed = await observe_instances(self.watch.clients, stack_set, self.account)
        if self.shown is None:
            return listed
        return tuple(instance for instance in listed if (stack_set.id, instance.site, instance.stack) in self.shown)

    async def newcomers(self, stack_set: StackSet) -> tuple[Failure, ...]:
        """Return as failures the account's instances that exist after the deletion of all that were shown."""
        listed = await unless_lagging(lambda: observe_instances(self.watch.clients, stack_set, self.account), bool)
        return tuple(Failure(instance.site, "came while the others went") for instance in listed)


async def delete_fleet(fleet: FleetRemoval, clients: Clients, run_id: str, emit: FleetEmit) -> FleetEnd:
    """Delete all instances, then the stacks that hold the sets; return every outcome.

    Operations on those stacks are waited for, since they may still add instances. Where an instance stays, its set, the
    stacks that it needs in that account and the stack that holds the sets stay too.
    Raises Stopped, before anything is changed, where a stack has termination protection that may not be lifted.
    """
    check_removable(fleet.removal.stacks, fleet.removal.allow)
    removal = replace(fleet.removal, stacks=await settle_holders(fleet.removal.stacks, clients, run_id, emit))
    sets = await observe_sets(removal.stacks, clients)
    ids = (*(stack_set.id for stack_set in sets), *(holder.id for holder in removal.stacks))
    emit(RunBegun(what="destroy", stacks=ids))
    run = RemovalRun(fleet, SetWatch(clients, emit), run_id)
    await run.watch.begin(sets)

    ended = await in_order(sets, dependants_of(sets), partial(delete_set, run), is_known)
    if all(is_done(outcome) for outcome in ended):
        removal = replace(removal, stacks=await settle_holders(removal.stacks, clients, run_id, emit))
        back = await _find_refilled(removal.stacks, clients)
        if not back:
            return FleetEnd(await delete_deployment(removal, clients, run_id, emit), ended)
        ended = tuple({outcome.stack: outcome for outcome in (*ended, *back)}.values())
    for holder in removal.stacks:
        emit(NotStarted(stack=holder.id, because="its sets still have instances"))
    return FleetEnd((), ended)


async def settle_holders(
    holders: Iterable[StackContents], clients: Clients, run_id: str, emit: FleetEmit
) -> tuple[StackContents, ...]:
    """Wait until no operation runs on the stacks, and return each stack with its contents."""
    holders = await observe_again(holders, clients)
    ids = {StackPlace(holder.stack.site, holder.stack.name): holder.id for holder in holders}
    watches = make_watches(ids, clients, emit, known={holder.stack.arn: holder.stack.status for holder in holders})
    return tuple(
        await together(
            settled(DeleteContext(clients, emit, watches[holder.stack.site], run_id), holder) for holder in holders
        )
    )


async def _find_refilled(holders: Iterable[StackContents], clients: Clients) -> tuple[SetFailed, ...]:
    """Return the sets that have instances again; deleting their stack would delete data."""
    sets = await observe_sets(holders, clients)
    listed = await together(observe_instances(clients, stack_set) for stack_set in sets)
    return tuple(
        SetFailed(
            stack_set.id, tuple(Failure(instance.site, "came while the others were deleted") for instance in instances)
        )
        for stack_set, instances in zip(sets, listed, strict=True)
        if instances
    )


def is_known(ended: SetOutcome) -> bool:
    """Return whether the outcome shows in which accounts the set still has stacks."""
    return isinstance(ended, SetDone) or (isinstance(ended, SetFailed) and bool(ended.failures))


def _occupied(before: Iterable[SetOutcome]) -> Mapping[AccountId | None, StackId]:
    """Return the accounts that still have a stack of a dependent set, each with the first such set."""
    occupied: dict[AccountId | None, StackId] = {}
    for ended in before:
        for failure in ended.failures if isinstance(ended, SetFailed) else ():
            occupied.setdefault(failure.site.account, ended.stack)
    return occupied


async def delete_set(run: RemovalRun, stack_set: StackSet, before: Mapping[StackId, SetOutcome]) -> SetOutcome:
    """Delete the set's instances, except in accounts that still have a stack of a dependent set."""
    ended = await _delete_stacks(run, stack_set, _occupied(before.values()))
    if is_done(ended):
        run.watch.emit(Finished(stack=stack_set.id, status="DELETED"))
    return ended


async def _delete_stacks(
    run: RemovalRun, stack_set: StackSet, occupied: Mapping[AccountId | None, StackId]
) -> SetOutcome:
    """Delete the set's instances; retry where what blocked the deletion was removed.

    Raises Failed where somebody stopped it.
    """
    fleet, watch = run.fleet, run.watch
    at_first = left = await run.instances(stack_set)
    unclear: Mapping[Site, str] = {}
    skipped: tuple[Skipped, ...] = ()
    for attempt in range(1, (TRIES if fleet.helps else 1) + 1):
        free = [instance for instance in left if instance.site.account not in occupied]
        if not free:
            break
        watch.emit(Started(stack=stack_set.id, what=f"DELETE in {len(free)}"))
        unclear = await _clear(run, stack_set, free, again=attempt > 1)
        going = [instance for instance in free if instance.site not in unclear]
        await _delete(run, stack_set, going, f"{run.id} {attempt}", retain=fleet.retain)
        tried = {instance.site for instance in going}
        left, passed = await _drop_suspended(run, stack_set, f"{run.id} {attempt} suspended", free, tried)
        skipped += passed
    if not left:
        newcomers = await run.newcomers(stack_set) if run.shown is not None else ()
        if newcomers:
            return SetFailed(stack_set.id, newcomers, skipped=skipped)
        return SetDone(stack_set.id, len(at_first), skipped)
    seen = {**{failure.site: failure.reason for failure in watch.failures(stack_set.id)}, **unclear}
    waiting = {account: f"{other}, which needs it, is still there" for account, other in occupied.items()}
    failures = tuple(
        Failure(
            instance.site,
            waiting.get(instance.site.account) or seen.get(instance.site) or instance.reason or "no reason given",
        )
        for instance in left
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
    """Wait until no other operation runs on the set; return the instances that are still as they were shown.

    A deletion that CloudFormation queues behind another operation deletes also what that operation creates.
    Raises Failed where the other operation runs for longer than CloudFormation itself waits for a set.
    """
    loop, clients = asyncio.get_running_loop(), run.watch.clients
    began, waited_for = loop.time(), ""
    while loop.time() - began < DEADLINE_S:
        newest = await observe_operations(clients, stack_set, are_ended)
        running = next((operation for operation in newest if not operation.ended and operation.id != own), None)
        if running is None:
            sites = {instance.site for instance in going}
            return tuple(instance for instance in await run.instances(stack_set) if instance.site in sites)
        if running.id != waited_for:
            waited_for = running.id
            run.watch.emit(Waiting(stack=stack_set.id, status=running.status, token=running.id))
        await asyncio.sleep(clients.tempo.stacks.wait_s(loop.time() - began))
    raise Failed(where=stack_set.id, what=f"another's operation went on for {DEADLINE_S:.0f} s")


async def _drop_suspended(
    run: RemovalRun, stack_set: StackSet, run_id: str, free: Iterable[StackInstance], tried: Collection[Site]
) -> tuple[tuple[StackInstance, ...], tuple[Skipped, ...]]:
    """Delete the instances that StackSets skip, retaining their stacks; return the other instances, and those skipped.

    Nobody reaches a stack in a suspended account, and its instance would keep the set for good: so the instance is
    deleted without its stack, which AWS deletes with the account. An instance's own status counts only if its deletion
    was `tried`.
    """
    clients = run.watch.clients
    sites = {instance.site for instance in free}

    def is_contradicted(shown: Iterable[StackInstance]) -> bool:
        still = {instance.site: instance for instance in shown if instance.site in tried}
        return run.watch.knows_better(stack_set.id, still, still)

    left = await unless_lagging(lambda: run.instances(stack_set), is_contradicted)
    states = await observe_states(clients, [stack_set]) if left else {}
    known = {site for site in sites if site in tried or AccountId(str(site.account)) in states}
    passed = skips((instance for instance in left if instance.site in known), states)
    if not passed:
        return left, ()
    sites = {skip.site for skip in passed}
    run.watch.emit(Started(stack=stack_set.id, what=f"RETAIN in {len(sites)}, passed over"))
    await _delete(run, stack_set, (instance for instance in left if instance.site in sites), run_id, retain=True)
    left = await run.instances(stack_set)
    stays = sites.intersection(instance.site for instance in left)
    return left, tuple(
        replace(skip, because=f"{skip.because}; its stack stays there") for skip in passed if skip.site not in stays
    )


async def _clear(
    run: RemovalRun, stack_set: StackSet, free: Collection[StackInstance], *, again: bool
) -> Mapping[Site, str]:
    """Empty the instances' stacks, if a role is given for it; `again` also unblocks failed deletions.

    Returns the sites where that failed, each with the reason.
    """
    if not run.fleet.helps:
        return {}

    async def clear(stack_set: StackSet, instance: StackInstance, reaching: Clients) -> Failure | None:
        try:
            stack = await observe_instance_stack(instance, reaching)
            if stack is not None:
                contents = await observe_stack_contents(stack_set.id, stack, reaching)
                check_clear([contents])
                await empty(contents, reaching, run.watch.emit)
                if again:
                    await unblock(stack_set.id, stack, reaching)
        except BuilderError as error:
            return Failure(instance.site, error.what)
        return None

    instances = [(stack_set, instance) for instance in free]
    tried = await in_accounts(run.watch.clients, instances, run.fleet.role, clear)
    return {failure.site: failure.reason for failure in tried if failure is not None}
