import time
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from builder.local.adapter.replication_metrics import find_dimensions
from local.account import PRIMARY, SECONDARY, Account, deploy
from local.adapter.control import paced
from local.adapter.templates import TABLE, bucket, names, replication, table


def _values(account: Account, namespace: str, name: str, stat: str, **dimensions: str) -> list[float]:
    """What GetMetricData answers for the last minutes, of a period of an hour."""
    client = boto3.client(
        "cloudwatch",
        region_name=PRIMARY,
        endpoint_url=account.endpoint,
        aws_access_key_id=account.id,
        aws_secret_access_key="any",
    )
    metric: Any = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    now = datetime.now(UTC)
    found = client.get_metric_data(
        MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": stat}}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
    )
    values: list[float] = found["MetricDataResults"][0]["Values"]
    return values


def test_cloudwatch_is_told_how_long_a_write_took_to_another_replica(account: Account) -> None:
    assert deploy(account, "table", table()).reason == ""
    with paced(account, "dynamodb", delay_s=0.3):
        account.dynamodb().put_item(TableName=TABLE, Item={"id": {"S": "1"}})
        time.sleep(0.3)
    told = {"TableName": TABLE, "ReceivingRegion": SECONDARY}
    [latency_ms] = _values(account, "AWS/DynamoDB", "ReplicationLatency", "Maximum", **told)
    assert 300 <= latency_ms < 800


@pytest.fixture
def dimensions(account: Account) -> dict[str, str]:
    """Those of a rule that asks for metrics, of a bucket in the test's account."""
    source, destination = names(account)
    assert deploy(account, "destination", bucket(destination), region=SECONDARY).reason == ""
    to = {"Bucket": f"arn:aws:s3:::{destination}", "Metrics": {"Status": "Enabled"}}
    rules = bucket(source, ReplicationConfiguration=replication(destination, Destination=to))
    assert deploy(account, "source", rules).reason == ""
    return {"SourceBucket": source, "DestinationBucket": destination, "RuleId": "all"}


def test_cloudwatch_is_told_what_of_a_bucket_is_pending(account: Account, dimensions: dict[str, str]) -> None:
    with paced(account, "s3", paused=True):
        for key in "ab":
            account.s3().put_object(Bucket=dimensions["SourceBucket"], Key=key, Body=b"12345")
        assert _values(account, "AWS/S3", "OperationsPendingReplication", "Maximum", **dimensions) == [2]
        assert _values(account, "AWS/S3", "BytesPendingReplication", "Maximum", **dimensions) == [10]
    assert _values(account, "AWS/S3", "OperationsPendingReplication", "Minimum", **dimensions) == [0]
    assert _values(account, "AWS/S3", "ReplicationLatency", "SampleCount", **dimensions) == [2]
    assert _values(account, "AWS/S3", "OperationsFailedReplication", "Sum", **dimensions) == [0]


def test_cloudwatch_is_told_what_failed(account: Account, dimensions: dict[str, str]) -> None:
    with paced(account, "s3", paused=True):
        account.s3().put_object(Bucket=dimensions["SourceBucket"], Key="k", Body=b"x")
        account.s3(SECONDARY).delete_bucket(Bucket=dimensions["DestinationBucket"])
    assert _values(account, "AWS/S3", "OperationsFailedReplication", "Sum", **dimensions) == [1]


def test_an_object_that_takes_no_time_is_told_too(account: Account, dimensions: dict[str, str]) -> None:
    account.s3().put_object(Bucket=dimensions["SourceBucket"], Key="k", Body=b"x")
    [latency_s] = _values(account, "AWS/S3", "ReplicationLatency", "Maximum", **dimensions)
    assert latency_s < 0.1


def test_that_writes_take_no_time_is_not_said_of_each(account: Account) -> None:
    assert deploy(account, "table", table()).reason == ""
    for number in range(20):
        account.dynamodb().put_item(TableName=TABLE, Item={"id": {"S": str(number)}})
    told = {"TableName": TABLE, "ReceivingRegion": SECONDARY}
    [count] = _values(account, "AWS/DynamoDB", "ReplicationLatency", "SampleCount", **told)
    assert 1 <= count < 20


def test_a_rule_without_metrics_has_no_dimensions() -> None:
    rule = replication("destination")["Rules"][0]
    assert find_dimensions("source", rule) is None
