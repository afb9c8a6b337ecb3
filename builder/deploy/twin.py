"""Is another plan's change set the same as ours? Two people who deploy the same thing at once need not fight."""

from typing import TYPE_CHECKING

from builder.aws import Clients, call
from builder.deploy.chain import Chain, Link
from builder.deploy.description import is_alike
from builder.deploy.desired import MASK
from builder.deploy.observe import ObservedStack
from builder.deploy.records import Deferred, Deletion, Plan, Protection
from builder.errors import AwsError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import DescribeChangeSetOutputTypeDef


async def links_executed_by_twin(clients: Clients, plan: Plan, chain: Chain, stack: ObservedStack) -> int:
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


def _is_same(plan: Plan, link: Link, description: str, parameters: dict[str, str]) -> bool:
    if isinstance(link, Deletion | Protection):
        return False
    asked = link.desired if isinstance(link, Deferred) else link
    digest = link.desired.sha256 if isinstance(link, Deferred) else link.template_sha256
    # Of a value that AWS shows to nobody it is not known to be the same.
    known = dict(asked.parameters) == parameters and MASK not in parameters.values()
    return known and is_alike(description, plan.assembly, link.stack, digest)
