"""Execute a fleet's plan: imports, then its change sets, never rolled back; then repairs of failed instances."""

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
    """Execute exactly the plan's change sets, then its repairs, and return every outcome.

    A set is done when each account and region that the plan touches shows it, whatever its operations reported.
    Raises what `execute_plan` raises, with nothing executed. If this is cancelled, running operations in AWS go on.
    """
    if not trusted.is_own:
        plan = await _judged(plan, trusted, clients)
        imports = {planned.id: planned.imports for planned in plan.sets}
        trusted = replace(trusted, more_guards=partial(fleet_guards, imports=imports))
    elif any(planned.has_secrets for planned in plan.sets if planned.missing or planned.imports):
        plan = await _with_values(plan, trusted, clients)
    creations = (planned.stack_set for planned in plan.sets if planned.does == "create")
    await check_names(creations, {stack: place.name for stack, place in plan.ordinary.places.items()}, clients)
    changing = [planned for planned in plan.sets if planned.does != "nothing"]
    _check_barred(plan, allow)
    watch = SetWatch(clients, emit, expected=_expected(plan))
    await _begin(watch, plan, trusted.deployment)
    first = _Imports(watch, plan)
    async with watch.following(planned.stack_set for planned in changing):
        try:
            emit_with_sets = _with_sets(emit, plan)
            execution = _Execution(plan.ordinary, trusted, clients, emit_with_sets, allow, first.take_in)
            ordinary = await _execute_ordinary(execution, in_detail=in_detail)
        except Stopped as error:
            raise _of_a_fleet(error) from error
        except _NotImported:
            return first.emit_end()
    ordinary = tuple(_with_next_step(outcome) for outcome in ordinary)
    whole = all(isinstance(outcome, Done) for outcome in ordinary)
    broken = {outcome.resource.partition(" ")[0] for outcome in ordinary if isinstance(outcome, StackFailed)}
    changed = await together(
        _after_change(watch, planned) if whole else _after_failure(watch, planned, broken) for planned in changing
    )
    failed = next((outcome.stack for outcome in changed if not isinstance(outcome, SetDone)), None)
    if whole and failed is None:
        repaired = await _repair(watch, plan)
    else:
        because = f"{failed or 'the stack that holds the sets'} failed"
        repaired = tuple(SetCancelled(planned.id, because) for planned in plan.sets if planned.repairs)
    for outcome in (*changed, *repaired):
        _emit_outcome(emit, outcome)
    return FleetEnd(ordinary, (*first.emit_rest(planned.id for planned in changing), *changed, *repaired))


class _NotImported(Failed):
    """A stack could not be imported into its set: the change that would create another one is not started."""


@dataclass(slots=True)
class _Imports:
    """The imports, which precede the change sets, and their outcomes."""

    watch: SetWatch
    plan: FleetPlan
    ended: tuple[SetOutcome, ...] = ()

    async def take_in(self) -> None:
        """Import the plan's stacks. Raises _NotImported unless every import succeeds."""
        self.ended = await import_stacks(self.watch, self.plan.sets, self.plan.ordinary.id)
        if not all(is_done(outcome) for outcome in self.ended):
            raise _NotImported(where=self.plan.ordinary.deployment, what="not all stacks could be imported")

    def emit_rest(self, others: Iterable[StackId]) -> tuple[SetOutcome, ...]:
        """Return the outcomes of the imported sets that are not among `others` and have no repairs."""
        known = {*others, *(planned.id for planned in self.plan.sets if planned.repairs)}
        ended = tuple(outcome for outcome in self.ended if outcome.stack not in known)
        for outcome in ended:
            _emit_outcome(self.watch.emit, outcome)
        return ended

    def emit_end(self) -> FleetEnd:
        """Return the end of an execution whose imports failed: no change set is executed."""
        failed = next(outcome.stack for outcome in self.ended if not is_done(outcome))
        known = {outcome.stack for outcome in self.ended}
        left = (planned for planned in self.plan.sets if planned.touched and planned.id not in known)
        cancelled = tuple(SetCancelled(planned.id, f"{failed} could not import its stacks") for planned in left)
        for outcome in (*self.ended, *cancelled):
            _emit_outcome(self.watch.emit, outcome)
        return FleetEnd((), (*self.ended, *cancelled))


def _check_barred(plan: FleetPlan, allow: Collection[str]) -> None:
    """Raise Stopped unless every barred stack is allowed by name, even where no change set stops for it."""
    check_allowed(not_named((hit for planned in plan.sets for hit in barred_hits(planned)), allow), (), ())


