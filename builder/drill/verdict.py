"""The verdict: what was measured against what was promised; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from builder.drill.delays import Delays
from builder.drill.exposure import Exposure
from builder.drill.reconciliation import Reconciliation
from builder.drill.recovery import Failover

Name = Literal["rpo_seconds", "rto_seconds", "replication_p99_seconds", "reconciliation"]


@dataclass(frozen=True, slots=True)
class Objectives:
    """What dr.yaml promises; None where it promises nothing."""

    rpo_seconds: float | None = None
    rto_seconds: float | None = None
    replication_p99_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that had to hold. Without a limit a time holds if it could be measured at all."""

    name: Name
    measured: float | None
    """Seconds; of a reconciliation the writes that are missing somewhere or conflict."""
    limit: float | None
    holds: bool


def judge_replication(delays: Iterable[Delays], objectives: Objectives) -> tuple[Check, ...]:
    """Return whether the table's delays hold in each direction; the buckets' are only told.

    A probe that never arrived exceeds every limit.
    """
    table = [one for one in delays if one.stream.what == "item"]
    slowest = max((one.p99_s for one in table if one.p99_s is not None), default=None)
    complete = not any(one.unseen or one.p99_s is None for one in table)
    return (_check("replication_p99_seconds", slowest, objectives.replication_p99_seconds, complete=complete),)


def judge_failover(
    exposure: Exposure, failover: Failover, reconciliation: Reconciliation, objectives: Objectives
) -> tuple[Check, ...]:
    """Return whether RPO and RTO hold, and whether in the end nothing acknowledged was lost."""
    left = len({one.id for one in reconciliation.missing} | set(reconciliation.conflicting))
    return (
        _check("rpo_seconds", exposure.rpo_s, objectives.rpo_seconds),
        _check("rto_seconds", failover.rto_s, objectives.rto_seconds),
        Check("reconciliation", left, 0, holds=reconciliation.is_complete),
    )


def _check(name: Name, measured: float | None, limit: float | None, *, complete: bool = True) -> Check:
    holds = complete and measured is not None and (limit is None or measured <= limit)
    return Check(name, measured, limit, holds)
