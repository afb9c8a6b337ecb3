"""What becomes of a resource that is deleted, replaced or rolled back, by its template or by AWS's default; pure.

A policy may be a function where the template has the transform AWS::LanguageExtensions: what GetTemplate shows as
processed has plain words in its place, and a binding resolves it as far as parameters are known.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatereplacepolicy.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/function-refs-in-policy-attributes.html
"""

from collections.abc import Mapping
from typing import Any, Literal

from builder.resource_types.facts import RESOURCE_TYPES, ResourceType

Fate = Literal["Delete", "Retain", "Snapshot"]
POLICY_ATTRIBUTES = ("DeletionPolicy", "UpdateReplacePolicy")
_FATES: Mapping[str, Fate] = {"Delete": "Delete", "Retain": "Retain", "Snapshot": "Snapshot"}
# RetainExceptOnCreate differs from Retain only where the operation that created the resource is rolled back.
_FATES_ON_DELETION: Mapping[str, Fate] = {**_FATES, "RetainExceptOnCreate": "Retain"}
_FATES_OF_A_CREATION: Mapping[str, Fate] = {**_FATES, "RetainExceptOnCreate": "Delete"}


def fate_on_deletion(resource: Mapping[str, Any]) -> Fate | None:
    """Return what becomes of a resource when it leaves its stack, or goes with it; None where nobody can tell."""
    return _fate(resource, "DeletionPolicy", _FATES_ON_DELETION)


def fate_on_rolled_back_creation(resource: Mapping[str, Any]) -> Fate | None:
    """Return what becomes of a resource when the operation that created it is rolled back; None where nobody can tell.

    An operation with the option RetainExceptOnCreate deletes what it created, whatever this returns.
    """
    return _fate(resource, "DeletionPolicy", _FATES_OF_A_CREATION)


def fate_on_replacement(resource: Mapping[str, Any]) -> Fate | None:
    """Return what becomes of the old resource when another replaces it; None where nobody can tell."""
    return _fate(resource, "UpdateReplacePolicy", _FATES)


def default_policy(name: str, resource: Mapping[str, Any]) -> Fate | None:
    """Return what a policy is that a resource does not have; None where that hangs on a condition."""
    known = RESOURCE_TYPES.get(str(resource.get("Type")), ResourceType())
    if name != "DeletionPolicy" or not known.is_snapshotted:
        return "Delete"
    match resource.get("Properties"):
        case Mapping() as properties if known.snapshotted_without in properties:
            # A condition may leave the property out.
            return None if _is_conditional(properties[known.snapshotted_without]) else "Delete"
    return "Snapshot"


def _fate(resource: Mapping[str, Any], name: str, fates: Mapping[str, Fate]) -> Fate | None:
    if name not in resource:
        return default_policy(name, resource)
    policy = resource[name]
    return fates.get(policy) if isinstance(policy, str) else None


def _is_conditional(value: object) -> bool:
    return isinstance(value, Mapping) and "Fn::If" in value
