"""What the FIS API keeps: templates, and the experiments begun from them.

Account and region are the request's, as in the emulator's own stores.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from builder.local.adapter.emulator import touch
from builder.local.adapter.fis_experiment import Experiment, heed_alarms, start, stop
from builder.local.adapter.fis_template import Invalid, check
from builder.local.adapter.propagation import Propagation

T = TypeVar("T")
Document = Mapping[str, Any]
Place = tuple[str, str]
"""An account and a region of it."""

_RESPONSES = "ministack.core.responses"
_OPTIONS = {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"}


class NotFound(LookupError):
    """No such template or experiment."""


@dataclass(slots=True)
class Laboratory:
    """All templates and experiments, by place and id."""

    propagation: Propagation
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
        self.templates[_place(), made["id"]] = made
        return made

    def update_template(self, identifier: str, wanted: Document) -> dict[str, Any]:
        """Return a template after a change of what is named; raises Invalid or NotFound."""
        found = self.find_template(identifier)
        changed = {**found, **wanted, "lastUpdateTime": self.clock()}
        check(changed)
        self.templates[_place(), identifier] = changed
        return changed

    def find_template(self, identifier: str) -> dict[str, Any]:
        """Return a template; raises NotFound."""
        found = self.templates.get((_place(), identifier))
        if found is None:
            raise NotFound(f"ExperimentTemplate {identifier} not found.")
        return found

    def delete_template(self, identifier: str) -> dict[str, Any]:
        """Return the template that is no more; raises NotFound."""
        found = self.find_template(identifier)
        del self.templates[_place(), identifier]
        return found

    def start(self, wanted: Document) -> Experiment:
        """Return the experiment begun; raises Invalid or NotFound."""
        template = self.find_template(wanted["experimentTemplateId"])
        identity = make_identity("EXP", "experiment")
        experiment = Experiment(identity["id"], identity["arn"], template, wanted.get("tags", {}), self.clock())
        account, region = _place()
        start(experiment, self.propagation, account=account, region=region)
        self.experiments[_place(), experiment.id] = experiment
        return experiment

    def find(self, identifier: str) -> Experiment:
        """Return an experiment; raises NotFound."""
        found = self.experiments.get((_place(), identifier))
        if found is None:
            raise NotFound(f"Experiment {identifier} not found.")
        return found

    def stop(self, identifier: str) -> Experiment:
        """Return the experiment stopped; raises NotFound, and Invalid when it has ended."""
        found = self.find(identifier)
        status, _ = found.status(self.clock())
        if status != "running":
            raise Invalid(f"Experiment {identifier} cannot be stopped: it is {status}.")
        stop(found, self.propagation, self.clock())
        return found

    def heed_alarms(self) -> None:
        """Stop every experiment that an alarm of its own stops, wherever it is."""
        for experiment in self.experiments.values():
            heed_alarms(experiment, self.propagation, self.clock())

    def forget(self) -> None:
        """Drop everything."""
        self.templates.clear()
        self.experiments.clear()


def make_identity(prefix: str, kind: str) -> dict[str, str]:
    """Return a new id and the ARN with it."""
    account, region = _place()
    identifier = f"{prefix}{secrets.token_hex(10)}"
    return {"id": identifier, "arn": f"arn:aws:fis:{region}:{account}:{kind}/{identifier}"}


def of_here(kept: Mapping[tuple[Place, str], T]) -> list[T]:
    """Return what is kept for the request's account and region, oldest first."""
    here = _place()
    return [one for (place, _), one in kept.items() if place == here]


def _place() -> Place:
    return touch(f"{_RESPONSES}:get_account_id")(), touch(f"{_RESPONSES}:get_region")()
