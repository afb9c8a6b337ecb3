"""Plan a fleet: the ordinary plan of the stacks that hold its sets, and what that means in each account.

First what must not happen in any account unasked (what the change set of the sets itself loses is the ordinary plan's
to guard), then names of sets that are taken, then `make_fleet_plan`.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from builder.aws import Clients, together
from builder.deploy import Deployment, Emit, Plan, PlanId, PlanRequest, discard_plan, make_plan
from builder.deploy.desired import DesiredStack
from builder.deploy.observe.stacks import ObservedResource, observe_resources, observe_stack, observe_template
from builder.deploy.plan.guards import guard_hits
from builder.deploy.records import Deferred, GuardHit, ResourceChange, Step
from builder.errors import BuilderError, Stopped, gathered
from builder.fleet.imports import find_places, observe_retained, with_imports
from builder.fleet.observe import describe_set, observe_set
from builder.fleet.pace import make_pace, observe_stack_s, paced_sites
from builder.fleet.reach import plan_set
from builder.fleet.records import (
    FLEET_PLAN_VERSION,
    Definition,
    FleetPlan,
    Holding,
    SetPlan,
    StackImport,
    StackInstance,
    StackSet,
    TargetedSite,
)
from builder.fleet.sets import has_sets, pseudo_parameters, read_definitions
from builder.fleet.targets import (
    Observed,
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
from builder.resource_types import STACK_SET
from builder.template import read_deployed
from builder.terms import AccountId, Arn, LogicalId, Operation, Region, StackId, StackName, counted


@dataclass(frozen=True, slots=True)
class _InTheAccounts:
    """A set's changes as the ordinary guards read those of a stack."""

    stack: StackId
    region: Region
    changes: tuple[ResourceChange, ...]


def fleet_guard_hits(sets: Iterable[SetPlan]) -> tuple[GuardHit, ...]:
    """Return every guard that the sets' plans trip, in their order, as guards of the stacks that hold the sets."""
    hits = (
        (*_of_changes(planned), *_of_leaving(planned), *_of_imports(planned), *barred_hits(planned)) for planned in sets
    )
    return tuple(hit for of_set in hits for hit in of_set)


def _of_imports(planned: SetPlan) -> Iterator[GuardHit]:
    """Yield a guard for each import that the end of a failed update would undo, its stack being deleted by that.

    Where nothing but imports is done the update has nothing to fail at.
    """
    if not (planned.does == "update" or planned.joining or planned.leaving or planned.reset):
        return
    for account in dict.fromkeys(one.site.account for one in planned.imports if one.joins):
        why = (
            "its stack is imported, and where the set's update fails after that CloudFormation deletes it, with all "
            "that is in it: deploy who comes back by itself, then the rest"
        )
        holder, allow = planned.stack_set.held_by.stack, f"{planned.id}/{account}"
        yield GuardHit(stack=holder, logical_id=str(account), why=why, allow=allow)


def barred_hits(planned: SetPlan) -> Iterator[GuardHit]:
    """Yield a guard for each stack that stands in the way of one that the set is to create."""
    for one in planned.barred:
        why = f"a stack of the set stays in {one.site.account} {one.site.region}, and the new one would fail beside it"
        yield GuardHit(
            stack=planned.stack_set.held_by.stack,
            logical_id=str(one.site.account),
            why=f"{why}: {one.because}",
            allow=f"{planned.id}/{one.site.account}",
        )


def _of_changes(planned: SetPlan) -> tuple[GuardHit, ...]:
    step = _InTheAccounts(planned.id, planned.stack_set.site.region, planned.changes)
    found = guard_hits([step]) if planned.updating else ()
    return tuple(replace(hit, stack=planned.stack_set.held_by.stack) for hit in found)


def _of_leaving(planned: SetPlan) -> Iterator[GuardHit]:
    if planned.does == "remove":
        return
    holder, name = planned.stack_set.held_by.stack, planned.stack_set.logical_id
    if planned.does == "create":
        if planned.leaving:
            lost = counted(len(planned.leaving), "stack")
            why = f"the set is made anew, which deletes {lost} and what is in there"
            yield GuardHit(stack=holder, logical_id=name, why=why, allow=f"{planned.id}/{name}")
        return
    anew = {*planned.joining, *(one.site for one in planned.missing)}
    stays = {site.region for site in (*planned.updating, *anew)}
    stays |= {one.site.region for one in planned.instances if one.site not in planned.leaving}
    gone = dict.fromkeys(site.region for site in planned.leaving if site.region not in stays)
    for region in gone:
        count = sum(site.region == region for site in planned.leaving)
        why = f"the region leaves: its stack is deleted in {counted(count, 'account')}, with all that is in it"
        yield GuardHit(stack=holder, logical_id=region, why=why, allow=f"{planned.id}/{region}")
    for account in dict.fromkeys(site.account for site in planned.leaving if site.region not in gone):
        sites = [site for site in planned.leaving if site.account == account]
        lost = f"its stack in {', '.join(site.region for site in sites)} is deleted, with all that is in it"
        why = f"the account leaves: {lost}"
        if anew.issuperset(sites):
            why = f"other targets lead to the account than before: {lost}, and made anew"
        yield GuardHit(stack=holder, logical_id=str(account), why=why, allow=f"{planned.id}/{account}")


