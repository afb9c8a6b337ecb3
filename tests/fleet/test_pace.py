import pytest

from builder.deploy import Deployment
from builder.fleet.plan import ASSUMED_S, find_last_operation, make_pace
from builder.fleet.records import OperationPace
from builder.report.fleet_plan import fleet_plan_text
from fleet.rig import BODY, CHANGED, STORAGE, FleetRig, two_sets
from fleet.stack_sets import ACCOUNTS, EAST, WEST, instance, sites

HUNDRED = sites(WEST, *(str(100_000_000_000 + number) for number in range(100)))
SOFT = {"ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"}


@pytest.mark.parametrize(
    ("preferences", "at_once", "rounds"),
    [
        ({}, 1, 100),
        ({"MaxConcurrentCount": 10}, 1, 100),
        ({"MaxConcurrentCount": 10, "FailureToleranceCount": 4}, 5, 20),
        ({"MaxConcurrentCount": "10", "FailureToleranceCount": "9"}, 10, 10),
        ({"MaxConcurrentPercentage": 25, "FailureTolerancePercentage": 10}, 11, 10),
        ({"MaxConcurrentPercentage": 25, "FailureTolerancePercentage": 10, **SOFT}, 25, 4),
        ({"MaxConcurrentCount": 1000, **SOFT}, 100, 1),
        ({"MaxConcurrentPercentage": 0}, 1, 100),
    ],
)
def test_no_more_are_changed_at_a_time_than_may_fail_and_one(
    preferences: dict[str, object], at_once: int, rounds: int
) -> None:
    pace = make_pace(preferences, HUNDRED, 60.0)
    assert (pace.at_once, pace.rounds, pace.seconds) == (at_once, rounds, rounds * 60.0)


def test_regions_come_in_turn_unless_they_are_worked_in_side_by_side() -> None:
    places = (*HUNDRED, *sites(EAST, *ACCOUNTS))
    assert make_pace({}, places, None) == OperationPace(
        accounts=100, at_once=1, asked=1, rounds=103, stack_s=ASSUMED_S, is_assumed=True
    )
    assert make_pace({"RegionConcurrencyType": "PARALLEL"}, places, None).rounds == 100


def test_the_operation_that_touched_most_tells() -> None:
    last = [instance(ACCOUNTS[0], operation="a"), *(instance(account, operation="b") for account in ACCOUNTS[1:])]
    assert find_last_operation([*last, instance("9" * 12, status="OUTDATED", operation="a")]) == (
        "b",
        sites(WEST, *ACCOUNTS[1:]),
    )
    assert find_last_operation([]) == ("", ())


def slow(body: str = BODY) -> Deployment:
    return two_sets(body, FailureToleranceCount=0, MaxConcurrentCount=3)


@pytest.mark.slow
def test_a_plan_says_how_long_it_takes_and_what_slows_it_down(rig: FleetRig) -> None:
    first = fleet_plan_text(rig.plan(slow())).plain.splitlines()
    assert first[1] == "It takes about 12 min: 3 accounts, one at a time, 2 min for each, which is assumed."
    assert first[2].startswith("max_concurrent asks for 3 at a time, and strict does no more than may fail, and one: 1")
    rig.world.script.takes(300, action="STACK_INSTANCE", stack=None)
    rig.deploy(slow())
    plan = rig.plan(slow(CHANGED))
    (planned, other) = plan.sets
    assert planned.pace is not None
    assert 300 < planned.pace.stack_s < 330
    assert other.pace is None
    second = fleet_plan_text(plan).plain.splitlines()
    assert second[1] == "It takes about 15 min: 3 accounts, one at a time, 5 min for each as last time."
    assert planned.id == STORAGE


def test_an_operation_that_aws_keeps_no_more_tells_nothing(deployed: FleetRig) -> None:
    deployed.world.region("111122223333", WEST).cloudformation.stack_sets[
        next(iter(deployed.world.region("111122223333", WEST).cloudformation.stack_sets))
    ].operations.clear()
    (planned, _) = deployed.plan(two_sets(CHANGED)).sets
    assert planned.pace is not None
    assert planned.pace.is_assumed
