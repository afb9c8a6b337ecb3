from builder.drill.progress import DrillAsks, DrillBegun, DrillEnded, DrillMoment, DrillRestored
from builder.drill.verdict import Check
from builder.report import drill_text
from report import drills


def test_a_failover_is_told_with_its_verdict_timeline_and_losses() -> None:
    text = drill_text.report(drills.failover(without="w030")).plain
    for line in (
        "holds         RPO 2.490 s, of 5 s at most",
        "holds         RTO 2.020 s, of 60 s at most",
        "MISSED        reconciliation: 1 of the acknowledged writes missing or in conflict",
        "   5.000 s  fault",
        "writes acknowledged by us-east-1 and not in us-west-2 at the fault: 25",
        "  w025",
        "  and 15 more",
        "writes never recovered: 1",
        "  w030 in us-west-2",
        "writes in conflict: 0",
        "150 requests at 10 a second: 130 acknowledged, 20 lost",
    ):
        assert line in text.splitlines()


def test_a_replication_is_told_by_stream() -> None:
    text = drill_text.report(drills.replication()).plain
    assert "holds         replication, p99 1.290 s, of 2 s at most" in text
    assert "table, us-west-2 to us-east-1: 100 arrived, p50 0.890 s" in text
    assert (
        "bucket, us-east-1 to us-west-2: 99 arrived, p50 2.190 s, p95 2.190 s, p99 2.190 s, max 2.190 s; 1 never"
        in text
    )


def test_what_was_not_promised_or_never_came_is_said_so() -> None:
    assert drill_text.told(Check("rto_seconds", None, None, 60, "missed")) == "RTO not reached, of 60 s at most"
    assert drill_text.told(Check("rpo_seconds", None, 0.5, None, "no objective")) == "RPO 0.500 s, no objective"


def test_every_event_has_its_words() -> None:
    told = [
        drill_text.in_words(event)
        for event in (
            DrillBegun("d", "failover", "tap-dev", "drills/d"),
            DrillMoment("d", "fault", 5.0),
            DrillAsks("d", "make the fault in us-east-1"),
            DrillRestored("d", "its probes are gone"),
            DrillEnded("d", holds=False, checks=(), report="drills/d/report.html"),
        )
    ]
    assert told == [
        "failover drill d of tap-dev begins; it is written down in drills/d",
        "   5.000 s  the fault is made",
        "NOW: make the fault in us-east-1",
        "drill d: its probes are gone",
        "FAILED; the report is drills/d/report.html",
    ]
