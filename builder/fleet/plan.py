"""Plan a fleet: the ordinary plan of the stacks that hold its sets, and what that means in each account.

Last the pace of a set's operations: how many accounts at a time, and how long that takes by its last operation.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from builder.aws import Clients, call, together
from builder.deploy import Deployment, Emit, Plan, PlanId, PlanRequest, discard_plan, make_plan
from builder.deploy.desired import DesiredStack
from builder.deploy.observe.stacks import observe_stack, observe_template
from builder.deploy.records import Deferred, GuardHit, ResourceChange, Step
from builder.errors import AwsError, BuilderError, Stopped
from builder.fleet.guards import check_models, check_names, fleet_guard_hits
from builder.fleet.imports import find_places, observe_retained, with_imports
from builder.fleet.observe import client_of, named, observe_set
from builder.fleet.reach import plan_set, without_secrets
from builder.fleet.records import (
    FLEET_PLAN_VERSION,
    Definition,
    FleetPlan,
    Holding,
    OperationPace,
    SetPlan,
    StackImport,
    StackInstance,
    StackSet,
    TargetedSite,
)
from builder.fleet.sets import has_sets, pseudo_parameters, read_definitions
from builder.fleet.targets import (
    ObservedSet,
    Organization,
    SetContext,
    TargetSites,
    choose_targets,
    given_overrides,
    observe_organization,
    targeted_sites,
    units_of,
    with_departed,
)
from builder.template import read_deployed
from builder.terms import AccountId, Arn, LogicalId, Operation, Site, StackId


@dataclass(frozen=True, slots=True)
class _Pair:
    """One set in the assembly and in the deployed template; in at least one of them."""

    desired: Definition | None
    deployed: Definition | None
    change: ResourceChange | None
    as_deployed: bool
    """Whether the sets are as the deployed template states them: after a failed update they may be as before it."""

    @property
    def either(self) -> Definition:
        """The desired definition; for a set that is removed, the deployed one."""
        definition = self.desired or self.deployed
        assert definition is not None, "a pair of nothing"  # noqa: S101 - made below from the union of both
        return definition

    @property
    def is_imported(self) -> bool:
        """Whether the stack imports an existing set."""
        return self.change is not None and self.change.action == "Import"

    @property
    def existing(self) -> Definition:
        """The deployed definition, whose name a replacement changes."""
        return self.deployed or self.either


Imports = Mapping[StackId, Collection[StackImport]]


def unrolled_stacks(deployment: Deployment) -> tuple[StackId, ...]:
    """Return the stacks that hold sets: a rollback of one would go through all its accounts a second time."""
    return tuple(stack.id for stack in deployment.stacks if has_sets(stack.template, stack.id))


async def make_fleet_plan(  # noqa: PLR0913 - as make_plan, and one option more
    deployment: Deployment,
    clients: Clients,
    plan_id: PlanId,
    emit: Emit,
    request: PlanRequest = PlanRequest(),
    *,
    all_overrides: bool = False,
    role: str | None = None,
) -> FleetPlan:
    """Return the plan; its change sets are created in CloudFormation for review.

    `role` names the role to assume in each account where a set is to create a stack, to find retained ones; without it,
    the sets' own role is assumed.
    Raises what `make_plan` raises, and BadInput where a set targets the management account; then, too, nothing that
    this run created is left.
    """
    unrolled = replace(request, options=replace(request.options, unrolled=unrolled_stacks(deployment)))
    ordinary = await make_plan(deployment, clients, plan_id, emit, unrolled)
    try:
        options = _ObserveOptions(all_overrides=all_overrides, retained=True, role=role, shown=True)
        plan = await _plan_sets(ordinary, deployment, clients, options)
        return replace(plan, sets=tuple(await together(_paced(clients, planned) for planned in plan.sets)))
    except (BuilderError, asyncio.CancelledError):
        await asyncio.shield(discard_plan(ordinary, clients))
        raise


async def judge_sets(ordinary: Plan, deployment: Deployment, clients: Clients) -> tuple[SetPlan, ...]:
    """Return what the change sets of an ordinary plan mean for each set, from the assembly and AWS alone.

    It has the values of all overrides, NoEcho ones too: for operations, and never to be shown.
    """
    bare = replace(ordinary, guards=(), orphans=(), deletions=())
    return (await _plan_sets(bare, deployment, clients, _ObserveOptions())).sets


async def fleet_guards(
    ordinary: Plan, deployment: Deployment, clients: Clients, *, imports: Imports
) -> tuple[GuardHit, ...]:
    """Return the plan's guard hits in the accounts; `imports` has, by set, the imports that precede its change sets."""
    sets = await judge_sets(ordinary, deployment, clients)
    return fleet_guard_hits(_with_claimed(planned, imports.get(planned.id, ())) for planned in sets)


