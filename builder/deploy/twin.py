"""Is another plan's change set the same as ours? Two people who deploy the same thing at once need not fight."""

from builder.aws import Clients, call
from builder.deploy.chain import Chain, Link
from builder.deploy.description import is_alike
from builder.deploy.desired import MASK
from builder.deploy.observe import ObservedStack
from builder.deploy.records import Deferred, Deletion, Plan, Protection
from builder.errors import AwsError


async def links_executed_by_twin(clients: Clients, plan: Plan, chain: Chain, stack: ObservedStack) -> int:
    """Return how many links are as good as executed, if the stack's last change set is the same as one of theirs."""
    if stack.change_set is None or not stack.facts.exists:
        return 0
    client = clients.of(stack.site).cloudformation(stack.region)
    try:
        found = await call(chain[0].stack, client.describe_change_set, ChangeSetName=stack.change_set)
    except AwsError as error:
        if error.code != "ChangeSetNotFound":
            raise
        return 0
    parameters = {one["ParameterKey"]: one.get("ParameterValue", "") for one in found.get("Parameters", [])}
    description = found.get("Description", "")
    same = [place for place, link in enumerate(chain, start=1) if _is_same(plan, link, description, parameters)]
    return max(same, default=0)


def _is_same(plan: Plan, link: Link, description: str, parameters: dict[str, str]) -> bool:
    if isinstance(link, Deletion | Protection):
        return False
    asked = link.desired if isinstance(link, Deferred) else link
    digest = link.desired.sha256 if isinstance(link, Deferred) else link.template_sha256
    # Of a value that AWS shows to nobody it is not known to be the same.
    known = dict(asked.parameters) == parameters and MASK not in parameters.values()
    return known and is_alike(description, plan.assembly, link.stack, digest)
