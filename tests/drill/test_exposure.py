import pytest

from builder.drill.exposure import measure_exposure
from drill.hand_made import PRIMARY, SECONDARY, TOOK_S, good, lost, over, seen


def test_the_rpo_is_the_age_of_the_oldest_acknowledged_write_that_is_not_there() -> None:
    writes = [good("a", 1.0), good("b", 2.0), good("c", 3.0)]
    found = measure_exposure(writes, [seen("a", 1.5)], SECONDARY, 4.0)
    assert found.rpo_s == pytest.approx(2.0 - TOOK_S)
    assert found.lost == ("b", "c")


def test_what_arrives_after_the_moment_was_not_there_at_the_moment() -> None:
    assert measure_exposure([good("a", 1.0)], [seen("a", 4.1)], SECONDARY, 4.0).lost == ("a",)
    assert measure_exposure([good("a", 1.0)], [seen("a", 4.0)], SECONDARY, 4.0).lost == ()


def test_what_is_acknowledged_after_the_moment_is_not_the_moment_s_loss() -> None:
    assert measure_exposure([good("a", 4.0)], [], SECONDARY, 4.0).lost == ()


def test_what_the_survivor_took_itself_or_nobody_took_is_no_loss() -> None:
    writes = [over("a", 1.0), lost("b", 2.0)]
    assert measure_exposure(writes, [], SECONDARY, 4.0) == measure_exposure([], [], SECONDARY, 4.0)


def test_nothing_lost_is_an_rpo_of_zero() -> None:
    found = measure_exposure([good("a", 1.0)], [seen("a", 1.1)], SECONDARY, 4.0)
    assert (found.rpo_s, found.lost) == (0.0, ())


def test_a_sighting_elsewhere_does_not_help_the_survivor() -> None:
    assert measure_exposure([good("a", 1.0)], [seen("a", 1.1, PRIMARY)], SECONDARY, 4.0).lost == ("a",)
