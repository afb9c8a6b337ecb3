"""What a change set's Description says: what it was made from, for people and for a later check; pure.

Nothing of it is a tag: CloudFormation hands stack tags on to every resource.
"""

import json
from typing import Any

from builder.deploy.records import Origin
from builder.terms import StackId


def describe(origin: Origin, stack: StackId, template_sha256: str) -> str:
    """Return a change set's Description; CloudFormation takes 1,024 characters."""
    said = {
        "plan": origin.plan,
        "by": origin.options.by,
        "assembly": origin.assembly,
        "stack": stack,
        "template": template_sha256,
    }
    return json.dumps(said, separators=(",", ":"))


def is_alike(description: str, assembly: str, stack: StackId, template_sha256: str) -> bool:
    """Return whether a Description tells of the same assembly, stack and template, whoever made it."""
    wanted = {"assembly": assembly, "stack": stack, "template": template_sha256}
    said = _read(description)
    return {**said, **wanted} == said


def is_deploys_own(description: str) -> bool:
    """Return whether a `deploy` made the change set: then nobody reviews it, and a later one clears it away."""
    return _read(description).get("by") == "deploy"


def plan_of(description: str) -> str:
    """Return the id of the plan that a Description tells of; empty where it tells of none."""
    return str(_read(description).get("plan", ""))


def _read(description: str) -> dict[str, Any]:
    try:
        said = json.loads(description)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
