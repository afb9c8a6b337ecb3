"""Experiments: which replication each pauses up, how far it is at a given time, and where they are kept.

Account and region are the request's, as in the emulator's own stores.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from builder.local.adapter.emulator import Place, here, touch
from builder.local.adapter.fis.templates import ACTIONS, Invalid, check, read_duration
from builder.local.adapter.replication import Pause, Replication, Route

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


def _start(experiment: Experiment, replication: Replication, *, account: str, region: str) -> None:
    """Pause up what the actions pause, each for its duration; with an empty target nothing, and the run has failed."""
    pauses = {}
    for name, action in experiment.template["actions"].items():
        kind = ACTIONS[action["actionId"]]
        target = experiment.template["targets"][action["targets"][kind.target]]
        found = _resolve(kind.resource_type, target, account, region)
        if not found:
            experiment.failure = _NO_TARGETS
            return
        until = replication.clock() + duration(action)
        pauses[f"{experiment.id}/{name}"] = Pause(_Covered(account, region, found, action), until)
    replication.pauses.update(pauses)


def stop(experiment: Experiment, replication: Replication, now: float) -> None:
    """Let go of everything before its time."""
    experiment.stopped = now
    for name in experiment.template["actions"]:
        replication.pauses.pop(f"{experiment.id}/{name}", None)


def _check_alarms(experiment: Experiment, replication: Replication, now: float) -> None:
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
            stop(experiment, replication, now)


@dataclass(frozen=True, slots=True)
class _Covered:
    """Which ways an action pauses: a table's into and out of the region, a bucket's from it to the region named.

    Source: https://docs.aws.amazon.com/fis/latest/userguide/cross-region-scenario.html
    """

    account: str
    region: str
    names: frozenset[str]
    action: Mapping[str, Any]

    def __call__(self, route: Route) -> bool:
        if route.account != self.account or route.resource not in self.names:
            return False
        there = route.direction
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


T = TypeVar("T")
Document = Mapping[str, Any]

_OPTIONS = {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"}


class NotFound(LookupError):
    """No such template or experiment."""


@dataclass(slots=True)
class FisStore:
    """All templates and experiments, by place and id."""

    replication: Replication
    clock: Callable[[], float] = time.time
    templates: dict[tuple[Place, str], dict[str, Any]] = field(default_factory=dict)
    experiments: dict[tuple[Place, str], Experiment] = field(default_factory=dict)

    def create_template(self, wanted: Document) -> dict[str, Any]:
        """Return the template made of a request; raises Invalid."""
        check(wanted)
        now = self.clock()
        made = {
            **{name: value for name, value in wanted.items() if name != "clientToken"},
            **make_identity("EXT", "experiment-template"),
            "creationTime": now,
            "lastUpdateTime": now,
            "experimentOptions": {**_OPTIONS, **wanted.get("experimentOptions", {})},
        }
        self.templates[here(), made["id"]] = made
        return made

    def update_template(self, identifier: str, wanted: Document) -> dict[str, Any]:
        """Return a template after a change of what is named; raises Invalid or NotFound."""
        found = self.find_template(identifier)
        changed = {**found, **wanted, "lastUpdateTime": self.clock()}
        check(changed)
        self.templates[here(), identifier] = changed
        return changed

    def find_template(self, identifier: str) -> dict[str, Any]:
        """Return a template; raises NotFound."""
        found = self.templates.get((here(), identifier))
        if found is None:
            raise NotFound(f"ExperimentTemplate {identifier} not found.")
        return found

    def delete_template(self, identifier: str) -> dict[str, Any]:
        """Return the template that is no more; raises NotFound."""
        found = self.find_template(identifier)
        del self.templates[here(), identifier]
        return found

    def start(self, wanted: Document) -> Experiment:
        """Return the experiment begun; raises Invalid or NotFound."""
        template = self.find_template(wanted["experimentTemplateId"])
        identity = make_identity("EXP", "experiment")
        experiment = Experiment(identity["id"], identity["arn"], template, wanted.get("tags", {}), self.clock())
        account, region = here()
        _start(experiment, self.replication, account=account, region=region)
        self.experiments[here(), experiment.id] = experiment
        return experiment

    def find(self, identifier: str) -> Experiment:
        """Return an experiment; raises NotFound."""
        found = self.experiments.get((here(), identifier))
        if found is None:
            raise NotFound(f"Experiment {identifier} not found.")
        return found

    def stop(self, identifier: str) -> Experiment:
        """Return the experiment stopped; raises NotFound, and Invalid when it has ended."""
        found = self.find(identifier)
        status, _ = found.status(self.clock())
        if status != "running":
            raise Invalid(f"Experiment {identifier} cannot be stopped: it is {status}.")
        stop(found, self.replication, self.clock())
        return found

    def check_alarms(self) -> None:
        """Stop every experiment that an alarm of its own stops, wherever it is."""
        for experiment in self.experiments.values():
            _check_alarms(experiment, self.replication, self.clock())

    def reset(self) -> None:
        """Drop everything."""
        self.templates.clear()
        self.experiments.clear()


def make_identity(prefix: str, kind: str) -> dict[str, str]:
    """Return a new id and the ARN with it."""
    account, region = here()
    identifier = f"{prefix}{secrets.token_hex(10)}"
    return {"id": identifier, "arn": f"arn:aws:fis:{region}:{account}:{kind}/{identifier}"}


def of_here(stored: Mapping[tuple[Place, str], T]) -> list[T]:
    """Return what is kept for the request's account and region, oldest first."""
    request_place = here()
    return [item for (place, _), item in stored.items() if place == request_place]
