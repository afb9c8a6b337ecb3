"""Whole stacks that a plan deletes: orphans that are to go, and what is left of failed creations."""

from builder.aws import Clients, together
from builder.deploy.desired import DesiredStack
from builder.deploy.nested import observe_contents
from builder.deploy.observe import ObservedStack
from builder.deploy.records import Deletion, Found, Orphan, StackResource
from builder.errors import Stopped
from builder.resource_types.by_hand import at_stake, holds_data
from builder.terms import StackId


async def plan_orphans(
    orphans: tuple[ObservedStack, ...], clients: Clients, needs: tuple[StackId, ...] | None
) -> tuple[Orphan | Deletion, ...]:
    """Return the orphans with what stands in them, to be deleted once all that they may serve is done.

    `needs` are the stacks that the plan works on; None where orphans are left alone. They come the one created last
    first, and go in that order: what needs another was created after it.
    """
    held = await together(observe_held(stack, clients) for stack in orphans)
    ids = [StackId(f"{stack.region}/{stack.name}") for stack in orphans]
    if needs is None:
        return tuple(
            Orphan(stack=name, region=stack.region, resources=resources, account=stack.site.account)
            for name, stack, resources in zip(ids, orphans, held, strict=True)
        )
    return tuple(
        _deletion(name, stack, resources, "the assembly no longer has it", (*needs, *ids[:place]))
        for place, (name, stack, resources) in enumerate(zip(ids, orphans, held, strict=True))
    )


async def plan_wreck(desired: DesiredStack, observed: ObservedStack, clients: Clients) -> Deletion:
    """Return the deletion of what a failed creation left. Raises Stopped where any of it holds data."""
    resources = await observe_held(observed, clients)
    check_wreck(desired, observed, resources)
    return _deletion(desired.id, observed, resources, f"its creation ended in {observed.status}", ())


def check_wreck(desired: DesiredStack, observed: ObservedStack, resources: tuple[StackResource, ...]) -> None:
    """Raise Stopped where what is left of a failed creation holds data."""
    kept = [one for one in resources if holds_data(one.type)]
    if kept:
        told = "".join(f"\n  {one.logical_id} ({one.type}): {at_stake(one.type)}" for one in kept)
        raise Stopped(
            where=desired.id,
            what=f"the stack is in {observed.status}, takes nothing but its deletion, and still holds{told}",
            next_step="python -m builder destroy    deletes the deployment with all its data",
        )


async def observe_held(stack: ObservedStack, clients: Clients) -> tuple[StackResource, ...]:
    """Return the resources that stand in a stack, and in those nested in it."""
    return tuple(
        StackResource(logical_id=one.path, type=one.type, policy_action=one.fate)
        for one in await observe_contents(clients, stack)
    )


def _deletion(
    name: StackId,
    stack: ObservedStack,
    resources: tuple[StackResource, ...],
    because: str,
    needs: tuple[StackId, ...],
) -> Deletion:
    return Deletion(
        stack=name,
        region=stack.region,
        name=stack.name,
        stack_arn=stack.arn,
        because=because,
        needs=needs,
        found=Found(status=stack.status, stack_id=stack.arn, last_change=stack.last_change),
        resources=resources,
        account=stack.site.account,
        protected=stack.termination_protection,
    )
