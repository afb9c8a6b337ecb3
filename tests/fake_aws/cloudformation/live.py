"""What a resource really is where somebody changed it by hand, and what an operation makes of that.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html
"""

from dataclasses import dataclass

from fake_aws.cloudformation.compare import changed_properties, recreation
from fake_aws.cloudformation.records import Resource
from fake_aws.json_value import Json

Properties = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Goal:
    """What changes of a resource, and what it will really be then."""

    changed: list[str]
    live: Properties


def goal_of_update(present: Resource, desired: Properties) -> Goal:
    """Return what an ordinary update does: it changes what the templates differ in, and leaves other drift as it is."""
    changed = changed_properties(present.properties, desired)
    if present.actual is None:
        return Goal(changed, desired)
    kept = {name: value for name, value in present.actual.items() if name not in changed}
    return Goal(changed, kept | {name: desired[name] for name in changed if name in desired})


def goal_against_drift(present: Resource, desired: Properties) -> Goal:
    """Return what a drift-aware update does: it makes the resource what the template says, whatever it is."""
    return Goal(changed_properties(drifted_base(present, desired), desired), desired)


def goal_of_rollback(present: Resource, before: Resource | None, desired: Properties) -> Goal:
    """Return what a rollback does: it makes the resource what it really was before."""
    goal = desired if before is None or before.actual is None else before.actual
    return Goal(changed_properties(present.live, goal), goal)


def drifted_base(present: Resource, desired: Properties) -> Properties:
    """Return what a drift-aware change set compares a template with: the live values of what was or is declared.

    Properties that cannot be changed in place are taken as they were deployed.
    """
    named = present.properties.keys() | desired.keys()
    fixed = {name for name in named if recreation(present.type, name) != "Never"}
    really = {name: value for name, value in present.live.items() if name in named - fixed}
    return really | {name: value for name, value in present.properties.items() if name in fixed}


def drifted_properties(present: Resource) -> list[str]:
    """Return which of the properties that its template gives it are really different."""
    return changed_properties(present.properties, expected_part(present))


def expected_part(present: Resource) -> Properties:
    """Return what is really there of the properties that its template gives it."""
    return {name: value for name, value in present.live.items() if name in present.properties}
