"""How fast a set goes through its accounts: how many at a time, and how long that takes by its last operation."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from builder.aws import Clients, call
from builder.errors import AwsError
from builder.fleet.observe import client_of, named
from builder.fleet.records import Pace, SetPlan, StackInstance, StackSet
from builder.terms import Site

ASSUMED_S = 120.0
"""What a stack takes in an account where no operation of the set tells."""
_NO_OPERATION = "OperationNotFoundException"


def make_pace(preferences: Mapping[str, Any], sites: Iterable[Site], stack_s: float | None) -> Pace:
    """Return the pace of an operation in these places, its regions in turn unless they are worked in side by side.

    `stack_s` is what one stack takes in one account; None where that is not known. Pure.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/concurrency-mode.html
    """
    regions = Counter(site.region for site in sites)
    rounds = {region: -(-count // _at_once(preferences, count)) for region, count in regions.items()}
    most = max(regions.values(), default=0)
    in_turn = preferences.get("RegionConcurrencyType") != "PARALLEL"
    return Pace(
        accounts=most,
        at_once=_at_once(preferences, most),
        asked=_asked(preferences, most),
        rounds=sum(rounds.values()) if in_turn else max(rounds.values(), default=0),
        stack_s=ASSUMED_S if stack_s is None else stack_s,
        is_assumed=stack_s is None,
    )


def _at_once(preferences: Mapping[str, Any], accounts: int) -> int:
    """Return in how many accounts of a region StackSets work at a time, as long as none fails."""
    asked = max(1, min(_asked(preferences, accounts), accounts))
    if preferences.get("ConcurrencyMode") == "SOFT_FAILURE_TOLERANCE":
        return asked
    return min(asked, _amount(preferences, "FailureTolerance", accounts, 0) + 1)


def _asked(preferences: Mapping[str, Any], accounts: int) -> int:
    return max(1, _amount(preferences, "MaxConcurrent", accounts, 1))


def _amount(preferences: Mapping[str, Any], name: str, accounts: int, default: int) -> int:
    """Return a count, or a percentage of the accounts, rounded down; numbers of a template may be texts."""
    if (percentage := preferences.get(f"{name}Percentage")) is not None:
        return int(percentage) * accounts // 100
    return int(preferences.get(f"{name}Count", default))


def find_last_operation(instances: Iterable[StackInstance]) -> tuple[str, Collection[Site]]:
    """Return the operation that most of the instances were touched by last, and which those are; pure."""
    well = [instance for instance in instances if instance.operation and instance.status == "CURRENT"]
    counts = Counter(instance.operation for instance in well)
    if not counts:
        return "", ()
    operation = counts.most_common(1)[0][0]
    return operation, tuple(instance.site for instance in well if instance.operation == operation)


async def observe_stack_s(clients: Clients, stack_set: StackSet, instances: Iterable[StackInstance]) -> float | None:
    """Return the seconds that a stack took in its last operation; None where no operation tells any more."""
    operation, sites = find_last_operation(instances)
    if not operation:
        return None
    describe = client_of(clients, stack_set).describe_stack_set_operation
    try:
        answer = await call(stack_set.id, describe, OperationId=operation, **named(stack_set))
    except AwsError as error:
        if error.code == _NO_OPERATION:
            return None  # AWS keeps them for ninety days
        raise
    said = answer["StackSetOperation"]
    if "EndTimestamp" not in said:
        return None
    took_s = (said["EndTimestamp"] - said["CreationTimestamp"]).total_seconds()
    return took_s / make_pace(said.get("OperationPreferences", {}), sites, None).rounds


def paced_sites(planned: SetPlan) -> tuple[Site, ...]:
    """Return the places of the operation of the plan's that has the most; pure."""
    repairs = tuple(repair.site for repair in planned.repairs)
    return max((planned.joining, planned.updating, planned.leaving, repairs), key=len)