async def _begin(watch: SetWatch, plan: FleetPlan, deployment: Deployment) -> None:
    """Note the sets' earlier operations. One that runs is this plan's only while a holder of the sets is busy."""
    if not await watch.begin(
        planned.stack_set for planned in plan.sets if planned.does != "nothing" or planned.repairs or planned.imports
    ):
        return
    holders = {planned.stack_set.held_by for planned in plan.sets}
    # A plan has only the places of its change sets.
    names = {stack.id: stack.name for stack in deployment.stacks}
    names |= {stack: place.name for stack, place in plan.ordinary.places.items()}
    stacks = await together(observe_stack(watch.clients, holding.site, names[holding.stack]) for holding in holders)
    if all(stack is None or stack.facts.settled for stack in stacks):
        watch.disown()


async def _judged(plan: FleetPlan, trusted: TrustedInput, clients: Clients) -> FleetPlan:
    """Return the plan with its sets as the assembly and AWS have them, and only the repairs that these sets can need.

    The file's accounts are reported and waited for; guards come from the change sets as AWS shows them. Raises BadInput
    for a set that is neither in the assembly nor deployed.
    """
    ordinary = check_claim(plan.ordinary, trusted)
    known = {planned.id: planned for planned in await _known_sets(ordinary, trusted, clients)}
    # A set that the plan removes is no longer known afterwards.
    sets = tuple(planned for planned in plan.sets if planned.id in known or planned.does != "remove")
    if unknown := [planned.id for planned in sets if planned.id not in known]:
        raise BadInput(
            where=ordinary.deployment,
            what=f"the plan has sets that are neither in the assembly nor deployed: {', '.join(unknown)}",
            next_step=_PLAN_AGAIN,
        )
    if sorted(known) != sorted(planned.id for planned in sets):
        # A missing set would not be waited for, and its failures would not be reported.
        raise BadInput(
            where=ordinary.deployment,
            what=f"the plan has to say each set once: {', '.join(known)}",
            next_step=_PLAN_AGAIN,
        )
    return replace(plan, sets=tuple(_judged_set(planned, known[planned.id]) for planned in sets))


async def _with_values(plan: FleetPlan, trusted: TrustedInput, clients: Clients) -> FleetPlan:
    """Return a plan of our own with the values of all overrides: the plan itself masks those of NoEcho parameters."""
    known = {planned.id: planned.given for planned in await _known_sets(plan.ordinary, trusted, clients)}
    return replace(
        plan, sets=tuple(replace(planned, given=known.get(planned.id, planned.given)) for planned in plan.sets)
    )


async def _known_sets(ordinary: Plan, trusted: TrustedInput, clients: Clients) -> tuple[SetPlan, ...]:
    """Return the sets as the assembly and AWS have them, without any change set."""
    return await judge_sets(replace(ordinary, steps=(), deferred=()), trusted.deployment, clients)


def _judged_set(planned: SetPlan, known: SetPlan) -> SetPlan:
    """Return the set with only the repairs of its instances, and of places where it lacks a stack."""
    sites = {instance.site for instance in known.instances}
    return replace(
        planned,
        stack_set=known.stack_set,
        given=known.given,
        retries=tuple(instance for instance in planned.retries if instance.site in sites),
        missing=tuple(place for place in planned.missing if place in known.missing or place.site in sites),
        imports=tuple(
            stack_import
            for stack_import in planned.imports
            if is_of_set(known.stack_set, stack_import) and _leads_to(known, stack_import)
        ),
    )


def _leads_to(known: SetPlan, stack_import: StackImport) -> bool:
    """Return whether the set lacks a stack in the import's site, or has an instance there."""
    here = {instance.site for instance in known.instances}
    return stack_import.site in here or TargetedSite(stack_import.unit, stack_import.site) in known.missing


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
    """Return an emit that adds the sets to the stacks of RunBegun."""
    sets = tuple(planned.id for planned in plan.sets if planned.touched)

    def emit_with_sets(event: Progress) -> None:
        emit(replace(event, stacks=(*event.stacks, *sets)) if isinstance(event, RunBegun) else event)

    return emit_with_sets


def _of_a_fleet(error: Stopped) -> Stopped:
    """Return the refusal with a fleet's next step; keep a next step with --allow, which is typed the same way here."""
    next_step = error.next_step if "--allow" in error.next_step else _PLAN_AGAIN
    return Stopped(where=error.where, what=error.what, next_step=next_step)


def _expected(plan: FleetPlan) -> Mapping[tuple[StackId, str], int]:
    counts = {}
    for planned in plan.sets:
        counts[planned.id, "CREATE"] = len(planned.joining) or len(planned.missing)
        counts[planned.id, "UPDATE"] = len(planned.updating) or len(planned.retries)
        counts[planned.id, "DELETE"] = len(planned.leaving)
    return counts


