"""Executing a fleet's plan: its change sets, never rolled back, each set watched; then what failed before or lacks."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from builder.aws import Clients, together
from builder.deploy import (
    Deployment,
    Done,
    Outcome,
    Plan,
    StackFailed,
    Superseded,
    TrustedInput,
    check_claim,
    execute_plan,
    execute_unreviewed,
)
from builder.deploy.execute.execute import Before
from builder.deploy.observe.stacks import observe_stack, unless_lagging
from builder.deploy.plan.guards import check_allowed, not_named
from builder.deploy.progress import Emit, Finished, NotStarted, Progress, RunBegun, Started
from builder.errors import BadInput, Failed, Stopped
from builder.fleet.guards import barred_hits, check_names
from builder.fleet.imports import import_stacks, is_of_set
from builder.fleet.observe import SetWatch, observe_instances
from builder.fleet.operation import create_instances, in_order, is_done, needs_of, update_instances
from builder.fleet.plan import fleet_guards, judge_sets
from builder.fleet.progress import Failure, FleetEmit, FleetEnd, SetCancelled, SetDone, SetFailed, SetOutcome
from builder.fleet.records import FleetPlan, SetPlan, StackImport, StackInstance, StackSet, TargetedSite
from builder.fleet.targets import observe_skipped
from builder.terms import Site, StackId

_PLAN_AGAIN = "python -m builder fleet plan    makes a new plan from what stands now"
_AGAIN = "python -m builder fleet deploy    takes up what failed, and only that"


async def execute_fleet(  # noqa: PLR0913 - as execute_plan
    plan: FleetPlan,
    trusted: TrustedInput,
    clients: Clients,
    emit: FleetEmit,
    *,
    allow: Collection[str] = (),
    in_detail: bool = False,
) -> FleetEnd:
    """Execute exactly the plan's change sets, then its repairs, and return how everything ended.

    A set counts as done when each account and region that the plan touches shows it, whatever its operations said.
    Raises what `execute_plan` raises, with nothing executed. When this is cancelled, what runs in AWS goes on.
    """
    if not trusted.is_own:
        plan = await _judged(plan, trusted, clients)
        imports = {one.id: one.imports for one in plan.sets}
        trusted = replace(trusted, more_guards=partial(fleet_guards, imports=imports))
    elif any(one.has_secrets for one in plan.sets if one.missing or one.imports):
        plan = await _with_values(plan, trusted, clients)
    creations = (one.stack_set for one in plan.sets if one.does == "create")
    await check_names(creations, {stack: place.name for stack, place in plan.ordinary.places.items()}, clients)
    changing = [one for one in plan.sets if one.does != "nothing"]
    _check_barred(plan, allow)
    watch = SetWatch(clients, emit, expected=_expected(plan))
    await _begin(watch, plan, trusted.deployment)
    first = _Imports(watch, plan)
    async with watch.following(one.stack_set for one in changing):
        try:
            told = _with_sets(emit, plan)
            execution = _Execution(plan.ordinary, trusted, clients, told, allow, first.take_in)
            ordinary = await _execute_ordinary(execution, in_detail=in_detail)
        except Stopped as error:
            raise _of_a_fleet(error) from error
        except _NotImported:
            return first.end_without_more()
    ordinary = tuple(_with_next_step(one) for one in ordinary)
    whole = all(isinstance(one, Done) for one in ordinary)
    broken = {one.resource.partition(" ")[0] for one in ordinary if isinstance(one, StackFailed)}
    changed = await together(
        _after_change(watch, one) if whole else _after_failure(watch, one, broken) for one in changing
    )
    failed = next((one.stack for one in changed if not isinstance(one, SetDone)), None)
    if whole and failed is None:
        repaired = await _repair(watch, plan)
    else:
        because = f"{failed or 'the stack that holds the sets'} failed"
        repaired = tuple(SetCancelled(one.id, because) for one in plan.sets if one.repairs)
    for outcome in (*changed, *repaired):
        _tell(emit, outcome)
    return FleetEnd(ordinary, (*first.alone(one.id for one in changing), *changed, *repaired))


class _NotImported(Failed):
    """Some stack could not be taken into its set: what would create another is not begun."""


@dataclass(slots=True)
class _Imports:
    """What is done before the change sets, and how it ended."""

    watch: SetWatch
    plan: FleetPlan
    ended: tuple[SetOutcome, ...] = ()

    async def take_in(self) -> None:
        """Import what the plan says. Raises _NotImported unless all of it went well."""
        self.ended = await import_stacks(self.watch, self.plan.sets, self.plan.ordinary.id)
        if not all(is_done(one) for one in self.ended):
            raise _NotImported(where=self.plan.ordinary.deployment, what="not all stacks could be imported")

    def alone(self, others: Iterable[StackId]) -> tuple[SetOutcome, ...]:
        """Return the outcomes of sets that nothing else is told of."""
        known = {*others, *(one.id for one in self.plan.sets if one.repairs)}
        ended = tuple(one for one in self.ended if one.stack not in known)
        for one in ended:
            _tell(self.watch.emit, one)
        return ended

    def end_without_more(self) -> FleetEnd:
        """Return the end of an execution that goes no further."""
        failed = next(one.stack for one in self.ended if not is_done(one))
        known = {one.stack for one in self.ended}
        left = (one for one in self.plan.sets if one.touched and one.id not in known)
        cancelled = tuple(SetCancelled(one.id, f"{failed} could not import its stacks") for one in left)
        for one in (*self.ended, *cancelled):
            _tell(self.watch.emit, one)
        return FleetEnd((), (*self.ended, *cancelled))


def _check_barred(plan: FleetPlan, allow: Collection[str]) -> None:
    """Raise Stopped where a stack stands in the way and nobody allows it: also where no change set asks."""
    check_allowed(not_named((hit for one in plan.sets for hit in barred_hits(one)), allow), (), ())


async def _begin(watch: SetWatch, plan: FleetPlan, deployment: Deployment) -> None:
    """Note what was done on the sets before. What runs is this plan's only where their stack is at work for it."""
    if not await watch.begin(one.stack_set for one in plan.sets if one.does != "nothing" or one.repairs or one.imports):
        return
    holders = {one.stack_set.held_by for one in plan.sets}
    # A plan has places only of what its change sets are for.
    names = {one.id: one.name for one in deployment.stacks}
    names |= {stack: place.name for stack, place in plan.ordinary.places.items()}
    found = await together(observe_stack(watch.clients, one.site, names[one.stack]) for one in holders)
    if all(stack is None or stack.facts.settled for stack in found):
        watch.disown()


