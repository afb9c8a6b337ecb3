"""CloudWatch alarms, read by their names: `status` shows them, and an alarm stops a drill."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from builder.aws.call import pages, together
from builder.aws.clients import Clients
from builder.terms import Region, Site

ALARM = "ALARM"
_AT_ONCE = 100
"""The most names in one request, and alarms in one answer.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSighting:
    """A metric alarm with its state."""

    name: str
    state: str
    """`OK`, `ALARM` or `INSUFFICIENT_DATA`."""
    reason: str
    since: datetime | None
    """When it changed to this state."""
    notifies: bool
    """Whether its actions are enabled."""

    @property
    def words(self) -> str:
        """Its state, with the time and the reason."""
        since = f" since {self.since:%Y-%m-%d %H:%M:%S} UTC" if self.since else ""
        return f"the alarm {self.name} is in {self.state}{since}: {self.reason}"


async def observe_alarms(clients: Clients, site: Site, names: Iterable[str]) -> Mapping[str, AlarmSighting]:
    """Return the metric alarms of these names that exist in a region, by name."""
    distinct = list(dict.fromkeys(names))
    batches = [distinct[first : first + _AT_ONCE] for first in range(0, len(distinct), _AT_ONCE)]
    alarms = await together(_observe(clients.of(site), site.region, batch) for batch in batches)
    return {alarm.name: alarm for batch in alarms for alarm in batch}


async def _observe(clients: Clients, region: Region, names: list[str]) -> tuple[AlarmSighting, ...]:
    answers = pages(
        f"{region}: alarms", clients.cloudwatch(region).describe_alarms, AlarmNames=names, AlarmTypes=["MetricAlarm"]
    )
    return tuple(
        [
            AlarmSighting(
                name=alarm["AlarmName"],
                state=alarm["StateValue"],
                reason=alarm.get("StateReason", ""),
                since=_in_utc(alarm.get("StateTransitionedTimestamp", alarm.get("StateUpdatedTimestamp"))),
                notifies=alarm.get("ActionsEnabled", True),
            )
            async for answer in answers
            for alarm in answer["MetricAlarms"]
        ]
    )


def _in_utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC)
