import pytest

from builder.drill.records import Write
from builder.drill.recovery import Failover, measure_failover, steady_answers
from drill.hand_made import PRIMARY, SECONDARY, TOOK_S, attempt, good, lost, over, write


def measured(writes: list[Write], strike_s: float = 5.0, until_s: float = 100.0) -> Failover:
    return measure_failover(writes, PRIMARY, SECONDARY, strike_s=strike_s, until_s=until_s)


def tenths(first: int, last: int) -> list[float]:
    return [number / 10 for number in range(first, last)]


def test_the_rto_is_from_the_first_failed_request_to_the_first_of_the_steady_answers() -> None:
    writes = [good(f"g{at}", at) for at in tenths(0, 50)]
    writes += [lost(f"l{at}", at) for at in tenths(50, 80)]
    writes += [over(f"o{at}", at) for at in tenths(80, 100)]
    found = measured(writes)
    assert found.first_failure_s == 5.0
    assert found.detected_s == pytest.approx(5.0 + TOOK_S)
    assert found.failed_over_s == found.recovered_s == pytest.approx(8.0 + 2 * TOOK_S)
    assert found.rto_s == pytest.approx(3.0 + 2 * TOOK_S)


def test_a_healthy_secondary_answers_the_very_request_that_failed() -> None:
    found = measured([over(f"o{at}", at) for at in tenths(50, 70)])
    assert found.rto_s == pytest.approx(2 * TOOK_S)


def test_answers_that_break_off_are_a_failover_but_no_recovery() -> None:
    writes = [over("a", 5.0), over("b", 5.5), lost("c", 5.9), *(over(f"o{at}", at) for at in tenths(70, 90))]
    found = measured(writes)
    assert found.failed_over_s == pytest.approx(5.0 + 2 * TOOK_S)
    assert found.recovered_s == pytest.approx(7.0 + 2 * TOOK_S)


def test_answers_for_less_than_a_second_are_not_steady() -> None:
    assert measured([over(f"o{at}", at) for at in tenths(50, 60)]).rto_s is None
    assert measured([over(f"o{at}", at) for at in tenths(50, 61)]).rto_s is not None


def test_a_request_that_was_under_way_when_the_fault_struck_is_the_first_to_fail() -> None:
    slow = write("slow", attempt(PRIMARY, 4.995, None), attempt(SECONDARY, 5.1))
    assert measured([slow, *(over(f"o{at}", at) for at in tenths(51, 70))]).first_failure_s == 4.995


def test_what_failed_before_the_strike_or_after_the_fault_is_not_the_fault_s() -> None:
    found = measured([lost("early", 1.0), good("a", 5.0), lost("late", 8.0)], until_s=7.0)
    assert found == Failover(first_failure_s=None, detected_s=None, failed_over_s=None, recovered_s=None)
    assert found.rto_s is None


def test_steadiness_is_of_one_region() -> None:
    writes = [good(f"g{at}", at) if at < 3 else over(f"o{at}", at) for at in tenths(0, 60)]
    assert steady_answers(writes, PRIMARY) == pytest.approx(TOOK_S)
    assert steady_answers(reversed(writes), SECONDARY) == pytest.approx(3.0 + 2 * TOOK_S)
    assert steady_answers([], SECONDARY) is None