def check_models(sets: Iterable[tuple[StackSet, Observed | None]]) -> None:
    """Raise Stopped unless each set that stands keeps its permission model; pure."""
    changed = [one for one, found in sets if found and found.is_service_managed != one.is_service_managed]
    if not changed:
        return
    before, after = ("self-managed", "service-managed")[:: 1 if changed[0].is_service_managed else -1]
    raise Stopped(
        where=changed[0].held_by.stack,
        what=f"fleet.permission_model changes from {before} to {after}, which makes a new set of each of "
        f"{', '.join(one.id for one in changed)}: it would fail, as their stacks have the names of those that stand",
        next_step="python -m builder fleet destroy --retain    leaves all stacks in their accounts; then deploy to an "
        "account that has none, then name the others too: docs/fleets.md, Another permission model",
    )


async def check_names(sets: Iterable[StackSet], names: Mapping[StackId, StackName], clients: Clients) -> None:
    """Return if the names of these new sets are free, or taken by what CloudFormation removes or goes on with first.

    `names` are those of the stacks that hold them. Raises Stopped, or Several, saying whose each name is.
    """
    sets = tuple(sets)
    described = await together(describe_set(clients, one) for one in sets)
    taken = [(one, said["StackSetId"]) for one, said in zip(sets, described, strict=True) if said is not None]
    holders = tuple(dict.fromkeys(one.held_by for one, _ in taken))
    held = dict(zip(holders, await together(_held(one, names[one.stack], clients) for one in holders), strict=True))
    refused = [refusal for one, id_ in taken if (refusal := _refusal(one, id_, held[one.held_by])) is not None]
    if refused:
        raise gathered(refused)


async def _held(holding: Holding, name: StackName, clients: Clients) -> tuple[ObservedResource, ...]:
    stack = await observe_stack(clients, holding.site, name)
    if stack is None or not stack.facts.exists:
        return ()
    return tuple(one for one in await observe_resources(clients, stack) if one.type == STACK_SET)


def _refusal(stack_set: StackSet, set_id: str, held: tuple[ObservedResource, ...]) -> Stopped | None:
    """Return why the set cannot be created under its name; pure."""
    own = next((each for each in held if each.logical_id == stack_set.logical_id), None)
    if own is not None and (own.physical_id == set_id or own.status.endswith("_IN_PROGRESS")):
        return None
    holder = next((each for each in held if each.physical_id == set_id), None)
    if holder is None:
        return _stopped(
            stack_set,
            f"a StackSet {stack_set.name} exists already, and {stack_set.held_by.stack} does not hold it",
            f"aws cloudformation list-stack-instances --region {stack_set.site.region} --stack-set-name "
            f"{stack_set.name} --call-as {stack_set.call_as}    shows what it has; then delete it or take another name",
        )
    return _stopped(
        stack_set,
        f"the StackSet {stack_set.name} is {holder.logical_id} of the same stack until that is gone",
        f"keep {holder.logical_id} as its logical id, or plan without the set first",
    )


def _stopped(stack_set: StackSet, what: str, next_step: str) -> Stopped:
    return Stopped(where=stack_set.id, what=f"{what}: it would fail to be created", next_step=next_step)


@dataclass(frozen=True, slots=True)
class _Pair:
    """One set as the assembly has it and as the deployed template does; at least one of them."""

    desired: Definition | None
    deployed: Definition | None
    change: ResourceChange | None
    as_deployed: bool
    """Whether the deployed template is what stands: after an update that failed each set is as it was, or as it is."""

    @property
    def either(self) -> Definition:
        """The set as it will be, or as it is where it goes."""
        one = self.desired or self.deployed
        assert one is not None, "a pair of nothing"  # noqa: S101 - made below from the union of both
        return one

    @property
    def is_imported(self) -> bool:
        """Whether the set that stands becomes the stack's."""
        return self.change is not None and self.change.action == "Import"

    @property
    def standing(self) -> Definition:
        """The set by the name that it stands under, which a replacement changes."""
        return self.deployed or self.either


