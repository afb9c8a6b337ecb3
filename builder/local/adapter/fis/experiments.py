"""Experiments: which replication each pauses, its state at a given time, and the store of all.

Account and region are the request's, as in the emulator's own stores.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from builder.local.adapter.emulator import AccountRegion, acting_in, here, touch
from builder.local.adapter.fis.templates import ACTIONS, ValidationException, check, read_duration
from builder.local.adapter.replication import Pause, Replication, Route

_NO_TARGETS = "Target resolution returned empty set"
_BY_USER = "Experiment halted by user action."
# AWS's wording is unverified.
_BY_ALARM = "Experiment halted by stop condition: {}"
_ALARM = "aws:cloudwatch:alarm"


@dataclass(slots=True)
class Experiment:
    """A run of a template; times are seconds since the epoch."""

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
    """Pause what the actions cover, each for its duration. With an empty target it fails and pauses nothing."""
    pauses = {}
    for name, action in experiment.template["actions"].items():
        kind = ACTIONS[action["actionId"]]
        target = experiment.template["targets"][action["targets"][kind.target]]
        names = _resolve(kind.resource_type, target, account, region)
        if not names:
            experiment.failure = _NO_TARGETS
            return
        until = replication.clock() + duration(action)
        pauses[f"{experiment.id}/{name}"] = Pause(_ActionScope(account, region, names, action), until)
    replication.pauses.update(pauses)


def stop(experiment: Experiment, replication: Replication, now: float) -> None:
    """End the experiment's pauses now."""
    experiment.stopped = now
    for name in experiment.template["actions"]:
        replication.pauses.pop(f"{experiment.id}/{name}", None)


def _check_alarms(experiment: Experiment, replication: Replication, now: float) -> None:
    """Stop an experiment one of whose stop conditions is in ALARM. AWS takes longer to notice.

    Source: https://docs.aws.amazon.com/fis/latest/userguide/stop-conditions.html
    """
    for condition in experiment.template["stopConditions"]:
        if condition["source"] != _ALARM or experiment.status(now)[0] != "running":
            continue
        _, _, _, region, account, _, name = condition["value"].split(":", 6)
        cloudwatch = "ministack.services.cloudwatch"
        with acting_in(AccountRegion(account, region)):
            touch(f"{cloudwatch}:_evaluate_all_alarms")()
        alarms = [touch(f"{cloudwatch}:{kind}") for kind in ("_alarms", "_composite_alarms")]
        states = [alarm["StateValue"] for store in alarms if (alarm := store.get_scoped(account, region, name))]
        if "ALARM" in states:
            experiment.why = _BY_ALARM.format(condition["value"])
            stop(experiment, replication, now)


@dataclass(frozen=True, slots=True)
class _ActionScope:
    """The routes that an action pauses: a table's from and to the region, a bucket's from it to the region named.

    Source: https://docs.aws.amazon.com/fis/latest/userguide/cross-region-scenario.html
    """

    account: str
    region: str
    names: frozenset[str]
    action: Mapping[str, Any]

    def __call__(self, route: Route) -> bool:
        if route.account != self.account or route.resource not in self.names:
            return False
        direction = route.direction
        if self.action["actionId"] == "aws:s3:bucket-pause-replication":
            paused = ("s3", self.region, self.action["parameters"]["region"])
            return (direction.service, direction.source, direction.destination) == paused
        return direction.service == "dynamodb" and self.region in (direction.source, direction.destination)


def _resolve(kind: str, target: Mapping[str, Any], account: str, region: str) -> frozenset[str]:
    """Return the names of the target's tables or buckets in the region."""
    resources = _tables(account, region) if kind == "aws:dynamodb:global-table" else _buckets(region)
    if "resourceArns" in target:
        return frozenset(name for name, (arn, _) in resources.items() if arn in target["resourceArns"])
    tags_of_target = target["resourceTags"].items()
    return frozenset(name for name, (_, tags) in resources.items() if tags_of_target <= tags.items())


TargetTags = Mapping[str, tuple[str, Mapping[str, str]]]
"""Names, with ARN and tags."""


