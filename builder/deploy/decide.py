"""What a stack needs, from what it should be and what stands there: pure, total over every status."""

import json
from dataclasses import dataclass
from typing import Literal

from builder.deploy.desired import TAG_DEPLOYMENT, Deployment, DesiredStack
from builder.deploy.observe import ObservedStack
from builder.errors import Stopped
from builder.terms import Operation


@dataclass(frozen=True, slots=True)
class Change:
    """The stack needs a change set of this type."""

    type: Literal["CREATE", "UPDATE"]


@dataclass(frozen=True, slots=True)
class Keep:
    """The stack is as it should be."""


def decide(
    deployment: Deployment, desired: DesiredStack, observed: ObservedStack | None, template: object
) -> Change | Keep:
    """Return what the stack needs.

    `template` is what GetTemplate shows of an observed stack, None where nothing is deployed. A stack with an
    operation under way is waited for before this is asked.
    Raises Stopped for a stack that is another's, or in a status that takes no change set.
    """
    if observed is None or observed.facts.operation is Operation.CREATE:
        return Change("CREATE")
    if observed.tags.get(TAG_DEPLOYMENT) != deployment.name:
        raise Stopped(
            where=desired.id,
            what=f"a stack named {observed.name} is there already and is not this deployment's",
            next_step="python -m builder plan --env SUFFIX    makes other names",
        )
    match observed.facts.operation:
        case Operation.UPDATE:
            return Change("UPDATE") if _differs(desired, observed, template) else Keep()
        case Operation.WAIT | Operation.REFUSE:
            raise Stopped(
                where=desired.id,
                what=f"the stack is in {observed.status} and cannot take a change set{_reason(observed)}",
                next_step="python -m builder destroy    removes the deployment, and with it this stack",
            )


def _reason(observed: ObservedStack) -> str:
    return f": {observed.status_reason}" if observed.status_reason else ""


def _differs(desired: DesiredStack, observed: ObservedStack, template: object) -> bool:
    return (
        not _same_template(desired.template, template)
        or desired.parameters != observed.parameters
        or desired.tags != observed.tags
    )


def _same_template(desired: str, deployed: object) -> bool:
    if isinstance(deployed, str):
        return desired == deployed
    # botocore reads a JSON template into objects; a YAML one it leaves as text.
    try:
        return bool(json.loads(desired) == deployed)
    except ValueError:
        return False
