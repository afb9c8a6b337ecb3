"""Every number of a failover drill against a second implementation, over logs that no drill writes twice."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.drill.findings import FailoverReport, Watched, report_failover
from builder.drill.records import Write
from builder.drill.verdict import Check, Objectives
from builder.terms import Region
from drill import slow
from drill.hand_made import ABOUT, PRIMARY, SECONDARY
from drill.logs import REGIONS, THIRD, Made, at, logs
from samples import is_thorough

SERVICE = 50
"""Ticks of 10 ms."""
WATCHED = Watched(items=((PRIMARY, SECONDARY), (PRIMARY, THIRD), (SECONDARY, THIRD)))
EXAMPLES = settings(max_examples=1000 if is_thorough() else 60, deadline=None)
OBJECTIVES = Objectives(
    rpo_seconds=1,
    rto_seconds=1,
    longest_gap_seconds=1,
    availability_percent=90,
    requests_lost=3,
    stale_reads=0,
    overwritten_updates=0,
)


def measured(made: Made, objectives: Objectives) -> FailoverReport:
    about = replace(ABOUT, secondaries=(SECONDARY, THIRD), rate=100 / made.interval, service_s=at(SERVICE))
    return report_failover(about, made.lines, {region: {} for region in REGIONS}, objectives, WATCHED)


def ticks(seconds: float | None) -> int | None:
    return None if seconds is None else slow.tick(seconds)


@pytest.mark.slow
@EXAMPLES
@given(logs())
def test_service_is_what_somebody_counts_who_looks_at_every_moment(made: Made) -> None:
    report, slots = measured(made, OBJECTIVES), slow.slots(made.lines)
    struck = [slot for slot in slots if not slow.is_over_before(slot, made.strike, SERVICE)]
    outage = [slot for slot in struck if slot.planned < made.undoing]
    after = [slot for slot in slots if slot.planned >= made.undoing]
    assert (report.outage.outcome, ticks(report.outage.seconds)) == slow.without_service(
        outage, made.undoing, PRIMARY, SERVICE
    )
    assert (report.failback.outcome, ticks(report.failback.seconds)) == slow.without_service(after, None, None, SERVICE)
    expected = slow.episode(slots, made.strike, SERVICE)
    episode = report.episode
    assert expected == slow.Episode(
        slots=episode.slots,
        good=episode.good,
        lost=len(episode.lost),
        longest_gap=slow.tick(episode.longest_gap_s),
        without_service=slow.tick(episode.without_service_s),
    )
    assert sum(spell.slots for spell in episode.spells) == episode.slots - episode.good


@pytest.mark.slow
@EXAMPLES
@given(logs())
def test_what_a_pair_of_regions_stood_to_lose_is_what_somebody_counts_who_looks_at_every_moment(made: Made) -> None:
    report = measured(made, OBJECTIVES)
    moments = slow.moments(made.lines, PRIMARY, made.strike, made.undoing)
    for pair in report.pairs[:2]:
        exposure = pair.exposure
        assert exposure is not None
        ways = slow.ways(made.lines, pair.source, pair.destination)
        assert [(slow.tick(risk.at_s), slow.tick(risk.age_s), risk.writes) for risk in exposure.moments] == [
            (now, *slow.at_risk(ways, now)) for now in moments
        ]
        if moments:
            worst = max(slow.at_risk(ways, now) for now in moments)
            assert (slow.tick(exposure.rpo_s), len(exposure.lost)) == worst
        else:
            assert slow.tick(exposure.rpo_s) == slow.worst_age(ways, range(made.strike + 1, made.undoing + 1))
        ended = [slow.tick(line.attempts[-1].ended_s) for line in made.lines if isinstance(line, Write)]
        last = max([made.undoing, *ended, *(way.shown for way in ways if way.shown is not None)])
        assert slow.tick(exposure.worst_s) == slow.worst_age(ways, range(last + 1))


@pytest.mark.slow
@EXAMPLES
@given(logs())
def test_a_counter_s_reads_and_updates_are_what_its_histories_say(made: Made) -> None:
    counter = measured(made, OBJECTIVES).counter
    stale, overwritten = slow.counted(made.lines)
    counted = (
        ([], [])
        if counter is None
        else ([read.turn for read in counter.stale], [update.turn for update in counter.overwritten])
    )
    assert counted == (stale, overwritten)


@pytest.mark.slow
@EXAMPLES
@given(logs(), st.booleans())
def test_nothing_holds_that_was_not_measured_or_exceeds_what_was_promised(made: Made, promises: bool) -> None:  # noqa: FBT001  of hypothesis
    report = measured(made, OBJECTIVES if promises else Objectives())
    during = slow.was_late(made.lines, made.interval, made.strike, made.undoing)
    later = [line for line in made.lines if getattr(line, "planned_s", 0.0) >= at(made.undoing)]
    after = slow.was_late(later, made.interval, made.undoing, float("inf"))
    blind = {
        region: slow.was_not_looking(made.lines, region, made.strike, made.undoing) for region in (SECONDARY, THIRD)
    }
    by_name = {(check.name, check.pair and check.pair[1]): check for check in report.checks}
    for (name, region), check in by_name.items():
        late = {
            "rto_seconds": during,
            "failback_seconds": after,
            "rpo_seconds": during or blind.get(region or Region(""), False),
            **dict.fromkeys(("longest_gap_seconds", "availability_percent", "requests_lost"), during or after),
        }.get(name, False)
        _check(check, is_late=late)


def _check(check: Check, *, is_late: bool) -> None:
    exceeds = check.measured is not None and check.limit is not None
    if exceeds:
        below = check.name == "availability_percent"
        exceeds = check.measured < check.limit if below else check.measured > check.limit  # type: ignore[operator]  # neither is None
    if check.verdict == "holds":
        assert check.limit is not None
        assert not exceeds
        assert not is_late
    if check.verdict == "no objective":
        assert check.limit is None
        assert not is_late
    if is_late:
        assert check.verdict in {"missed", "not measured"}
    if check.verdict == "missed" and check.limit is not None:
        assert exceeds or check.measured is None
    if check.limit is not None and check.measured is not None and not exceeds and not is_late:
        assert check.verdict in {"holds", "not measured"}
    if check.verdict == "not measured":
        assert check.reason