async def _judged(plan: FleetPlan, trusted: TrustedInput, clients: Clients) -> FleetPlan:
    """Return the plan with its sets as the assembly and AWS have them, and no repairs beyond their reach.

    What the file says of accounts is told and waited for; guarded is what the change sets mean as they stand. Raises
    BadInput for a set that is neither in the assembly nor deployed.
    """
    ordinary = check_claim(plan.ordinary, trusted)
    known = {one.id: one for one in await _known_sets(ordinary, trusted, clients)}
    # A set that the plan takes away is not known any more once that is done.
    sets = tuple(one for one in plan.sets if one.id in known or one.does != "remove")
    if unknown := [one.id for one in sets if one.id not in known]:
        raise BadInput(
            where=ordinary.deployment,
            what=f"the plan has sets that are neither in the assembly nor deployed: {', '.join(unknown)}",
            next_step=_PLAN_AGAIN,
        )
    if sorted(known) != sorted(one.id for one in sets):
        # What is left out would not be waited for, and its failures would be told by nobody.
        raise BadInput(
            where=ordinary.deployment,
            what=f"the plan has to say each set once: {', '.join(known)}",
            next_step=_PLAN_AGAIN,
        )
    return replace(plan, sets=tuple(_judged_set(one, known[one.id]) for one in sets))


