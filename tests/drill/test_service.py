"""Service by slots: each definition by a case that would break a simpler one."""

import pytest

from builder.drill.records import LogLine, Period, RegionAttempt, Sent, Unsent, Write
from builder.drill.service import Served, Slot, late_requests, make_slots, measure_served, without_lateness
from builder.terms import Region
from drill.hand_made import PRIMARY, SECONDARY, good, lost, over

FAULT = Period(5.0, 15.0)


def answered(planned_s: float, after_s: float, by: Region | None = SECONDARY, sent_s: float | None = None) -> Slot:
    """A slot whose client was told something so long after its planned time."""
    return Slot(
        id=f"{planned_s}",
        planned_s=planned_s,
        sent_s=planned_s if sent_s is None else sent_s,
        ended_s=planned_s + after_s,
        answered_by=by,
    )


def tenths(since_s: float, until_s: float, after_s: float = 0.02, by: Region | None = PRIMARY) -> list[Slot]:
    """Ten slots a second that all went alike."""
    return [answered(number / 10, after_s, by) for number in range(round(since_s * 10), round(until_s * 10))]


def served(*slots: Slot, service_s: float = 2.0) -> Served:
    ordered = sorted(slots, key=lambda slot: slot.planned_s)
    return measure_served(ordered, service_s=service_s, fault=FAULT, faulty=PRIMARY)


BEFORE, AFTER = tenths(0, 5), tenths(15, 20)
WELL = tenths(5, 15, by=SECONDARY)
UNSENT = Slot(id="u", planned_s=6.05, sent_s=None, ended_s=None, answered_by=None)


def outcome(measured: Served) -> tuple[str, float | None]:
    return measured.outage.outcome, measured.outage.seconds


def test_the_rto_is_from_the_first_bad_slot_to_the_answer_of_the_first_good_one_after_the_last_bad_one() -> None:
    measured = served(*BEFORE, *tenths(5, 8, by=None), *tenths(8, 15, by=SECONDARY), *AFTER)
    assert outcome(measured) == ("restored", 3.02)
    assert (measured.outage.first_bad_s, measured.outage.restored_s) == (5.0, 8.02)
    assert (measured.failback.outcome, measured.failback.seconds) == ("served throughout", 0)


def test_a_client_that_failed_over_at_once_was_never_without_service() -> None:
    assert outcome(served(*BEFORE, *WELL, *AFTER)) == ("served throughout", 0)


def test_a_secondary_that_is_ill_later_is_without_service_until_the_last_bad_slot() -> None:
    measured = served(*BEFORE, *tenths(5, 8.5, by=SECONDARY), *tenths(8.5, 9, by=None), *tenths(9, 15, by=SECONDARY))
    assert outcome(measured) == ("restored", 0.52)
    assert outcome(served(*BEFORE, *tenths(5, 8.5, by=SECONDARY), *tenths(8.5, 15, by=None), *AFTER)) == (
        "not reached",
        None,
    )


def test_an_answer_that_comes_too_late_is_no_service_and_no_loss() -> None:
    measured = served(*BEFORE, *tenths(5, 8, after_s=2.1, by=SECONDARY), *tenths(8, 15, by=SECONDARY), *AFTER)
    assert outcome(measured) == ("restored", 3.02)
    assert measured.episode.lost == ()
    assert measured.episode.longest_gap_s == 3.1


def test_what_was_over_by_the_strike_is_not_the_fault_s_and_what_was_under_way_is() -> None:
    early = answered(4.45, 0.5, by=None)
    assert outcome(served(*BEFORE, early, *WELL)) == ("served throughout", 0)
    under_way = answered(4.45, 1.0, by=None)
    assert outcome(served(*BEFORE, under_way, *WELL)) == ("restored", 0.57)
    late_already = answered(2.45, 4.0, by=None)
    assert outcome(served(*BEFORE, late_already, *WELL)) == ("served throughout", 0)


def test_an_outage_that_only_the_undoing_ended_is_not_one_that_the_failover_ended() -> None:
    # Every request hangs until the primary is back: those of the last two seconds are answered in time by it.
    hanging = [answered(number / 10, 15.1 - number / 10, PRIMARY) for number in range(50, 150)]
    measured = served(*BEFORE, *hanging, *AFTER)
    assert outcome(measured) == ("not reached", None)
    assert measured.outage.undecided == 19


def test_a_fault_that_is_shorter_than_what_service_may_take_has_not_measured_an_rto() -> None:
    hanging = [answered(number / 10, 15.1 - number / 10, PRIMARY) for number in range(50, 150)]
    assert outcome(served(*BEFORE, *hanging, *AFTER, service_s=20)) == ("not measured", None)
    assert outcome(served(*BEFORE, *AFTER)) == ("not measured", None)


def test_what_was_under_way_at_the_undoing_decides_nothing_where_the_primary_answers_it() -> None:
    measured = served(*BEFORE, *tenths(5, 15), answered(14.99, 0.1, PRIMARY), *AFTER)
    assert outcome(measured) == ("served throughout", 0)
    assert measured.outage.undecided == 1
    assert outcome(served(*BEFORE, *tenths(5, 15), answered(14.99, 0.1, by=None), *AFTER)) == ("not reached", None)


def test_the_failback_has_the_same_clock_from_the_undoing_on() -> None:
    measured = served(*BEFORE, *tenths(5, 15, by=None), *tenths(15, 16, by=None), *tenths(16, 20))
    assert (measured.failback.outcome, measured.failback.seconds) == ("restored", 1.02)
    measured = served(*BEFORE, *WELL, *tenths(15, 20, by=None))
    assert (measured.failback.outcome, measured.failback.seconds) == ("not reached", None)


