"""What it takes to bring a stack back to where it takes a change set: looked up and decided; nothing is changed here.

A stack in UPDATE_FAILED stands where an update failed whose rollback was disabled: it is rolled back. One in
UPDATE_ROLLBACK_FAILED could not be rolled back: that is tried again, and may in the end skip what can't be.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from builder.aws import Clients, together
from builder.deploy.cause import observe_made_inside, observe_since_good
from builder.deploy.desired import Deployment
from builder.deploy.events import SinceGood, is_collateral
from builder.deploy.look import check_account, check_credentials, until_settled
from builder.deploy.nested import NESTED, NestedStack, observe_contents
from builder.deploy.observe import Located, ObservedResource, ObservedStack, SiteView, observe_resources, of_deployment
from builder.deploy.progress import Emit
from builder.deploy.records import Plan, StackResource
from builder.errors import Stopped
from builder.resource_types.by_hand import at_stake, holds_data
from builder.terms import Arn, LogicalId, Operation, Place, StackId


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedResource:
    """A resource that could not be brought where it should be."""

    logical_id: LogicalId
    type: str
    reason: str
    may_be_skipped: bool
    """The rollback may leave it as it is, if it fails again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """One stack to be rolled back, and what a person has to know before."""

    stack: StackId
    found: ObservedStack
    failed: tuple[FailedResource, ...]
    deletes: tuple[StackResource, ...]
    """What the failed update made new, and its rollback deletes."""

    @property
    def may_skip(self) -> frozenset[LogicalId]:
        """What may be skipped: only what is in this record, because a person was shown it."""
        return frozenset(one.logical_id for one in self.failed if one.may_be_skipped)


async def find_recoveries(work: Deployment | Plan, clients: Clients, emit: Emit) -> tuple[Recovery, ...]:
    """Return what it takes for each stack of a deployment, or of a plan's changes, once no operation runs on any.

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
    known = [(ids[place], stack) for stack in ours if (place := Place(stack.site, stack.name)) in ids]
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
    inside = await _observe_inside(clients, stack, resources, since)
    return decide_recovery(stack_id, stack, resources, since, inside)


@dataclass(frozen=True, slots=True)
class Inside:
    """What rolling a stack back means inside the stacks that are nested in it, each resource by its path."""

    deleted: tuple[StackResource, ...] = ()
    failed: tuple[FailedResource, ...] = ()


async def _observe_inside(
    clients: Clients, stack: Located, resources: Iterable[ObservedResource], since: SinceGood, above: str = ""
) -> Inside:
    """Look into every nested stack: all of a new one goes with it, of another what the same operations made new."""
    nested = [one for one in resources if one.type == NESTED and one.physical_id]
    found = await together(_observe_nested(clients, stack, one, since, above) for one in nested)
    return Inside(
        tuple(one for inside in found for one in inside.deleted),
        tuple(one for inside in found for one in inside.failed),
    )


async def _observe_nested(
    clients: Clients, parent: Located, resource: ObservedResource, since: SinceGood, above: str
) -> Inside:
    stack, path = NestedStack(parent.site, Arn(resource.physical_id)), f"{above}{resource.logical_id}/"
    held = await observe_resources(clients, stack)
    failed = tuple(
        FailedResource(
            logical_id=LogicalId(f"{path}{one.logical_id}"), type=one.type, reason=one.reason, may_be_skipped=False
        )
        for one in held
        if _failed_by_itself(one)
    )
    if _is_deleted(resource, since):
        contents = await observe_contents(clients, stack, path)
        return Inside(tuple(StackResource(logical_id=one.path, type=one.type) for one in contents), failed)
    made = await observe_made_inside(clients, stack, since.tokens)
    below = await _observe_inside(clients, stack, held, replace(since, known=True, made=made), path)
    own = tuple(
        StackResource(logical_id=LogicalId(f"{path}{one.logical_id}"), type=one.type)
        for one in held
        if one.physical_id and one.logical_id in made
    )
    return Inside((*own, *below.deleted), (*failed, *below.failed))


def _is_deleted(resource: ObservedResource, since: SinceGood) -> bool:
    return bool(resource.physical_id) and (resource.logical_id in since.made or not since.known)


def decide_recovery(
    stack_id: StackId,
    stack: ObservedStack,
    resources: Iterable[ObservedResource],
    since: SinceGood,
    inside: Inside = Inside(),
) -> Recovery:
    """Return what it takes to roll the stack back.

    Where it never had a good state, its rollback deletes all that it holds.
    Raises Stopped where rolling back would delete what holds data. Of a rollback that CloudFormation itself has begun
    it is only shown: it was on its way already.
    """
    resources = tuple(resources)
    own = (StackResource(logical_id=one.logical_id, type=one.type) for one in resources if _is_deleted(one, since))
    deleted = (*own, *inside.deleted)
    kept = [one for one in deleted if holds_data(one.type)] if stack.status == "UPDATE_FAILED" else []
    if kept:
        told = "".join(f"\n  {one.logical_id} ({one.type}): {at_stake(one.type)}" for one in kept)
        raise Stopped(
            where=stack_id,
            what=f"the stack is in {stack.status}, and its rollback would delete what holds data{told}",
            next_step=f"aws cloudformation rollback-stack --region {stack.region} --stack-name {stack.name}"
            "    does so all the same",
        )
    return Recovery(
        stack=stack_id,
        found=stack,
        failed=(*(_failed(stack, one, since) for one in resources if _failed_by_itself(one)), *inside.failed),
        deletes=deleted,
    )


def _failed_by_itself(resource: ObservedResource) -> bool:
    return resource.status.endswith("_FAILED") and not is_collateral(resource.reason)


def _failed(stack: ObservedStack, resource: ObservedResource, since: SinceGood) -> FailedResource:
    """Return a failed resource, and whether CloudFormation takes it for one to be skipped.

    Only what failed while it was rolled back is; and a nested stack is not, but what failed inside it is, by hand.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html
    """
    is_stuck = stack.status == "UPDATE_ROLLBACK_FAILED" and resource.logical_id in since.failed
    return FailedResource(
        logical_id=resource.logical_id,
        type=resource.type,
        reason=resource.reason,
        may_be_skipped=is_stuck and resource.type != NESTED,
    )
