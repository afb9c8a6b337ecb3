import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from builder.local.adapter.replication import Delay, Direction, Pause, Replication, Route
from builder.local.adapter.s3.writes import find_dimensions
from local.account import PRIMARY, SECONDARY, Account, deploy
from local.adapter.control import paced
from local.adapter.templates import TABLE, bucket, names, table
from local.adapter.templates import replication as configuration

EAST_TO_WEST = Direction("dynamodb", "us-east-1", "us-west-2")
ROUTE = Route(EAST_TO_WEST, "111111111111", "table")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replication(clock: Clock) -> Replication:
    return Replication(clock)


@pytest.fixture
def arrived() -> list[str]:
    return []


def test_a_write_arrives_at_once_by_default(replication: Replication, arrived: list[str]) -> None:
    replication.send(ROUTE, lambda: arrived.append("a"))
    assert arrived == ["a"]
    assert replication.is_idle()


def test_a_delayed_write_arrives_when_its_delay_is_over_and_not_before(
    replication: Replication, clock: Clock, arrived: list[str]
) -> None:
    replication.delays[EAST_TO_WEST] = Delay(delay_s=0.8)
    replication.send(ROUTE, lambda: arrived.append("a"))
    clock.now += 0.75
    replication.deliver_due()
    assert arrived == []
    clock.now += 0.0625
    replication.deliver_due()
    assert arrived == ["a"]


def test_the_other_direction_has_a_delay_of_its_own(replication: Replication, arrived: list[str]) -> None:
    replication.delays[EAST_TO_WEST] = Delay(delay_s=0.8)
    back = replace(ROUTE, direction=Direction("dynamodb", "us-west-2", "us-east-1"))
    replication.send(back, lambda: arrived.append("a"))
    assert arrived == ["a"]


def test_what_was_paused_arrives_in_order_once_it_is_resumed(
    replication: Replication, clock: Clock, arrived: list[str]
) -> None:
    replication.delays[EAST_TO_WEST] = Delay(paused=True)
    for name in "abc":
        replication.send(ROUTE, lambda name=name: arrived.append(name))  # type: ignore[misc]  # mypy: lambda's default
    clock.now += 3600
    replication.deliver_due()
    assert arrived == []
    replication.delays[EAST_TO_WEST] = Delay()
    replication.deliver_due()
    assert arrived == ["a", "b", "c"]


def test_a_write_overtakes_none_that_is_under_way(replication: Replication, arrived: list[str]) -> None:
    replication.delays[EAST_TO_WEST] = Delay(paused=True)
    replication.send(ROUTE, lambda: arrived.append("first"))
    replication.delays[EAST_TO_WEST] = Delay()
    replication.send(ROUTE, lambda: arrived.append("second"))
    replication.deliver_due()
    assert arrived == ["first", "second"]


def test_a_pause_keeps_what_it_covers_until_it_ends(replication: Replication, clock: Clock, arrived: list[str]) -> None:
    replication.pauses["experiment"] = Pause(lambda route: route.resource == "table", until=clock.now + 60)
    replication.send(ROUTE, lambda: arrived.append("held"))
    replication.send(replace(ROUTE, resource="other"), lambda: arrived.append("free"))
    assert arrived == ["free"]
    clock.now += 60
    replication.deliver_due()
    assert arrived == ["free", "held"]


def test_what_is_under_way_is_counted_with_its_bytes_and_its_age(replication: Replication, clock: Clock) -> None:
    replication.delays[EAST_TO_WEST] = Delay(paused=True)
    replication.send(ROUTE, lambda: None, size=10)
    clock.now += 5
    replication.send(ROUTE, lambda: None, size=20)
    assert replication.pending() == {ROUTE: (2, 30, 5.0)}


def test_a_reset_drops_what_is_under_way_and_every_setting(replication: Replication, arrived: list[str]) -> None:
    replication.delays[EAST_TO_WEST] = Delay(paused=True)
    replication.send(ROUTE, lambda: arrived.append("a"))
    replication.reset()
    replication.deliver_due()
    replication.send(ROUTE, lambda: arrived.append("b"))
    assert arrived == ["b"]


def test_stamps_grow() -> None:
    replication = Replication()
    assert replication.stamp() < replication.stamp()


def _values(account: Account, namespace: str, name: str, stat: str, **dimensions: str) -> list[float]:
    """What GetMetricData answers for the last minutes, of a period of an hour.

    S3's metrics are where objects go to, what failed where they come from.
    """
    region = SECONDARY if namespace == "AWS/S3" and "Failed" not in name else PRIMARY
    client = account.client("cloudwatch", region)
    metric: Any = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }
    now = datetime.now(UTC)
    answer = client.get_metric_data(
        MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": stat}}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
    )
    values: list[float] = answer["MetricDataResults"][0]["Values"]
    return values


def test_cloudwatch_is_told_how_long_a_write_took_to_another_replica(account: Account) -> None:
    assert deploy(account, "table", table()).reason == ""
    with paced(account, "dynamodb", delay_s=0.3):
        account.dynamodb().put_item(TableName=TABLE, Item={"id": {"S": "1"}})
        time.sleep(0.3)
    dimensions = {"TableName": TABLE, "ReceivingRegion": SECONDARY}
    [latency_ms] = _values(account, "AWS/DynamoDB", "ReplicationLatency", "Maximum", **dimensions)
    assert 300 <= latency_ms < 800


@pytest.fixture
def dimensions(account: Account) -> dict[str, str]:
    """Those of a rule that asks for metrics, of a bucket in the test's account."""
    source, destination = names(account)
    assert deploy(account, "destination", bucket(destination), region=SECONDARY).reason == ""
    to = {"Bucket": f"arn:aws:s3:::{destination}", "Metrics": {"Status": "Enabled"}}
    rules = bucket(source, ReplicationConfiguration=configuration(destination, Destination=to))
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
    dimensions = {"TableName": TABLE, "ReceivingRegion": SECONDARY}
    [count] = _values(account, "AWS/DynamoDB", "ReplicationLatency", "SampleCount", **dimensions)
    assert 1 <= count < 20


def test_a_rule_without_metrics_has_no_dimensions() -> None:
    rule = configuration("destination")["Rules"][0]
    assert find_dimensions("source", rule) is None