def test_flapping_that_costs_nobody_anything_is_told_by_the_gap() -> None:
    slow = [answered(7.0, 1.4), *(answered(number / 10, 8.4 - number / 10) for number in range(71, 84))]
    measured = served(*BEFORE, *tenths(5, 7, by=SECONDARY), *slow, *tenths(8.4, 15), *AFTER)
    assert outcome(measured) == ("served throughout", 0)
    assert measured.episode.longest_gap_s == 1.48
    assert measured.episode.without_service_s == 0


def test_the_gap_begins_with_the_last_good_answer_before_the_strike() -> None:
    measured = served(*tenths(0, 4.8), *tenths(4.8, 6, by=None), *tenths(6, 15), *AFTER)
    assert measured.episode.gap_began_s == pytest.approx(4.72)
    assert measured.episode.longest_gap_s == 1.3


def test_a_request_that_hangs_longer_than_the_load_makes_no_gap_where_the_last_slot_was_answered() -> None:
    measured = served(*BEFORE, *WELL, *AFTER, answered(19.05, 10, by=None))
    assert measured.episode.longest_gap_s == 0.1
    assert measured.episode.ended_s == pytest.approx(19.92)
    # But where the last slots are bad the load ends when their clients were told so.
    measured = served(*BEFORE, *WELL, *AFTER, answered(20.05, 10, by=None))
    assert measured.episode.longest_gap_s == pytest.approx(10.13)


def test_spells_are_told_one_by_one_and_count_once_where_they_overlap() -> None:
    measured = served(
        *BEFORE, *tenths(5, 6, by=None), answered(6.0, 1.5), answered(6.1, 0.1, by=None), *tenths(6.2, 15)
    )
    assert [(spell.began_s, round(spell.ended_s, 6), spell.slots) for spell in measured.episode.spells] == [
        (5.0, 7.5, 10),
        (6.1, 6.22, 1),
    ]
    assert measured.episode.without_service_s == 2.5


def test_spells_within_another_add_nothing() -> None:
    bad = [answered(at_s, 0.1, by=None) for at_s in (5.0, 5.2, 5.4)]
    measured = served(*BEFORE, *bad, answered(5.1, 1.9), answered(5.3, 0.02), *tenths(5.5, 15))
    assert [round(spell.ended_s, 6) for spell in measured.episode.spells] == [7.0, 5.32, 5.52]
    assert measured.episode.without_service_s == 2.0


def test_availability_is_rounded_down_and_counts_what_could_not_be_sent() -> None:
    measured = served(*BEFORE, answered(6.0, 0.1), UNSENT, answered(6.1, 0.1))
    assert (measured.episode.availability_percent, measured.episode.unsent, measured.episode.lost) == (66.666, 1, ())
    assert served(*BEFORE).episode.availability_percent is None


def test_slots_are_the_items_calls_by_their_planned_time() -> None:
    lines: list[LogLine] = [
        Write(
            "late",
            "item",
            "",
            (RegionAttempt(PRIMARY, 3.5, 3.6, 429), RegionAttempt(SECONDARY, 3.6, 3.9, 201)),
            planned_s=3.0,
        ),
        Sent("drill-d-counter.1", "item", 1.0, "drill-d-counter"),
        Unsent(2.0, "item"),
        Unsent(2.0, "object"),
        good("o", 1.0, what="object"),
        lost("l", 4.0),
        over("o", 1.0),
    ]
    assert [(slot.planned_s, slot.sent_s, slot.answered_by) for slot in make_slots(lines)] == [
        (1.0, 1.0, SECONDARY),
        (2.0, None, None),
        (3.0, 3.5, SECONDARY),
        (4.0, 4.0, None),
    ]


@pytest.mark.parametrize(
    ("slots", "words"),
    [
        (WELL, ""),
        ([*WELL, answered(6.05, 0.3, sent_s=6.15)], ""),
        ([*WELL, answered(6.05, 0.3, sent_s=6.151)], "1 of 101 requests were sent late, up to 0.101 s"),
        ([answered(4.95, 1.0, sent_s=5.1), *WELL], "1 of 101 requests were sent late, up to 0.150 s"),
        ([answered(4.55, 1.0, sent_s=4.9), *WELL, answered(15.0, 1.0, sent_s=15.9)], ""),
        ([*WELL, UNSENT], "1 of 101 requests were not sent"),
        ([*WELL[:50], *WELL[52:]], "for a time no request was planned"),
        (WELL[2:], "for a time no request was planned"),
        (WELL[:-2], "for a time no request was planned"),
        ([], "for a time no request was planned"),
    ],
)
def test_a_request_that_was_late_or_not_sent_is_told(slots: list[Slot], words: str) -> None:
    ordered = sorted(slots, key=lambda slot: slot.planned_s)
    reason = late_requests(ordered, interval_s=0.1, period=FAULT)
    assert reason.startswith(words)
    assert bool(reason) is bool(words)


def test_without_its_own_lateness_a_slot_was_planned_for_when_it_was_sent() -> None:
    late = answered(6.0, 2.5, sent_s=8.0)
    assert [(slot.planned_s, slot.is_good(2)) for slot in without_lateness([late, UNSENT])] == [(8.0, True)]
    assert not late.is_good(2)
