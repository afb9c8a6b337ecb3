from builder.drill.delays import Delays, Stream
from builder.drill.exposure import Exposure
from builder.drill.reconciliation import Missing, Reconciliation
from builder.drill.records import Kind
from builder.drill.recovery import Failover
from builder.drill.verdict import Check, Objectives, judge_failover, judge_replication
from drill.hand_made import PRIMARY, SECONDARY

WHOLE = Reconciliation(10, (), ())
FINE = Exposure(5.0, 0.4, ("a",))


def delays(p99_s: float | None, unseen: tuple[str, ...] = (), what: Kind = "item") -> Delays:
    stream = Stream(what, PRIMARY, SECONDARY)
    return Delays(stream=stream, samples=(), unseen=unseen, p50_s=p99_s, p95_s=p99_s, p99_s=p99_s, max_s=p99_s)


def over(rto_s: float | None) -> Failover:
    recovered = None if rto_s is None else 5.0 + rto_s
    return Failover(first_failure_s=5.0, detected_s=5.1, failed_over_s=recovered, recovered_s=recovered)


def holds(checks: tuple[Check, ...]) -> dict[str, bool]:
    return {check.name: check.holds for check in checks}


def test_the_slowest_direction_of_the_table_is_judged() -> None:
    objectives = Objectives(replication_p99_seconds=2)
    (check,) = judge_replication([delays(1.0), delays(1.9)], objectives)
    assert (check.measured, check.limit, check.holds) == (1.9, 2, True)
    assert holds(judge_replication([delays(1.0), delays(2.1)], objectives)) == {"replication_p99_seconds": False}


def test_the_buckets_are_not_judged_by_the_tables_objective() -> None:
    (check,) = judge_replication([delays(1.0), delays(900.0, what="object")], Objectives(replication_p99_seconds=2))
    assert check.holds


def test_a_probe_that_never_arrived_exceeds_every_limit_and_none() -> None:
    for objectives in (Objectives(), Objectives(replication_p99_seconds=1000)):
        assert not judge_replication([delays(1.0, unseen=("x",))], objectives)[0].holds
        assert not judge_replication([delays(None)], objectives)[0].holds


def test_a_failover_within_its_objectives_holds() -> None:
    checks = judge_failover(FINE, over(3.0), WHOLE, Objectives(rpo_seconds=0.4, rto_seconds=3))
    assert holds(checks) == {"rpo_seconds": True, "rto_seconds": True, "reconciliation": True}


def test_each_objective_is_missed_by_itself() -> None:
    assert not holds(judge_failover(FINE, over(1.0), WHOLE, Objectives(rpo_seconds=0.3)))["rpo_seconds"]
    assert not holds(judge_failover(FINE, over(3.1), WHOLE, Objectives(rto_seconds=3)))["rto_seconds"]


def test_a_secondary_that_never_answered_steadily_fails_without_any_objective() -> None:
    assert not holds(judge_failover(FINE, over(None), WHOLE, Objectives()))["rto_seconds"]


def test_a_write_that_is_missing_and_conflicts_counts_once_and_fails() -> None:
    torn = Reconciliation(10, (Missing("a", PRIMARY), Missing("b", PRIMARY)), ("a",))
    check = judge_failover(FINE, over(1.0), torn, Objectives())[-1]
    assert (check.measured, check.holds) == (2, False)
