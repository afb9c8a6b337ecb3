"""What is known of each resource type: what AWS's schemas say of it, and what they do not say.

`schemas.json` is read when first asked for, and made by a script; `by_hand.yaml` is written by hand: what goes with a
resource, its ARN, a word for it. Something goes with one where deleting or replacing it loses what nobody can make
again from a template. Snapshots and backups that are resources themselves count; caches that refill do not.
At the end, where the control planes are that change a resource in another region than the one they stand in.
"""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypedDict

import yaml

from builder.terms import Region


class _Facts(TypedDict, total=False):
    replaced_by: str
    perhaps_replaced_by: str
    name: str
    stateful: bool


def create_only(type_name: str) -> tuple[str, ...]:
    """Return the paths of what always replaces the resource when it changes; none for a type that AWS does not have.

    A path leads into a property, with `/`.
    """
    return tuple(_of(type_name).get("replaced_by", "").split())


def perhaps_create_only(type_name: str) -> tuple[str, ...]:
    """Return the paths of what may replace the resource when it changes."""
    return tuple(_of(type_name).get("perhaps_replaced_by", "").split())


def name_property(type_name: str) -> str:
    """Return the property that a template may name the resource by; empty where only AWS names it."""
    by_hand = RESOURCE_TYPES.get(type_name)
    return _of(type_name).get("name", "") or (by_hand.name if by_hand else "")


@functools.cache
def stateful_types() -> frozenset[str]:
    """Return the types whose deletion loses what is in them, by the list that comes with the schemas."""
    return frozenset(name for name, facts in _types().items() if facts.get("stateful"))


def _of(type_name: str) -> _Facts:
    return _types().get(type_name, {})


@functools.cache
def _types() -> Mapping[str, _Facts]:
    text = Path(__file__).with_name("schemas.json").read_bytes()
    types: dict[str, _Facts] = json.loads(text)["types"]
    return types


@dataclass(frozen=True, slots=True)
class ArnFormat:
    """How the name of a resource stands in its ARN.

    Source:
    https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
    """

    service: str
    resource: str
    """The ARN's last part."""
    is_global: bool = False
    """True where a name is good in every region."""


@dataclass(frozen=True, slots=True)
class ServiceLinkedRole:
    """The role that a service has in an account, made once and for all time."""

    service: str
    """`replication.dynamodb.amazonaws.com`."""
    name: str


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource type."""

    lost: str | None = None
    """What is lost with it, as in `with it goes ...`: empty where nothing is, None where AWS's schemas say it."""
    data: bool = True
    """Whether that is data; False for an address that clients know."""
    noun: str = ""
    """What a picture calls it, of what people look for in one; roles and policies are left to the templates."""
    name: str = ""
    """The property that a template may name it by, of a type that AWS's schemas do not have."""
    arn: ArnFormat | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)
    """The properties that AWS refuses to change and no schema marks, each with its default."""
    is_snapshotted: bool = False
    """Whether it is deleted with a snapshot where its template has no DeletionPolicy."""
    snapshotted_without: str = ""
    """The property with which it is not."""
    key: str = ""
    """The property, at any depth, that names the KMS key of the data in it."""
    service_linked_role: ServiceLinkedRole | None = None
    """Which its handlers may make."""
    goes_with: str = ""
    """The type with a resource of which it is deleted, whatever its own policy says."""
    parameter_type: str = ""
    """The type of a stack's parameter that takes its name."""
    sam_role_events: tuple[str, ...] | None = None
    """The events of it that SAM makes a role for; None for a type that SAM makes none for."""
    local_paths: tuple[tuple[str, ...], ...] = ()
    """The paths into its properties at which a template may name a file of this machine."""
    packed_as: Literal["code", "sam", "template", ""] = ""
    """The form in which the place in a bucket is written there; empty where the builder packs nothing."""


def at_stake(type_name: str) -> str:
    """Return what is lost with a resource of this type, as in `with it goes ...`; empty where nothing is.

    Of a type that is unknown it says so: a guard stops what nobody here can judge.
    """
    known = RESOURCE_TYPES.get(type_name)
    if known is not None and known.lost is not None:
        return known.lost
    if is_unknown(type_name):
        return UNKNOWN
    return "all that it holds" if type_name in stateful_types() else ""


UNKNOWN = "what it holds (this version does not know what that is)"
_TYPE = re.compile("[A-Za-z0-9]+::[A-Za-z0-9]+::[A-Za-z0-9]+")
_NO_RESOURCES = ("Custom::", "AWS::Serverless::")
"""Of a custom resource its function decides what it is, and SAM's transform makes others of SAM's types."""