def _with_claimed(planned: SetPlan, imports: Collection[StackImport]) -> SetPlan:
    """Return the set's plan with these imports instead of creations in their sites."""
    away = {stack_import.site for stack_import in imports}
    return replace(
        planned,
        imports=tuple(replace(stack_import, joins=stack_import.site in planned.joining) for stack_import in imports),
        joining=tuple(site for site in planned.joining if site not in away),
    )


@dataclass(frozen=True, slots=True)
class _ObserveOptions:
    """What to read beyond the sets themselves."""

    all_overrides: bool = False
    retained: bool = False
    """Whether accounts are searched for retained stacks."""
    role: str | None = None
    shown: bool = False
    """Whether the plan goes to a file or a screen: then NoEcho values are masked."""


async def _plan_sets(ordinary: Plan, deployment: Deployment, clients: Clients, options: _ObserveOptions) -> FleetPlan:
    pairs = [
        pair
        for stack in deployment.stacks
        if has_sets(stack.template, stack.id)
        for pair in await _pairs(ordinary, stack, clients)
    ]
    definitions = [
        definition for pair in pairs for definition in (pair.desired, pair.deployed) if definition is not None
    ]
    region = pairs[0].either.stack_set.site.region if pairs else deployment.regions[0]
    organization = await observe_organization(
        clients, region, units_of(definition.targets for definition in definitions)
    )
    observed_sets = await together(
        observe_set(
            clients, pair.existing.stack_set, overrides=pair.change is not None, all_overrides=options.all_overrides
        )
        for pair in pairs
    )
    check_models(
        (pair.desired.stack_set, observed)
        for pair, observed in zip(pairs, observed_sets, strict=True)
        if pair.desired and pair.deployed  # somebody else's set of that name is no change of ours
    )
    contexts = [
        _make_context(pair, observed, organization) for pair, observed in zip(pairs, observed_sets, strict=True)
    ]
    sets = tuple(plan_set(context) for context in contexts)
    if options.retained:
        sets = await _with_retained(sets, contexts, clients, options.role)
    if options.shown:
        sets = tuple(without_secrets(planned, context) for planned, context in zip(sets, contexts, strict=True))
    creations = [
        planned.stack_set
        for pair, planned in zip(pairs, sets, strict=True)
        if planned.does == "create" and not pair.is_imported
    ]
    await check_names(creations, {stack.id: stack.name for stack in deployment.stacks}, clients)
    ordinary = _without_instances(ordinary, sets)
    guarded = replace(ordinary, guards=(*ordinary.guards, *fleet_guard_hits(sets)))
    return FleetPlan(version=FLEET_PLAN_VERSION, ordinary=guarded, sets=sets)


async def _paced(clients: Clients, planned: SetPlan) -> SetPlan:
    """Return the set with the duration of its operation, estimated from its last one."""
    if not (sites := paced_sites(planned)):
        return planned
    stack_s = await observe_stack_s(clients, planned.stack_set, planned.instances)
    return replace(planned, pace=make_pace(planned.stack_set.preferences, sites, stack_s))


