"""How far an operation may fail and how much of it runs at once, read from its OperationPreferences.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackSetOperationPreferences.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/concurrency-mode.html
"""

from dataclasses import dataclass

from fake_aws.json_value import Json
from fake_aws.refusals import validation_error


@dataclass(frozen=True, slots=True)
class Pace:
    """An operation's bounds in one region."""

    tolerance: int
    """The failures beyond which it stops."""
    at_once: int
    soft: bool

    def exceeded(self, failures: int) -> bool:
        """Return whether that is more than it bears."""
        return failures > self.tolerance

    def room(self, failures: int) -> int:
        """Return how many may run at once after so many failures; strictly, one more than may still fail."""
        return self.at_once if self.soft else min(self.at_once, self.tolerance + 1 - failures)


def pace(preferences: dict[str, Json], accounts: int) -> Pace:
    """Return the bounds for a region with so many accounts; percentages are rounded down, concurrency never to 0."""
    tolerance = preferences.get("FailureToleranceCount", 0)
    if "FailureTolerancePercentage" in preferences:
        tolerance = int(preferences["FailureTolerancePercentage"]) * accounts // 100
    at_once = preferences.get("MaxConcurrentCount", 1)
    if "MaxConcurrentPercentage" in preferences:
        at_once = max(1, int(preferences["MaxConcurrentPercentage"]) * accounts // 100)
    return Pace(int(tolerance), int(at_once), preferences.get("ConcurrencyMode") == "SOFT_FAILURE_TOLERANCE")


def region_order(preferences: dict[str, Json], regions: list[str]) -> list[list[str]]:
    """Return the regions that run side by side, one group after the other."""
    order = preferences.get("RegionOrder", [])
    ordered = sorted(regions, key=lambda each: order.index(each) if each in order else len(order))
    if preferences.get("RegionConcurrencyType") == "PARALLEL":
        return [ordered]
    return [[each] for each in ordered]


def check_preferences(preferences: dict[str, Json], regions: set[str]) -> None:
    """Refuse preferences that exclude each other, or that no operation could keep."""
    for what in ("FailureTolerance", "MaxConcurrent"):
        if {f"{what}Count", f"{what}Percentage"} <= preferences.keys():
            raise validation_error(f"You can specify either {what}Count or {what}Percentage, but not both")
    strict = preferences.get("ConcurrencyMode") == "STRICT_FAILURE_TOLERANCE"
    counts = {"FailureToleranceCount", "MaxConcurrentCount"} <= preferences.keys()
    if strict and counts and int(preferences["MaxConcurrentCount"]) > int(preferences["FailureToleranceCount"]) + 1:
        raise validation_error("MaxConcurrentCount can be at most one more than FailureToleranceCount")
    order = preferences.get("RegionOrder", [])
    if len(set(order)) != len(order):
        raise validation_error("RegionOrder names a region twice")
    if strangers := sorted(set(order) - regions):
        raise validation_error(f"RegionOrder names regions without stack instances: {strangers}")