def _with_next_step(outcome: Outcome) -> Outcome:
    """Return the outcome with a fleet's next step: deploying again retries only what failed."""
    if isinstance(outcome, StackFailed | Superseded):
        return replace(outcome, next_step=_AGAIN)
    return outcome


async def _after_failure(watch: SetWatch, planned: SetPlan, broken: Collection[str]) -> SetOutcome:
    """Return the outcome of a set whose stack failed; `broken` has the logical ids of the resources that failed.

    A failed set may look well in every account, because CloudFormation has restored it.
    """
    if not watch.has_seen(planned.id):
        return SetCancelled(planned.id, because="the stack that holds it failed before")
    ended = await _after_change(watch, planned)
    failed = watch.unsuccessful(planned.id)
    if failed is None and planned.stack_set.logical_id not in broken:
        return ended
    shown = ended.failures if isinstance(ended, SetFailed) else ()
    failures = {failure.site: failure for failure in (*shown, *watch.failures(planned.id))}
    reason = f"{failed.action} {failed.status}" if failed else "CloudFormation has put it back to what it was"
    skipped = () if isinstance(ended, SetCancelled) else ended.skipped
    return SetFailed(planned.id, tuple(failures.values()), reason=reason, skipped=skipped)


async def _repair(watch: SetWatch, plan: FleetPlan) -> tuple[SetOutcome, ...]:
    by_id = {planned.id: planned for planned in plan.sets}

    async def repair_set(stack_set: StackSet, _before: Mapping[StackId, SetOutcome]) -> SetOutcome:
        planned = by_id[stack_set.id]
        for what, places in (("RETRY", planned.retries), ("CREATE", planned.missing)):
            if places:
                watch.emit(Started(stack=planned.id, what=f"{what} in {len(places)}"))
        operations = (
            *await update_instances(watch, stack_set, planned.retries, plan.ordinary.id),
            *await create_instances(watch, stack_set, planned.missing, plan.ordinary.id, planned.given),
        )
        ended = await _observe_outcome(watch, planned, [repair.site for repair in planned.repairs])
        if isinstance(ended, SetFailed):
            reasons = [
                f"{operation.status}: {operation.reason}" for operation in operations if operation.status != "SUCCEEDED"
            ]
            return replace(ended, reason="; ".join(reasons))
        return ended

    sets = [planned.stack_set for planned in plan.sets if planned.repairs]
    return await in_order(sets, needs_of(planned.stack_set for planned in plan.sets), repair_set)


async def _after_change(watch: SetWatch, planned: SetPlan) -> SetOutcome:
    leaves = set(planned.leaving).difference(planned.joining)
    return await _observe_outcome(watch, planned, planned.changed, leaves)


async def _observe_outcome(
    watch: SetWatch, planned: SetPlan, touched: Collection[Site], leaves: Collection[Site] = ()
) -> SetOutcome:
    """Return whether each of these sites is as planned: current if it stays, without an instance if it leaves.

    StackSets skip an account that is suspended or closed, so that is no failure.
    """

    async def observe() -> dict[Site, StackInstance]:
        return {instance.site: instance for instance in await observe_instances(watch.clients, planned.stack_set)}

    def bad_in(shown: Mapping[Site, StackInstance]) -> list[Site]:
        return [site for site in touched if not _is_well(shown.get(site), leaves=site in leaves)]

    by_site = await unless_lagging(observe, lambda shown: watch.knows_better(planned.id, bad_in(shown), shown))
    bad = bad_in(by_site)
    instances = [by_site[site] for site in bad if site in by_site]
    skipped = await observe_skipped(watch.clients, planned.stack_set, instances)
    passed = {skip.site for skip in skipped}
    skipped += tuple(skip for skip in planned.skipped if skip.site in by_site and skip.site not in passed)
    seen = {failure.site: failure.reason for failure in watch.failures(planned.id)}
    failures = tuple(Failure(site, seen.get(site) or _reason(by_site.get(site))) for site in bad if site not in passed)
    if failures:
        return SetFailed(planned.id, failures, skipped=skipped)
    return SetDone(planned.id, len(touched), skipped)


def _reason(instance: StackInstance | None) -> str:
    return (instance.reason if instance else "no stack came into being") or "no reason given"


def _is_well(instance: StackInstance | None, *, leaves: bool) -> bool:
    return instance is None if leaves else instance is not None and instance.status == "CURRENT"


def _emit_outcome(emit: FleetEmit, outcome: SetOutcome) -> None:
    match outcome:
        case SetDone():
            emit(Finished(stack=outcome.stack, status="CURRENT"))
        case SetCancelled():
            emit(NotStarted(stack=outcome.stack, because=outcome.because))
        case SetFailed():
            pass  # each of its failures is an event of its own