async def _with_retained(
    sets: tuple[SetPlan, ...], contexts: list[SetContext], clients: Clients, role: str | None
) -> tuple[SetPlan, ...]:
    lacking = [
        (planned.stack_set, find_places(planned, context)) for planned, context in zip(sets, contexts, strict=True)
    ]
    seen = await observe_retained(lacking, clients, role)
    taken = {instance.stack for planned in sets for instance in planned.instances if instance.stack}
    return tuple(with_imports(planned, context, seen, taken) for planned, context in zip(sets, contexts, strict=True))


def _without_instances(ordinary: Plan, sets: Iterable[SetPlan]) -> Plan:
    """Return the plan without orphans that are instances of the sets: an imported stack keeps its own name.

    Raises Stopped where it would delete one.
    """
    of_set = {Arn(instance.stack): planned.id for planned in sets for instance in planned.instances}
    for deletion in ordinary.deletions:
        if deletion.stack_arn in of_set:
            set_id = of_set[deletion.stack_arn]
            raise Stopped(
                where=deletion.stack,
                what=f"the stack is an instance of {set_id}, which deletes it when its account leaves",
                next_step="python -m builder fleet plan    without --remove-orphans",
            )
    names = {f"{arn.split(':')[3]}/{arn.split('/')[1]}" for arn in of_set if arn}
    return replace(ordinary, orphans=tuple(orphan for orphan in ordinary.orphans if orphan.stack not in names))


def _make_context(pair: _Pair, observed: ObservedSet | None, organization: Organization) -> SetContext:
    instances = observed.instances if observed else ()
    desired, known = pair.desired, with_departed(organization, instances)
    before = given_overrides(pair.deployed.targets, known) if pair.deployed else {}
    if not pair.as_deployed:
        own = (
            {override.site: override.parameters for override in observed.overrides}
            if observed and observed.overrides_known
            else {}
        )
        places = (TargetedSite(instance.unit, instance.site) for instance in instances)
        before = {place: own.get(place.site, before.get(place, {})) for place in places}
    return SetContext(
        definition=pair.either,
        change=pair.change,
        states=_states(instances, organization),
        observed=observed,
        targets=choose_targets(desired.stack_set, desired.targets, organization) if desired else TargetSites(sites=()),
        new_targets=targeted_sites(desired.targets, known) if desired else (),
        old_targets=tuple(before),
        overrides=given_overrides(desired.targets, known) if desired else {},
        overrides_before=before,
    )


def _states(instances: Iterable[StackInstance], organization: Organization) -> Mapping[AccountId, str]:
    accounts = {AccountId(str(instance.site.account)) for instance in instances}
    states = {account: organization.state_of(account) for account in accounts}
    return {account: state for account, state in states.items() if state is not None}


async def _pairs(ordinary: Plan, stack: DesiredStack, clients: Clients) -> list[_Pair]:
    """Return each set of the stack's template and of the deployed one, if any, with its change."""
    observed = await observe_stack(clients, stack.site, stack.name)
    holding, pseudo = Holding(stack.id, stack.site), _pseudo(ordinary.account, stack)
    deployed: tuple[Definition, ...] = ()
    if observed is not None and observed.facts.exists:
        template = read_deployed(await observe_template(clients, observed), stack.id)
        deployed = read_definitions(template.data, {**observed.parameters, **pseudo}, holding)
    as_deployed = observed is None or observed.facts.operation is Operation.UPDATE
    desired = read_definitions(stack.template, {**stack.values, **pseudo}, holding)
    links: tuple[Step | Deferred, ...] = (*ordinary.steps, *ordinary.deferred)
    changes = {change.logical_id: change for step in links if step.stack == stack.id for change in step.changes}
    new, old = _by_id(desired), _by_id(deployed)
    return [_Pair(new.get(name), old.get(name), changes.get(name), as_deployed) for name in dict.fromkeys((*new, *old))]


