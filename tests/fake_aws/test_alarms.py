"""CloudWatch and SNS, as far as status and drills need them."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from fake_aws import World
from fake_aws.refusals import Unsupported

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

    from fake_aws.conftest import Deploy

ALARM = """
  {title}:
    Type: AWS::CloudWatch::Alarm
    Properties: {{AlarmName: {name}, ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1,
      ActionsEnabled: {enabled}}}
"""
MAIL = """
  {title}:
    Type: AWS::SNS::Subscription
    Properties: {{TopicArn: !Ref Topic, Protocol: {protocol}, Endpoint: {endpoint}}}
"""
TOPIC = "Resources:\n  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: alarms}}\n"
ARN = "arn:aws:sns:us-east-1:111122223333:alarms"


@pytest.fixture
def cloudwatch(world: World) -> "CloudWatchClient":
    return world.session().client("cloudwatch", region_name="us-east-1")


def alarms(*names: str, enabled: bool = True) -> str:
    flag = str(enabled).lower()
    made = (ALARM.format(title=name.title().replace("-", ""), name=name, enabled=flag) for name in names)
    return TOPIC + "".join(made)


def test_alarms_are_told_by_name_page_by_page_in_the_state_that_they_are_put_into(
    world: World, cloudwatch: "CloudWatchClient", deploy: "Deploy"
) -> None:
    deploy(alarms("one", "two", "three"))
    world.alarms["111122223333", "us-east-1", "two"].state = "ALARM"
    names = ["three", "two", "none", "one"]
    pages = list(cloudwatch.get_paginator("describe_alarms").paginate(AlarmNames=names))
    assert [len(page["MetricAlarms"]) for page in pages] == [2, 1]
    states = {alarm["AlarmName"]: alarm["StateValue"] for page in pages for alarm in page["MetricAlarms"]}
    assert states == {"three": "INSUFFICIENT_DATA", "two": "ALARM", "one": "INSUFFICIENT_DATA"}


def test_an_update_keeps_an_alarm_s_state_and_a_deletion_takes_it(
    world: World, cloudwatch: "CloudWatchClient", deploy: "Deploy"
) -> None:
    deploy(alarms("one", "two"))
    world.alarms["111122223333", "us-east-1", "one"].state = "ALARM"
    deploy(alarms("one", enabled=False), name="second")
    (left,) = cloudwatch.describe_alarms(AlarmNames=["one", "two"])["MetricAlarms"]
    assert (left["StateValue"], left["ActionsEnabled"]) == ("ALARM", False)


def test_what_is_asked_otherwise_is_refused(cloudwatch: "CloudWatchClient") -> None:
    with pytest.raises(Unsupported):
        cloudwatch.describe_alarms(AlarmNamePrefix="tap-")
    with pytest.raises(ClientError, match="less than or equal to 100"):
        cloudwatch.describe_alarms(AlarmNames=[f"alarm-{number}" for number in range(101)])


def test_mail_waits_for_a_confirmation_and_its_stack_does_not(world: World, deploy: "Deploy") -> None:
    body = TOPIC + MAIL.format(title="One", protocol="email", endpoint="ops@example.com")
    body += MAIL.format(title="Two", protocol="sqs", endpoint="arn:aws:sqs:us-east-1:111122223333:q")
    assert deploy(body) == "CREATE_COMPLETE"
    sns = world.session().client("sns", region_name="us-east-1")
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=ARN)["Subscriptions"]
    assert {
        subscription["Endpoint"]: subscription["SubscriptionArn"] == "PendingConfirmation"
        for subscription in subscriptions
    } == {
        "ops@example.com": True,
        "arn:aws:sqs:us-east-1:111122223333:q": False,
    }
    for subscription in world.subscriptions.values():
        subscription.confirmed = True
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=ARN)["Subscriptions"]
    assert {subscription["SubscriptionArn"].rpartition(":")[0] for subscription in subscriptions} == {ARN}
    deploy(TOPIC, name="second")
    assert sns.list_subscriptions_by_topic(TopicArn=ARN)["Subscriptions"] == []
    with pytest.raises(ClientError, match="Topic does not exist"):
        sns.list_subscriptions_by_topic(TopicArn=f"{ARN}-2")
