import pytest

from builder.local.adapter.stack_set import schedule

_SOFT = {"ConcurrencyMode": "SOFT_FAILURE_TOLERANCE"}


@pytest.mark.parametrize(
    ("preferences", "expected"),
    [({}, 0), ({"FailureToleranceCount": 3}, 3), ({"FailureTolerancePercentage": 19}, 1)],
)
def test_the_tolerance_is_a_count_or_a_share_rounded_down(preferences: dict[str, int], expected: int) -> None:
    assert schedule.tolerance(preferences, 10) == expected


@pytest.mark.parametrize(
    ("preferences", "failures", "expected"),
    [
        ({}, 0, 1),
        ({"MaxConcurrentCount": 5}, 0, 1),
        ({"MaxConcurrentCount": 5, "FailureToleranceCount": 2}, 0, 3),
        ({"MaxConcurrentCount": 5, "FailureToleranceCount": 2}, 2, 1),
        ({"MaxConcurrentCount": 5, **_SOFT}, 0, 5),
        ({"MaxConcurrentPercentage": 55, **_SOFT}, 0, 5),
        ({"MaxConcurrentPercentage": 1, **_SOFT}, 0, 1),
    ],
)
def test_the_strict_mode_never_tries_more_than_may_fail_and_one(
    preferences: dict[str, object], failures: int, expected: int
) -> None:
    assert schedule.concurrency(preferences, 10, failures=failures) == expected


def test_regions_come_in_the_order_asked_for_and_each_once() -> None:
    assert schedule.order({"RegionOrder": ["c", "x", "a"]}, ["a", "b", "c", "a"]) == ["c", "a", "b"]


def test_regions_are_tried_one_by_one_or_all_at_once() -> None:
    assert schedule.stages({}, ["a", "b"]) == [["a"], ["b"]]
    assert schedule.stages({"RegionConcurrencyType": "PARALLEL"}, ["a", "b"]) == [["a", "b"]]
