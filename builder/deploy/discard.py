"""Throwing a plan away: its change sets, and the stacks that came into being only to hold them."""

from collections.abc import Iterable

from builder.aws import Clients, call, together
from builder.deploy.change_set import delete
from builder.deploy.observe import observe_stack
from builder.deploy.records import Plan, Step


async def discard_plan(plan: Plan, clients: Clients) -> None:
    """Delete the plan's change sets, and its new stacks that hold nothing; what is gone already is fine."""
    await discard_steps(plan.steps, clients)


async def discard_steps(steps: Iterable[Step], clients: Clients) -> None:
    """Do the same for some steps."""
    await together(_discard_step(step, clients) for step in steps)


async def _discard_step(step: Step, clients: Clients) -> None:
    client = clients.cloudformation(step.region)
    await delete(clients, step.region, step.stack, step.change_set)
    stack = await observe_stack(clients, step.region, step.stack_arn)
    if step.found.status is not None or stack is None or stack.status != "REVIEW_IN_PROGRESS":
        return
    left = await call(step.stack, client.list_change_sets, StackName=step.stack_arn)
    # Somebody else's review may have joined ours on the new stack: it is theirs now.
    if not left["Summaries"]:
        await call(step.stack, client.delete_stack, StackName=step.stack_arn)