async def _with_values(plan: FleetPlan, trusted: TrustedInput, clients: Clients) -> FleetPlan:
    """Return a plan of our own with the values of what it gives, which it does not show all of."""
    known = {one.id: one.given for one in await _known_sets(plan.ordinary, trusted, clients)}
    return replace(plan, sets=tuple(replace(one, given=known.get(one.id, one.given)) for one in plan.sets))


async def _known_sets(ordinary: Plan, trusted: TrustedInput, clients: Clients) -> tuple[SetPlan, ...]:
    """Return the sets as they are to be, whatever change sets there are for that."""
    return await judge_sets(replace(ordinary, steps=(), deferred=()), trusted.deployment, clients)


def _judged_set(said: SetPlan, found: SetPlan) -> SetPlan:
    """Return the set with the repairs that are in its reach: of instances that it has, and of places that it lacks."""
    stands = {one.site for one in found.instances}
    return replace(
        said,
        stack_set=found.stack_set,
        given=found.given,
        retries=tuple(one for one in said.retries if one.site in stands),
        missing=tuple(one for one in said.missing if one in found.missing or one.site in stands),
        imports=tuple(one for one in said.imports if is_of_set(found.stack_set, one) and _leads_to(found, one)),
    )


def _leads_to(found: SetPlan, one: StackImport) -> bool:
    """Return whether the set lacks a stack where the import says, or has an instance there."""
    here = {instance.site for instance in found.instances}
    return one.site in here or TargetedSite(one.unit, one.site) in found.missing


@dataclass(frozen=True, slots=True)
class _Execution:
    plan: Plan
    trusted: TrustedInput
    clients: Clients
    emit: Emit
    allow: Collection[str]
    before: Before


async def _execute_ordinary(run: _Execution, *, in_detail: bool) -> tuple[Outcome, ...]:
    how: dict[str, Any] = {"allow": run.allow, "in_detail": in_detail, "before": run.before}
    if run.trusted.is_own:
        return await execute_unreviewed(run.plan, run.trusted.deployment, run.clients, run.emit, **how)
    return await execute_plan(run.plan, run.trusted, run.clients, run.emit, **how)


def _with_sets(emit: FleetEmit, plan: FleetPlan) -> Emit:
    """Return what tells, as the work begins, that it is about the sets as well."""
    sets = tuple(one.id for one in plan.sets if one.touched)

    def told(event: Progress) -> None:
        emit(replace(event, stacks=(*event.stacks, *sets)) if isinstance(event, RunBegun) else event)

    return told


def _of_a_fleet(error: Stopped) -> Stopped:
    """Return the refusal with what goes on from there in a fleet; what is to be allowed is the same as anywhere."""
    next_step = error.next_step if "--allow" in error.next_step else _PLAN_AGAIN
    return Stopped(where=error.where, what=error.what, next_step=next_step)


def _expected(plan: FleetPlan) -> Mapping[tuple[StackId, str], int]:
    counts = {}
    for one in plan.sets:
        counts[one.id, "CREATE"] = len(one.joining) or len(one.missing)
        counts[one.id, "UPDATE"] = len(one.updating) or len(one.retries)
        counts[one.id, "DELETE"] = len(one.leaving)
    return counts


def _with_next_step(outcome: Outcome) -> Outcome:
    """Return the outcome with what goes on from there: a stack of sets is taken up where it was left."""
    if isinstance(outcome, StackFailed | Superseded):
        return replace(outcome, next_step=_AGAIN)
    return outcome