Imports = Mapping[StackId, Collection[StackImport]]


def unrolled_stacks(deployment: Deployment) -> tuple[StackId, ...]:
    """Return the stacks that hold sets: a rollback of one would go through all its accounts a second time."""
    return tuple(stack.id for stack in deployment.stacks if has_sets(stack.template, stack.id))


async def make_fleet_plan(  # noqa: PLR0913 - as make_plan, and one wish more
    deployment: Deployment,
    clients: Clients,
    plan_id: PlanId,
    emit: Emit,
    wish: PlanRequest = PlanRequest(),
    *,
    all_overrides: bool = False,
    role: str | None = None,
) -> FleetPlan:
    """Return the plan, its change sets standing in CloudFormation for review.

    `role` names that by which each account is asked for stacks that stayed there, where a set is to create one; else
    it is the sets' own.
    Raises what `make_plan` raises, and BadInput where a set aims at the management account; then, too, nothing that
    this run made is left.
    """
    unrolled = replace(wish, options=replace(wish.options, unrolled=unrolled_stacks(deployment)))
    ordinary = await make_plan(deployment, clients, plan_id, emit, unrolled)
    try:
        look = FurtherLook(all_overrides=all_overrides, retained=True, role=role)
        plan = await _look_further(ordinary, deployment, clients, look)
        return replace(plan, sets=tuple(await together(_paced(clients, planned) for planned in plan.sets)))
    except (BuilderError, asyncio.CancelledError):
        await asyncio.shield(discard_plan(ordinary, clients))
        raise


async def judge_sets(ordinary: Plan, deployment: Deployment, clients: Clients) -> tuple[SetPlan, ...]:
    """Return what the change sets of an ordinary plan mean for each set, from the assembly and what stands alone."""
    bare = replace(ordinary, guards=(), orphans=(), deletions=())
    return (await _look_further(bare, deployment, clients, FurtherLook())).sets


async def fleet_guards(
    ordinary: Plan, deployment: Deployment, clients: Clients, *, imports: Imports
) -> tuple[GuardHit, ...]:
    """Return what they trip in the accounts; `imports` are what is taken in before, by set."""
    sets = await judge_sets(ordinary, deployment, clients)
    return fleet_guard_hits(_with_claimed(one, imports.get(one.id, ())) for one in sets)


def _with_claimed(planned: SetPlan, imports: Collection[StackImport]) -> SetPlan:
    """Return the plan with imports that nobody looked for again."""
    away = {one.site for one in imports}
    return replace(
        planned,
        imports=tuple(replace(one, joins=one.site in planned.joining) for one in imports),
        joining=tuple(site for site in planned.joining if site not in away),
    )


@dataclass(frozen=True, slots=True)
class FurtherLook:
    """How much is asked beyond the sets themselves."""

    all_overrides: bool = False
    retained: bool = False
    """Whether accounts are asked for stacks that stayed there."""
    role: str | None = None


async def _look_further(ordinary: Plan, deployment: Deployment, clients: Clients, look: FurtherLook) -> FleetPlan:
    pairs = [
        pair
        for stack in deployment.stacks
        if has_sets(stack.template, stack.id)
        for pair in await _pairs(ordinary, stack, clients)
    ]
    definitions = [one for pair in pairs for one in (pair.desired, pair.deployed) if one is not None]
    region = pairs[0].either.stack_set.site.region if pairs else deployment.regions[0]
    organization = await observe_organization(clients, region, units_of(one.targets for one in definitions))
    observed = await together(
        observe_set(
            clients, pair.standing.stack_set, overrides=pair.change is not None, all_overrides=look.all_overrides
        )
        for pair in pairs
    )
    check_models(
        (pair.desired.stack_set, found)
        for pair, found in zip(pairs, observed, strict=True)
        if pair.desired and pair.deployed  # another's set of the same name is no change of ours
    )
    settings = [_setting(pair, found, organization) for pair, found in zip(pairs, observed, strict=True)]
    sets = tuple(plan_set(setting) for setting in settings)
    if look.retained:
        sets = await _with_retained(sets, settings, clients, look.role)
    creations = [
        one.stack_set for pair, one in zip(pairs, sets, strict=True) if one.does == "create" and not pair.is_imported
    ]
    await check_names(creations, {stack.id: stack.name for stack in deployment.stacks}, clients)
    ordinary = _without_instances(ordinary, sets)
    guarded = replace(ordinary, guards=(*ordinary.guards, *fleet_guard_hits(sets)))
    return FleetPlan(version=FLEET_PLAN_VERSION, ordinary=guarded, sets=sets)


