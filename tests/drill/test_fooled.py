"""Days that once fooled a drill, in both directions: a report passed that had to fail, or failed that had to pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from builder.drill.consistency import Held
from builder.drill.findings import FailoverReport, Watched, report_failover
from builder.drill.records import LogLine, Mark, Read, RegionAttempt, Sighting, Write
from builder.drill.verdict import Objectives
from builder.terms import Region
from drill.hand_made import ABOUT, PRIMARY, SECONDARY

THIRD = Region("eu-west-1")
TOOK_S = 0.02
OBJECTIVES = Objectives(rpo_seconds=5, rto_seconds=60)

Always = Callable[[float], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day as it went, by the seconds since it began."""

    primary: Always
    secondary: Always = lambda _: True
    arrives: Callable[[Region, float], float | None] = lambda _, at_s: at_s + 0.2
    """When a write that the primary acknowledged at a time is seen in a region; None for never."""
    secondaries: tuple[Region, ...] = (SECONDARY,)
    late: Callable[[float], float] = lambda _: 0.0
    """By what the drill is late with a request."""
    rate: float = 10
    strike_s: float = 10.0
    undoing_s: float = 40.0
    ended_s: float = 50.0

    def attempt(self, region: Region, at_s: float) -> RegionAttempt:
        is_well = (self.primary if region == PRIMARY else self.secondary)(at_s)
        return RegionAttempt(region, at_s, round(at_s + TOOK_S, 3), 201 if is_well else 503)

    def write(self, number: int) -> Write:
        planned_s = number / self.rate
        called_s = planned_s + self.late(planned_s)
        first = self.attempt(PRIMARY, called_s)
        attempts = (first,) if first.is_good else (first, self.attempt(SECONDARY, first.ended_s))
        name = f"w{number}"
        return Write(name, "item", name, attempts, planned_s=planned_s, called_s=called_s, key=name)

    def lines(self) -> list[LogLine]:
        writes = [self.write(number) for number in range(round(self.ended_s * self.rate))]
        lines: list[LogLine] = [*writes]
        for region in self.secondaries:
            lines += [
                Sighting(write.key, region, at_s)
                for write in writes
                if write.acknowledged_by == PRIMARY and (at_s := self.arrives(region, write.ended_s)) is not None
            ]
            lines += [Read(region, "item", n / 4, n / 4 + 0.01) for n in range(round(self.ended_s * 4))]
        marks = (("strike", self.strike_s), ("fault", self.strike_s), ("undoing", self.undoing_s))
        lines += [Mark(moment, at_s) for moment, at_s in marks]  # type: ignore[arg-type]  # these are moments
        return [*lines, Mark("undone", self.undoing_s), Mark("load ended", self.ended_s)]

    def held(self) -> Held:
        """What each region has in the end."""
        writes = [line for line in self.lines() if isinstance(line, Write) and line.acknowledged_by]
        return {
            region: {
                write.key: {"body": write.body}
                for write in writes
                if region == write.acknowledged_by
                or write.acknowledged_by != PRIMARY
                or region == PRIMARY
                or self.arrives(region, write.ended_s) is not None
            }
            for region in (PRIMARY, *self.secondaries)
        }

    def report(self, objectives: Objectives = OBJECTIVES) -> FailoverReport:
        about = replace(ABOUT, rate=self.rate, secondaries=self.secondaries, service_s=10.0)
        watched = Watched(items=tuple((PRIMARY, region) for region in self.secondaries))
        return report_failover(about, self.lines(), self.held(), objectives, watched)

    def longest_gap_s(self) -> float:
        """What a witness counts who looks at every hundredth of a second whether anybody would be answered."""
        longest, since = 0, 0
        for hundredth in range(round(self.strike_s * 100), round(self.ended_s * 100)):
            at_s = hundredth / 100
            since = 0 if self.primary(at_s) or self.secondary(at_s) else since + 1
            longest = max(longest, since)
        return longest / 100


def gone(*spans: tuple[float, float]) -> Always:
    """Well but for some time."""
    return lambda at_s: not any(since_s <= at_s < until_s for since_s, until_s in spans)


def verdicts(report: FailoverReport) -> dict[tuple[str, str], str]:
    return {(check.name, check.pair[1] if check.pair else ""): check.verdict for check in report.checks}


def missed(report: FailoverReport) -> set[tuple[str, str]]:
    return {name for name, verdict in verdicts(report).items() if verdict == "missed"}


def test_a_secondary_that_is_well_at_first_and_then_gone_has_not_been_reached() -> None:
    day = Day(primary=gone((10, 40)), secondary=gone((13.5, 50)))
    report = day.report()
    assert missed(report) == {("rto_seconds", "")}
    assert report.outage.outcome == "not reached"
    assert report.episode.longest_gap_s == pytest.approx(day.longest_gap_s(), abs=1 / day.rate + TOOK_S)
    assert (report.verdict, len(report.episode.lost)) == ("failed", 265)


