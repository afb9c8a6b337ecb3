"""Which alarms the rules report, and which not: on other metrics, with unknown values, with topics of others."""

import pytest

from builder.rules.alarm_dimensions import AlarmDimensions
from builder.rules.alarm_missing_data import AlarmMissingData
from builder.rules.alarm_topic_key import AlarmTopicKey
from builder.rules.alarm_topic_policy import AlarmTopicPolicy
from rules.findings import find, find_in

ALARM = "AWS::CloudWatch::Alarm"


@pytest.mark.parametrize("value", ["breaching", "notBreaching", "missing", "!Ref Name"])
def test_a_word_on_missing_data_of_a_table_is_found(value: str) -> None:
    properties = f"{{Namespace: AWS/DynamoDB, MetricName: ThrottledRequests, TreatMissingData: {value}}}"
    assert find_in(AlarmMissingData, ALARM, properties) == ["TreatMissingData"]


@pytest.mark.parametrize(
    "properties",
    [
        "{Namespace: AWS/DynamoDB}",
        "{Namespace: AWS/DynamoDB, TreatMissingData: ignore}",
        "{Namespace: AWS/DynamoDB, TreatMissingData: !Ref AWS::NoValue}",
        "{Namespace: AWS/S3, TreatMissingData: breaching}",
        "{Namespace: !Ref Name, TreatMissingData: breaching}",
        "{Metrics: [], TreatMissingData: breaching}",
    ],
)
def test_of_other_metrics_it_means_something(properties: str) -> None:
    assert find_in(AlarmMissingData, ALARM, properties) == []


def named(*names: str) -> str:
    return "[" + ", ".join(f"{{Name: {name}, Value: x}}" for name in names) + "]"


def items(*names: str) -> str:
    return f"{{Namespace: AWS/DynamoDB, MetricName: ReplicationLatency, Dimensions: {named(*names)}}}"


@pytest.mark.parametrize(
    ("properties", "places"),
    [
        (f"{{Namespace: AWS/S3, MetricName: ReplicationLatency, Dimensions: {named('SourceBucket')}}}", ["Dimensions"]),
        ("{Namespace: AWS/S3, MetricName: BytesPendingReplication}", [""]),
        (items("TableName", "ReceivingRegion", "Operation"), ["Dimensions"]),
        (
            f"{{Metrics: [{{Id: m, MetricStat: {{Metric: {items('TableName')}}}}}]}}",
            ["Metrics/0/MetricStat/Metric/Dimensions"],
        ),
    ],
)
def test_dimensions_that_no_metric_of_replication_has_are_found(properties: str, places: list[str]) -> None:
    assert find_in(AlarmDimensions, ALARM, properties) == places


@pytest.mark.parametrize(
    "properties",
    [
        items("ReceivingRegion", "TableName"),
        f"{{Namespace: AWS/DynamoDB, MetricName: UserErrors, Dimensions: {named('TableName')}}}",
        "{Namespace: AWS/S3, MetricName: ReplicationLatency, Dimensions: !Ref Name}",
        "{Namespace: AWS/S3, MetricName: ReplicationLatency, Dimensions: [{Name: !Ref Name, Value: x}]}",
        "{Namespace: !Ref Name, MetricName: ReplicationLatency}",
        "{Metrics: !Ref Name}",
        "{Metrics: [{Id: e, Expression: 1 + 1}]}",
    ],
)
def test_all_of_them_in_any_order_other_metrics_and_what_is_unknown_are_left_alone(properties: str) -> None:
    assert find_in(AlarmDimensions, ALARM, properties) == []


def watched(topic: str = "{}", more: str = "", action: str = "!Ref Topic", kind: str = "AlarmActions") -> str:
    return f"""
Parameters: {{Name: {{Type: String}}}}
Conditions: {{IsNamed: !Equals [!Ref Name, tap]}}
Resources:
  Alarm: {{Type: AWS::CloudWatch::Alarm, Properties: {{{kind}: [{action}]}}}}
  Topic: {{Type: AWS::SNS::Topic, Properties: {topic}}}
{more}
"""


