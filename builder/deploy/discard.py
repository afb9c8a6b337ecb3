"""Throwing a plan away: its change sets, and the stacks that came into being only to hold them."""

from collections.abc import Collection, Iterable

from builder.aws import Clients, call, together
from builder.deploy.change_set import Asked, delete
from builder.deploy.desired import Deployment
from builder.deploy.observe import ObservedStack, SiteView, observe_stack, of_deployment, remember_deleted
from builder.deploy.pending import IDLE, is_of, observe_change_sets
from builder.deploy.records import Plan
from builder.terms import Arn, StackId

_MAKING = frozenset({"CREATE_PENDING", "CREATE_IN_PROGRESS"})


async def discard_plan(plan: Plan, clients: Clients, only: Collection[StackId] | None = None) -> None:
    """Delete the plan's change sets, and its new stacks that hold nothing; what is gone already is fine.

    `only` names the stacks to do it for; None for all.
    """
    await discard_asked(
        (
            Asked(step.stack, step.site, step.change_set, step.stack_arn, step.nested)
            for step in plan.steps
            if only is None or step.stack in only
        ),
        clients,
    )


async def discard_all(deployment: Deployment, clients: Clients) -> tuple[StackId, ...]:
    """Delete every change set that plans of the deployment made and nobody executed, and new stacks that hold nothing.

    Returns the stack of each, one for each change set or empty stack. One that is being made or executed is let alone:
    somebody's plan is under way. What is another's stays, and the stack that it waits on.
    """
    by_site = await together(SiteView(clients, site).every_stack() for site in deployment.sites)
    names = {(place.site, place.name): stack for stack, place in deployment.places.items()}
    ours = of_deployment(tuple(stack for stacks in by_site for stack in stacks), deployment.name)
    bare = (
        stack
        for stacks in by_site
        for stack in stacks
        if stack.status == "REVIEW_IN_PROGRESS" and (stack.site, stack.name) in names and stack not in ours
    )
    found = await together(_discard_all(deployment.name, stack, clients) for stack in (*ours, *bare))
    return tuple(stack_id for ids in found for stack_id in ids)


async def _discard_all(deployment: str, stack: ObservedStack, clients: Clients) -> list[StackId]:
    name = StackId(f"{stack.region}/{stack.name}")
    waiting = await observe_change_sets(clients, name, stack.site, stack.arn)
    idle = [one for one in waiting if one["ExecutionStatus"] in IDLE and one["Status"] not in _MAKING]
    asked = [
        Asked(name, stack.site, Arn(one["ChangeSetId"]), stack.arn, one.get("IncludeNestedStacks", False))
        for one in idle
        if is_of(deployment, one)
    ]
    for one in asked:
        await _discard(one, clients)
    if not waiting and stack.status == "REVIEW_IN_PROGRESS":
        await _drop(name, stack, clients)
        return [name]
    return [name for _ in asked]


async def discard_asked(asked: Iterable[Asked], clients: Clients) -> None:
    """Do the same for change sets that may not be in a plan yet."""
    await together(_discard(one, clients) for one in asked)


async def _discard(asked: Asked, clients: Clients) -> None:
    await delete(clients, asked)
    stack = await observe_stack(clients, asked.site, asked.stack_arn)
    if stack is None or stack.status != "REVIEW_IN_PROGRESS":
        return
    # Somebody else's review may wait on the same new stack: then it is theirs. A listing may lag behind our deletion.
    left = await observe_change_sets(clients, asked.stack, asked.site, asked.stack_arn)
    if all(one["ChangeSetId"] == asked.change_set for one in left):
        await _drop(asked.stack, stack, clients)


async def _drop(name: StackId, stack: ObservedStack, clients: Clients) -> None:
    client = clients.of(stack.site).cloudformation(stack.region)
    await call(name, client.delete_stack, StackName=stack.arn)
    remember_deleted(clients, stack.site, stack.name, stack.arn)
