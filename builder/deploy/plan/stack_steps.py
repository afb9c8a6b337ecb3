"""What a plan does to one stack, step after step, and how far AWS shows it to have come, by whoever's hand."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from builder.aws import Clients, call
from builder.deploy.desired import MASK
from builder.deploy.observe.stacks import ObservedStack
from builder.deploy.plan.change_set import change_set_name, is_alike
from builder.deploy.progress import Outcome, ReviewRequired
from builder.deploy.records import (
    PLAN_AGAIN,
    AnyStep,
    Deferred,
    Deletion,
    FoundStack,
    Plan,
    Protection,
    StackSteps,
    Step,
)
from builder.errors import AwsError, Stopped
from builder.terms import Arn, StackId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import DescribeChangeSetOutputTypeDef


def steps_executed(plan: Plan, steps: StackSteps, stack: ObservedStack) -> int:
    """Return how many steps are executed if the stack's last change set is one of theirs; 0 if it is none.

    In review a stack's ChangeSetId is only one that waits; of a stack deleted while in review, one that never ran.
    """
    if stack.change_set is None or not stack.facts.exists:
        return 0
    own = [place for place, step in enumerate(steps, start=1) if _made(plan, step, stack.change_set)]
    return max(own, default=0)


def _made(plan: Plan, step: AnyStep, change_set: Arn) -> bool:
    match step:
        case Step():
            return step.change_set == change_set
        case Deferred():
            # arn:aws:cloudformation:us-east-1:111122223333:changeSet/NAME/uuid
            return f":changeSet/{change_set_name(plan.deployment, plan.id, step.part)}/" in change_set
        case Deletion() | Protection():
            return False


def after_review(plan: Plan, ended: Iterable[Outcome]) -> Plan:
    """Return the plan in which every deferred change set that was left for review is an ordinary step."""
    made = {
        (outcome.stack, outcome.step.part): outcome.step for outcome in ended if isinstance(outcome, ReviewRequired)
    }
    return replace(
        plan,
        steps=(*plan.steps, *made.values()),
        deferred=tuple(deferred for deferred in plan.deferred if (deferred.stack, deferred.part) not in made),
    )


async def steps_executed_by_same_plan(clients: Clients, plan: Plan, steps: StackSteps, stack: ObservedStack) -> int:
    """Return how many steps are as good as executed, if the stack's last change set is the same as one of theirs.

    The stack has moved since the plan was made: what ran before that is the same as nothing in it. And one that may
    have done something else with the same words, because of what it looked at, is not known to be the same.
    """
    if stack.change_set is None or not stack.facts.exists:
        return 0
    client = clients.of(stack.site).cloudformation(stack.region)
    try:
        answer = await call(steps[0].stack, client.describe_change_set, ChangeSetName=stack.change_set)
    except AwsError as error:
        if error.code != "ChangeSetNotFound":
            raise
        return 0
    if _looked_elsewhere(answer):
        return 0
    parameters = {
        parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in answer.get("Parameters", [])
    }
    description = answer.get("Description", "")
    same = [place for place, step in enumerate(steps, start=1) if _is_same(plan, step, description, parameters)]
    return max(same, default=0)


def _looked_elsewhere(answer: "DescribeChangeSetOutputTypeDef") -> bool:
    """Return whether a change set was made of more than its template and parameters.

    Nested stacks' templates, macros, values of SSM: they may have been others for the one than for the other.
    """
    resolved = any("ResolvedValue" in parameter for parameter in answer.get("Parameters", []))
    expanded = "CAPABILITY_AUTO_EXPAND" in answer.get("Capabilities", [])
    return resolved or expanded or answer.get("IncludeNestedStacks", False)


def _is_same(plan: Plan, step: AnyStep, description: str, parameters: dict[str, str]) -> bool:
    if isinstance(step, Deletion | Protection):
        return False
    asked = step.desired if isinstance(step, Deferred) else step
    digest = step.desired.sha256 if isinstance(step, Deferred) else step.template_sha256
    # Of a value that AWS shows to nobody it is not known to be the same.
    known = dict(asked.parameters) == parameters and MASK not in parameters.values()
    return known and is_alike(description, plan.assembly, step.stack, digest)


def stands_as(found: FoundStack, stack: ObservedStack | None) -> bool:
    """Return whether the stack is as it was when the plan was made."""
    if stack is None or not stack.facts.exists:
        return found.status is None or found.status in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"}
    return (stack.status, stack.arn, stack.last_change) == (found.status, found.stack_id, found.last_change)


def overtaken(name: StackId, stack: ObservedStack | None, what: str) -> Stopped:
    """Return the refusal of a step that somebody or something else has moved, naming it where it can be known."""
    winner = f"; the stack's last change set is {stack.change_set}" if stack is not None and stack.change_set else ""
    return Stopped(where=name, what=f"{what}{winner}. Nothing of this plan was executed here", next_step=PLAN_AGAIN)