def _tables(account: str, region: str) -> TargetTags:
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


def _buckets(region: str) -> TargetTags:
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


class ResourceNotFoundException(LookupError):
    """No such template or experiment."""


@dataclass(slots=True)
class FisStore:
    """All templates and experiments, by account, region and id."""

    replication: Replication
    clock: Callable[[], float] = time.time
    templates: dict[tuple[AccountRegion, str], dict[str, Any]] = field(default_factory=dict)
    experiments: dict[tuple[AccountRegion, str], Experiment] = field(default_factory=dict)

    def create_template(self, request: Document) -> dict[str, Any]:
        """Add the template of a request and return it. Raises ValidationException."""
        check(request)
        now = self.clock()
        template = {
            **{name: value for name, value in request.items() if name != "clientToken"},
            **make_identity("EXT", "experiment-template"),
            "creationTime": now,
            "lastUpdateTime": now,
            "experimentOptions": {**_OPTIONS, **request.get("experimentOptions", {})},
        }
        self.templates[here(), template["id"]] = template
        return template

    def update_template(self, identifier: str, request: Document) -> dict[str, Any]:
        """Return a template with what the request names changed.

        Raises ValidationException, or ResourceNotFoundException where there is none.
        """
        template = self.find_template(identifier)
        changed = {**template, **request, "lastUpdateTime": self.clock()}
        check(changed)
        self.templates[here(), identifier] = changed
        return changed

    def find_template(self, identifier: str) -> dict[str, Any]:
        """Return a template. Raises ResourceNotFoundException."""
        template = self.templates.get((here(), identifier))
        if template is None:
            raise ResourceNotFoundException(f"ExperimentTemplate {identifier} not found.")
        return template

    def delete_template(self, identifier: str) -> dict[str, Any]:
        """Delete a template and return it. Raises ResourceNotFoundException."""
        template = self.find_template(identifier)
        del self.templates[here(), identifier]
        return template

    def start(self, request: Document) -> Experiment:
        """Start an experiment and return it. Raises ResourceNotFoundException."""
        template = self.find_template(request["experimentTemplateId"])
        identity = make_identity("EXP", "experiment")
        experiment = Experiment(identity["id"], identity["arn"], template, request.get("tags", {}), self.clock())
        account, region = here()
        _start(experiment, self.replication, account=account, region=region)
        self.experiments[here(), experiment.id] = experiment
        return experiment

    def find(self, identifier: str) -> Experiment:
        """Return an experiment. Raises ResourceNotFoundException."""
        experiment = self.experiments.get((here(), identifier))
        if experiment is None:
            raise ResourceNotFoundException(f"Experiment {identifier} not found.")
        return experiment

    def stop(self, identifier: str) -> Experiment:
        """Stop an experiment and return it.

        Raises ResourceNotFoundException, and ValidationException where it has ended.
        """
        experiment = self.find(identifier)
        status, _ = experiment.status(self.clock())
        if status != "running":
            raise ValidationException(f"Experiment {identifier} cannot be stopped: it is {status}.")
        stop(experiment, self.replication, self.clock())
        return experiment

    def check_alarms(self) -> None:
        """Stop every experiment, in any account and region, whose stop condition is in ALARM."""
        for experiment in self.experiments.values():
            _check_alarms(experiment, self.replication, self.clock())

    def reset(self) -> None:
        """Delete all templates and experiments."""
        self.templates.clear()
        self.experiments.clear()


def make_identity(prefix: str, kind: str) -> dict[str, str]:
    """Return a new id and the ARN with it."""
    account, region = here()
    identifier = f"{prefix}{secrets.token_hex(10)}"
    return {"id": identifier, "arn": f"arn:aws:fis:{region}:{account}:{kind}/{identifier}"}


def of_request(stored: Mapping[tuple[AccountRegion, str], T]) -> list[T]:
    """Return what is stored in the request's account and region, oldest first."""
    request_place = here()
    return [item for (place, _), item in stored.items() if place == request_place]
