"""Stacks whose update was halted: what failed, which resources it created, and what a rollback does to each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from builder.aws import Clients, call, together
from builder.deploy.desired import Deployment
from builder.deploy.observe.deployment import check_account, check_credentials, until_settled
from builder.deploy.observe.nested import FateOf, NestedStack, find_fate, observe_contents
from builder.deploy.observe.operation import (
    SinceGood,
    is_collateral,
    observe_made_inside,
    observe_since_good,
)
from builder.deploy.observe.stacks import (
    Located,
    ObservedResource,
    ObservedStack,
    SiteView,
    observe_resources,
    observe_stack,
    observe_template,
    of_deployment,
)
from builder.deploy.progress import Emit
from builder.deploy.records import Plan, StackResource
from builder.errors import AwsError, Stopped
from builder.resource_types import NESTED_STACK
from builder.resource_types.facts import at_stake, holds_data, may_hold_data
from builder.resource_types.fate import Fate, fate_on_rolled_back_creation
from builder.template import Template, read_deployed
from builder.terms import Arn, LogicalId, Operation, StackId, StackPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedResource:
    """A resource that could not be created, updated or rolled back."""

    logical_id: LogicalId
    type: str
    reason: str
    may_be_skipped: bool
    """Whether the rollback may leave it as it is, if it fails again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One stack to be rolled back, and what a person has to know before."""

    stack: StackId
    observed: ObservedStack
    failed: tuple[FailedResource, ...]
    created: tuple[StackResource, ...]
    """The resources that the failed update created, each with what the rollback does with it."""

    @property
    def may_skip(self) -> frozenset[LogicalId]:
        """The resources that may be skipped: only those in this record, which a person was shown."""
        return frozenset(failure.logical_id for failure in self.failed if failure.may_be_skipped)


async def find_recoveries(work: Deployment | Plan, clients: Clients, emit: Emit) -> tuple[Recovery, ...]:
    """Return the recovery of each stack of a deployment, or of a plan's changes, once no operation runs on any.

    Raises Stopped, with every reason, where a rollback would delete data; BadInput for another account's credentials.
    """
    name = work.deployment if isinstance(work, Plan) else work.name
    ids = {place: stack for stack, place in work.places.items()}
    sites = dict.fromkeys(place.site for place in ids)
    await check_credentials(name, work.account, sites, clients)
    by_site = await together(SiteView(clients, site).every_stack() for site in sites)
    ours = of_deployment(tuple(stack for stacks in by_site for stack in stacks), name)
    for stack in ours:
        if stack.site.account is None:
            check_account(name, work.account, stack.account)
    known = [(ids[place], stack) for stack in ours if (place := StackPlace(stack.site, stack.name)) in ids]
    settled = await together(until_settled(clients, stack, stack_id, emit) for stack_id, stack in known)
    halted = [
        (stack_id, stack)
        for (stack_id, _), stack in zip(known, settled, strict=True)
        if stack is not None and stack.facts.operation is Operation.RECOVER
    ]
    return tuple(await together(_observe_recovery(stack_id, stack, clients) for stack_id, stack in halted))


async def _observe_recovery(stack_id: StackId, stack: ObservedStack, clients: Clients) -> Recovery:
    resources = await observe_resources(clients, stack)
    since = await observe_since_good(clients, stack)
    rollback = _Rollback(clients, _fate_of(stack))
    halted = HaltedStack(
        observed=stack,
        resources=resources,
        since=since,
        created=await _observe_created(rollback, stack, resources, since),
        inside=await _observe_inside(rollback, stack, resources, since),
    )
    return decide_recovery(stack_id, halted)


@dataclass(frozen=True, slots=True)
class NestedRecovery:
    """The effects of a stack's rollback inside its nested stacks, each resource by its path."""

    created: tuple[StackResource, ...] = ()
    failed: tuple[FailedResource, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltedStack:
    """A stack whose update was halted, and what was read of it."""

    observed: ObservedStack
    resources: tuple[ObservedResource, ...]
    since: SinceGood
    created: tuple[StackResource, ...] = ()
    """The resources that its rollback takes from it, each with what becomes of it."""
    inside: NestedRecovery = NestedRecovery()


@dataclass(frozen=True, slots=True)
class _Rollback:
    clients: Clients
    fate_of: FateOf
    """Return what the rollback does with a resource that the failed update created."""


def _fate_of(stack: ObservedStack) -> FateOf:
    def without_retention(resource: Mapping[str, Any]) -> Fate | None:
        fate = fate_on_rolled_back_creation(resource)
        return "Delete" if fate == "Retain" else fate

    return without_retention if stack.deletes_creations else fate_on_rolled_back_creation


async def _observe_created(
    rollback: _Rollback, stack: Located, resources: Iterable[ObservedResource], since: SinceGood, above: str = ""
) -> tuple[StackResource, ...]:
    """Return the resources of a stack that its failed update created, each with what the rollback does with it."""
    created = [resource for resource in resources if is_created(resource, since)]
    templates: list[Template] = []
    if created:
        where = f"{stack.region}/{stack.name}"
        templates.append(read_deployed(await observe_template(rollback.clients, stack, "Processed"), where))
    if any(not templates[0].resource(resource.logical_id) for resource in created):
        # Once it is rolled back a stack shows the template of before, which does not have them.
        templates += await _observe_executed_template(rollback, stack)
    return tuple(
        StackResource(
            logical_id=LogicalId(f"{above}{resource.logical_id}"),
            type=resource.type,
            policy_action=_find_fate(templates, resource, rollback),
        )
        for resource in created
    )


def _find_fate(templates: Iterable[Template], resource: ObservedResource, rollback: _Rollback) -> Fate | None:
    declared = next((template for template in templates if template.resource(resource.logical_id)), Template())
    return find_fate(declared, resource.logical_id, rollback.fate_of)


async def _observe_executed_template(rollback: _Rollback, stack: Located) -> tuple[Template, ...]:
    """Return the template of the change set that the stack executed last; none where that is not known any more."""
    observed = await observe_stack(rollback.clients, stack.site, stack.arn)
    if observed is None or observed.change_set is None:
        return ()
    client = rollback.clients.of(stack.site).cloudformation(stack.region)
    where = f"{stack.region}/{stack.name}"
    try:
        answer = await call(where, client.get_template, ChangeSetName=observed.change_set, TemplateStage="Processed")
    except AwsError as error:
        if error.code != "ChangeSetNotFound":
            raise
        return ()
    return (read_deployed(answer["TemplateBody"], where),)


async def _observe_inside(
    rollback: _Rollback, stack: Located, resources: Iterable[ObservedResource], since: SinceGood, above: str = ""
) -> NestedRecovery:
    """Observe every nested stack: a new one goes or stays whole, in another one what the same operations created."""
    nested = [resource for resource in resources if resource.type == NESTED_STACK and resource.physical_id]
    new = await _observe_created(rollback, stack, nested, since)
    fates = {resource.logical_id: resource.policy_action for resource in new}
    below = await together(
        _observe_new(rollback, stack, resource, fates[resource.logical_id], above)
        if resource.logical_id in fates
        else _observe_nested(rollback, stack, resource, since, above)
        for resource in nested
    )
    return NestedRecovery(
        tuple(resource for inside in below for resource in inside.created),
        tuple(failure for inside in below for failure in inside.failed),
    )


async def _observe_new(
    rollback: _Rollback, parent: Located, resource: ObservedResource, fate: str | None, above: str
) -> NestedRecovery:
    """Observe a nested stack that the failed update created; `fate` is what the rollback does with it."""
    stack, path = NestedStack(parent.site, Arn(resource.physical_id)), f"{above}{resource.logical_id}/"
    children = await observe_resources(rollback.clients, stack)
    contents = await observe_contents(rollback.clients, stack, path, fate=fate, fate_of=rollback.fate_of)
    return NestedRecovery(
        tuple(
            StackResource(logical_id=content.path, type=content.type, policy_action=content.fate)
            for content in contents
        ),
        _failed_inside(children, path),
    )


async def _observe_nested(
    rollback: _Rollback, parent: Located, resource: ObservedResource, since: SinceGood, above: str
) -> NestedRecovery:
    """Observe a nested stack that was there before the failed update."""
    stack, path = NestedStack(parent.site, Arn(resource.physical_id)), f"{above}{resource.logical_id}/"
    children = await observe_resources(rollback.clients, stack)
    made = await observe_made_inside(rollback.clients, stack, since.tokens)
    since_inside = replace(since, known=True, made=made)
    below = await _observe_inside(rollback, stack, children, since_inside, path)
    own = await _observe_created(rollback, stack, children, since_inside, path)
    return NestedRecovery((*own, *below.created), (*_failed_inside(children, path), *below.failed))


def _failed_inside(children: Iterable[ObservedResource], path: str) -> tuple[FailedResource, ...]:
    return tuple(
        FailedResource(
            logical_id=LogicalId(f"{path}{child.logical_id}"),
            type=child.type,
            reason=child.reason,
            may_be_skipped=False,
        )
        for child in children
        if _failed_by_itself(child)
    )


def is_created(resource: ObservedResource, since: SinceGood) -> bool:
    """Return whether the resource came into being since the stack's last good state; any, where there is none."""
    return bool(resource.physical_id) and (resource.logical_id in since.made or not since.known)


def decide_recovery(stack_id: StackId, halted: HaltedStack) -> Recovery:
    """Return the recovery of the stack.

    Where it never had a good state, its rollback takes all that it holds from it.
    Raises Stopped where the rollback would delete data, unless CloudFormation has begun it already: then the deletions
    are only shown.
    """
    stack = halted.observed
    created = (*halted.created, *halted.inside.created)
    # What is retained stays with its data. Of what nobody can tell nothing is promised.
    lost = [resource for resource in created if may_hold_data(resource.type) and resource.policy_action != "Retain"]
    if lost and stack.status == "UPDATE_FAILED":
        losses = "".join(f"\n  {resource.logical_id} ({resource.type}): {at_stake(resource.type)}" for resource in lost)
        holds = "holds" if any(holds_data(resource.type) for resource in lost) else "may hold"
        raise Stopped(
            where=stack_id,
            what=f"the stack is in {stack.status}, and its rollback would delete what {holds} data{losses}",
            next_step=f"aws cloudformation rollback-stack --region {stack.region} --stack-name {stack.name}"
            "    does so all the same",
        )
    return Recovery(
        stack=stack_id,
        observed=stack,
        failed=(
            *(_failed(stack, resource, halted.since) for resource in halted.resources if _failed_by_itself(resource)),
            *halted.inside.failed,
        ),
        created=created,
    )


def _failed_by_itself(resource: ObservedResource) -> bool:
    return resource.status.endswith("_FAILED") and not is_collateral(resource.reason)


def _failed(stack: ObservedStack, resource: ObservedResource, since: SinceGood) -> FailedResource:
    """Return a failed resource, and whether CloudFormation lets a rollback skip it.

    Only a resource that failed during the rollback can be skipped; a nested stack cannot, but what failed inside it
    can, by hand.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html
    """
    is_stuck = stack.status == "UPDATE_ROLLBACK_FAILED" and resource.logical_id in since.failed
    return FailedResource(
        logical_id=resource.logical_id,
        type=resource.type,
        reason=resource.reason,
        may_be_skipped=is_stuck and resource.type != NESTED_STACK,
    )


# The operations that prevent a stack's planning; no other settled status does.
