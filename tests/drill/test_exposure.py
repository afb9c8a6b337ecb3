from collections.abc import Sequence

import pytest

from builder.drill.exposure import (
    Exposure,
    Shown,
    Stream,
    failing_moments,
    late_reads,
    measure_exposure,
    surely_at_risk,
)
from builder.drill.records import Period, Read, RegionAttempt, Sighting, Write
from drill.hand_made import PRIMARY, SECONDARY, TOOK_S, attempt, good, lost, over, reads, seen, write

FAULT = Period(3.9, 20.0)


def exposed(writes: list[Write], sightings: Sequence[Sighting] = (), fault: Period = FAULT) -> Exposure:
    shown, stream = Shown(writes, sightings), Stream("item", PRIMARY, SECONDARY)
    return measure_exposure(shown, stream, failing_moments(writes, PRIMARY, fault), fault)


def test_the_rpo_is_the_age_of_the_oldest_acknowledged_write_that_is_not_there_when_the_primary_first_fails() -> None:
    writes = [good("a", 1.0), good("b", 2.0), good("c", 3.0), over("d", 4.0), over("e", 9.0)]
    exposure = exposed(writes, [seen("a", 1.5)])
    assert (exposure.at_s, exposure.rpo_s, exposure.lost) == (4.0, 1.99, ("b", "c"))
    assert [(risk.at_s, risk.writes) for risk in exposure.moments] == [(4.0, 2)]


def test_an_rpo_is_rounded_up() -> None:
    assert exposed([good("a", 1.0), over("b", 4.0001)]).rpo_s == 2.991


def test_what_arrives_after_the_moment_was_not_there_at_the_moment() -> None:
    assert exposed([good("a", 1.0), over("b", 4.0)], [seen("a", 4.1)]).lost == ("a",)
    assert exposed([good("a", 1.0), over("b", 4.0)], [seen("a", 4.0)]).lost == ()


def test_what_the_survivor_took_itself_or_nobody_took_is_no_loss() -> None:
    assert exposed([over("a", 1.0), lost("b", 2.0), over("c", 4.0)]).rpo_s == 0


def test_every_time_that_the_primary_fails_anew_counts_and_the_worst_of_them_is_the_rpo() -> None:
    writes = [good("a", 3.5), over("b", 4.0), good("c", 5.0), over("d", 6.0), good("e", 9.0), over("f", 9.1)]
    exposure = exposed(writes, [seen("a", 8.0), seen("c", 8.0), seen("e", 12.0)])
    assert [(risk.at_s, risk.age_s) for risk in exposure.moments] == [(4.0, 0.49), (6.0, 2.49), (9.1, 0.09)]
    assert (exposure.rpo_s, exposure.lost) == (2.49, ("a", "c"))


def test_a_failure_that_was_over_before_the_fault_does_not_hide_the_one_that_is_of_it() -> None:
    assert [risk.at_s for risk in exposed([good("a", 1.0), over("b", 3.8), over("c", 4.0)]).moments] == [4.0]


def test_what_the_primary_still_acknowledges_while_it_fails_already_is_a_moment_too() -> None:
    slow = [write(name, RegionAttempt(PRIMARY, 3.95, 6.5, 201)) for name in ("slow", "too")]
    exposure = exposed([*slow, over("b", 4.0), over("c", 5.0), over("d", 7.0)])
    assert [(risk.at_s, risk.writes) for risk in exposure.moments] == [(4.0, 0), (6.5, 2)]
    assert exposure.lost == ("slow", "too")


def test_what_fails_from_the_undoing_on_is_not_the_fault_s() -> None:
    assert exposed([good("a", 1.0), over("b", 21.0)]).moments == ()


def test_where_the_primary_never_failed_the_worst_moment_of_the_fault_counts() -> None:
    writes = [good("early", 0.0), good("a", 5.0), good("b", 6.0), good("late", 21.0)]
    exposure = exposed(writes, [seen("early", 3.0), seen("a", 9.0), seen("b", 9.5), seen("late", 31.0)])
    assert exposure.moments == ()
    assert (exposure.rpo_s, exposure.lost) == (3.99, ("a", "b"))
    assert exposure.worst_s == pytest.approx(10 - TOOK_S)


