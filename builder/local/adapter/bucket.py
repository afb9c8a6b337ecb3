"""AWS::S3::Bucket with its replication rules, and a deletion that refuses to destroy what is stored.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter import bucket_name, bucket_settings, replication
from builder.local.adapter.emulator import touch
from builder.local.adapter.refusals import AlreadyExists, Refused, accept

Properties = Mapping[str, Any]
Created = tuple[str, Mapping[str, str]]
Handler = Callable[..., Created]

_S3 = "ministack.services.s3"
_RESPONSES = "ministack.core.responses"


def install(handlers: MutableMapping[str, Any]) -> None:
    """Wrap the emulator's handlers of the type, which know the properties that are not ours."""
    handlers.update(create=_make_create(handlers["create"]), update=_make_update(handlers["update"]), delete=delete)


def _make_create(create: Handler) -> Handler:
    def create_bucket(logical_id: str, props: Properties, stack_name: str) -> Created:
        name = bucket_name.physical_name(props, account=_account(), region=_region())
        if name and touch(f"{_S3}:_bucket_owner_account")(name):
            raise AlreadyExists(f"{name} already exists", service="S3")
        _check_replication(props)
        made = create(logical_id, {**props, "BucketName": name} if name else props, stack_name)
        try:
            bucket_settings.apply(made[0], {}, props)
            if rules := props.get("ReplicationConfiguration"):
                _put_replication(made[0], rules)
        except Refused:
            delete(made[0], props)
            raise
        return made

    return create_bucket


def _make_update(update: Handler) -> Handler:
    def update_bucket(physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        _check_replication(new)
        rules = new.get("ReplicationConfiguration")
        # Rules go before versioning is suspended, and come after it is enabled: S3 refuses the other order.
        if not rules:
            accept(touch(f"{_S3}:_delete_bucket_replication")(physical_id), service="S3")
        if _versioning(old) == "Enabled" != _versioning(new):
            body = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
            accept(touch(f"{_S3}:_put_bucket_versioning")(physical_id, body), service="S3")
        made = update(physical_id, old, new, stack_name)
        bucket_settings.apply(physical_id, old, new)
        if rules:
            _put_replication(physical_id, rules)
        return made

    return update_bucket


def delete(physical_id: str, props: Properties) -> None:
    """Delete an empty bucket; refused while any version or delete marker is left, and done if it is gone already.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-bucket.html
    """
    del props
    reply = touch(f"{_S3}:_delete_bucket")(physical_id)
    if reply[0] != 404:
        accept(reply, service="S3")


def _check_replication(props: Properties) -> None:
    """Raise Refused for rules that S3 would not accept, before anything is changed."""
    rules = props.get("ReplicationConfiguration")
    if not rules:
        return
    if _versioning(props) != "Enabled":
        raise _invalid("Versioning must be 'Enabled' on the bucket to apply a replication configuration")
    if refusal := replication.find_refusal(rules):
        raise _invalid(refusal)
    for name in replication.destinations(rules):
        owner = touch(f"{_S3}:_bucket_owner_account")(name)
        if owner is None:
            raise _invalid("Destination bucket must exist.")
        if touch(f"{_S3}:_bucket_versioning").get_scoped(owner, None, name) != "Enabled":
            raise _invalid("Destination bucket must have versioning enabled.")


def _put_replication(name: str, rules: Properties) -> None:
    accept(touch(f"{_S3}:_put_bucket_replication")(name, replication.make_request_body(rules)), service="S3")


def _versioning(props: Properties) -> str:
    return str(props.get("VersioningConfiguration", {}).get("Status", ""))


def _region() -> str:
    return str(touch(f"{_RESPONSES}:get_region")())


def _account() -> str:
    return str(touch(f"{_RESPONSES}:get_account_id")())


def _invalid(message: str) -> Refused:
    return Refused(message, service="S3")
