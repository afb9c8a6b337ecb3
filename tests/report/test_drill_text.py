from dataclasses import replace

import pytest

from builder.drill.findings import DrillAsks, DrillBegun, DrillEnded, DrillMoment, DrillRestored
from builder.drill.verdict import Check, Direction, Objectives
from builder.report import drill_text
from report import drills
from report.drills import PRIMARY, SECONDARY


def test_a_failover_is_told_with_its_verdict_timeline_and_losses() -> None:
    text = drill_text.report_text(drills.failover(drills.BAD)).plain
    for line in (
        (
            "FAILED failover drill of tap-dev in account 123456789012, "
            "run by arn:aws:sts::123456789012:assumed-role/drills/ada"
        ),
        "holds         RPO us-east-1 to us-west-2: 2.460 s, at most 5 s",
        "holds         RTO: 2.080 s, at most 60 s",
        "holds         availability: 80.00 %, at least 75 %",
        "no objective  overwritten updates: 5, no objective",
        "MISSED        missing or in conflict at the end: 1, at most 0",
        "     5.000 s  fault",
        "items at risk at 5.000 s, us-east-1 to us-west-2: 25",
        "  w025",
        "  and 15 more, in report.json",
        "acknowledged by us-east-1 and missing in us-west-2: 1",
        "150 requests at 10 a second: 130 acknowledged, 20 lost",
        "  10.040 s: us-east-1 showed turn 4, us-west-2 had acknowledged turn 9",
    ):
        assert line in text.splitlines()


def test_a_replication_is_told_by_pair_of_regions() -> None:
    text = drill_text.report_text(drills.replication()).plain
    assert "holds         replication, p99 us-east-1 to us-west-2: 1.290 s, at most 2 s" in text
    assert "us-west-2 to us-east-1\n  table delays: 100 arrived, p50 0.890 s" in text
    assert "bucket delays: 99 arrived, p50 2.190 s, p95 2.190 s, p99 2.190 s, max 2.190 s; 1 never seen" in text
    # Objects were watched in one direction alone, items in both.
    assert text.count("objects go from us-east-1 to us-west-2; those written to us-west-2 do not come back") == 1
    assert "from us-west-2 to us-east-1; those" not in text


THERE, BACK = (PRIMARY, SECONDARY), (SECONDARY, PRIMARY)
ONE_WAY = "objects go from us-east-1 to us-west-2; those written to us-west-2 do not come back"
BOTH_WAYS = "objects go both ways between us-east-1 and us-west-2"


@pytest.mark.parametrize(
    ("copies", "watched", "expected"),
    [
        ((), (), []),
        ((THERE,), (THERE,), [ONE_WAY]),
        ((THERE, BACK), (THERE,), [f"{BOTH_WAYS}; how long they take from us-west-2 was not measured"]),
        ((THERE, BACK), (THERE, BACK), [BOTH_WAYS]),
    ],
)
@pytest.mark.parametrize("kind", ["replication", "failover"])
def test_whether_objects_come_back_is_what_replication_does_and_not_what_the_drill_watched(
    kind: str, copies: tuple[Direction, ...], watched: tuple[Direction, ...], expected: list[str]
) -> None:
    report = (drills.replication if kind == "replication" else drills.failover)()
    delays = next(delays for delays in drills.replication().pairs[0].delays if delays.stream.what == "object")
    pairs = tuple(
        replace(pair, delays=(delays,) if (pair.source, pair.destination) in watched else ()) for pair in report.pairs
    )
    shown = replace(report, about=replace(report.about, copies=copies), pairs=pairs)
    assert {(pair.source, pair.destination) for pair in pairs} >= set(watched)
    assert [line for line in drill_text.remarks(shown) if line.startswith("objects go")] == expected


def test_what_was_not_measured_is_told_with_its_reason() -> None:
    text = drill_text.report_text(drills.failover(drills.LATE)).plain
    assert text.splitlines()[1].startswith("NOT MEASURED failover drill")
    assert "NOT MEASURED  RTO: 0.000 s, at most 60 s; 50 of 50 requests were sent late" in text
    assert [line for line in text.splitlines() if line.startswith("not measured")] == [
        "not measured: during the fault 50 of 50 requests were sent late, up to 1.400 s"
    ]


def test_a_number_without_an_objective_is_never_said_to_hold() -> None:
    text = drill_text.report_text(drills.failover(drills.PASSED, Objectives())).plain
    assert [line for line in text.splitlines() if line.startswith("holds")] == [
        "holds         missing or in conflict at the end: 0, at most 0"
    ]
    assert "no objective  RTO: 0.000 s, no objective" in text


CHECKS = [
    (Check("rto_seconds", None, None, 60, "missed"), "RTO: not reached, at most 60 s"),
    (Check("rpo_seconds", (PRIMARY, SECONDARY), 0.5, None, "no objective"),
     "RPO us-east-1 to us-west-2: 0.500 s, no objective"),
    (Check("availability_percent", None, 99.9999, 99.9, "holds"), "availability: 99.99 %, at least 99.9 %"),
    (Check("availability_percent", None, 98.35, 99, "missed"), "availability: 98.35 %, at least 99 %"),
    (Check("stale_reads", None, None, 0, "not measured", "no counter was kept"),
     "stale reads: not measured, at most 0; no counter was kept"),
]  # fmt: skip


@pytest.mark.parametrize(("check", "words"), CHECKS, ids=[words for _, words in CHECKS])
def test_every_number_is_told_with_its_objective(check: Check, words: str) -> None:
    assert drill_text.check_text(check) == words


def test_every_event_has_its_words() -> None:
    words = [
        drill_text.drill_event_words(event)
        for event in (
            DrillBegun("d", "failover", "tap-dev", "drills/d"),
            DrillMoment("d", "fault", 5.0),
            DrillAsks("d", "make the fault in us-east-1"),
            DrillRestored("d", "its probes are gone"),
            DrillEnded("d", "passed", checks=(), report="drills/d/report.html"),
            DrillEnded("d", "not measured", checks=(), report="drills/d/report.html"),
        )
    ]
    assert words == [
        "failover drill d of tap-dev begins; it is written down in drills/d",
        "   5.000 s  the fault is made",
        "NOW: make the fault in us-east-1",
        "drill d: its probes are gone",
        "passed; the report is drills/d/report.html",
        "NOT MEASURED; the report is drills/d/report.html",
    ]
