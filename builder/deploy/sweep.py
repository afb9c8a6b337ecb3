"""Clearing away what an earlier `deploy` left behind: its change sets are nobody's review."""

from builder.aws import Clients, together
from builder.deploy.change_set import Asked, delete
from builder.deploy.description import is_deploys_own
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.pending import observe_change_sets
from builder.deploy.records import Plan
from builder.terms import Arn


async def sweep(deployment: Deployment, plan: Plan, clients: Clients) -> None:
    """Delete the change sets of a `deploy` that broke off, on the stacks that this plan did not touch.

    On the others the execution has deleted them already.
    """
    touched = {step.stack for step in plan.steps}
    await together(_sweep(stack, clients) for stack in deployment.stacks if stack.id not in touched)


async def _sweep(stack: DesiredStack, clients: Clients) -> None:
    for one in await observe_change_sets(clients, stack.id, stack.site, Arn(stack.name)):
        # One that was executed stays: it tells what the stack came from.
        if one["ExecutionStatus"] == "AVAILABLE" and is_deploys_own(one.get("Description", "")):
            nested = one.get("IncludeNestedStacks", False)
            await delete(clients, Asked(stack.id, stack.site, Arn(one["ChangeSetId"]), Arn(one["StackId"]), nested))
