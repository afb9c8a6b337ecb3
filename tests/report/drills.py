"""Reports of drills, from logs made by hand."""

from dataclasses import replace

from builder.drill.findings import FailoverReport, ReplicationReport, Watched, report_failover, report_replication
from builder.drill.records import Line, Write
from builder.drill.verdict import Objectives
from drill.hand_made import ABOUT, BOTH_WAYS, PRIMARY, SECONDARY, WATCHED, bad_day, good, seen


def failover(*, without: str = "", **about: str) -> FailoverReport:
    """A bad day; `without` is a write that the secondary never gets."""
    held = {one.id: {"body": one.body} for one in bad_day() if isinstance(one, Write)}
    there = {name: item for name, item in held.items() if name != without}
    limits = Objectives(rpo_seconds=5, rto_seconds=60)
    return report_failover(
        replace(ABOUT, **about),  # type: ignore[arg-type]  # texts only
        bad_day(),
        {PRIMARY: held, SECONDARY: there},
        limits,
        WATCHED,
    )


def replication() -> ReplicationReport:
    """A hundred probes of each kind and direction; the last object does not arrive."""
    lines: list[Line] = []
    for number in range(100):
        at_s = number / 10
        lines += [good(f"there-{number}", at_s), seen(f"there-{number}", at_s + 0.7 + number % 7 / 10)]
        lines += [good(f"back-{number}", at_s, SECONDARY), seen(f"back-{number}", at_s + 0.9, PRIMARY)]
        lines.append(good(f"object-{number}", at_s, what="object"))
        if number < 99:
            lines.append(seen(f"object-{number}", at_s + 2.2))
    return report_replication(
        replace(ABOUT, fault=""), lines, Objectives(replication_p99_seconds=2), Watched(BOTH_WAYS, BOTH_WAYS[:1])
    )
