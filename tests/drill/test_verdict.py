from collections.abc import Mapping
from dataclasses import replace

import pytest

from builder.drill.consistency import CounterFinding, MissingKey, Reconciliation
from builder.drill.exposure import Delays, Exposure, Sample, Stream
from builder.drill.records import Kind
from builder.drill.service import Episode, Served, Service, ServiceOutcome
from builder.drill.verdict import (
    Check,
    Late,
    NumberName,
    Numbers,
    Objectives,
    Verdict,
    judge_failover,
    judge_replication,
    verdict_of,
)
from drill.hand_made import PRIMARY, SECONDARY

PAIR = PRIMARY, SECONDARY


def delays(p99_s: float | None, unseen: tuple[str, ...] = (), what: Kind = "item") -> Delays:
    stream = Stream(what, PRIMARY, SECONDARY)
    return Delays(stream=stream, samples=(), unseen=unseen, p50_s=p99_s, p95_s=p99_s, p99_s=p99_s, max_s=p99_s)


def service(seconds: float | None, outcome: ServiceOutcome = "restored") -> Service:
    return Service(
        outcome=outcome,
        seconds=seconds,
        slots=9,
        bad=1,
        undecided=0,
        first_bad_s=5.0,
        restored_s=seconds and 5 + seconds,
    )


def served(
    rto_s: float | None = 3.0, outcome: ServiceOutcome = "restored", gap_s: float = 3.0, good: float = 90.0
) -> Served:
    episode = Episode(
        began_s=5.0,
        ended_s=25.0,
        slots=200,
        good=180,
        availability_percent=good,
        longest_gap_s=gap_s,
        gap_began_s=5.0,
        without_service_s=3.0,
        spells=(),
        lost=("a", "b"),
        unsent=0,
    )
    return Served(outage=service(rto_s, outcome), failback=service(0.0, "served throughout"), episode=episode)


FINE = Numbers(
    served=served(),
    at_best=served(),
    interval_s=0.1,
    exposures={PAIR: Exposure(rpo_s=0.4, at_s=5.0, lost=("a",), moments=(), worst_s=0.5)},
    sure={PAIR: 0.1},
    counter=CounterFinding(turns=9, reads=9, updates=9, stale=(), overwritten=()),
    reconciliation=Reconciliation(10, (), ()),
    late=Late(),
)
OBJECTIVES = Objectives(
    rpo_seconds=0.4,
    rto_seconds=3,
    longest_gap_seconds=3,
    availability_percent=90,
    requests_lost=2,
    stale_reads=0,
    overwritten_updates=0,
)


def verdicts(numbers: Numbers, objectives: Objectives = OBJECTIVES) -> Mapping[NumberName, Verdict]:
    return {check.name: check.verdict for check in judge_failover(numbers, objectives)}


def test_what_is_just_promised_holds() -> None:
    by_name = verdicts(FINE)
    assert set(by_name.values()) == {"holds"}
    assert len(by_name) == 9


def test_without_an_objective_a_number_is_told_and_never_said_to_hold() -> None:
    by_name = verdicts(replace(FINE, counter=None), Objectives())
    assert {name for name, verdict in by_name.items() if verdict != "no objective"} == {"reconciliation"}
    assert by_name["reconciliation"] == "holds"
    assert "stale_reads" not in by_name
    assert verdict_of(check.verdict for check in judge_failover(FINE, Objectives())) == "passed"


@pytest.mark.parametrize(
    "tighter",
    [
        {"rpo_seconds": 0.399},
        {"rto_seconds": 2.999},
        {"longest_gap_seconds": 2.999},
        {"availability_percent": 90.001},
        {"requests_lost": 1},
    ],
)
def test_each_objective_is_missed_by_itself(tighter: dict[str, float]) -> None:
    by_name = verdicts(FINE, replace(OBJECTIVES, **tighter))  # type: ignore[arg-type]  # numbers of both kinds
    assert {name for name, verdict in by_name.items() if verdict == "missed"} == set(tighter)


def test_service_that_was_not_reached_is_missed_without_any_objective() -> None:
    checks = judge_failover(replace(FINE, served=served(None, "not reached")), Objectives())
    missed = [check for check in checks if check.verdict == "missed"]
    assert [(check.name, check.measured, check.reason) for check in missed] == [
        ("rto_seconds", None, "there was no service to the end")
    ]
    assert verdict_of(check.verdict for check in checks) == "failed"


def test_where_no_request_tells_anything_nothing_is_measured() -> None:
    by_name = verdicts(replace(FINE, served=served(None, "not measured"), at_best=served(None, "not measured")))
    assert by_name["rto_seconds"] == "not measured"


