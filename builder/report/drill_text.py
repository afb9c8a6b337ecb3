"""A drill's progress and its report, for people at a terminal; pure."""

from collections.abc import Iterator
from typing import assert_never

from rich.text import Text

from builder.drill import progress as said
from builder.drill.delays import Delays, Stream
from builder.drill.findings import FailoverReport, ReplicationReport, Report
from builder.drill.progress import DrillProgress
from builder.drill.verdict import Check

_NAMED = 10
"""So many writes are named; all are in report.json."""
_CHECKS = {
    "rpo_seconds": "RPO",
    "rto_seconds": "RTO",
    "failback_seconds": "failback",
    "longest_gap_seconds": "longest gap",
    "availability_percent": "availability",
    "requests_lost": "requests lost",
    "stale_reads": "stale reads",
    "overwritten_updates": "overwritten updates",
    "replication_p99_seconds": "replication, p99",
    "reconciliation": "reconciliation",
}
_MOMENTS = {
    "load": "requests begin",
    "strike": "the fault was asked for",
    "fault": "the fault is made",
    "undoing": "the fault is being undone",
    "undone": "the fault is undone",
    "load ended": "requests end",
    "reconciled": "both regions hold everything that was acknowledged",
}


def in_words(event: DrillProgress) -> str:
    """Return what an event says, in a line."""
    match event:
        case said.DrillBegun(drill=drill, what=what, deployment=deployment, folder=folder):
            return f"{what} drill {drill} of {deployment} begins; it is written down in {folder}"
        case said.DrillMoment(moment=moment, at_s=at_s):
            return f"{at_s:8.3f} s  {_MOMENTS[moment]}"
        case said.DrillAsks(what=what):
            return f"NOW: {what}"
        case said.DrillRestored(drill=drill, what=what):
            return f"drill {drill}: {what}"
        case said.DrillEnded(holds=holds, report=report):
            return f"{'passed' if holds else 'FAILED'}; the report is {report}"
    assert_never(event)


def report(shown: Report) -> Text:
    """Return the summary: the verdict, what it rests on, and what was lost."""
    lines: list[str | Text] = ["", *map(_judged, shown.checks)]
    lines += ["", *_failover(shown)] if isinstance(shown, FailoverReport) else [""]
    lines += [delays_told(one) for pair in shown.pairs for one in pair.delays]
    lines.append(requests_told(shown))
    text = Text("\n").join(line if isinstance(line, Text) else Text(line) for line in lines)
    return text.append("\n")


def told(check: Check) -> str:
    """Return a check in words: `RTO 3.02 s, of 60 s at most`."""
    name = _CHECKS[check.name]
    if check.name == "reconciliation":
        return f"{name}: {check.measured or 0:.0f} of the acknowledged writes missing or in conflict"
    measured = "not reached" if check.measured is None else seconds(check.measured)
    if not check.name.endswith("_seconds"):
        measured = "not measured" if check.measured is None else f"{check.measured:g}"
    limit = "no objective" if check.limit is None else f"of {check.limit:g} s at most"
    return f"{name} {measured}, {limit}"


def stream_told(stream: Stream) -> str:
    """Return what goes where."""
    return f"{'table' if stream.what == 'item' else 'bucket'}, {stream.source} to {stream.destination}"


def delays_told(delays: Delays) -> str:
    """Return a stream's delays in a line."""
    found = (("p50", delays.p50_s), ("p95", delays.p95_s), ("p99", delays.p99_s), ("max", delays.max_s))
    values = ", ".join(f"{name} {seconds(value)}" for name, value in found if value is not None)
    unseen = f"; {len(delays.unseen)} never seen" if delays.unseen else ""
    return f"{stream_told(delays.stream)}: {len(delays.samples)} arrived{f', {values}' if values else ''}{unseen}"


def requests_told(shown: FailoverReport | ReplicationReport) -> str:
    """Return what became of the requests, in a line."""
    requests = shown.requests
    rate = f" at {shown.about.rate:g} a second" if isinstance(shown, FailoverReport) else ""
    return f"{requests.sent} requests{rate}: {requests.acknowledged} acknowledged, {len(requests.lost)} lost"


def seconds(value: float) -> str:
    """Return a time as people read it, in milliseconds at the finest."""
    return f"{value:.3f} s"


def _failover(shown: FailoverReport) -> Iterator[str]:
    for one in shown.timeline:
        yield f"{'never' if one.at_s is None else seconds(one.at_s):>10}  {one.name}"
    yield ""
    for pair in shown.pairs:
        if pair.exposure is not None:
            what = f"acknowledged by {pair.source} and not in {pair.destination} at the fault"
            yield from _named(what, pair.exposure.lost)
    missing = [f"{one.id} in {one.region}" for one in shown.reconciliation.missing]
    yield from _named("never recovered", missing)
    yield from _named("in conflict", [one.id for one in shown.reconciliation.conflicting])


def _named(what: str, names: tuple[str, ...] | list[str]) -> Iterator[str]:
    yield f"writes {what}: {len(names)}"
    yield from (f"  {name}" for name in names[:_NAMED])
    if len(names) > _NAMED:
        yield f"  and {len(names) - _NAMED} more"


def _judged(check: Check) -> Text:
    tone = "green" if check.verdict in {"holds", "no objective"} else "bold red"
    return Text.assemble((f"{check.verdict.upper() if tone != 'green' else check.verdict:<14}", tone), told(check))
