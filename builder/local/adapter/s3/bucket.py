"""AWS::S3::Bucket with its replication rules, and a deletion that refuses to destroy what is stored.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import account_id, region_name, touch
from builder.local.adapter.handlers import AlreadyExists, HandlerError, PhysicalResource, Properties, check_reply
from builder.local.adapter.s3.bucket_settings import (
    apply_settings,
    destinations,
    find_refusal,
    make_request_body,
    read_configuration,
)

BucketHandler = Callable[..., PhysicalResource]

_TYPE = "AWS::S3::Bucket"
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
        rules = new.get("ReplicationConfiguration")
        # Rules go before versioning is suspended, and come after it is enabled: S3 refuses the other order.
        if not rules:
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