def _by_id(definitions: tuple[Definition, ...]) -> dict[LogicalId, Definition]:
    return {definition.stack_set.logical_id: definition for definition in definitions}


def _pseudo(account: AccountId, stack: DesiredStack) -> Mapping[str, str]:
    return pseudo_parameters(stack.account or account, stack.region, stack.name)


ASSUMED_S = 120.0
"""The assumed seconds of a stack in an account, where no operation of the set shows them."""
_NO_OPERATION = "OperationNotFoundException"


def make_pace(preferences: Mapping[str, Any], sites: Iterable[Site], stack_s: float | None) -> OperationPace:
    """Return the pace of an operation in these places, its regions in turn unless they are worked in side by side.

    `stack_s` are the seconds of one stack in one account; None where they are unknown. Pure.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/concurrency-mode.html
    """
    regions = Counter(site.region for site in sites)
    rounds = {region: -(-count // _at_once(preferences, count)) for region, count in regions.items()}
    most = max(regions.values(), default=0)
    in_turn = preferences.get("RegionConcurrencyType") != "PARALLEL"
    return OperationPace(
        accounts=most,
        at_once=_at_once(preferences, most),
        asked=_max_concurrent(preferences, most),
        rounds=sum(rounds.values()) if in_turn else max(rounds.values(), default=0),
        stack_s=ASSUMED_S if stack_s is None else stack_s,
        is_assumed=stack_s is None,
    )


def _at_once(preferences: Mapping[str, Any], accounts: int) -> int:
    """Return in how many accounts of a region StackSets work at a time, if none fails."""
    at_once = max(1, min(_max_concurrent(preferences, accounts), accounts))
    if preferences.get("ConcurrencyMode") == "SOFT_FAILURE_TOLERANCE":
        return at_once
    return min(at_once, _amount(preferences, "FailureTolerance", accounts, 0) + 1)


def _max_concurrent(preferences: Mapping[str, Any], accounts: int) -> int:
    return max(1, _amount(preferences, "MaxConcurrent", accounts, 1))


def _amount(preferences: Mapping[str, Any], name: str, accounts: int, default: int) -> int:
    """Return a count, or a percentage of the accounts, rounded down; a template's numbers may be text."""
    if (percentage := preferences.get(f"{name}Percentage")) is not None:
        return int(percentage) * accounts // 100
    return int(preferences.get(f"{name}Count", default))


def find_last_operation(instances: Iterable[StackInstance]) -> tuple[str, Collection[Site]]:
    """Return the last operation of most of the instances, and their sites; pure."""
    well = [instance for instance in instances if instance.operation and instance.status == "CURRENT"]
    counts = Counter(instance.operation for instance in well)
    if not counts:
        return "", ()
    operation = counts.most_common(1)[0][0]
    return operation, tuple(instance.site for instance in well if instance.operation == operation)


async def observe_stack_s(clients: Clients, stack_set: StackSet, instances: Iterable[StackInstance]) -> float | None:
    """Return the seconds that a stack took in its last operation; None where AWS no longer has an operation."""
    operation, sites = find_last_operation(instances)
    if not operation:
        return None
    describe = client_of(clients, stack_set).describe_stack_set_operation
    try:
        answer = await call(stack_set.id, describe, OperationId=operation, **named(stack_set))
    except AwsError as error:
        if error.code == _NO_OPERATION:
            return None  # AWS keeps operations for ninety days
        raise
    described = answer["StackSetOperation"]
    if "EndTimestamp" not in described:
        return None
    took_s = (described["EndTimestamp"] - described["CreationTimestamp"]).total_seconds()
    return took_s / make_pace(described.get("OperationPreferences", {}), sites, None).rounds


def paced_sites(planned: SetPlan) -> tuple[Site, ...]:
    """Return the places of the plan's largest operation; pure."""
    repairs = tuple(repair.site for repair in planned.repairs)
    return max((planned.joining, planned.updating, planned.leaving, repairs), key=len)