def test_nothing_acknowledged_is_an_rpo_of_zero() -> None:
    assert (exposed([]).rpo_s, exposed([]).worst_s) == (0.0, 0.0)


def test_a_write_that_is_never_seen_grows_older_until_the_last_that_is_known() -> None:
    assert exposed([good("a", 1.0), over("b", 4.0), good("c", 30.0)], [seen("c", 41.01)]).worst_s == 40.0


def test_a_sighting_elsewhere_does_not_help_the_survivor() -> None:
    assert exposed([good("a", 1.0), over("b", 4.0)], [seen("a", 1.1, PRIMARY)]).lost == ("a",)


def test_an_overwrite_and_a_deletion_are_writes() -> None:
    def made(number: int, at_s: float, *, deletes: bool = False) -> Write:
        return Write(f"k.{number}", "item", "", (attempt(PRIMARY, at_s),), key="k", number=number, deletes=deletes)

    writes = [made(1, 1.0), made(2, 2.0), made(3, 3.0, deletes=True), over("x", 4.0)]
    assert exposed(writes, [Sighting("k", SECONDARY, 1.5, 1)]).lost == ("k.2", "k.3")
    assert exposed(writes, [Sighting("k", SECONDARY, 3.5, 2)]).lost == ("k.3",)
    assert exposed(writes, [Sighting("k", SECONDARY, 3.5, 3)]).lost == ()


def test_a_key_that_the_survivor_has_overwritten_itself_is_not_at_risk_any_more() -> None:
    first = Write("k.1", "item", "", (attempt(PRIMARY, 1.0),), key="k")
    then = Write("k.2", "item", "", (attempt(PRIMARY, 4.0, 429), attempt(SECONDARY, 4.01)), key="k", number=2)
    exposure = exposed([first, then, good("x", 5.0), over("y", 6.0)], [seen("x", 5.1)])
    assert [(risk.at_s, risk.writes) for risk in exposure.moments] == [(4.0, 1), (6.0, 0)]


def read(began_s: float, ended_s: float) -> Read:
    return Read(SECONDARY, "item", began_s, ended_s)


LOOKED = [line for line in reads(0.0, 20.0) if isinstance(line, Read)]


@pytest.mark.parametrize(
    ("taken", "words"),
    [
        (LOOKED, ""),
        ([read_ for read_ in LOOKED if not 6 < read_.began_s < 6.9], ""),
        ([read_ for read_ in LOOKED if not 6 < read_.began_s < 8], "us-west-2 was not read for 1.990 s while a write"),
        ([*LOOKED[:20], read(5.0, 6.5), *LOOKED[26:]], "reads of us-west-2 took up to 1.500 s"),
        ([], "us-west-2 was not read for 6.000 s"),
    ],
)
def test_a_read_that_took_long_or_was_not_made_is_told_where_something_was_awaited(
    taken: list[Read], words: str
) -> None:
    shown = Shown([good("a", 4.99), good("b", 15.0)], [seen("a", 11.0), seen("b", 15.2)])
    assert late_reads(shown, taken, SECONDARY, FAULT).startswith(words)
    assert bool(late_reads(shown, taken, SECONDARY, FAULT)) is bool(words)


def test_what_was_seen_meanwhile_does_not_end_the_wait_for_what_was_not() -> None:
    shown = Shown([good("a", 4.99), good("b", 6.0)], [seen("a", 11.0), seen("b", 6.2)])
    taken = [read_ for read_ in LOOKED if not 6 < read_.began_s < 8]
    assert late_reads(shown, taken, SECONDARY, FAULT).startswith("us-west-2 was not read for 1.990 s")


def test_where_nothing_is_awaited_nobody_has_to_read() -> None:
    assert late_reads(Shown([good("a", 5.0, SECONDARY), lost("b", 5.0)], []), [], SECONDARY, FAULT) == ""


def test_what_a_late_read_may_have_added_to_an_rpo_is_known() -> None:
    writes = [good("a", 1.0), over("b", 4.0)]
    shown = Shown(writes, [])
    exposure = measure_exposure(shown, Stream("item", PRIMARY, SECONDARY), (4.0,), FAULT)
    assert surely_at_risk(exposure, [read(0.5, 0.6), read(2.0, 3.9), read(3.9, 4.1)], SECONDARY) == pytest.approx(0.99)
    assert surely_at_risk(exposure, [], SECONDARY) == 0
