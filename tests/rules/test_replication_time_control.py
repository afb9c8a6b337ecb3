import pytest

from builder.rules.replication_time_control import ReplicationTimeControl
from rules.findings import find_in

PLACE = "ReplicationConfiguration/Rules/0/Destination"
TIME = "ReplicationTime: {Status: Enabled, Time: {Minutes: 15}}"
METRICS = "Metrics: {Status: Enabled, EventThreshold: {Minutes: 15}}"


def find(destination: str) -> list[str]:
    rules = f"[{{Destination: {destination}}}]"
    return find_in(ReplicationTimeControl, "AWS::S3::Bucket", f"{{ReplicationConfiguration: {{Rules: {rules}}}}}")


@pytest.mark.parametrize(
    "metrics",
    [
        "",
        ", Metrics: {Status: Disabled}",
        ", Metrics: {}",
        ", Metrics: !If [IsNamed, {Status: Enabled}, !Ref AWS::NoValue]",
    ],
)
def test_time_control_that_may_be_without_metrics_is_found(metrics: str) -> None:
    assert find(f"{{{TIME}{metrics}}}") == [f"{PLACE}/ReplicationTime"]


def test_minutes_other_than_fifteen_are_found_wherever_they_stand() -> None:
    destination = (
        "{ReplicationTime: {Status: Enabled, Time: {Minutes: 30}}, "
        "Metrics: {Status: Enabled, EventThreshold: {Minutes: '5'}}}"
    )
    assert find(destination) == [f"{PLACE}/Metrics/EventThreshold/Minutes", f"{PLACE}/ReplicationTime/Time/Minutes"]


@pytest.mark.parametrize(
    "destination",
    [
        f"{{{TIME}, {METRICS}}}",
        "{ReplicationTime: {Status: Disabled, Time: {Minutes: 15}}}",
        f"{{{METRICS}}}",
        "{Metrics: {Status: Enabled}}",
        f"{{{TIME}, Metrics: !Ref Name}}",
        f"{{{TIME}, Metrics: {{Status: !Ref Name, EventThreshold: {{Minutes: !Ref Name}}}}}}",
        "{ReplicationTime: !Ref Name}",
        "!Ref Name",
    ],
)
def test_nothing_is_said_of_the_two_together_of_neither_and_of_what_is_unknown(destination: str) -> None:
    assert find(destination) == []
