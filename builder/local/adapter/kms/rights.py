"""The calls of KMS that CloudFormation's handlers make, checked against policies as those of other services are.

Of keys themselves, and of what names one: DynamoDB and Lambda use a key for whoever has them do so, in its name.
Sources: https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html and
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import account_id, region_name
from builder.local.adapter.handlers import Properties, is_true
from builder.local.adapter.iam.calls import ApiCall, Calls, changed, make_arn
from builder.local.adapter.iam.resources import wrap
from builder.local.adapter.kms.keys import UnusableKey, find_arn

_BY_DYNAMODB = ("DescribeKey", "CreateGrant", "Encrypt", "Decrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo")
_BY_LAMBDA = ("CreateGrant", "Encrypt", "Decrypt")
# What changes a property of a key that stands.
_KEY = {
    "Description": "UpdateKeyDescription",
    "EnableKeyRotation": "EnableKeyRotation",
    "Enabled": "DisableKey",
    "KeyPolicy": "PutKeyPolicy",
    "Tags": "TagResource",
}
_LINKED = "AWSServiceRoleForKeyManagementServiceMultiRegionKeys"


def install(handlers: Mapping[str, MutableMapping[str, Any]]) -> None:
    """Check these calls before the handlers of every type that makes any."""
    wrap(handlers, _CALLS)


def _arn(resource: str) -> str:
    return make_arn("kms", resource)


def _create_key(props: Properties, *_: str) -> Iterator[ApiCall]:
    several = is_true(props.get("MultiRegion"))
    key = _arn(f"key/{'mrk-' if several else ''}new")
    yield ApiCall("kms:CreateKey", "*")
    if several:
        service = "mrk.kms.amazonaws.com"
        linked = f"arn:aws:iam::{account_id()}:role/aws-service-role/{service}/{_LINKED}"
        yield ApiCall("iam:CreateServiceLinkedRole", linked, {"iam:AWSServiceName": service})
    if props.get("Tags"):
        yield ApiCall("kms:TagResource", key)
    if is_true(props.get("EnableKeyRotation")):
        yield ApiCall("kms:EnableKeyRotation", key)


def _replicate_key(props: Properties, *_: str) -> Iterator[ApiCall]:
    yield ApiCall("kms:ReplicateKey", str(props["PrimaryKeyArn"]))
    yield ApiCall("kms:CreateKey", "*")
    if props.get("Tags"):
        yield ApiCall("kms:TagResource", _arn(f"key/{str(props['PrimaryKeyArn']).rpartition('/')[2]}"))


def _update_key(key: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    touched = changed(old, new)
    yield from (ApiCall(f"kms:{action}", _arn(f"key/{key}")) for name, action in _KEY.items() if name in touched)


def _delete_key(key: str, _: Properties) -> Iterator[ApiCall]:
    yield ApiCall("kms:ScheduleKeyDeletion", _arn(f"key/{key}"))


def _of_alias(action: str, props: Properties) -> Iterator[ApiCall]:
    """Yield what is checked on the alias, and on the key that it leads to."""
    yield ApiCall(f"kms:{action}", _arn(str(props["AliasName"])))
    yield ApiCall(f"kms:{action}", _arn(f"key/{str(props['TargetKeyId']).rpartition('/')[2]}"))


def _by(service: str, region: str, key: str, actions: tuple[str, ...]) -> Iterator[ApiCall]:
    try:
        arn = find_arn(key, region)
    except UnusableKey:
        return  # the service says so itself
    via = {"kms:ViaService": f"{service}.{region}.amazonaws.com", "kms:CallerAccount": account_id()}
    granted = {**via, "kms:GrantIsForAWSResource": "true"}
    yield from (ApiCall(f"kms:{action}", arn, granted if action == "CreateGrant" else via) for action in actions)


def _keys_of(props: Properties) -> dict[str, str]:
    keys = {
        replica["Region"]: (replica.get("SSESpecification") or {}).get("KMSMasterKeyId")
        for replica in props["Replicas"]
    }
    return {region: key for region, key in keys.items() if key}


def _update_table(_: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    for region, key in _keys_of(new).items():
        if _keys_of(old).get(region) != key:
            yield from _by("dynamodb", region, key, _BY_DYNAMODB)


def _update_function(_: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    key = new.get("KmsKeyArn")
    if key and key != old.get("KmsKeyArn"):
        yield from _by("lambda", region_name(), key, _BY_LAMBDA)


def _update_log_group(name: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    if old.get("KmsKeyId") != new.get("KmsKeyId"):
        action = "AssociateKmsKey" if new.get("KmsKeyId") else "DisassociateKmsKey"
        yield ApiCall(f"logs:{action}", make_arn("logs", f"log-group:{name}:*"))


def _nothing(*_: object) -> Iterator[ApiCall]:
    return iter(())


_CALLS: dict[str, Calls] = {
    "AWS::DynamoDB::GlobalTable": Calls(
        lambda props, *_: _update_table("", {"Replicas": []}, props), _update_table, _nothing
    ),
    "AWS::KMS::Alias": Calls(
        lambda props, *_: _of_alias("CreateAlias", props),
        lambda _, __, new: _of_alias("UpdateAlias", new),
        lambda _, props: _of_alias("DeleteAlias", props),
    ),
    "AWS::KMS::Key": Calls(_create_key, _update_key, _delete_key),
    "AWS::KMS::ReplicaKey": Calls(_replicate_key, _update_key, _delete_key),
    "AWS::Lambda::Function": Calls(lambda props, *_: _update_function("", {}, props), _update_function, _nothing),
    "AWS::Logs::LogGroup": Calls(_nothing, _update_log_group, _nothing),
}
