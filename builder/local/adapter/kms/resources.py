"""AWS::KMS::Key, AWS::KMS::ReplicaKey and AWS::KMS::Alias; the emulator has no replica keys.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-key.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-replicakey.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-kms-alias.html
"""

import json
from collections.abc import Callable, MutableMapping
from typing import Any

from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, region_name, touch
from builder.local.adapter.handlers import (
    AlreadyExists,
    HandlerError,
    PhysicalResource,
    Properties,
    check_reply,
    is_true,
    message_of,
    text_of,
)
from builder.local.adapter.kms.keys import KMS
from builder.local.adapter.kms.policies import LOCKED_OUT, find_refusal

REPLICA_KEY = "AWS::KMS::ReplicaKey"

_KEY = "AWS::KMS::Key"
_ALIAS = "AWS::KMS::Alias"
_FLAGS = ("Enabled", "EnableKeyRotation", "MultiRegion")


def install(handlers: MutableMapping[str, Any]) -> None:
    """Add replica keys, and wrap the emulator's handlers of keys and aliases."""
    key, alias = handlers[_KEY], handlers[_ALIAS]
    key.update(create=_make_create_key(key["create"]), update=_make_update_key(key["update"]))
    alias.update(create=_make_create_alias(alias["create"]), update=_make_update_alias(alias["update"]))
    handlers[REPLICA_KEY] = {"create": _replicate_key, "update": _update_replica, "delete": _delete_replica}
    touch("ministack.services.cloudformation.provisioners:_STACK_TAG_PROPERTY")[REPLICA_KEY] = ("Tags", "list")


def _check_policy(props: Properties) -> None:
    policy = props.get("KeyPolicy")
    refusal = find_refusal(policy) if policy is not None else None
    if refusal and not (is_true(props.get("BypassPolicyLockoutSafetyCheck")) and refusal == LOCKED_OUT):
        raise HandlerError(refusal, service="Kms")


# -- AWS::KMS::Key


def _plain(props: Properties) -> Properties:
    """Return the properties with booleans where a template gives them as text."""
    return {name: is_true(value) if name in _FLAGS else value for name, value in props.items()}


def _make_create_key(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_key(logical_id: str, props: Properties, stack_name: str) -> object:
        _check_policy(props)
        return create(logical_id, _plain(props), stack_name)

    return create_key


def _make_update_key(update: Callable[..., Any]) -> Callable[..., Any]:
    def update_key(physical_id: str, old: Properties, new: Properties, stack_name: str) -> object:
        _check_policy(new)
        return update(physical_id, _plain(old), _plain(new), stack_name)

    return update_key


# -- AWS::KMS::Alias


def _make_create_alias(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_alias(logical_id: str, props: Properties, stack_name: str) -> object:
        _check_target(props)
        name = str(props.get("AliasName"))
        arn = touch(f"{KMS}:_alias_arn")(name)
        if arn in touch(f"{KMS}:_aliases"):
            raise AlreadyExists(f"An alias with the name {arn} already exists", service="Kms")
        return create(logical_id, props, stack_name)

    return create_alias


def _make_update_alias(update: Callable[..., Any]) -> Callable[..., Any]:
    def update_alias(physical_id: str, old: Properties, new: Properties, stack_name: str, *rest: str) -> object:
        _check_target(new)
        return update(physical_id, old, new, stack_name, *rest)

    return update_alias


def _check_target(props: Properties) -> None:
    """Raise HandlerError unless the key is there, in the alias's own region; the emulator takes any."""
    target = str(props.get("TargetKeyId", ""))
    if touch(f"{KMS}:_resolve_key")(target) is not None:
        return
    place = target.split(":")[3] if target.startswith("arn:") else region_name()
    message = f"Key '{target}' does not exist" if place == region_name() else f"Invalid arn {place}"
    raise HandlerError(message, service="Kms", code="NotFound")


# -- AWS::KMS::ReplicaKey


def _replicate_key(logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
    del logical_id, stack_name
    _check_policy(props)
    arn = str(props.get("PrimaryKeyArn", "")).split(":")
    if len(arn) != 6 or not arn[5].startswith("key/mrk-"):
        message = f"Invalid PrimaryKeyArn: {props.get('PrimaryKeyArn')} is not the ARN of a multi-Region primary key"
        raise HandlerError(message, service="Kms")
    region, key = region_name(), arn[5][4:]
    if arn[3] == region:
        raise HandlerError("The replica key must be in another Region than its primary key", service="Kms")
    request = {"KeyId": key, "ReplicaRegion": region, "Description": props.get("Description", "")}
    with acting_in(AccountRegion(account_id(), arn[3])):
        reply = touch(f"{KMS}:_replicate_key")(request)
    if reply[0] >= 400 and "AlreadyExistsException" in text_of(reply[2]):
        raise AlreadyExists(message_of(reply[2]), service="Kms")
    check_reply(reply, service="Kms")
    return _set_replica(key, props)


def _update_replica(physical_id: str, old: Properties, new: Properties, stack_name: str) -> PhysicalResource:
    del old, stack_name
    _check_policy(new)
    return _set_replica(physical_id, new)


def _delete_replica(physical_id: str, props: Properties) -> None:
    """Schedule the deletion of the replica key; do nothing if the key is gone."""
    if touch(f"{KMS}:_resolve_key")(physical_id):
        request = {"KeyId": physical_id, "PendingWindowInDays": int(props.get("PendingWindowInDays", 30))}
        check_reply(touch(f"{KMS}:_schedule_key_deletion")(request), service="Kms")


def _set_replica(key: str, props: Properties) -> PhysicalResource:
    """Set what a replica key does not share with its primary key."""
    record = touch(f"{KMS}:_resolve_key")(key)
    if record is None:
        raise HandlerError(f"Key '{key}' does not exist", service="Kms", status=404, code="NotFound")
    record["Description"] = props.get("Description", "")
    record["Tags"] = [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in props.get("Tags") or []]
    if (policy := props.get("KeyPolicy")) is not None:
        record["Policy"] = policy if isinstance(policy, str) else json.dumps(policy)
    record["Enabled"] = is_true(props.get("Enabled", True))
    record["KeyState"] = "Enabled" if record["Enabled"] else "Disabled"
    return key, {"Arn": record["Arn"], "KeyId": key}
