import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, update
from local.adapter.templates import TABLE, bucket, function, names, replication, table

_NAMESPACE = "own"


def _alarm(**properties: Any) -> dict[str, Any]:
    given = {
        "AlarmName": "one",
        "Namespace": _NAMESPACE,
        "MetricName": "errors",
        "Dimensions": [{"Name": "part", "Value": "api"}],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        **properties,
    }
    kept = {name: value for name, value in given.items() if value is not None}
    return {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": kept}}


def _stat(title: str, metric: str, **stat: Any) -> dict[str, Any]:
    given = {"Namespace": _NAMESPACE, "MetricName": metric, "Dimensions": [{"Name": "part", "Value": "api"}]}
    return {"Id": title, "ReturnData": False, "MetricStat": {"Metric": given, "Period": "60", "Stat": "Sum", **stat}}


_RATE = {"Id": "rate", "Expression": "IF(all >= 2, 100 * FILL(bad, 0) / all, 0)", "Label": "percent"}
_QUERIES = [_stat("bad", "errors"), _stat("all", "requests"), _RATE]
_MATH: dict[str, Any] = {
    **dict.fromkeys(("Namespace", "MetricName", "Dimensions", "Statistic", "Period")),
    "Metrics": _QUERIES,
    "Threshold": 10,
    "TreatMissingData": "notBreaching",
}


def _put(
    account: Account, metric: str, value: float, *, part: str = "api", region: str = PRIMARY, age_s: int = 0
) -> None:
    point: Any = {"MetricName": metric, "Value": value, "Dimensions": [{"Name": "part", "Value": part}]}
    point["Timestamp"] = datetime.now(UTC) - timedelta(seconds=age_s)
    account.client("cloudwatch", region).put_metric_data(Namespace=_NAMESPACE, MetricData=[point])


def _state(account: Account, region: str = PRIMARY) -> str:
    (alarm,) = account.client("cloudwatch", region).describe_alarms(AlarmNames=["one"])["MetricAlarms"]
    state: str = alarm["StateValue"]
    return state


def test_an_alarm_sees_its_own_dimensions_in_its_own_region(account: Account) -> None:
    for region in (PRIMARY, SECONDARY):
        assert deploy(account, "alarm", _alarm(), region=region).status == "CREATE_COMPLETE"
    _put(account, "errors", 5, part="other")
    assert _state(account) == "INSUFFICIENT_DATA"
    _put(account, "errors", 5, region=SECONDARY)
    assert (_state(account), _state(account, SECONDARY)) == ("INSUFFICIENT_DATA", "ALARM")
    assert destroy(account, "alarm").status == "DELETE_COMPLETE"
    assert account.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_an_alarm_on_math_is_shown_evaluated_and_changed(account: Account) -> None:
    assert deploy(account, "alarm", _alarm(**_MATH)).status == "CREATE_COMPLETE"
    (shown,) = account.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert (shown["StateValue"], "MetricName" in shown) == ("OK", False)
    assert shown["Metrics"][2] == _RATE
    assert shown["Metrics"][0]["MetricStat"]["Period"] == 60
    _put(account, "requests", 1)
    _put(account, "errors", 1)
    assert _state(account) == "OK"  # of few
    _put(account, "requests", 4)
    assert _state(account) == "ALARM"
    assert update(account, "alarm", _alarm(**{**_MATH, "Threshold": 30})).status == "UPDATE_COMPLETE"
    _put(account, "requests", 1)
    assert _state(account) == "OK"
    account.client("cloudwatch").put_metric_alarm(
        AlarmName="api", EvaluationPeriods=1, Threshold=10, ComparisonOperator="GreaterThanThreshold",
        Metrics=[_stat("bad", "errors", Period=60), {"Id": "all", "Expression": "bad * 100"}],
    )  # fmt: skip
    (made,) = account.client("cloudwatch").describe_alarms(AlarmNames=["api"])["MetricAlarms"]
    assert (made["StateValue"], len(made["Metrics"])) == ("ALARM", 2)


@pytest.mark.parametrize(
    ("treatment", "state"),
    [("missing", "INSUFFICIENT_DATA"), ("notBreaching", "OK"), ("breaching", "ALARM"), ("ignore", "INSUFFICIENT_DATA")],
)
def test_what_is_missing_counts_as_the_alarm_says(account: Account, treatment: str, state: str) -> None:
    deploy(account, "alarm", _alarm(TreatMissingData=treatment))
    assert _state(account) == state


def test_of_several_periods_so_many_make_an_alarm(account: Account) -> None:
    deploy(account, "alarm", _alarm(EvaluationPeriods=5, DatapointsToAlarm=3, TreatMissingData="notBreaching"))
    for age_s in (0, 65):
        _put(account, "errors", 5, age_s=age_s)
        assert _state(account) == "OK"
    _put(account, "errors", 5, age_s=250)
    assert _state(account) == "ALARM"


@pytest.mark.parametrize("treatment", ["breaching", "notBreaching", "missing"])
def test_an_alarm_on_a_table_keeps_its_state_while_nothing_is_published(account: Account, treatment: str) -> None:
    deploy(account, "table", table())
    dimensions = [{"Name": "TableName", "Value": TABLE}, {"Name": "ReceivingRegion", "Value": SECONDARY}]
    latency = {"Namespace": "AWS/DynamoDB", "MetricName": "ReplicationLatency", "Dimensions": dimensions}
    deploy(account, "alarm", _alarm(**latency, Statistic="Average", Threshold=9000, TreatMissingData=treatment))
    assert _state(account) == "INSUFFICIENT_DATA"
    account.dynamodb().put_item(TableName=TABLE, Item={"id": {"S": "1"}})
    assert _state(account) == "OK"


def test_a_state_that_was_set_stays_until_something_new_is_published(account: Account) -> None:
    deploy(account, "alarm", _alarm(TreatMissingData="notBreaching"))
    _put(account, "errors", 0)
    assert _state(account) == "OK"
    account.client("cloudwatch").set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="drill")
    assert _state(account) == "ALARM"
    _put(account, "errors", 0)
    assert _state(account) == "OK"


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Statistic": None}, "Exactly one of Statistic"),
        ({"MetricName": None}, "MetricName and Namespace are required"),
        ({"Period": 45}, "Period 45 is not valid"),
        ({"Period": 300, "EvaluationPeriods": 300}, "more than a day"),
        ({"DatapointsToAlarm": 2}, "less than or equal to EvaluationPeriods"),
        ({"TreatMissingData": "good"}, "Option good"),
        ({"AlarmActions": [f"arn:aws:sns:{SECONDARY}:123456789012:t"]}, f"Invalid region {SECONDARY} specified"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "does not play the ComparisonOperator"),
        ({**_MATH, "Period": 60}, "must not be specified with Metrics"),
        ({**_MATH, "Metrics": _QUERIES[:2]}, "Exactly one element of the metrics list should return data"),
        ({**_MATH, "Metrics": [*_QUERIES, _stat("bad", "more")]}, "occur more than once"),
        ({**_MATH, "Metrics": [_RATE]}, "no metric of the list has the Id all, bad"),
        ({**_MATH, "Metrics": [{"Id": "e", "Expression": "SEARCH('x', 'Sum')"}]}, "does not play"),
        ({**_MATH, "Metrics": [{"Id": "e"}]}, "either an Expression or a MetricStat"),
    ],
)
def test_an_alarm_that_is_refused_fails_its_stack(account: Account, properties: dict[str, Any], reason: str) -> None:
    outcome = deploy(account, "alarm", _alarm(**properties))
    assert (outcome.status, reason in outcome.reason) == ("ROLLBACK_COMPLETE", True), outcome.reason
    if "Metrics" not in properties and properties.get("MetricName", 1):
        with pytest.raises(ClientError, match="ValidationError"):
            account.client("cloudwatch").put_metric_alarm(**_alarm(**properties)["Alarm"]["Properties"])


