"""What a plan does to one stack, step after step, and how far AWS shows it to have come, by whoever's hand."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from builder.aws import Clients, call
from builder.deploy.desired import MASK
from builder.deploy.observe.stacks import ObservedStack
from builder.deploy.plan.change_set import change_set_name, is_alike
from builder.deploy.progress import Outcome, ReviewRequired
from builder.deploy.records import Deferred, Deletion, FoundStack, Plan, Protection, Step
from builder.errors import AwsError, Stopped
from builder.terms import Arn, StackId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import DescribeChangeSetOutputTypeDef


AnyStep = Step | Deferred | Deletion | Protection
StackSteps = tuple[AnyStep, ...]
"""At least one link, all of one stack: a deletion, its change sets in the order of their parts, its protection."""


def make_stack_steps(plan: Plan) -> dict[StackId, StackSteps]:
    """Return what is to be done to each stack, in the plan's order; deletions of whole stacks come last."""
    chains: dict[StackId, StackSteps] = {}
    change_sets: list[Step | Deferred] = [*plan.steps, *plan.deferred]
    links: list[AnyStep] = [*sorted(change_sets, key=lambda one: one.part), *plan.protections, *plan.deletions]
    for link in links:
        others = chains.get(link.stack, ())
        chains[link.stack] = (link, *others) if isinstance(link, Deletion) else (*others, link)
    return chains


def steps_executed(plan: Plan, chain: StackSteps, stack: ObservedStack) -> int:
    """Return how many links are executed if the stack's last change set is one of theirs; 0 if it is none.

    In review a stack's ChangeSetId is only one that waits; of a stack deleted while in review, one that never ran.
    """
    if stack.change_set is None or not stack.facts.exists:
        return 0
    own = [place for place, link in enumerate(chain, start=1) if _made(plan, link, stack.change_set)]
    return max(own, default=0)


def _made(plan: Plan, link: AnyStep, change_set: Arn) -> bool:
    match link:
        case Step():
            return link.change_set == change_set
        case Deferred():
            # arn:aws:cloudformation:us-east-1:111122223333:changeSet/NAME/uuid
            return f":changeSet/{change_set_name(plan.deployment, plan.id, link.part)}/" in change_set
        case Deletion() | Protection():
            return False


def after_review(plan: Plan, ended: Iterable[Outcome]) -> Plan:
    """Return the plan in which every deferred change set that was left for review is an ordinary step."""
    made = {(one.stack, one.step.part): one.step for one in ended if isinstance(one, ReviewRequired)}
    return replace(
        plan,
        steps=(*plan.steps, *made.values()),
        deferred=tuple(one for one in plan.deferred if (one.stack, one.part) not in made),
    )


async def steps_executed_by_same_plan(clients: Clients, plan: Plan, chain: StackSteps, stack: ObservedStack) -> int:
    """Return how many links are as good as executed, if the stack's last change set is the same as one of theirs.

    The stack has moved since the plan was made: what ran before that is the same as nothing in it. And one that may
    have done something else with the same words, because of what it looked at, is not known to be the same.
    """
    if stack.change_set is None or not stack.facts.exists:
        return 0
    client = clients.of(stack.site).cloudformation(stack.region)
    try:
        found = await call(chain[0].stack, client.describe_change_set, ChangeSetName=stack.change_set)
    except AwsError as error:
        if error.code != "ChangeSetNotFound":
            raise
        return 0
    if _looked_elsewhere(found):
        return 0
    parameters = {one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])}
    description = found.get("Description", "")
    same = [place for place, link in enumerate(chain, start=1) if _is_same(plan, link, description, parameters)]
    return max(same, default=0)


def _looked_elsewhere(found: "DescribeChangeSetOutputTypeDef") -> bool:
    """Return whether a change set was made of more than its template and parameters.

    Nested stacks' templates, macros, values of SSM: they may have been others for the one than for the other.
    """
    resolved = any("ResolvedValue" in one for one in found.get("Parameters", []))
    expanded = "CAPABILITY_AUTO_EXPAND" in found.get("Capabilities", [])
    return resolved or expanded or found.get("IncludeNestedStacks", False)


def _is_same(plan: Plan, link: AnyStep, description: str, parameters: dict[str, str]) -> bool:
    if isinstance(link, Deletion | Protection):
        return False
    asked = link.desired if isinstance(link, Deferred) else link
    digest = link.desired.sha256 if isinstance(link, Deferred) else link.template_sha256
    # Of a value that AWS shows to nobody it is not known to be the same.
    known = dict(asked.parameters) == parameters and MASK not in parameters.values()
    return known and is_alike(description, plan.assembly, link.stack, digest)


_AGAIN = "python -m builder plan    makes a new plan from what stands now"


def stands_as(found: FoundStack, stack: ObservedStack | None) -> bool:
    """Return whether the stack is as it was when the plan was made."""
    if stack is None or not stack.facts.exists:
        return found.status is None or found.status in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"}
    return (stack.status, stack.arn, stack.last_change) == (found.status, found.stack_id, found.last_change)


def overtaken(name: StackId, stack: ObservedStack | None, what: str) -> Stopped:
    """Return the refusal of a step that somebody or something else has moved, naming it where it can be known."""
    winner = f"; the stack's last change set is {stack.change_set}" if stack is not None and stack.change_set else ""
    return Stopped(where=name, what=f"{what}{winner}. Nothing of this plan was executed here", next_step=_AGAIN)
