"""Starting one step: execute its change set, whatever became of the answer, and whoever else was at it."""

import asyncio

from builder.aws import Clients, call
from builder.deploy.change_set import token
from builder.deploy.observe import LAG_S, LOOK_S, observe_stack
from builder.deploy.preflight import how_far, overtaken
from builder.deploy.records import Plan, Step
from builder.errors import AwsError
from builder.terms import Arn, StackId

# What a request is answered that comes too late, be it after another's or after itself.
_NOT_AVAILABLE = frozenset({"InvalidChangeSetStatus", "ChangeSetNotFound", "TokenAlreadyExistsException"})


def execution_token(plan: Plan, stack: StackId, part: int) -> str:
    """Return the token that marks every event of a change set's execution."""
    return token(plan.id, stack, f"execute {part}")


async def execute_step(plan: Plan, step: Step, clients: Clients) -> Arn:
    """Execute the step's change set; return the one that runs now: its own, or another plan's that is the same.

    Raises Stopped, naming the winner, where somebody else moved the stack first.
    """
    try:
        await call(
            step.stack,
            clients.of(step.site).cloudformation(step.region).execute_change_set,
            ChangeSetName=step.change_set,
            ClientRequestToken=execution_token(plan, step.stack, step.part),
            DisableRollback=step.stack in plan.options.unrolled,
        )
    except AwsError as error:
        if error.code not in _NOT_AVAILABLE and not await _is_busy(step, clients):
            raise
        return await _who_runs(plan, step, clients, error)
    return step.change_set


async def _is_busy(step: Step, clients: Clients) -> bool:
    """Return whether an operation runs on the stack: ours after all, or the one that ours was refused for."""
    stack = await observe_stack(clients, step.site, step.stack_arn)
    return stack is not None and not stack.facts.settled


async def _who_runs(plan: Plan, step: Step, clients: Clients, refusal: AwsError) -> Arn:
    """Read why the change set could not be executed.

    After a lost answer boto3 asks again and is told that the change set runs already: fine, if it is ours that runs.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        stack = await observe_stack(clients, step.site, step.stack_arn)
        if stack is not None and await how_far(plan, (step,), stack, clients):
            return stack.change_set or step.change_set
        if loop.time() - started > LAG_S:
            raise overtaken(step.stack, stack, "another operation was faster") from refusal
        await asyncio.sleep(LOOK_S)
