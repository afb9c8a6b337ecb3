"""A plan's steps in AWS: how many are executed on a stack; and change sets that are deleted unexecuted.

A stack may have been changed by this plan, by an equal plan, or by somebody else. Change sets that nobody executed are
deleted: a plan's own, all those of the deployment's plans, those of a `deploy` that broke off.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from builder.aws import Clients, call, together
from builder.deploy.change_sets.change_set import (
    IDLE,
    IN_MAKING,
    PendingChangeSet,
    change_set_name,
    delete_change_set,
    is_alike,
    is_deploys_own,
    is_made_by,
    observe_change_sets,
)
from builder.deploy.desired import MASK, Deployment, DesiredStack
from builder.deploy.observe.stacks import ObservedStack, SiteView, observe_stack, of_deployment, remember_deleted
from builder.deploy.progress import Outcome, ReviewRequired
from builder.deploy.records import (
    PLAN_AGAIN,
    AnyStep,
    Deferred,
    Deletion,
    FoundStack,
    Plan,
    Protection,
    StackPolicy,
    Step,
    Upload,
)
from builder.deploy.step_order import StackSteps
from builder.errors import AwsError, Stopped
from builder.terms import Arn, StackId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import DescribeChangeSetOutputTypeDef


def steps_executed(plan: Plan, steps: StackSteps, stack: ObservedStack) -> int:
    """Return how many steps are executed: up to the one whose change set the stack executed last, else 0.

    A stack in review has the id of a change set that waits; one deleted in review, of a change set that never ran.
    """
    if stack.change_set is None or not stack.facts.exists:
        return 0
    own = [place for place, step in enumerate(steps, start=1) if _is_change_set_of(plan, step, stack.change_set)]
    return max(own, default=0)


def _is_change_set_of(plan: Plan, step: AnyStep, change_set: Arn) -> bool:
    match step:
        case Step():
            return step.change_set == change_set
        case Deferred():
            # arn:aws:cloudformation:us-east-1:111122223333:changeSet/NAME/uuid
            return f":changeSet/{change_set_name(plan.deployment, plan.id, step.part)}/" in change_set
        case Deletion() | Protection() | StackPolicy() | Upload():
            return False


def after_review(plan: Plan, ended: Iterable[Outcome]) -> Plan:
    """Return the plan with an ordinary step in place of every deferred change set that was left for review."""
    made = {
        (outcome.stack, outcome.step.part): outcome.step for outcome in ended if isinstance(outcome, ReviewRequired)
    }
    return replace(
        plan,
        steps=(*plan.steps, *made.values()),
        deferred=tuple(deferred for deferred in plan.deferred if (deferred.stack, deferred.part) not in made),
    )


async def steps_executed_by_same_plan(clients: Clients, plan: Plan, steps: StackSteps, stack: ObservedStack) -> int:
    """Return how many steps an equal plan has executed: up to the one that equals the stack's last change set.

    Steps before the stack's move are not counted. Nested templates, macros and values of SSM make equality unknown:
    then it is 0.
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
    if _depends_on_more(answer):
        return 0
    parameters = {
        parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in answer.get("Parameters", [])
    }
    description = answer.get("Description", "")
    same = [place for place, step in enumerate(steps, start=1) if _is_same(plan, step, description, parameters)]
    return max(same, default=0)


def _depends_on_more(answer: "DescribeChangeSetOutputTypeDef") -> bool:
    """Return whether a change set has inputs beyond its template and parameters.

    Nested stacks' templates, macros and values of SSM may have differed between the two change sets.
    """
    resolved = any("ResolvedValue" in parameter for parameter in answer.get("Parameters", []))
    expanded = "CAPABILITY_AUTO_EXPAND" in answer.get("Capabilities", [])
    return resolved or expanded or answer.get("IncludeNestedStacks", False)


def _is_same(plan: Plan, step: AnyStep, description: str, parameters: dict[str, str]) -> bool:
    if isinstance(step, Deletion | Protection | StackPolicy | Upload):
        return False
    source = step.desired if isinstance(step, Deferred) else step
    digest = step.desired.sha256 if isinstance(step, Deferred) else step.template_sha256
    # A value that AWS hides may differ.
    known = dict(source.parameters) == parameters and MASK not in parameters.values()
    return known and is_alike(description, plan.assembly, step.stack, digest)


