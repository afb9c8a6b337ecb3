"""Before anything runs: is every change set what was reviewed, has no stack moved, waits nobody else's review?"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from builder.aws import Clients, call, together
from builder.deploy.observe import ObservedStack, observe_account, observe_stack
from builder.deploy.records import Plan, Step
from builder.deploy.twin import executed_twin, is_alike
from builder.errors import AwsError, BadInput, Stopped
from builder.terms import Arn, Operation

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ChangeSetSummaryTypeDef

_AGAIN = "python -m builder plan    makes a new plan from what stands now"
# How long a read may lag behind what CloudFormation has just confirmed.
LAG_S = 10.0
LOOK_S = 1.0


class Standing(StrEnum):
    """How far a step has come, read from AWS alone; so an execution resumes by being started again."""

    READY = "ready"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Checked:
    """A step that may go on, from where, and by which change set: its own, or another's that is the same."""

    step: Step
    standing: Standing
    change_set: Arn


async def check_plan(plan: Plan, clients: Clients, allow: Collection[str] = ()) -> tuple[Checked, ...]:
    """Return every step with its standing.

    Raises Stopped, before anything ran, if any step cannot be executed as it was reviewed, naming each, or if
    another's review that `allow` does not name would be deleted by it; BadInput if the credentials are of another
    account than the plan.
    """
    if plan.steps:
        account = await observe_account(clients, plan.steps[0].region)
        if account != plan.account:
            raise BadInput(
                where=plan.deployment,
                what=f"the plan is for account {plan.account}, and the credentials are of account {account}",
            )
    return tuple(await together(_check_step(plan, step, clients, allow) for step in plan.steps))


async def _check_step(plan: Plan, step: Step, clients: Clients, allow: Collection[str]) -> Checked:
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        waiting = await _waiting(step, clients)
        own = next((one for one in waiting if one["ChangeSetId"] == step.change_set), None)
        if own is not None and own["ExecutionStatus"] == "AVAILABLE":
            return _ready(plan, step, own, [one for one in waiting if one is not own], allow)
        stack = await observe_stack(clients, step.region, step.stack_arn)
        if stack is not None and was_executed(step, stack):
            return Checked(step, standing_of(step, stack), step.change_set)
        if stack is not None and (twin := await executed_twin(clients, plan, step, stack)):
            return Checked(step, standing_of(step, stack), twin)
        if own is not None and own["ExecutionStatus"] == "OBSOLETE":
            raise overtaken(step, stack, "its change set is OBSOLETE")
        if loop.time() - started > LAG_S:
            raise overtaken(step, stack, "its change set is gone" if own is None else "its change set never got ready")
        await asyncio.sleep(LOOK_S)


async def _waiting(step: Step, clients: Clients) -> "list[ChangeSetSummaryTypeDef]":
    client = clients.cloudformation(step.region)

    def every_page() -> "list[ChangeSetSummaryTypeDef]":
        pages = client.get_paginator("list_change_sets").paginate(StackName=step.stack_arn)
        return [summary for page in pages for summary in page["Summaries"]]

    try:
        return await call(step.stack, every_page)
    except AwsError as error:
        if "does not exist" in error.what:
            return []
        raise


def _ready(
    plan: Plan,
    step: Step,
    own: "ChangeSetSummaryTypeDef",
    others: "list[ChangeSetSummaryTypeDef]",
    allow: Collection[str],
) -> Checked:
    # CloudFormation makes a change set OBSOLETE when its stack moves, so an AVAILABLE one is as it was reviewed.
    if not is_alike(own.get("Description", ""), plan, step):
        raise overtaken(step, None, "its change set was made from another template")
    for other in others:
        named = f"{step.stack}/{other['ChangeSetName']}"
        pending = other["ExecutionStatus"] == "AVAILABLE" and not is_alike(other.get("Description", ""), plan, step)
        if pending and named not in allow:
            raise Stopped(
                where=step.stack,
                what=f"the change set {other['ChangeSetName']} waits for somebody's review, and executing this plan "
                f"would delete it. Nothing was executed",
                next_step=f"--allow {named}    executes all the same",
            )
    return Checked(step, Standing.READY, step.change_set)


def was_executed(step: Step, stack: ObservedStack, change_set: Arn | None = None) -> bool:
    """Return whether the stack's last operation is this step's.

    In review its ChangeSetId is only one that waits; of a stack deleted while in review, one that never ran.
    """
    return stack.change_set == (change_set or step.change_set) and stack.facts.exists


def standing_of(step: Step, stack: ObservedStack) -> Standing:
    """Return how far an executed step has come. Raises Stopped for one that did not end well."""
    if stack.facts.operation is Operation.WAIT:
        return Standing.RUNNING
    if stack.facts.good:
        return Standing.DONE
    raise Stopped(
        where=step.stack,
        what=f"this plan's change set was executed and ended in {stack.status}; it cannot be executed again",
        next_step=_AGAIN,
    )


def overtaken(step: Step, stack: ObservedStack | None, what: str) -> Stopped:
    """Return the refusal of a step that somebody or something else has moved, naming it where it can be known."""
    winner = f"; the stack's last change set is {stack.change_set}" if stack is not None and stack.change_set else ""
    return Stopped(where=step.stack, what=f"{what}{winner}. Nothing of this plan was executed here", next_step=_AGAIN)