async def _paced(clients: Clients, planned: SetPlan) -> SetPlan:
    """Return the set with how long it takes, by what its last operation took."""
    if not (sites := paced_sites(planned)):
        return planned
    stack_s = await observe_stack_s(clients, planned.stack_set, planned.instances)
    return replace(planned, pace=make_pace(planned.stack_set.preferences, sites, stack_s))


async def _with_retained(
    sets: tuple[SetPlan, ...], settings: list[SetContext], clients: Clients, role: str | None
) -> tuple[SetPlan, ...]:
    wanted = [(one.stack_set, find_places(one, setting)) for one, setting in zip(sets, settings, strict=True)]
    seen = await observe_retained(wanted, clients, role)
    taken = {instance.stack for one in sets for instance in one.instances if instance.stack}
    return tuple(with_imports(one, setting, seen, taken) for one, setting in zip(sets, settings, strict=True))


def _without_instances(ordinary: Plan, sets: Iterable[SetPlan]) -> Plan:
    """Return the plan without orphans that are instances of the sets: one that was imported has kept its own name.

    Raises Stopped where it would delete one.
    """
    of_set = {Arn(one.stack): each.id for each in sets for one in each.instances}
    for deletion in ordinary.deletions:
        if deletion.stack_arn in of_set:
            set_id = of_set[deletion.stack_arn]
            raise Stopped(
                where=deletion.stack,
                what=f"the stack is an instance of {set_id}, which deletes it when its account leaves",
                next_step="python -m builder fleet plan    without --remove-orphans",
            )
    names = {f"{arn.split(':')[3]}/{arn.split('/')[1]}" for arn in of_set if arn}
    return replace(ordinary, orphans=tuple(one for one in ordinary.orphans if one.stack not in names))


def _setting(pair: _Pair, found: Observed | None, organization: Organization) -> SetContext:
    instances = found.instances if found else ()
    desired, known = pair.desired, with_departed(organization, instances)
    before = given_overrides(pair.deployed.targets, known) if pair.deployed else {}
    if not pair.as_deployed:
        own = {one.site: one.parameters for one in found.overrides} if found and found.overrides_known else {}
        aimed = (TargetedSite(one.unit, one.site) for one in instances)
        before = {one: own.get(one.site, before.get(one, {})) for one in aimed}
    return SetContext(
        definition=pair.either,
        change=pair.change,
        states=_states(instances, organization),
        observed=found,
        aim=choose_targets(desired.stack_set, desired.targets, organization) if desired else TargetSites(sites=()),
        aims=targeted_sites(desired.targets, known) if desired else (),
        aimed=tuple(before),
        overrides=given_overrides(desired.targets, known) if desired else {},
        overrides_before=before,
    )


def _states(instances: Iterable[StackInstance], organization: Organization) -> Mapping[AccountId, str]:
    accounts = {AccountId(str(one.site.account)) for one in instances}
    told = {account: organization.state_of(account) for account in accounts}
    return {account: state for account, state in told.items() if state is not None}


async def _pairs(ordinary: Plan, stack: DesiredStack, clients: Clients) -> list[_Pair]:
    """Return each set of the stack's template and of the deployed one, if there is any, with its change."""
    found = await observe_stack(clients, stack.site, stack.name)
    holding, pseudo = Holding(stack.id, stack.site), _pseudo(ordinary.account, stack)
    deployed: tuple[Definition, ...] = ()
    if found is not None and found.facts.exists:
        template = read_deployed(await observe_template(clients, found), stack.id)
        deployed = read_definitions(template.data, {**found.parameters, **pseudo}, holding)
    as_deployed = found is None or found.facts.operation is Operation.UPDATE
    desired = read_definitions(stack.template, {**stack.values, **pseudo}, holding)
    links: tuple[Step | Deferred, ...] = (*ordinary.steps, *ordinary.deferred)
    changes = {change.logical_id: change for one in links if one.stack == stack.id for change in one.changes}
    new, old = _by_id(desired), _by_id(deployed)
    return [_Pair(new.get(name), old.get(name), changes.get(name), as_deployed) for name in dict.fromkeys((*new, *old))]


def _by_id(definitions: tuple[Definition, ...]) -> dict[LogicalId, Definition]:
    return {one.stack_set.logical_id: one for one in definitions}


def _pseudo(account: AccountId, stack: DesiredStack) -> Mapping[str, str]:
    return pseudo_parameters(stack.account or account, stack.region, stack.name)
