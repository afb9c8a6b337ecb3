"""The IAM policies of an assembly as an account would hold them: every intrinsic resolved to a text.

That is what a reviewer reads, and what a linter of policies can judge.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.assembly import Assembly
from builder.assembly.bound import Bound, bind_entries
from builder.errors import BadInput

# What only a deployment knows; any account and environment do.
_KNOWN = {
    "${EnvironmentSuffix}": "dev",
    "${AWS::AccountId}": "111122223333",
    "${AWS::Partition}": "aws",
    "${AWS::URLSuffix}": "amazonaws.com",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy document, and where it stands."""

    place: str
    """The template in the assembly, the logical id and which policy, `us-east-1/service.yaml ExecutionRole trust`."""
    document: str
    """JSON."""


def concrete_policies(assembly: Assembly) -> tuple[Policy, ...]:
    """Return every policy in the order of the stacks. Raises BadInput where one depends on what can't be told."""
    bounds = bind_entries(assembly.manifest, assembly.templates)
    return tuple(
        Policy(f"{bound.file} {name} {which}", json.dumps(document))
        for bound in bounds
        for name, body in bound.resources()
        for which, document in _documents(bound, name, body)
    )


def _documents(bound: Bound, name: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    properties = body.get("Properties", {})
    if "AssumeRolePolicyDocument" in properties:
        yield "trust", _with_resource(_concrete(bound, name, properties["AssumeRolePolicyDocument"]), name)
    if "KeyPolicy" in properties:
        yield "key policy", _concrete(bound, name, properties["KeyPolicy"])
    for holder in (properties, *properties.get("Policies", ())):
        if "PolicyDocument" in holder:
            yield holder.get("PolicyName", "policy"), _concrete(bound, name, holder["PolicyDocument"])


def _with_resource(trust: Any, name: str) -> Any:
    """Say of a trust policy what it is about, its own role, without which a linter reads no further."""
    role = f"arn:aws:iam::{_KNOWN['${AWS::AccountId}']}:role/{name}"
    return trust | {"Statement": [statement | {"Resource": role} for statement in trust["Statement"]]}


def _concrete(bound: Bound, name: str, value: Any) -> Any:
    match value:
        case list():
            return [_concrete(bound, name, item) for item in value]
        case dict() if not any(key == "Ref" or key.startswith("Fn::") for key in value):
            return {key: _concrete(bound, name, item) for key, item in value.items()}
    text = bound.text(value)
    for placeholder, known in _KNOWN.items():
        text = text and text.replace(placeholder, known)
    if text is None or "${" in text:
        raise BadInput(where=f"{bound.file} {name}", what=f"{json.dumps(value)} can't be told before a deployment")
    return text