def test_a_starved_host_does_not_excuse_a_secondary_that_is_gone() -> None:
    day = Day(
        primary=gone((10, 40)),
        secondary=gone((12.5, 45.5)),
        late=lambda at_s: 0.0 if at_s < 10 or round(at_s * 10) % 4 else 0.7,
        ended_s=44.0,
    )
    report = day.report()
    assert verdicts(report)["rto_seconds", ""] == "missed"
    assert report.verdict == "failed"
    assert report.not_measured[0].startswith("during the fault 75 of 300 requests were sent late, up to 0.700 s")
    # Once both regions are well again nobody can tell what a drill saw that was so late.
    assert replace(day, secondary=gone((12.5, 33))).report().verdict == "not measured"


def test_a_primary_that_flaps_while_clients_lose_nothing_has_passed() -> None:
    spells = [(11 + 2 * number, 11.7 + 2 * number) for number in range(6)]
    day = Day(primary=gone(*spells))
    report = day.report(replace(OBJECTIVES, longest_gap_seconds=1.5, requests_lost=0))
    assert (report.outage.outcome, report.outage.seconds) == ("served throughout", 0)
    assert report.episode.longest_gap_s == pytest.approx(0.12)
    assert report.verdict == "passed"


def test_what_was_not_there_when_the_primary_first_failed_counts_and_not_what_was_there_at_the_end() -> None:
    # Replication stands still from 3.0; the primary flaps from 12.0 on, while the pause ends; the outage comes at 25.
    day = Day(
        primary=gone((12, 12.5), (14, 14.5), (25, 37)),
        arrives=lambda _, at_s: at_s + 0.2 if at_s < 3 or at_s > 15 else 15.1,
    )
    report = day.report()
    exposure = report.pairs[0].exposure
    assert exposure is not None
    assert exposure.at_s == 14.0
    assert exposure.rpo_s == pytest.approx(11.0 - TOOK_S)
    assert [risk.at_s for risk in exposure.moments] == [12.0, 14.0, 25.0]
    assert exposure.moments[0].writes == 90
    assert exposure.moments[2].age_s < 0.3
    assert missed(report) == {("rpo_seconds", SECONDARY)}


def test_a_region_that_clients_do_not_go_to_is_looked_at_too() -> None:
    day = Day(
        primary=gone((10, 40)),
        secondaries=(SECONDARY, THIRD),
        arrives=lambda region, at_s: at_s + 0.2 if region == SECONDARY else None,
    )
    report = day.report()
    assert missed(report) == {("rpo_seconds", THIRD), ("reconciliation", "")}
    assert [(pair.source, pair.destination) for pair in report.pairs if pair.missing] == [(PRIMARY, THIRD)]
    assert len(report.pairs) == 6
    assert report.not_measured == tuple(
        f"items from {source} to {destination} were not watched"
        for source, destination in ((SECONDARY, PRIMARY), (SECONDARY, THIRD), (THIRD, PRIMARY), (THIRD, SECONDARY))
    )


SETTINGS: Sequence[tuple[str, Day, str]] = (
    ("a clean cut", Day(primary=gone((10, 40))), "passed"),
    ("a delay of 3 s", Day(primary=gone((10, 40)), arrives=lambda _, at_s: at_s + 3), "passed"),
    ("a delay of 6 s", Day(primary=gone((10, 40)), arrives=lambda _, at_s: at_s + 6), "failed"),
    ("ill from 0 to 3 s", Day(primary=gone((10, 40)), secondary=gone((10, 13))), "passed"),
    ("replication cut", Day(primary=gone(), arrives=lambda _, at_s: at_s if at_s < 10 else max(at_s, 40.2)), "failed"),
    ("a write each 10 s", Day(primary=gone((10, 40)), rate=0.1, ended_s=60.0), "passed"),
    (
        "a write each 10 s that is late",
        Day(primary=gone((10, 40)), rate=0.1, ended_s=60.0, late=lambda _: 6.0),
        "not measured",
    ),
    ("no fault at all", Day(primary=gone()), "passed"),
    ("never again", Day(primary=gone((10, 99)), secondary=gone((39.9, 99))), "failed"),
    ("nobody after the undoing", Day(primary=gone((10, 40)), ended_s=40.0), "not measured"),
)


@pytest.mark.parametrize(
    ("day", "verdict"), [(day, verdict) for _, day, verdict in SETTINGS], ids=[s[0] for s in SETTINGS]
)
def test_each_day_has_the_verdict_that_it_deserves(day: Day, verdict: str) -> None:
    report = day.report()
    assert report.verdict == verdict, report.checks
    resolution_s = 1 / day.rate + TOOK_S
    assert day.longest_gap_s() - resolution_s <= report.episode.longest_gap_s <= day.longest_gap_s() + 2 * resolution_s
