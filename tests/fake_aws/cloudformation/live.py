"""What a resource really is where somebody changed it by hand, and what an operation makes of that.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html
"""

from dataclasses import dataclass

from fake_aws.cloudformation.compare import changed_properties, recreation
from fake_aws.cloudformation.records import Resource
from fake_aws.json_value import Json

Properties = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Aim:
    """What changes of a resource, and what it will really be then."""

    changed: list[str]
    live: Properties


def aim(present: Resource, wanted: Properties) -> Aim:
    """Return what an ordinary update does: it changes what the templates differ in, and leaves other drift as it is."""
    changed = changed_properties(present.properties, wanted)
    if present.actual is None:
        return Aim(changed, wanted)
    kept = {name: value for name, value in present.actual.items() if name not in changed}
    return Aim(changed, kept | {name: wanted[name] for name in changed if name in wanted})


def aim_against_drift(present: Resource, wanted: Properties) -> Aim:
    """Return what a drift-aware update does: it makes the resource what the template says, whatever it is."""
    return Aim(changed_properties(drifted_base(present, wanted), wanted), wanted)


def aim_back(present: Resource, before: Resource | None, wanted: Properties) -> Aim:
    """Return what a rollback does: it makes the resource what it really was before."""
    goal = wanted if before is None or before.actual is None else before.actual
    return Aim(changed_properties(present.live, goal), goal)


def drifted_base(present: Resource, wanted: Properties) -> Properties:
    """Return what a drift-aware change set compares a template with: what is really there of what a template ever said.

    Properties that cannot be changed in place are taken as they were deployed.
    """
    named = present.properties.keys() | wanted.keys()
    fixed = {name for name in named if recreation(present.type, name) != "Never"}
    really = {name: value for name, value in present.live.items() if name in named - fixed}
    return really | {name: value for name, value in present.properties.items() if name in fixed}


def drifted_properties(present: Resource) -> list[str]:
    """Return which of the properties that its template gives it are really different."""
    return changed_properties(present.properties, expected_part(present))


def expected_part(present: Resource) -> Properties:
    """Return what is really there of the properties that its template gives it."""
    return {name: value for name, value in present.live.items() if name in present.properties}
