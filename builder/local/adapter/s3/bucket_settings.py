"""The properties of a bucket that the emulator keeps for the S3 API but ignores in a template.

    LifecycleConfiguration:
      Rules: [{Id: old, Status: Enabled, NoncurrentVersionExpiration: {NoncurrentDays: 30}}]

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.model import OperationModel, ServiceModel
from botocore.serialize import create_serializer
from botocore.session import Session

from builder.local.adapter.emulator import touch
from builder.local.adapter.handlers import Properties, accept

_S3 = "ministack.services.s3"


@dataclass(frozen=True, slots=True)
class _Setting:
    """One property: how its body is made, and the emulator's functions that put and delete it."""

    make_body: Callable[[Any], bytes]
    put: str
    delete: str


def apply_settings(name: str, before: Properties, after: Properties) -> None:
    """Put what differs, delete what is gone; raises Refused with the answer of S3."""
    for prop, setting in _SETTINGS.items():
        wanted = after.get(prop)
        if wanted == before.get(prop):
            continue
        if wanted:
            accept(touch(f"{_S3}:{setting.put}")(name, setting.make_body(wanted)), service="S3")
        else:
            accept(touch(f"{_S3}:{setting.delete}")(name), service="S3")


def _encryption(wanted: Properties) -> bytes:
    default = "ServerSideEncryptionByDefault"
    rules = [
        {f"Apply{default}" if key == default else key: value for key, value in rule.items()}
        for rule in wanted["ServerSideEncryptionConfiguration"]
    ]
    return make_body("PutBucketEncryption", ServerSideEncryptionConfiguration={"Rules": rules})


def _ownership(wanted: Properties) -> bytes:
    return make_body("PutBucketOwnershipControls", OwnershipControls=wanted)


def _tagging(wanted: list[Properties]) -> bytes:
    return make_body("PutBucketTagging", Tagging={"TagSet": wanted})


def _lifecycle(wanted: Properties) -> bytes:
    rules = [_lifecycle_rule(rule) for rule in wanted["Rules"]]
    return make_body("PutBucketLifecycleConfiguration", LifecycleConfiguration={"Rules": rules})


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    same = ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration", "Status")
    made: dict[str, Any] = {name: rule[name] for name in same if name in rule}
    if "Id" in rule:
        made["ID"] = rule["Id"]
    expiration = {
        api: rule[name]
        for name, api in (("ExpirationInDays", "Days"), ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"))
        if name in rule
    }
    if expiration:
        made["Expiration"] = expiration
    for name, days in (("Transitions", "Days"), ("NoncurrentVersionTransitions", "NoncurrentDays")):
        if name in rule:
            made[name] = [
                {days if key == "TransitionInDays" else key: value for key, value in one.items()} for one in rule[name]
            ]
    return {**made, "Filter": _lifecycle_filter(rule)}


def _lifecycle_filter(rule: Properties) -> dict[str, Any]:
    tags = rule.get("TagFilters", [])
    prefix = rule.get("Prefix", "")
    if not tags:
        return {"Prefix": prefix}
    return {"And": {"Prefix": prefix, "Tags": tags}}


_SETTINGS = {
    "BucketEncryption": _Setting(_encryption, "_put_bucket_encryption", "_delete_bucket_encryption"),
    "LifecycleConfiguration": _Setting(_lifecycle, "_put_bucket_lifecycle", "_delete_bucket_lifecycle"),
    "OwnershipControls": _Setting(_ownership, "_put_bucket_ownership_controls", "_delete_bucket_ownership_controls"),
    "Tags": _Setting(_tagging, "_put_bucket_tagging", "_delete_bucket_tagging"),
}


# -- ReplicationConfiguration


Configuration = Mapping[str, Any]

_SCHEMA = "must be specified for this version of Cross Region Replication configuration schema"
_GUIDE = "Please refer to S3 Developer Guide for more information."


def make_request_body(configuration: Configuration) -> bytes:
    """Return the body of PutBucketReplication that says what `configuration` says."""
    wanted = {"Role": configuration["Role"], "Rules": [_rule(rule) for rule in configuration["Rules"]]}
    return make_body("PutBucketReplication", ReplicationConfiguration=wanted)


def read_configuration(kept: Configuration) -> Configuration:
    """Return the configuration that a template would have to say for the emulator to keep what it keeps."""
    return {"Role": kept["Role"], "Rules": [_in_template(rule) for rule in kept["Rules"]]}


def find_refusal(configuration: Configuration) -> str | None:
    """Return S3's words for the first rule that its newer schema (V2: the rule has a Filter) refuses, or None."""
    for rule in configuration["Rules"]:
        if "Filter" not in rule:
            continue
        for required in ("Priority", "DeleteMarkerReplication"):
            if required not in rule:
                return f"{required} {_SCHEMA}. {_GUIDE}"
        tagged = "TagFilter" in rule["Filter"] or rule["Filter"].get("And", {}).get("TagFilters")
        if tagged and rule["DeleteMarkerReplication"].get("Status") == "Enabled":
            return "Delete marker replication is not supported if any Tag filter is specified."
    return None


def destinations(configuration: Configuration) -> list[str]:
    """Return the names of the destination buckets, in the order of the rules."""
    return [str(rule["Destination"]["Bucket"]).rpartition(":")[2] for rule in configuration["Rules"]]


def _in_template(rule: Configuration) -> dict[str, Any]:
    made = {"Id" if name == "ID" else name: value for name, value in rule.items()}
    if "Filter" in made:
        made["Filter"] = {"TagFilter" if name == "Tag" else name: value for name, value in made["Filter"].items()}
        if "And" in made["Filter"]:
            both = made["Filter"]["And"]
            made["Filter"]["And"] = {"TagFilters" if name == "Tags" else name: value for name, value in both.items()}
    return made


def _rule(rule: Configuration) -> dict[str, Any]:
    made = {"ID" if name == "Id" else name: value for name, value in rule.items()}
    if "Priority" in made:
        made["Priority"] = int(made["Priority"])
    if "Filter" in made:
        made["Filter"] = _filter(made["Filter"])
    return made


def _filter(found: Configuration) -> dict[str, Any]:
    made = {"Tag" if name == "TagFilter" else name: value for name, value in found.items()}
    if "And" in made:
        made["And"] = {"Tags" if name == "TagFilters" else name: value for name, value in made["And"].items()}
    return made


# -- the bodies of requests, written by botocore from the service's own model


def make_body(operation: str, **members: Mapping[str, Any]) -> bytes:
    """Return the XML body of an operation on a bucket; `members` in the shape of the S3 API."""
    serializer = create_serializer("rest-xml", include_validation=False)
    body: bytes = serializer.serialize_to_request({"Bucket": "any", **members}, _model(operation))["body"]
    return body


def _model(operation: str) -> OperationModel:
    return _service().operation_model(operation)


@cache
def _service() -> ServiceModel:
    return ServiceModel(Session().get_component("data_loader").load_service_model("s3", "service-2"), "s3")
