"""AWS::S3::Bucket with its replication rules, and a deletion that refuses to destroy what is stored.

Then the properties of a bucket that the emulator keeps for the S3 API but ignores in a template:

    LifecycleConfiguration:
      Rules: [{Id: old, Status: Enabled, NoncurrentVersionExpiration: {NoncurrentDays: 30}}]

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.model import OperationModel, ServiceModel
from botocore.serialize import create_serializer
from botocore.session import Session

from builder.local.adapter.emulator import account_id, region_name, touch
from builder.local.adapter.handlers import (
    AlreadyExists,
    HandlerError,
    PhysicalResource,
    Properties,
    check_reply,
    is_true,
)

BucketHandler = Callable[..., PhysicalResource]
_TYPE = "AWS::S3::Bucket"
_LOCK = "ObjectLockEnabled"
_S3 = "ministack.services.s3"


def install(handlers: MutableMapping[str, Any]) -> None:
    """Wrap the emulator's handlers and drift reader of the type."""
    bucket = handlers[_TYPE]
    bucket.update(create=_make_create(bucket["create"]), update=_make_update(bucket["update"]), delete=delete)
    touch("ministack.services.cloudformation.provisioners:_STACK_TAG_PROPERTY")[_TYPE] = ("Tags", "list")
    readers = touch("ministack.services.cloudformation.drift:_DRIFT_READERS")
    read, properties = readers[_TYPE]
    readers[_TYPE] = (_make_bucket_reader(read), properties | {"ReplicationConfiguration", "Tags"})


def _make_create(create: BucketHandler) -> BucketHandler:
    def create_bucket(logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
        name = find_name(props, account=account_id(), region=region_name())
        if name and touch(f"{_S3}:_bucket_owner_account")(name):
            raise AlreadyExists(f"{name} already exists", service="S3")
        _check_replication(props)
        _check_encryption(props)
        props = _with_lock(props)
        resource = create(logical_id, {**props, "BucketName": name} if name else props, stack_name)
        try:
            apply_settings(resource[0], {}, props)
            if rules := props.get("ReplicationConfiguration"):
                _put_replication(resource[0], rules)
        except HandlerError:
            delete(resource[0], props)
            raise
        return resource

    return create_bucket


def _make_update(update: BucketHandler) -> BucketHandler:
    def update_bucket(physical_id: str, old: Properties, new: Properties, stack_name: str) -> PhysicalResource:
        _check_replication(new)
        _check_encryption(new)
        if is_true(old.get(_LOCK)) != is_true(new.get(_LOCK)):
            # Whether CloudFormation replaces the bucket is unverified; what is in one that is locked cannot move.
            raise _invalid(f"{_LOCK} of a bucket can't be changed")
        old, new = _with_lock(old), _with_lock(new)
        rules = new.get("ReplicationConfiguration")
        # Rules go before versioning is suspended, and come after it is enabled: S3 refuses the other order.
        # Those that no template has said stay: the bucket was imported with them.
        if not rules and "ReplicationConfiguration" in old:
            check_reply(touch(f"{_S3}:_delete_bucket_replication")(physical_id), service="S3")
        if _versioning(old) == "Enabled" != _versioning(new):
            body = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
            check_reply(touch(f"{_S3}:_put_bucket_versioning")(physical_id, body), service="S3")
        resource = update(physical_id, old, new, stack_name)
        apply_settings(physical_id, old, new)
        if rules:
            _put_replication(physical_id, rules)
        return resource

    return update_bucket


def delete(physical_id: str, props: Properties) -> None:
    """Delete an empty bucket, or do nothing if it is gone. Raises HandlerError while it holds a version or a marker.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html
    """
    del props
    reply = touch(f"{_S3}:_delete_bucket")(physical_id)
    if reply[0] != 404:
        check_reply(reply, service="S3")


def _with_lock(props: Properties) -> Properties:
    """Return the properties of a bucket with Object Lock, which versioning goes with, as S3 has them."""
    if not is_true(props.get(_LOCK)):
        if props.get("ObjectLockConfiguration"):
            raise _invalid("Object Lock configuration cannot be enabled on existing buckets")
        return props
    locked = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}, **props}
    return {**locked, "VersioningConfiguration": {"Status": "Enabled"}}


