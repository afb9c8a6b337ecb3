"""Is another plan's change set the same as ours? Two people who deploy the same thing at once need not fight."""

import json
from typing import Any

from builder.aws import Clients, call
from builder.deploy.observe import ObservedStack
from builder.deploy.records import Plan, Step
from builder.errors import AwsError
from builder.terms import Arn, StackId


def describe(assembly: str, stack: StackId, template_sha256: str, plan_id: str) -> str:
    """Return a change set's Description: what it was made from, for people and for a later check.

    Nothing of it is a tag: CloudFormation hands stack tags on to every resource.
    """
    said = {"plan": plan_id, "assembly": assembly, "stack": stack, "template": template_sha256}
    return json.dumps(said, separators=(",", ":"))


def is_alike(description: str, plan: Plan, step: Step) -> bool:
    """Return whether a Description tells of the same assembly, stack and template as this step, whoever made it."""
    try:
        said: Any = json.loads(description)
    except ValueError:
        return False
    wanted = {"assembly": plan.assembly, "stack": step.stack, "template": step.template_sha256}
    return isinstance(said, dict) and {**said, **wanted} == said


async def executed_twin(clients: Clients, plan: Plan, step: Step, stack: ObservedStack) -> Arn | None:
    """Return the change set that the stack ran last, if it is the same as this step's in all but its name."""
    if stack.change_set in {None, step.change_set} or not stack.facts.exists:
        return None
    try:
        found = await call(
            step.stack, clients.cloudformation(step.region).describe_change_set, ChangeSetName=str(stack.change_set)
        )
    except AwsError as error:
        if error.code != "ChangeSetNotFound":
            raise
        return None
    parameters = {one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])}
    same = is_alike(found.get("Description", ""), plan, step) and parameters == step.parameters
    return stack.change_set if same else None