def test_a_topic_tells_who_has_confirmed(account: Account) -> None:
    topic: dict[str, Any] = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alarms"}}}
    ref = {"Ref": "Topic"}
    statement = {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": ref}]}
    mail = {"TopicArn": ref, "Protocol": "email", "Endpoint": "ops@example.com"}
    queue = {"TopicArn": ref, "Protocol": "sqs", "Endpoint": {"Fn::GetAtt": ["Queue", "Arn"]}}
    resources = {
        **topic,
        "Policy": {"Type": "AWS::SNS::TopicPolicy", "Properties": {"Topics": [ref], "PolicyDocument": policy}},
        "Mail": {"Type": "AWS::SNS::Subscription", "Properties": mail},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "told"}},
        "Told": {"Type": "AWS::SNS::Subscription", "Properties": queue},
        **_alarm(AlarmActions=[ref]),
    }
    made = deploy(account, "alarms", resources, outputs={"Topic": {"Value": ref}})
    assert made.status == "CREATE_COMPLETE"
    sns = account.client("sns")
    attributes = sns.get_topic_attributes(TopicArn=made.outputs["Topic"])["Attributes"]
    assert "cloudwatch.amazonaws.com" in attributes["Policy"]
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=made.outputs["Topic"])["Subscriptions"]
    assert {s["Protocol"]: s["SubscriptionArn"] for s in subscriptions}["email"] == "PendingConfirmation"
    _put(account, "errors", 5)
    assert _state(account) == "ALARM"
    closed = json.dumps(
        {**policy, "Statement": [{**statement, "Principal": {"Service": "s3.amazonaws.com"}, "Resource": "*"}]}
    )
    sns.set_topic_attributes(TopicArn=made.outputs["Topic"], AttributeName="Policy", AttributeValue=closed)
    account.client("cloudwatch").set_alarm_state(AlarmName="one", StateValue="OK", StateReason="again")
    account.client("cloudwatch").set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="untold")
    sqs = account.client("sqs")
    url = sqs.get_queue_url(QueueName="told")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    notifications = [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
    # By the topic's policy at the time.
    assert [message["NewStateValue"] for message in notifications] == ["ALARM"]
    assert destroy(account, "alarms").status == "DELETE_COMPLETE"
    assert sns.list_topics()["Topics"] == []


def test_requests_to_a_functions_url_are_metrics_of_its_region(account: Account) -> None:
    code = "def handler(event, context):\n    return {'statusCode': 500 if 'bad' in event['rawPath'] else 200}\n"
    deploy(account, "service", function("tap", code), region=SECONDARY)
    client = account.functions(SECONDARY)
    url = client.create_function_url_config(FunctionName="tap", AuthType="NONE")["FunctionUrl"]
    for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"):
        extra: Any = {"FunctionUrlAuthType": "NONE"} if action.endswith("Url") else {"InvokedViaFunctionUrl": True}
        client.add_permission(FunctionName="tap", StatementId=action[7:], Action=action, Principal="*", **extra)
    host = url.removeprefix("https://").rstrip("/")
    for path in ("/good", "/bad", "/good"):
        urllib3.request("GET", account.endpoint + path, headers={"Host": host})
    cloudwatch, now = account.client("cloudwatch", SECONDARY), datetime.now(UTC)

    def total(metric: str) -> float:
        answer = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda", MetricName=metric, Dimensions=[{"Name": "FunctionName", "Value": "tap"}],
            StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1), Period=7200, Statistics=["Sum"],
        )  # fmt: skip
        return float(sum(point["Sum"] for point in answer["Datapoints"]))

    assert [total(name) for name in ("UrlRequestCount", "Url5xxCount", "Url4xxCount", "Invocations")] == [3, 1, 0, 3]
    assert total("Duration") >= 0


def test_what_is_pending_is_published_where_it_goes_and_what_failed_where_it_comes_from(account: Account) -> None:
    source, destination = names(account)
    deploy(account, "destination", bucket(destination), region=SECONDARY)
    to = {"Bucket": f"arn:aws:s3:::{destination}", "Metrics": {"Status": "Enabled"}}
    deploy(account, "source", bucket(source, ReplicationConfiguration=replication(destination, Destination=to)))
    account.s3().put_object(Bucket=source, Key="k", Body=b"x")
    published = {
        region: {metric["MetricName"] for metric in account.client("cloudwatch", region).list_metrics()["Metrics"]}
        for region in (PRIMARY, SECONDARY)
    }
    assert published == {
        PRIMARY: {"OperationsFailedReplication"},
        SECONDARY: {"BytesPendingReplication", "OperationsPendingReplication", "ReplicationLatency"},
    }