def _check_encryption(props: Properties) -> None:
    """Raise HandlerError for a key of KMS with an encryption that has none."""
    for rule in (props.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration", []):
        default = rule.get("ServerSideEncryptionByDefault", {})
        if "KMSMasterKeyID" in default and not str(default.get("SSEAlgorithm")).startswith("aws:kms"):
            raise _invalid(
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
            )


def _check_replication(props: Properties) -> None:
    """Raise HandlerError unless S3 accepts the replication rules."""
    rules = props.get("ReplicationConfiguration")
    if not rules:
        return
    if _versioning(props) != "Enabled":
        raise _invalid("Versioning must be 'Enabled' on the bucket to apply a replication configuration")
    if refusal := find_refusal(rules):
        raise _invalid(refusal)
    for name in destinations(rules):
        owner = touch(f"{_S3}:_bucket_owner_account")(name)
        if owner is None:
            raise _invalid("Destination bucket must exist.")
        if touch(f"{_S3}:_bucket_versioning").get_scoped(owner, None, name) != "Enabled":
            raise _invalid("Destination bucket must have versioning enabled.")


def _put_replication(name: str, rules: Properties) -> None:
    check_reply(touch(f"{_S3}:_put_bucket_replication")(name, make_request_body(rules)), service="S3")


def _versioning(props: Properties) -> str:
    return str(props.get("VersioningConfiguration", {}).get("Status", ""))


def _invalid(message: str) -> HandlerError:
    return HandlerError(message, service="S3")


_NAME = re.compile(r"[a-z0-9](?:[a-z0-9]|[.-](?![.])){1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_NAMESPACE = "account-regional"


def find_name(props: Mapping[str, Any], *, account: str, region: str) -> str | None:
    """Return the name in the properties, or None where AWS makes one. Raises HandlerError for an invalid name."""
    name, prefix = props.get("BucketName"), props.get("BucketNamePrefix")
    suffix = f"-{account}-{region}-an"
    if name and prefix:
        raise _invalid("BucketName and BucketNamePrefix can't be specified together")
    if prefix:
        name = f"{prefix}{suffix}"
    if name is None:
        return None
    if not _is_valid(name):
        raise _invalid(f"The specified bucket is not valid: {name}")
    regional = props.get("BucketNamespace") == _NAMESPACE
    if regional and not (name.endswith(suffix) and len(name) > len(suffix)):
        raise _invalid(f"A bucket in the {_NAMESPACE} namespace must be named <prefix>{suffix}, not {name}")
    if not regional and name.endswith("-an"):
        raise _invalid(f"The suffix -an is reserved for buckets with BucketNamespace {_NAMESPACE}: {name}")
    return str(name)


def _is_valid(name: str) -> bool:
    return (
        _NAME.fullmatch(name) is not None
        and _ADDRESS.fullmatch(name) is None
        and not name.startswith(_PREFIXES)
        and not name.endswith(_SUFFIXES)
    )


Reader = Callable[[str, Properties], dict[str, Any] | None]


def _make_bucket_reader(read: Reader) -> Reader:
    def read_bucket(physical_id: str, props: Properties) -> dict[str, Any] | None:
        properties = read(physical_id, props)
        if properties is None:
            return None
        properties["Tags"] = touch(f"{_S3}:_bucket_tags").get(physical_id, {})
        if rules := touch(f"{_S3}:_bucket_replication").get(physical_id):
            properties["ReplicationConfiguration"] = read_configuration(rules)
        return properties

    return read_bucket


@dataclass(frozen=True, slots=True)
class _Setting:
    """How the request of a property is made, and the emulator's functions that put and delete the property."""

    make_body: Callable[[Any], bytes]
    put: str
    delete: str
    """Empty where S3 has no deletion."""


def apply_settings(name: str, before: Properties, after: Properties) -> None:
    """Put each property that changed and delete each that is gone. Raises HandlerError with S3's message."""
    for prop, setting in _SETTINGS.items():
        value = after.get(prop)
        if value == before.get(prop):
            continue
        if value:
            check_reply(touch(f"{_S3}:{setting.put}")(name, setting.make_body(value)), service="S3")
        elif not setting.delete:
            raise _invalid(f"{prop} can't be removed from a bucket")
        else:
            check_reply(touch(f"{_S3}:{setting.delete}")(name), service="S3")


def _encryption(value: Properties) -> bytes:
    default = "ServerSideEncryptionByDefault"
    rules = [
        {f"Apply{default}" if key == default else key: value for key, value in rule.items()}
        for rule in value["ServerSideEncryptionConfiguration"]
    ]
    return make_body("PutBucketEncryption", ServerSideEncryptionConfiguration={"Rules": rules})


def _ownership(value: Properties) -> bytes:
    return make_body("PutBucketOwnershipControls", OwnershipControls=value)


def _tagging(value: list[Properties]) -> bytes:
    return make_body("PutBucketTagging", Tagging={"TagSet": value})


def _object_lock(value: Properties) -> bytes:
    retention = (value.get("Rule") or {}).get("DefaultRetention")
    numbers = {name: int(count) for name, count in (retention or {}).items() if name in {"Days", "Years"}}
    rule = {"Rule": {"DefaultRetention": {**retention, **numbers}}} if retention else {}
    return make_body("PutObjectLockConfiguration", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", **rule})


def _lifecycle(value: Properties) -> bytes:
    rules = [_lifecycle_rule(rule) for rule in value["Rules"]]
    return make_body("PutBucketLifecycleConfiguration", LifecycleConfiguration={"Rules": rules})


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    same = ("AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration", "Status")
    api_rule: dict[str, Any] = {name: rule[name] for name in same if name in rule}
    if "Id" in rule:
        api_rule["ID"] = rule["Id"]
    expiration = {
        api: rule[name]
        for name, api in (("ExpirationInDays", "Days"), ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"))
        if name in rule
    }
    if expiration:
        api_rule["Expiration"] = expiration
    for name, days in (("Transitions", "Days"), ("NoncurrentVersionTransitions", "NoncurrentDays")):
        if name in rule:
            api_rule[name] = [
                {days if key == "TransitionInDays" else key: value for key, value in transition.items()}
                for transition in rule[name]
            ]
    return {**api_rule, "Filter": _lifecycle_filter(rule)}


def _lifecycle_filter(rule: Properties) -> dict[str, Any]:
    tags = rule.get("TagFilters", [])
    prefix = rule.get("Prefix", "")
    if not tags:
        return {"Prefix": prefix}
    return {"And": {"Prefix": prefix, "Tags": tags}}


_SETTINGS = {
    "BucketEncryption": _Setting(_encryption, "_put_bucket_encryption", "_delete_bucket_encryption"),
    "ObjectLockConfiguration": _Setting(_object_lock, "_put_object_lock_configuration", ""),
    "LifecycleConfiguration": _Setting(_lifecycle, "_put_bucket_lifecycle", "_delete_bucket_lifecycle"),
    "OwnershipControls": _Setting(_ownership, "_put_bucket_ownership_controls", "_delete_bucket_ownership_controls"),
    "Tags": _Setting(_tagging, "_put_bucket_tagging", "_delete_bucket_tagging"),
}
# -- ReplicationConfiguration
Configuration = Mapping[str, Any]
_SCHEMA = "must be specified for this version of Cross Region Replication configuration schema"
_GUIDE = "Please refer to S3 Developer Guide for more information."
_IN_TEMPLATE = {"ID": "Id", "Tag": "TagFilter", "Tags": "TagFilters"}
"""What templates call the API's members."""
_IN_API = {template: api for api, template in _IN_TEMPLATE.items()}


def make_request_body(configuration: Configuration) -> bytes:
    """Return the body of PutBucketReplication for a template's configuration."""
    api_configuration = _renamed(configuration, _IN_API)
    for rule in api_configuration["Rules"]:
        if "Priority" in rule:
            rule["Priority"] = int(rule["Priority"])
    return make_body("PutBucketReplication", ReplicationConfiguration=api_configuration)


def read_configuration(configuration: Configuration) -> Configuration:
    """Return the template's configuration for what the emulator keeps."""
    renamed: Configuration = _renamed(configuration, _IN_TEMPLATE)
    return renamed


def find_refusal(configuration: Configuration) -> str | None:
    """Return S3's message for the first rule that its schema V2 (a rule with a Filter) refuses, or None."""
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


def _renamed(configuration: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Return a configuration with other keys, at any depth."""
    match configuration:
        case Mapping():
            return {names.get(key, key): _renamed(value, names) for key, value in configuration.items()}
        case list():
            return [_renamed(item, names) for item in configuration]
    return configuration


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
