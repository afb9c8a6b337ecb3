import pytest

from builder.drill.findings import FailoverReport, Requests, Watched, report_failover, report_replication
from builder.drill.records import LogClosed, LogLine, Write
from builder.drill.verdict import Check, Objectives
from drill.hand_made import ABOUT, BOTH_WAYS, PRIMARY, SECONDARY, TOOK_S, WATCHED, bad_day, good, seen

LIMITS = Objectives(rpo_seconds=3, rto_seconds=3)
THERE, _ = BOTH_WAYS


def held() -> dict[str, dict[str, str]]:
    return {line.id: {"body": line.body} for line in bad_day() if isinstance(line, Write)}


def reported(objectives: Objectives = LIMITS, without: str = "") -> FailoverReport:
    there = {name: item for name, item in held().items() if name != without}
    return report_failover(ABOUT, bad_day(), {PRIMARY: held(), SECONDARY: there}, objectives, WATCHED)


def test_a_bad_day_is_told_as_it_went() -> None:
    report = reported()
    assert {happening.name: happening.at_s for happening in report.timeline} == pytest.approx(
        {
            "fault": 5.0,
            "detection": 5.01,
            "failover": 7.02,
            "recovery": 7.02,
            "fault undone": 10.05,
            "failback": 10.51,
            "reconciliation": 15.6,
        }
    )
    assert (report.outage.outcome, report.outage.seconds) == ("restored", 2.02)
    assert (report.failback.outcome, report.failback.seconds) == ("served throughout", 0)
    (pair, back) = report.pairs
    assert pair.exposure is not None
    assert pair.exposure.rpo_s == pytest.approx(2.5 - TOOK_S)
    assert pair.exposure.lost == tuple(f"w{number:03}" for number in range(25, 50))
    assert (back.exposure, back.delays) == (None, ())
    assert report.not_measured == ("items from us-west-2 to us-east-1 were not watched",)
    assert report.episode.lost == tuple(f"w{number:03}" for number in range(50, 70))
    assert report.episode.without_service_s == 2.02
    assert report.episode.availability_percent == 80
    assert report.requests == Requests(150, 130, report.episode.lost)
    assert report.reconciliation.is_complete
    assert report.verdict == "passed"


def test_an_objective_that_is_missed_is_the_report_s_verdict() -> None:
    assert reported(Objectives(rto_seconds=2)).verdict == "failed"


def test_a_write_that_is_nowhere_in_the_end_is_never_recovered() -> None:
    report = reported(without="w030")
    assert [(key.id, key.region) for key in report.reconciliation.missing] == [("w030", SECONDARY)]
    assert [pair.missing for pair in report.pairs] == [("w030",), ()]
    assert not report.holds


def test_a_region_that_could_not_be_read_in_the_end_is_not_measured() -> None:
    report = report_failover(ABOUT, bad_day(), {PRIMARY: held()}, LIMITS, WATCHED)
    assert report.verdict == "not measured"
    assert report.checks[-1] == Check(
        "reconciliation", None, 0, 0, "not measured", "us-west-2 could not be read at the end"
    )
    assert "us-west-2 could not be read at the end" in report.not_measured


def test_replication_is_told_and_judged_by_kind_and_direction() -> None:
    lines: list[LogLine] = [
        *(good("a", 1.0), seen("a", 2.0)),
        *(good("b", 1.0, SECONDARY), seen("b", 3.0, PRIMARY)),
        *(good("c", 1.0, what="object"), seen("c", 4.0)),
        LogClosed(),
    ]
    watched = Watched(BOTH_WAYS, (THERE,))
    report = report_replication(ABOUT, lines, Objectives(replication_p99_seconds=1.5), watched)
    assert [delays.max_s for pair in report.pairs for delays in pair.delays] == [0.99, 2.99, 1.99]
    assert [(check.pair, check.measured, check.verdict) for check in report.checks] == [
        ((PRIMARY, SECONDARY), 0.99, "holds"),
        ((SECONDARY, PRIMARY), 1.99, "missed"),
    ]
    assert report_replication(ABOUT, lines, Objectives(replication_p99_seconds=2), watched).holds
