"""Throwing a plan away: its change sets, and the stacks that came into being only to hold them."""

from collections.abc import Collection, Iterable

from builder.aws import Clients, call, together
from builder.deploy.change_set import Asked, delete
from builder.deploy.observe import observe_stack, remember_deleted
from builder.deploy.pending import observe_change_sets
from builder.deploy.records import Plan
from builder.terms import StackId


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


async def discard_asked(asked: Iterable[Asked], clients: Clients) -> None:
    """Do the same for change sets that may not be in a plan yet."""
    await together(_discard(one, clients) for one in asked)


async def _discard(asked: Asked, clients: Clients) -> None:
    client = clients.of(asked.site).cloudformation(asked.site.region)
    await delete(clients, asked)
    stack = await observe_stack(clients, asked.site, asked.stack_arn)
    if stack is None or stack.status != "REVIEW_IN_PROGRESS":
        return
    # Somebody else's review may wait on the same new stack: then it is theirs.
    if not await observe_change_sets(clients, asked.stack, asked.site, asked.stack_arn):
        await call(asked.stack, client.delete_stack, StackName=asked.stack_arn)
        remember_deleted(clients, asked.site, stack.name, stack.arn)
