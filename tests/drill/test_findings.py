import pytest

from builder.drill.findings import Requests, report_failover, report_replication
from builder.drill.records import Closed, Line, Write
from builder.drill.verdict import Objectives
from drill.hand_made import ABOUT, PRIMARY, SECONDARY, TOOK_S, bad_day, good, seen

LIMITS = Objectives(rpo_seconds=3, rto_seconds=3)


def held() -> dict[str, dict[str, str]]:
    return {one.id: {"body": one.body} for one in bad_day() if isinstance(one, Write)}


def test_a_bad_day_is_told_as_it_went() -> None:
    found = report_failover(ABOUT, bad_day(), {PRIMARY: held(), SECONDARY: held()}, LIMITS)
    assert {one.name: one.at_s for one in found.timeline} == pytest.approx(
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
    assert found.failover.rto_s == pytest.approx(2.02)
    assert found.exposure.rpo_s == pytest.approx(2.5 - TOOK_S)
    assert found.exposure.lost == tuple(f"w{number:03}" for number in range(25, 50))
    assert found.requests == Requests(150, 130, tuple(f"w{number:03}" for number in range(50, 70)))
    assert found.reconciliation.is_complete
    assert found.holds


def test_an_objective_that_is_missed_is_the_report_s_verdict() -> None:
    both = {PRIMARY: held(), SECONDARY: held()}
    assert not report_failover(ABOUT, bad_day(), both, Objectives(rto_seconds=2)).holds


def test_a_write_that_is_nowhere_in_the_end_is_never_recovered() -> None:
    without = {name: item for name, item in held().items() if name != "w030"}
    found = report_failover(ABOUT, bad_day(), {PRIMARY: held(), SECONDARY: without}, LIMITS)
    assert [(one.id, one.region) for one in found.reconciliation.missing] == [("w030", SECONDARY)]
    assert not found.holds


def test_replication_is_told_by_kind_and_direction() -> None:
    lines: list[Line] = [
        *(good("a", 1.0), seen("a", 2.0)),
        *(good("b", 1.0, SECONDARY), seen("b", 3.0, PRIMARY)),
        *(good("c", 1.0, what="object"), seen("c", 4.0)),
        Closed(),
    ]
    found = report_replication(ABOUT, lines, Objectives(replication_p99_seconds=1.5))
    assert [one.max_s for one in found.delays] == pytest.approx([1 - TOOK_S, 2 - TOOK_S, 3 - TOOK_S])
    assert not found.holds
    assert report_replication(ABOUT, lines, Objectives(replication_p99_seconds=2)).holds