def test_a_drill_that_was_late_has_not_measured_what_it_was_late_with() -> None:
    during = verdicts(replace(FINE, late=Late(outage="3 late")))
    assert {name for name, verdict in during.items() if verdict == "not measured"} == {
        *("rpo_seconds", "rto_seconds", "longest_gap_seconds", "availability_percent", "requests_lost"),
    }
    after = verdicts(replace(FINE, late=Late(failback="3 late")))
    assert {name for name, verdict in after.items() if verdict == "not measured"} == {
        *("failback_seconds", "longest_gap_seconds", "availability_percent", "requests_lost"),
    }
    looking = verdicts(replace(FINE, late=Late(reads={SECONDARY: "was not read"})))
    assert {name for name, verdict in looking.items() if verdict == "not measured"} == {"rpo_seconds"}
    late = judge_failover(replace(FINE, late=Late(outage="3 late")), Objectives())
    assert verdict_of(check.verdict for check in late) == "not measured"


def test_what_is_missed_however_late_the_drill_was_is_missed() -> None:
    late = Late(outage="3 late", reads={SECONDARY: "was not read"})
    worse = replace(FINE, served=served(9.0), at_best=served(3.1), sure={PAIR: 0.5}, late=late)
    by_name = verdicts(worse)
    assert by_name["rto_seconds"] == by_name["rpo_seconds"] == "missed"
    assert verdicts(replace(worse, at_best=served(2.9), sure={PAIR: 0.1}))["rto_seconds"] == "not measured"
    gone = replace(worse, served=served(None, "not reached"), at_best=served(None, "not reached"))
    assert verdicts(gone, Objectives())["rto_seconds"] == "missed"


def test_a_time_shorter_than_that_between_two_requests_cannot_be_told() -> None:
    by_name = verdicts(replace(FINE, interval_s=10), Objectives(rto_seconds=5, longest_gap_seconds=5))
    assert {name for name, verdict in by_name.items() if verdict == "not measured"} == {
        *("rto_seconds", "failback_seconds", "longest_gap_seconds"),
    }
    long = replace(FINE, interval_s=10, served=served(16.0, gap_s=16), at_best=served(16.0, gap_s=16))
    by_name = verdicts(long, Objectives(rto_seconds=5, longest_gap_seconds=5))
    assert by_name["rto_seconds"] == by_name["longest_gap_seconds"] == "missed"


def test_a_counter_that_was_promised_something_of_and_not_kept_is_not_measured() -> None:
    by_name = verdicts(replace(FINE, counter=None))
    assert by_name["stale_reads"] == by_name["overwritten_updates"] == "not measured"
    unread = CounterFinding(turns=9, reads=0, updates=0, stale=(), overwritten=())
    assert verdicts(replace(FINE, counter=unread), Objectives())["stale_reads"] == "not measured"


def test_a_key_that_is_missing_and_conflicts_counts_once_and_fails() -> None:
    torn = Reconciliation(10, (MissingKey("a", PRIMARY, SECONDARY), MissingKey("b", PRIMARY, SECONDARY)), ())
    check = judge_failover(replace(FINE, reconciliation=torn), Objectives())[-1]
    assert (check.measured, check.verdict) == (2, "missed")


def test_each_direction_of_the_table_is_judged() -> None:
    objectives = Objectives(replication_p99_seconds=2)
    checks = judge_replication([delays(1.0), delays(1.9), delays(2.1)], objectives, {})
    assert [check.verdict for check in checks] == ["missed"] * 3  # nothing of it arrived at all
    assert judged(1.9, objectives) == Check("replication_p99_seconds", PAIR, 1.9, 2, "holds")
    assert judged(2.1, objectives).verdict == "missed"
    assert judged(2.1, Objectives()).verdict == "no objective"


def judged(
    p99_s: float, objectives: Objectives, unseen: tuple[str, ...] = (), late: tuple[str, float] = ("", 0.0)
) -> Check:
    samples = (Sample("x", 0.0, p99_s),)
    (check,) = judge_replication([replace(delays(p99_s, unseen), samples=samples)], objectives, {SECONDARY: late})
    return check


def test_a_delay_that_late_reads_may_have_made_too_long_is_not_measured_unless_it_holds_all_the_same() -> None:
    objectives, late = Objectives(replication_p99_seconds=2), ("was not read for 3 s", 3.1)
    assert judged(1.9, objectives, late=late).verdict == "holds"
    assert judged(5.0, objectives, late=late).verdict == "not measured"
    assert judged(5.2, objectives, late=late).verdict == "missed"
    assert judged(1.0, Objectives(), late=late).verdict == "no objective"
    assert judged(1.0, objectives, unseen=("x",), late=late).verdict == "not measured"


def test_the_buckets_are_not_judged_by_the_tables_objective() -> None:
    assert judge_replication([delays(900.0, what="object")], Objectives(replication_p99_seconds=2), {}) == ()


def test_a_write_that_never_arrived_exceeds_every_limit_and_none() -> None:
    for objectives in (Objectives(), Objectives(replication_p99_seconds=1000)):
        assert judged(1.0, objectives, unseen=("x",)).verdict == "missed"
        assert judge_replication([delays(None)], objectives, {})[0].reason == "nothing was acknowledged"
