"""Planning a fleet: the ordinary plan of the stacks that hold its sets, and what that means in each account."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from builder.aws import Clients, together
from builder.deploy import Deployment, Emit, Plan, Seal, Wish, discard_plan, make_plan
from builder.deploy.desired import DesiredStack
from builder.deploy.observe import observe_stack, observe_template
from builder.deploy.records import Deferred, ResourceChange, Step, Trip
from builder.deploy.template import read_deployed
from builder.errors import BuilderError, Stopped
from builder.fleet.definition import has_sets, read_definitions
from builder.fleet.guards import fleet_trips
from builder.fleet.names import Creation, check_names
from builder.fleet.observe import observe_set
from builder.fleet.organization import observe_organization
from builder.fleet.reach import plan_set
from builder.fleet.records import FLEET_PLAN_VERSION, Aimed, Definition, FleetPlan, Holding, Instance, SetPlan
from builder.fleet.setting import Observed, Setting
from builder.fleet.standing import pseudo_parameters
from builder.fleet.targets import Aim, Organization, aim_of, take_aim, units_of, with_departed
from builder.terms import AccountId, Arn, LogicalId, Operation, StackId


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
    def is_replaced(self) -> bool:
        """Whether CloudFormation makes a new set beside the one that stands."""
        return self.change is not None and self.change.replacement == "True"

    @property
    def is_imported(self) -> bool:
        """Whether the set that stands becomes the stack's."""
        return self.change is not None and self.change.action == "Import"

    @property
    def standing(self) -> Definition:
        """The set by the name that it stands under, which a replacement changes."""
        return self.deployed or self.either


def unrolled_stacks(deployment: Deployment) -> tuple[StackId, ...]:
    """Return the stacks that hold sets: a rollback of one would go through all its accounts a second time."""
    return tuple(stack.id for stack in deployment.stacks if has_sets(stack.template, stack.id))


async def make_fleet_plan(  # noqa: PLR0913 - as make_plan, and one wish more
    deployment: Deployment,
    clients: Clients,
    seal: Seal,
    emit: Emit,
    wish: Wish = Wish(),
    *,
    all_overrides: bool = False,
) -> FleetPlan:
    """Return the plan, its change sets standing in CloudFormation for review.

    Raises what `make_plan` raises, and BadInput where a set aims at the management account; then, too, nothing that
    this run made is left.
    """
    unrolled = replace(wish, options=replace(wish.options, unrolled=unrolled_stacks(deployment)))
    ordinary = await make_plan(deployment, clients, seal, emit, unrolled)
    try:
        return await _look_further(ordinary, deployment, clients, all_overrides=all_overrides)
    except (BuilderError, asyncio.CancelledError):
        await asyncio.shield(discard_plan(ordinary, clients))
        raise


async def judge_sets(ordinary: Plan, deployment: Deployment, clients: Clients) -> tuple[SetPlan, ...]:
    """Return what the change sets of an ordinary plan mean for each set, from the assembly and what stands alone."""
    bare = replace(ordinary, guards=(), orphans=(), deletions=())
    return (await _look_further(bare, deployment, clients, all_overrides=False)).sets


async def fleet_guards(ordinary: Plan, deployment: Deployment, clients: Clients) -> tuple[Trip, ...]:
    """Return what they trip in the accounts."""
    return fleet_trips(await judge_sets(ordinary, deployment, clients))


async def _look_further(ordinary: Plan, deployment: Deployment, clients: Clients, *, all_overrides: bool) -> FleetPlan:
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
        observe_set(clients, pair.standing.stack_set, all_overrides=all_overrides) for pair in pairs
    )
    sets = tuple(plan_set(_setting(pair, found, organization)) for pair, found in zip(pairs, observed, strict=True))
    creations = [
        Creation(one.stack_set, anew=pair.deployed is not None and pair.is_replaced)
        for pair, one in zip(pairs, sets, strict=True)
        if one.does == "create" and not pair.is_imported
    ]
    await check_names(creations, {stack.id: stack.name for stack in deployment.stacks}, clients)
    ordinary = _without_instances(ordinary, sets)
    guarded = replace(ordinary, guards=(*ordinary.guards, *fleet_trips(sets)))
    return FleetPlan(version=FLEET_PLAN_VERSION, ordinary=guarded, sets=sets)


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


def _setting(pair: _Pair, found: Observed | None, organization: Organization) -> Setting:
    instances = found.instances if found else ()
    desired, known = pair.desired, with_departed(organization, instances)
    deployed = aim_of(pair.deployed.targets, known) if pair.deployed else ()
    return Setting(
        definition=pair.either,
        change=pair.change,
        states=_states(instances, organization),
        observed=found,
        aim=take_aim(desired.stack_set, desired.targets, organization) if desired else Aim(sites=()),
        aims=aim_of(desired.targets, known) if desired else (),
        aimed=deployed if pair.as_deployed else tuple(Aimed(one.unit, one.site) for one in instances),
    )


def _states(instances: Iterable[Instance], organization: Organization) -> Mapping[AccountId, str]:
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
        deployed = read_definitions(template, {**found.parameters, **pseudo}, holding)
    as_deployed = found is None or found.facts.operation is Operation.UPDATE
    values = {name: value for name, value in stack.parameters.items() if isinstance(value, str)}
    desired = read_definitions(stack.template, {**values, **pseudo}, holding)
    links: tuple[Step | Deferred, ...] = (*ordinary.steps, *ordinary.deferred)
    changes = {change.logical_id: change for one in links if one.stack == stack.id for change in one.changes}
    new, old = _by_id(desired), _by_id(deployed)
    return [_Pair(new.get(name), old.get(name), changes.get(name), as_deployed) for name in dict.fromkeys((*new, *old))]


def _by_id(definitions: tuple[Definition, ...]) -> dict[LogicalId, Definition]:
    return {one.stack_set.logical_id: one for one in definitions}


def _pseudo(account: AccountId, stack: DesiredStack) -> Mapping[str, str]:
    return pseudo_parameters(stack.account or account, stack.region, stack.name)
