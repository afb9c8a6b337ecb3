"""CloudWatch, as much as telling alarms by their names takes: what stacks make, in the state that a test puts it into.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fake_aws.calls import Operation, Reply, Request, reads
from fake_aws.cloudformation.paging import page
from fake_aws.refusals import Unsupported, validation_error

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World

_MOST = 100


@dataclass(slots=True)
class Alarm:
    """A metric alarm as its stack made it, and its state."""

    name: str
    arn: str
    properties: dict[str, Any]
    """As CloudFormation writes them."""
    since: datetime
    state: str = "INSUFFICIENT_DATA"
    reason: str = "Unchecked: Initial alarm creation"


def describe_alarms(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeAlarms, of metric alarms by their names."""
    names = params.get("AlarmNames")
    if names is None or params.get("AlarmTypes", ["MetricAlarm"]) != ["MetricAlarm"]:
        raise Unsupported("DescribeAlarms of others than metric alarms by their names")
    if len(names) > _MOST:
        raise validation_error(f"Member must have length less than or equal to {_MOST}")
    alarms = request.world.alarms
    matching = [alarms[key] for name in names if (key := (request.account, request.region, name)) in alarms]
    shown, token = page(request, matching, params.get("NextToken"))
    return {"MetricAlarms": [_as_shown(alarm) for alarm in shown], "CompositeAlarms": [], "NextToken": token}


def _as_shown(alarm: Alarm) -> dict[str, Any]:
    return {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.arn,
        "ActionsEnabled": str(alarm.properties.get("ActionsEnabled", True)).lower() == "true",
        "StateValue": alarm.state,
        "StateReason": alarm.reason,
        "StateUpdatedTimestamp": alarm.since,
        "StateTransitionedTimestamp": alarm.since,
    }


def create(world: "World", place: "Place", resource: "Resource") -> None:
    """Make an alarm that has not looked at anything yet."""
    name = resource.physical_id or ""
    arn = place.arn("cloudwatch", f"alarm:{name}")
    world.alarms[place.account, place.region, name] = Alarm(name, arn, resource.properties, world.datetime())


def update(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Change what it looks at; its state stays."""
    world.alarms[place.account, place.region, resource.physical_id or ""].properties = resource.properties


def delete(world: "World", place: "Place", resource: "Resource") -> None:
    """Delete it, if it is not gone already."""
    world.alarms.pop((place.account, place.region, resource.physical_id or ""), None)


OPERATIONS: dict[str, Operation] = {
    "DescribeAlarms": reads(describe_alarms, "AlarmNames", "AlarmTypes", "NextToken"),
}
