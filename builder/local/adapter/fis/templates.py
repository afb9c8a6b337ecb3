"""What an experiment template may have here: the two actions that pause replication, and what each takes.

AWS has some fifty actions more, several ways to choose among targets, and one action after another; a template that
asks for any of these is refused here, where AWS would take it.
Source: https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

FisTemplate = Mapping[str, Any]

_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")
_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(hours=12)


class ValidationException(ValueError):
    """What the API answers with a ValidationException."""


@dataclass(frozen=True, slots=True)
class ActionKind:
    """A kind of action: the name and the resource type of its target, and its parameters."""

    target: str
    resource_type: str
    parameters: frozenset[str]


ACTIONS = {
    "aws:dynamodb:global-table-pause-replication": ActionKind(
        "Tables", "aws:dynamodb:global-table", frozenset({"duration"})
    ),
    "aws:s3:bucket-pause-replication": ActionKind("Buckets", "aws:s3:bucket", frozenset({"duration", "region"})),
}


def check(template: FisTemplate) -> None:
    """Raise ValidationException unless the embedded AWS can run the template."""
    targets = template.get("targets", {})
    if not template["actions"]:
        raise ValidationException("at least one action is required")
    for condition in template["stopConditions"]:
        _check_condition(condition)
    for name, action in template["actions"].items():
        _check_action(name, action, targets)
    for name, target in targets.items():
        if target["selectionMode"] != "ALL" or target.get("filters"):
            raise ValidationException(f"target {name}: the embedded AWS knows selectionMode ALL without filters only")
        if bool(target.get("resourceArns")) == bool(target.get("resourceTags")):
            raise ValidationException(f"target {name}: either resourceArns or resourceTags is required")


def _check_condition(condition: FisTemplate) -> None:
    """Raise ValidationException unless a stop condition is an alarm or none.

    Source: https://docs.aws.amazon.com/fis/latest/APIReference/API_CreateExperimentTemplateStopConditionInput.html
    """
    source, value = condition["source"], condition.get("value", "")
    if source == "none":
        return
    if source != "aws:cloudwatch:alarm" or not re.fullmatch(r"arn:[^:]+:cloudwatch:[^:]+:[0-9]{12}:alarm:.+", value):
        raise ValidationException(
            f"stop condition {source} {value}: the source is none, or aws:cloudwatch:alarm with an alarm's ARN"
        )


def _check_action(name: str, action: FisTemplate, targets: FisTemplate) -> None:
    kind = ACTIONS.get(action["actionId"])
    if kind is None:
        raise ValidationException(
            f"action {name}: the embedded AWS has no {action['actionId']}, only {', '.join(ACTIONS)}"
        )
    if action.get("startAfter"):
        raise ValidationException(f"action {name}: the embedded AWS starts all actions at once, without startAfter")
    parameters = set(action.get("parameters", {}))
    if parameters != kind.parameters:
        raise ValidationException(
            f"action {name}: the parameters are {', '.join(sorted(kind.parameters))}, not {sorted(parameters)}"
        )
    read_duration(action["parameters"]["duration"])
    target = targets.get(action.get("targets", {}).get(kind.target))
    if target is None or target["resourceType"] != kind.resource_type:
        raise ValidationException(f"action {name}: {kind.target} has to be a target of type {kind.resource_type}")


def read_duration(text: str) -> float:
    """Return the seconds of an ISO 8601 duration from one minute to twelve hours."""
    match = _DURATION.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    duration = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not _SHORTEST <= duration <= _LONGEST:
        raise ValidationException(f"duration {text}: from PT1M to PT12H")
    return duration.total_seconds()
