"""One run of an experiment template: which replication it holds up, and how far it is at a given time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.local.adapter.emulator import touch
from builder.local.adapter.fis_template import ACTIONS, read_duration
from builder.local.adapter.propagation import Hold, Propagation, Way

_NO_TARGETS = "Target resolution returned empty set"
_BY_USER = "Experiment halted by user action."
# What AWS says there is unverified.
_BY_ALARM = "Experiment halted by stop condition: {}"
_ALARM = "aws:cloudwatch:alarm"


@dataclass(slots=True)
class Experiment:
    """A run; times are seconds since the epoch."""

    id: str
    arn: str
    template: Mapping[str, Any]
    tags: Mapping[str, str]
    began: float
    failure: str = ""
    stopped: float | None = None
    why: str = _BY_USER
    """Of a stop."""

    def status(self, now: float) -> tuple[str, str]:
        """Return the state and the reason for it."""
        if self.failure:
            return "failed", self.failure
        if self.stopped is not None:
            return "stopped", self.why
        if now < self.began + max(map(duration, self.template["actions"].values())):
            return "running", "Experiment is running."
        return "completed", "Experiment completed."

    def action_status(self, action: Mapping[str, Any], now: float) -> tuple[str, float | None]:
        """Return an action's state and when it ended."""
        if self.failure:
            return "cancelled", self.began
        until = self.began + duration(action)
        if self.stopped is not None and self.stopped < until:
            return "stopped", self.stopped
        return ("running", None) if now < until else ("completed", until)

    def ended(self, now: float) -> float | None:
        """Return when the last action ended; None while one runs."""
        ends = [self.action_status(action, now)[1] for action in self.template["actions"].values()]
        return None if None in ends else max(end for end in ends if end is not None)


def duration(action: Mapping[str, Any]) -> float:
    """Return how many seconds an action lasts."""
    return read_duration(action["parameters"]["duration"])


def start(experiment: Experiment, propagation: Propagation, *, account: str, region: str) -> None:
    """Hold up what the actions pause, each for its duration; with an empty target nothing, and the run has failed."""
    holds = {}
    for name, action in experiment.template["actions"].items():
        kind = ACTIONS[action["actionId"]]
        target = experiment.template["targets"][action["targets"][kind.target]]
        found = _resolve(kind.resource_type, target, account, region)
        if not found:
            experiment.failure = _NO_TARGETS
            return
        until = propagation.clock() + duration(action)
        holds[f"{experiment.id}/{name}"] = Hold(_Covered(account, region, found, action), until)
    propagation.holds.update(holds)


def stop(experiment: Experiment, propagation: Propagation, now: float) -> None:
    """Let go of everything before its time."""
    experiment.stopped = now
    for name in experiment.template["actions"]:
        propagation.holds.pop(f"{experiment.id}/{name}", None)


def heed_alarms(experiment: Experiment, propagation: Propagation, now: float) -> None:
    """Stop what runs while an alarm of its stop conditions is in ALARM, as AWS does, which needs longer to see it.

    Source: https://docs.aws.amazon.com/fis/latest/userguide/stop-conditions.html
    """
    for condition in experiment.template["stopConditions"]:
        if condition["source"] != _ALARM or experiment.status(now)[0] != "running":
            continue
        _, _, _, region, account, _, name = condition["value"].split(":", 6)
        cloudwatch = "ministack.services.cloudwatch"
        alarms = [touch(f"{cloudwatch}:{kind}") for kind in ("_alarms", "_composite_alarms")]
        states = [alarm["StateValue"] for kept in alarms if (alarm := kept.get_scoped(account, region, name))]
        if "ALARM" in states:
            experiment.why = _BY_ALARM.format(condition["value"])
            stop(experiment, propagation, now)


@dataclass(frozen=True, slots=True)
class _Covered:
    """Which ways an action pauses: a table's into and out of the region, a bucket's from it to the region named.

    Source: https://docs.aws.amazon.com/fis/latest/userguide/cross-region-scenario.html
    """

    account: str
    region: str
    names: frozenset[str]
    action: Mapping[str, Any]

    def __call__(self, way: Way) -> bool:
        if way.account != self.account or way.resource not in self.names:
            return False
        there = way.direction
        if self.action["actionId"] == "aws:s3:bucket-pause-replication":
            wanted = ("s3", self.region, self.action["parameters"]["region"])
            return (there.service, there.source, there.destination) == wanted
        return there.service == "dynamodb" and self.region in (there.source, there.destination)


def _resolve(kind: str, target: Mapping[str, Any], account: str, region: str) -> frozenset[str]:
    """Return the names of the tables or buckets of the region that are meant."""
    found = _tables(account, region) if kind == "aws:dynamodb:global-table" else _buckets(region)
    if "resourceArns" in target:
        return frozenset(name for name, (arn, _) in found.items() if arn in target["resourceArns"])
    wanted = target["resourceTags"].items()
    return frozenset(name for name, (_, tags) in found.items() if wanted <= tags.items())


Found = Mapping[str, tuple[str, Mapping[str, str]]]
"""Names, with ARN and tags."""


def _tables(account: str, region: str) -> Found:
    tables = touch("ministack.services.dynamodb:_tables").values_scoped(account, region)
    tags = touch("ministack.services.dynamodb:_tags")
    return {
        table["TableName"]: (
            table["TableArn"],
            {tag["Key"]: tag["Value"] for tag in tags.get(table["TableArn"], [])},
        )
        for table in tables
        if touch("ministack.services.dynamodb:_replica_group")(table)
    }


def _buckets(region: str) -> Found:
    located = touch("ministack.services.s3:_replication_destination_region")
    tags = touch("ministack.services.s3:_bucket_tags")
    return {
        name: (f"arn:aws:s3:::{name}", tags.get(name, {}))
        for name in touch("ministack.services.s3:_bucket_replication")
        if located(name) == region
    }
