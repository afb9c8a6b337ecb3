"""The properties of a bucket that the emulator keeps for the S3 API but ignores in a template.

    LifecycleConfiguration:
      Rules: [{Id: old, Status: Enabled, NoncurrentVersionExpiration: {NoncurrentDays: 30}}]

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from builder.local.adapter.emulator import touch
from builder.local.adapter.refusals import accept
from builder.local.adapter.s3_request import make_body

Properties = Mapping[str, Any]

_S3 = "ministack.services.s3"


@dataclass(frozen=True, slots=True)
class _Setting:
    """One property: how its body is made, and the emulator's functions that put and delete it."""

    make_body: Callable[[Any], bytes]
    put: str
    delete: str


def apply(name: str, before: Properties, after: Properties) -> None:
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