def is_as_found(found: FoundStack, stack: ObservedStack | None) -> bool:
    """Return whether the stack is as it was when the plan was made."""
    if stack is None or not stack.facts.exists:
        return found.status is None or found.status in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"}
    return (stack.status, stack.arn, stack.last_change) == (found.status, found.stack_id, found.last_change)


def overtaken(name: StackId, stack: ObservedStack | None, what: str) -> Stopped:
    """Return the refusal of a step whose stack somebody else has changed, with the change set if AWS shows it."""
    winner = f"; the stack's last change set is {stack.change_set}" if stack is not None and stack.change_set else ""
    return Stopped(where=name, what=f"{what}{winner}. Nothing of this plan was executed here", next_step=PLAN_AGAIN)


async def discard_plan(plan: Plan, clients: Clients, only: Collection[StackId] | None = None) -> None:
    """Delete the plan's change sets, and its new stacks that hold nothing; ignore those that do not exist.

    `only` names the stacks to do it for; None for all.
    """
    await discard_change_sets(
        (
            PendingChangeSet(step.stack, step.site, step.change_set, step.stack_arn, step.nested)
            for step in plan.steps
            if only is None or step.stack in only
        ),
        clients,
    )


async def discard_all(deployment: Deployment, clients: Clients) -> tuple[StackId, ...]:
    """Delete every change set that plans of the deployment made and nobody executed, and new stacks that hold nothing.

    Returns the stack of each change set or empty stack. A change set that is being created or executed is kept, since
    its plan may still run. Change sets of others stay, and the stacks on which they wait.
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
    discarded = await together(_discard_all(deployment.name, stack, clients) for stack in (*ours, *bare))
    return tuple(stack_id for ids in discarded for stack_id in ids)


async def _discard_all(deployment: str, stack: ObservedStack, clients: Clients) -> list[StackId]:
    name = StackId(f"{stack.region}/{stack.name}")
    waiting = await observe_change_sets(clients, name, stack.site, stack.arn)
    idle = [summary for summary in waiting if summary["ExecutionStatus"] in IDLE and summary["Status"] not in IN_MAKING]
    pending = [
        PendingChangeSet(
            name, stack.site, Arn(summary["ChangeSetId"]), stack.arn, summary.get("IncludeNestedStacks", False)
        )
        for summary in idle
        if is_made_by(deployment, summary)
    ]
    for change_set in pending:
        await _discard(change_set, clients)
    if not waiting and stack.status == "REVIEW_IN_PROGRESS":
        await _drop(name, stack, clients)
        return [name]
    return [name for _ in pending]


async def discard_change_sets(pending: Iterable[PendingChangeSet], clients: Clients) -> None:
    """Delete change sets that may not be in a plan yet, and the new stacks on which no other change set waits."""
    await together(_discard(change_set, clients) for change_set in pending)


async def _discard(pending: PendingChangeSet, clients: Clients) -> None:
    await delete_change_set(clients, pending)
    stack = await observe_stack(clients, pending.site, pending.stack_arn)
    if stack is None or stack.status != "REVIEW_IN_PROGRESS":
        return
    # A new stack with somebody else's change set is kept. A listing may lag behind our deletion.
    left = await observe_change_sets(clients, pending.stack, pending.site, pending.stack_arn)
    if all(summary["ChangeSetId"] == pending.change_set for summary in left):
        await _drop(pending.stack, stack, clients)


async def _drop(name: StackId, stack: ObservedStack, clients: Clients) -> None:
    client = clients.of(stack.site).cloudformation(stack.region)
    await call(name, client.delete_stack, StackName=stack.arn)
    remember_deleted(clients, stack.site, stack.name, stack.arn)


async def sweep(deployment: Deployment, plan: Plan, clients: Clients) -> None:
    """Delete the change sets of a `deploy` that broke off, on the stacks that this plan does not change.

    The execution has deleted them on the other stacks.
    """
    touched = {step.stack for step in plan.steps}
    await together(_sweep(stack, clients) for stack in deployment.stacks if stack.id not in touched)


async def _sweep(stack: DesiredStack, clients: Clients) -> None:
    for summary in await observe_change_sets(clients, stack.id, stack.site, Arn(stack.name)):
        # An executed one stays: it shows the stack's history.
        if summary["ExecutionStatus"] == "AVAILABLE" and is_deploys_own(summary.get("Description", "")):
            nested = summary.get("IncludeNestedStacks", False)
            await delete_change_set(
                clients,
                PendingChangeSet(stack.id, stack.site, Arn(summary["ChangeSetId"]), Arn(summary["StackId"]), nested),
            )
