"""Before anything runs: is every change set what was reviewed, and has no stack moved since?"""

from dataclasses import dataclass
from enum import StrEnum

from builder.aws import Clients, call, together
from builder.deploy.observe import ObservedStack, observe_account, observe_stack
from builder.deploy.records import Plan, Step
from builder.errors import AwsError, BadInput, Stopped
from builder.terms import Operation

_AGAIN = "python -m builder plan    makes a new plan from what stands now"


class Standing(StrEnum):
    """How far a step has come, read from AWS alone; so an execution resumes by being started again."""

    READY = "ready"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Checked:
    """A step that may go on, and from where."""

    step: Step
    standing: Standing


async def check_plan(plan: Plan, clients: Clients) -> tuple[Checked, ...]:
    """Return every step with its standing.

    Raises Stopped, before anything ran, if any step cannot be executed as it was reviewed, naming each; BadInput if
    the credentials are of another account than the plan.
    """
    if plan.steps:
        account = await observe_account(clients, plan.steps[0].region)
        if account != plan.account:
            raise BadInput(
                where=plan.deployment,
                what=f"the plan is for account {plan.account}, and the credentials are of account {account}",
            )
    return tuple(await together(_check_step(step, clients) for step in plan.steps))


async def _check_step(step: Step, clients: Clients) -> Checked:
    stack = await observe_stack(clients, step.region, step.stack_arn)
    if stack is not None and was_executed(step, stack):
        return Checked(step, _standing_of_executed(step, stack))
    try:
        found = await call(
            step.stack, clients.cloudformation(step.region).describe_change_set, ChangeSetName=step.change_set
        )
    except AwsError as error:
        if error.code != "ChangeSetNotFound":
            raise
        raise _moved(step, stack, "its change set is gone") from error
    if found["ExecutionStatus"] != "AVAILABLE":
        raise _moved(step, stack, f"its change set is {found['ExecutionStatus']}")
    if step.template_sha256 not in found.get("Description", ""):
        raise _moved(step, stack, "its change set was made from another template")
    if (
        stack is not None
        and step.found.status is not None
        and (stack.status, stack.last_change)
        != (
            step.found.status,
            step.found.last_change,
        )
    ):
        raise _moved(step, stack, f"the stack has changed since ({stack.status}, {stack.last_change})")
    return Checked(step, Standing.READY)


def was_executed(step: Step, stack: ObservedStack) -> bool:
    """Return whether the stack's last operation is this step's.

    In review its ChangeSetId is only one that waits; of a stack deleted while in review, one that never ran.
    """
    return stack.change_set == step.change_set and stack.facts.exists


def _standing_of_executed(step: Step, stack: ObservedStack) -> Standing:
    if stack.facts.operation is Operation.WAIT:
        return Standing.RUNNING
    if stack.facts.good:
        return Standing.DONE
    raise Stopped(
        where=step.stack,
        what=f"this plan's change set was executed and ended in {stack.status}; it cannot be executed again",
        next_step=_AGAIN,
    )


def _moved(step: Step, stack: ObservedStack | None, what: str) -> Stopped:
    winner = f"; the stack's last change set is {stack.change_set}" if stack is not None and stack.change_set else ""
    return Stopped(where=step.stack, what=f"{what}{winner}. Nothing was executed", next_step=_AGAIN)