@pytest.mark.parametrize("key", ["alias/aws/sns", "arn:aws:kms:us-east-1:111122223333:alias/aws/sns"])
@pytest.mark.parametrize("kind", ["AlarmActions", "OKActions", "InsufficientDataActions"])
def test_the_key_of_sns_is_found_on_a_topic_that_an_alarm_notifies(key: str, kind: str) -> None:
    places = find(AlarmTopicKey, watched(f"{{KmsMasterKeyId: '{key}'}}", kind=kind))
    assert places == ["Resources/Topic/Properties/KmsMasterKeyId"]


@pytest.mark.parametrize(
    ("topic", "action"),
    [
        ("{KmsMasterKeyId: alias/own}", "!Ref Topic"),
        ("{KmsMasterKeyId: !Ref Name}", "!Ref Topic"),
        ("{}", "!Ref Topic"),
        ("{KmsMasterKeyId: alias/aws/sns}", "!Ref Name"),
    ],
)
def test_other_keys_and_topics_that_no_alarm_notifies_are_left_alone(topic: str, action: str) -> None:
    assert find(AlarmTopicKey, watched(topic, action=action)) == []


def policy(*allowed: str, topics: str = "[!Ref Topic]") -> str:
    statements = ", ".join(
        f"{{Effect: Allow, Action: sns:Publish, Resource: '*', Principal: {who}}}" for who in allowed
    )
    document = f"{{Statement: [{statements}]}}"
    return f"  Policy: {{Type: AWS::SNS::TopicPolicy, Properties: {{Topics: {topics}, PolicyDocument: {document}}}}}"


@pytest.mark.parametrize(
    "allowed",
    [
        ["{AWS: 'arn:aws:iam::111122223333:root'}"],
        ["{Service: events.amazonaws.com}"],
        ["{Service: [s3.amazonaws.com, events.amazonaws.com]}", "{AWS: '111122223333'}"],
    ],
)
def test_a_policy_that_keeps_alarms_out_is_found(allowed: list[str]) -> None:
    assert find(AlarmTopicPolicy, watched(more=policy(*allowed))) == ["Resources/Policy/Properties/PolicyDocument"]


def test_one_that_denies_it_or_allows_other_actions_is_found_too() -> None:
    who = "Principal: {Service: cloudwatch.amazonaws.com}"
    for part in ("Effect: Deny, Action: sns:Publish", "Effect: Allow, Action: sns:Subscribe"):
        statement = f"{{{part}, {who}}}"
        more = (
            "  Policy: {Type: AWS::SNS::TopicPolicy, Properties: {Topics: [!Ref Topic], "
            f"PolicyDocument: {{Statement: [{statement}]}}}}}}"
        )
        assert find(AlarmTopicPolicy, watched(more=more)) == ["Resources/Policy/Properties/PolicyDocument"]


@pytest.mark.parametrize(
    "more",
    [
        "",
        policy("{Service: cloudwatch.amazonaws.com}"),
        policy("{Service: [events.amazonaws.com, cloudwatch.amazonaws.com]}"),
        policy("'*'"),
        policy("{AWS: '*'}"),
        policy("{Service: !Ref Name}"),
        policy("!Ref Name"),
        policy("{AWS: '111122223333'}", topics="[!Ref Name]"),
        "  Policy: {Type: AWS::SNS::TopicPolicy, Properties: {Topics: [!Ref Topic], PolicyDocument: !Ref Name}}",
    ],
)
def test_one_that_lets_them_in_or_may_and_none_at_all_are_left_alone(more: str) -> None:
    assert find(AlarmTopicPolicy, watched(more=more)) == []


def test_a_topic_that_no_alarm_notifies_may_keep_them_out() -> None:
    more = policy("{AWS: '111122223333'}")
    assert find(AlarmTopicPolicy, watched(more=more, action="!Ref Name")) == []
