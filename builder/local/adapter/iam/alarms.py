"""The API calls that CloudFormation's handlers make for alarms, and for the topics that they notify.

Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
"""

from collections.abc import Iterator

from builder.local.adapter.handlers import Properties
from builder.local.adapter.iam.calls import ApiCall, Calls, changed, each, make_arn

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