async def _after_failure(watch: SetWatch, planned: SetPlan, broken: Collection[str]) -> SetOutcome:
    """Return how a set ended whose stack failed; `broken` are the logical ids that it failed for.

    A set that failed may look well in every account, because CloudFormation has put it back to what it was.
    """
    if not watch.has_seen(planned.id):
        return SetCancelled(planned.id, because="the stack that holds it failed before")
    ended = await _after_change(watch, planned)
    failed = watch.unsuccessful(planned.id)
    if failed is None and planned.stack_set.logical_id not in broken:
        return ended
    standing = ended.failures if isinstance(ended, SetFailed) else ()
    failures = {one.site: one for one in (*standing, *watch.failures(planned.id))}
    reason = f"{failed.action} {failed.status}" if failed else "CloudFormation has put it back to what it was"
    skipped = () if isinstance(ended, SetCancelled) else ended.skipped
    return SetFailed(planned.id, tuple(failures.values()), reason=reason, skipped=skipped)


async def _repair(watch: SetWatch, plan: FleetPlan) -> tuple[SetOutcome, ...]:
    planned = {one.id: one for one in plan.sets}

    async def repair_set(stack_set: StackSet, _before: Mapping[StackId, SetOutcome]) -> SetOutcome:
        one = planned[stack_set.id]
        for what, places in (("RETRY", one.retries), ("CREATE", one.missing)):
            if places:
                watch.emit(Started(stack=one.id, what=f"{what} in {len(places)}"))
        operations = (
            *await update_instances(watch, stack_set, one.retries, plan.ordinary.id),
            *await create_instances(watch, stack_set, one.missing, plan.ordinary.id, one.given),
        )
        ended = await _as_it_stands(watch, one, [each.site for each in one.repairs])
        if isinstance(ended, SetFailed):
            reasons = [f"{each.status}: {each.reason}" for each in operations if each.status != "SUCCEEDED"]
            return replace(ended, reason="; ".join(reasons))
        return ended

    sets = [one.stack_set for one in plan.sets if one.repairs]
    return await in_order(sets, needs_of(one.stack_set for one in plan.sets), repair_set)


async def _after_change(watch: SetWatch, planned: SetPlan) -> SetOutcome:
    leaves = set(planned.leaving).difference(planned.joining)
    return await _as_it_stands(watch, planned, planned.changed, leaves)


async def _as_it_stands(
    watch: SetWatch, planned: SetPlan, touched: Collection[Site], leaves: Collection[Site] = ()
) -> SetOutcome:
    """Return whether each of these sites is as planned: current where it stays, and gone where it leaves.

    StackSets pass over an account that is suspended or closed, and so does the verdict.
    """

    async def look() -> dict[Site, StackInstance]:
        return {one.site: one for one in await observe_instances(watch.clients, planned.stack_set)}

    def bad_in(shown: Mapping[Site, StackInstance]) -> list[Site]:
        return [site for site in touched if not _is_well(shown.get(site), leaves=site in leaves)]

    standing = await unless_lagging(look, lambda shown: watch.knows_better(planned.id, bad_in(shown), shown))
    bad = bad_in(standing)
    instances = [standing[site] for site in bad if site in standing]
    skipped = await observe_skipped(watch.clients, planned.stack_set, instances)
    passed = {one.site for one in skipped}
    skipped += tuple(one for one in planned.skipped if one.site in standing and one.site not in passed)
    seen = {one.site: one.reason for one in watch.failures(planned.id)}
    failures = tuple(Failure(site, seen.get(site) or _reason(standing.get(site))) for site in bad if site not in passed)
    if failures:
        return SetFailed(planned.id, failures, skipped=skipped)
    return SetDone(planned.id, len(touched), skipped)


def _reason(found: StackInstance | None) -> str:
    return (found.reason if found else "no stack came into being") or "no reason given"


def _is_well(found: StackInstance | None, *, leaves: bool) -> bool:
    return found is None if leaves else found is not None and found.status == "CURRENT"


def _tell(emit: FleetEmit, outcome: SetOutcome) -> None:
    match outcome:
        case SetDone():
            emit(Finished(stack=outcome.stack, status="CURRENT"))
        case SetCancelled():
            emit(NotStarted(stack=outcome.stack, because=outcome.because))
        case SetFailed():
            pass  # each of its failures is told by itself