def is_unknown(type_name: str) -> bool:
    """Return whether neither table has this type: a newer one of AWS, or one of others in CloudFormation's registry.

    A module, `Org::Service::Use::MODULE`, is no type: CloudFormation puts the module's own resources in its place.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/modules.html
    """
    if not _TYPE.fullmatch(type_name) or type_name.startswith(_NO_RESOURCES):
        return False
    return type_name not in RESOURCE_TYPES and type_name not in _types()


def holds_data(type_name: str) -> bool:
    """Return whether a resource of this type is known to hold anything that a template cannot make again."""
    if is_unknown(type_name):
        return False
    return bool(at_stake(type_name)) and RESOURCE_TYPES.get(type_name, ResourceType()).data


def may_hold_data(type_name: str) -> bool:
    """Return whether a resource of this type holds data, or is of an unknown type."""
    return holds_data(type_name) or is_unknown(type_name)


def fixed_properties(type_name: str) -> Mapping[str, str]:
    """Return the properties that AWS refuses to change and no schema marks, each with what it is by default."""
    return RESOURCE_TYPES.get(type_name, ResourceType()).fixed


def key_property(type_name: str) -> str:
    """Return the property, at any depth, that names the KMS key of a resource's data; empty where none is known."""
    return RESOURCE_TYPES.get(type_name, ResourceType()).key


def service_linked_role(type_name: str) -> ServiceLinkedRole | None:
    """Return the service-linked role that a type's handlers may make; None where none is known."""
    return RESOURCE_TYPES.get(type_name, ResourceType()).service_linked_role


def goes_with(type_name: str) -> str:
    """Return the type of the resource that takes one of this type with it, whatever its own policy says; else empty."""
    return RESOURCE_TYPES.get(type_name, ResourceType()).goes_with


def is_global_name(type_name: str) -> bool:
    """Return whether a resource's name means the same one in every region."""
    form = ARN_FORMATS.get(type_name)
    return form is not None and form.is_global


def service_prefix(type_name: str) -> str:
    """Return what the actions of a type's service begin with, `dynamodb`.

    Where no ARN is known it is the middle of the type's name, which holds of most services and not of all.
    """
    form = ARN_FORMATS.get(type_name)
    return form.service if form else type_name.split("::")[1].lower()


def _read(facts: dict[str, Any]) -> ResourceType:
    arn, role = facts.pop("arn", None), facts.pop("service_linked_role", None)
    events = facts.pop("sam_role_events", None)
    paths = tuple(tuple(path.split("/")) for path in facts.pop("local_paths", ()))
    return ResourceType(
        **facts,
        sam_role_events=None if events is None else tuple(events),
        local_paths=paths,
        arn=ArnFormat(**arn) if arn else None,
        service_linked_role=ServiceLinkedRole(**role) if role else None,
    )


_TABLE = yaml.load(Path(__file__).with_name("by_hand.yaml").read_bytes(), Loader=yaml.CSafeLoader)
RESOURCE_TYPES = {name: _read(facts) for name, facts in _TABLE.items()}
ARN_FORMATS = {name: type_.arn for name, type_ in RESOURCE_TYPES.items() if type_.arn is not None}
PARAMETER_TYPES = {type_.parameter_type: name for name, type_ in RESOURCE_TYPES.items() if type_.parameter_type}
"""The types of parameters whose value is a name that must stand in the region while a change set is made."""
SAM_ROLE_EVENTS = {
    name: type_.sam_role_events for name, type_ in RESOURCE_TYPES.items() if type_.sam_role_events is not None
}
"""The types that SAM makes a role for where none is named, with the events of them that have one of their own."""
NOUNS = {name: type_.noun for name, type_ in RESOURCE_TYPES.items() if type_.noun}


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """What a change of a resource hangs on."""

    name: str
    region: Region


_CONTROL_PLANES = {
    "AWS::CloudFront::": "CloudFront's control plane",
    "AWS::IAM::": "IAM's control plane",
    "AWS::Organizations::": "Organizations' control plane",
    "AWS::Route53::": "Route 53's control plane",
    "AWS::S3::Bucket": "the control plane of S3's bucket configuration",
}
"""By the beginning of the type's name."""
_HOMES = {"cn-": Region("cn-north-1"), "us-gov-": Region("us-gov-west-1")}
_HOME = Region("us-east-1")


def control_plane_of(type_name: str, region: Region) -> ControlPlane | None:
    """Return the control plane that creating, changing or deleting such a resource in a region hangs on elsewhere.

    None where it is the region's own.
    """
    name = next((name for prefix, name in _CONTROL_PLANES.items() if type_name.startswith(prefix)), None)
    if name is None:
        return None
    return ControlPlane(name, next((home for prefix, home in _HOMES.items() if region.startswith(prefix)), _HOME))
