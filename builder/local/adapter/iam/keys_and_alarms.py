"""The API calls that CloudFormation's handlers make for keys, topics and alarms.

A key that is made has no ARN before; its calls are held against what a policy says of any key of the region.
Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html and
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
"""

from collections.abc import Iterator

from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, region_name, touch
from builder.local.adapter.handlers import Properties, is_true
from builder.local.adapter.iam.calls import ApiCall, Calls, changed, each, make_arn

_KMS = "ministack.services.kms"


def use(key: str, region: str, service: str, *actions: str) -> Iterator[ApiCall]:
    """Return the calls by which a service starts to use a key for whoever gives it the key."""
    with acting_in(AccountRegion(account_id(), region)):
        record = touch(f"{_KMS}:_resolve_key")(key)
    if record is None:
        return
    keys = {
        "kms:ViaService": f"{service}.{region}.amazonaws.com",
        "kms:CallerAccount": account_id(),
        "kms:GrantIsForAWSResource": "true",
    }
    for action in actions:
        yield ApiCall(f"kms:{action}", record["Arn"], keys)


# -- AWS::KMS::Key, AWS::KMS::ReplicaKey, AWS::KMS::Alias


def _create_key(props: Properties, *_: str) -> Iterator[ApiCall]:
    yield ApiCall("kms:CreateKey", "*")
    made = make_arn("kms", "key/made")
    yield from each("kms", made, "DescribeKey", *(["TagResource"] if props.get("Tags") else []))
    if is_true(props.get("EnableKeyRotation")):
        yield ApiCall("kms:EnableKeyRotation", made)


def _replicate_key(props: Properties, *_: str) -> Iterator[ApiCall]:
    yield ApiCall("kms:ReplicateKey", props["PrimaryKeyArn"], {"kms:ReplicaRegion": region_name()})
    yield ApiCall("kms:CreateKey", "*")
    made = make_arn("kms", "key/made")
    yield from each("kms", made, "DescribeKey", *(["TagResource"] if props.get("Tags") else []))


_KEY_UPDATES = {
    "Description": "UpdateKeyDescription",
    "EnableKeyRotation": "EnableKeyRotation",
    "Enabled": "EnableKey",
    "KeyPolicy": "PutKeyPolicy",
    "Tags": "TagResource",
}


def _update_key(key: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    for name in sorted(changed(old, new) & {*_KEY_UPDATES}):
        action = _KEY_UPDATES[name]
        if action.startswith("Enable") and not is_true(new.get(name, name == "Enabled")):
            action = action.replace("Enable", "Disable", 1)
        yield ApiCall(f"kms:{action}", make_arn("kms", f"key/{key}"))


def _delete_key(key: str, _props: Properties) -> Iterator[ApiCall]:
    return each("kms", make_arn("kms", f"key/{key}"), "DescribeKey", "ScheduleKeyDeletion")


def _on_alias(action: str, props: Properties) -> Iterator[ApiCall]:
    yield ApiCall(f"kms:{action}", make_arn("kms", str(props["AliasName"])))
    record = touch(f"{_KMS}:_resolve_key")(str(props.get("TargetKeyId", "")))
    if record is not None:
        yield ApiCall(f"kms:{action}", record["Arn"])


# -- AWS::SNS::Topic, AWS::SNS::TopicPolicy, AWS::SNS::Subscription


def _create_topic(props: Properties, *_: str) -> Iterator[ApiCall]:
    if "TopicName" in props:
        tagged = ["TagResource"] if props.get("Tags") else []
        yield from each("sns", make_arn("sns", props["TopicName"]), "CreateTopic", "GetTopicAttributes", *tagged)


def _update_topic(arn: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    touched = changed(old, new)
    if touched - {"Tags"}:
        yield ApiCall("sns:SetTopicAttributes", arn)
    if "Tags" in touched:
        yield ApiCall("sns:TagResource", arn)


def _set_policy(props: Properties) -> Iterator[ApiCall]:
    return (ApiCall("sns:SetTopicAttributes", str(arn)) for arn in props.get("Topics") or [])


# -- AWS::CloudWatch::Alarm


def _alarm(name: str, *actions: str) -> Iterator[ApiCall]:
    return each("cloudwatch", make_arn("cloudwatch", f"alarm:{name}"), *actions)


def _put_alarm(name: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    tagged = ["TagResource"] if old.get("Tags") != new.get("Tags") else []
    return _alarm(name, "PutMetricAlarm", *tagged)


CALLS: dict[str, Calls] = {
    "AWS::CloudWatch::Alarm": Calls(
        lambda props, *_: _put_alarm(props["AlarmName"], {}, props) if "AlarmName" in props else iter(()),
        _put_alarm,
        lambda name, _: _alarm(name, "DeleteAlarms"),
    ),
    "AWS::KMS::Alias": Calls(
        lambda props, *_: _on_alias("CreateAlias", props),
        lambda _, __, new: _on_alias("UpdateAlias", new),
        lambda _, props: _on_alias("DeleteAlias", props),
    ),
    "AWS::KMS::Key": Calls(_create_key, _update_key, _delete_key),
    "AWS::KMS::ReplicaKey": Calls(_replicate_key, _update_key, _delete_key),
    "AWS::SNS::Subscription": Calls(
        lambda props, *_: each("sns", str(props["TopicArn"]), "Subscribe"),
        lambda _, __, new: each("sns", str(new["TopicArn"]), "SetSubscriptionAttributes"),
        lambda _, props: each("sns", str(props["TopicArn"]), "Unsubscribe"),
    ),
    "AWS::SNS::Topic": Calls(_create_topic, _update_topic, lambda arn, _: each("sns", arn, "DeleteTopic")),
    "AWS::SNS::TopicPolicy": Calls(
        lambda props, *_: _set_policy(props),
        lambda _, __, new: _set_policy(new),
        lambda _, props: _set_policy(props),
    ),
}
