"""What a plan deletes: failed creations, and stacks that the assembly no longer has, with their contents."""

from builder.aws import Clients, together
from builder.deploy.desired import DesiredStack
from builder.deploy.handovers.handovers import Handovers
from builder.deploy.handovers.transfers import PLACEHOLDER
from builder.deploy.observe.nested import observe_contents
from builder.deploy.observe.stacks import ObservedStack
from builder.deploy.records import PLACEHOLDER_TYPE, PLAN_AGAIN, Deletion, FoundStack, Orphan, StackResource
from builder.errors import Stopped
from builder.resource_types.facts import at_stake, holds_data, may_hold_data
from builder.terms import StackId


async def plan_orphans(
    orphans: tuple[ObservedStack, ...],
    clients: Clients,
    needs: tuple[StackId, ...],
    handovers: Handovers,
    *,
    every: bool,
) -> tuple[Orphan | Deletion, ...]:
    """Return the deletions of orphans, each after the stacks that may still use it, and the orphans that stay.

    `needs` are the stacks that the plan works on. Unless `every` orphan is to be deleted, only those are that hold
    nothing but the data they release, or that moved with a promotion and hold no other data. The newest comes first,
    and is deleted first: a stack that needs another was created after it.
    """
    held = await together(observe_held(stack, clients) for stack in orphans)
    planned: list[Orphan | Deletion] = []
    for stack, resources in zip(orphans, held, strict=True):
        name, let_go = StackId(f"{stack.region}/{stack.name}"), handovers.orphan_releases.get(stack.arn, frozenset())
        left = tuple(resource for resource in resources if resource.logical_id not in let_go)
        is_empty = bool(resources) and all(
            (resource.logical_id, resource.type) == (PLACEHOLDER, PLACEHOLDER_TYPE) for resource in left
        )
        has_moved = handovers.has_moved(stack) and not any(may_hold_data(resource.type) for resource in left)
        if not every and not is_empty and not has_moved:
            planned.append(Orphan(stack=name, region=stack.region, resources=left, account=stack.site.account))
            continue
        because = "it has released its data, and holds nothing else" if is_empty else "the assembly no longer has it"
        before = tuple(deletion.stack for deletion in planned if isinstance(deletion, Deletion))
        planned.append(_deletion(name, stack, left, because, (*needs, *before)))
    return tuple(planned)


async def plan_failed_creation(desired: DesiredStack, observed: ObservedStack, clients: Clients) -> Deletion:
    """Return the deletion of a failed creation. Raises Stopped where it holds data."""
    resources = await observe_held(observed, clients)
    check_failed_creation(desired, observed, resources)
    return _deletion(desired.id, observed, resources, f"its creation ended in {observed.status}", ())


def check_failed_creation(desired: DesiredStack, observed: ObservedStack, resources: tuple[StackResource, ...]) -> None:
    """Raise Stopped if a failed creation holds data; what is of an unknown type has only to be allowed by name."""
    kept = [resource for resource in resources if holds_data(resource.type)]
    if kept:
        lines = "".join(f"\n  {resource.logical_id} ({resource.type}): {at_stake(resource.type)}" for resource in kept)
        raise Stopped(
            where=desired.id,
            what=f"the stack is in {observed.status}, takes nothing but its deletion, and still holds{lines}",
            next_step="python -m builder destroy    deletes the deployment with all its data",
        )


async def observe_held(stack: ObservedStack, clients: Clients) -> tuple[StackResource, ...]:
    """Return the resources of a stack and of those nested in it."""
    return tuple(
        StackResource(logical_id=content.path, type=content.type, policy_action=content.fate)
        for content in await observe_contents(clients, stack)
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
        found=FoundStack(status=stack.status, stack_id=stack.arn, last_change=stack.last_change),
        resources=resources,
        account=stack.site.account,
        protected=stack.termination_protection,
    )


async def check_as_planned(deletion: Deletion, stack: ObservedStack, clients: Clients) -> None:
    """Raise Stopped unless the plan shows all data in the stack; data that was not released, for one, is not shown."""
    shown = {resource.logical_id for resource in deletion.resources}
    more = [
        resource
        for resource in await observe_held(stack, clients)
        if may_hold_data(resource.type) and resource.policy_action != "Retain" and resource.logical_id not in shown
    ]
    if more:
        holds = "holds data" if any(holds_data(resource.type) for resource in more) else "has what may hold data, and"
        lines = (f"{resource.logical_id} ({resource.type}): {at_stake(resource.type)}" for resource in more)
        raise Stopped(
            where=deletion.stack,
            what="\n  ".join((f"the stack that was to be deleted {holds} that the plan does not show:", *lines)),
            next_step=PLAN_AGAIN,
        )
