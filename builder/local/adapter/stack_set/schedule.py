"""How many accounts of a region are tried at once, and how many of them may fail: arithmetic.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stackset-ops-options.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Preferences = Mapping[str, Any]


def tolerance(preferences: Preferences, accounts: int) -> int:
    """Return how many accounts of a region may fail; a percentage is rounded down."""
    if "FailureToleranceCount" in preferences:
        return int(preferences["FailureToleranceCount"])
    return int(preferences.get("FailureTolerancePercentage", 0)) * accounts // 100


def concurrency(preferences: Preferences, accounts: int, *, failures: int) -> int:
    """Return how many accounts of a region are tried at once after so many failures; at least one.

    In the strict mode never more than could fail before the tolerance is exceeded by one.
    """
    if "MaxConcurrentCount" in preferences:
        wanted = int(preferences["MaxConcurrentCount"])
    elif "MaxConcurrentPercentage" in preferences:
        wanted = int(preferences["MaxConcurrentPercentage"]) * accounts // 100
    else:
        wanted = 1
    if preferences.get("ConcurrencyMode") != "SOFT_FAILURE_TOLERANCE":
        wanted = min(wanted, tolerance(preferences, accounts) - failures + 1)
    return max(1, wanted)


def order(preferences: Preferences, regions: Iterable[str]) -> list[str]:
    """Return each region once: those that RegionOrder names first, in its order, then the others as they come."""
    given: Sequence[str] = preferences.get("RegionOrder", ())
    wanted = list(dict.fromkeys(regions))
    return [*(one for one in given if one in wanted), *(one for one in wanted if one not in given)]


def stages(preferences: Preferences, regions: Sequence[str]) -> list[list[str]]:
    """Return the regions that are tried at the same time, stage by stage."""
    if preferences.get("RegionConcurrencyType") == "PARALLEL":
        return [list(regions)]
    return [[region] for region in regions]
