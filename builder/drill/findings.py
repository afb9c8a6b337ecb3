"""What a drill found: its report, from its log alone; pure, so that a log can be measured again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from builder.drill.delays import Delays, Stream, measure_delays
from builder.drill.exposure import Exposure, measure_exposure
from builder.drill.reconciliation import Held, Reconciliation, reconcile
from builder.drill.records import Line, Mark, Moment, Sighting, Write
from builder.drill.recovery import Failover, measure_failover, steady_answers
from builder.drill.traffic import Second, count_traffic
from builder.drill.verdict import Check, Objectives, judge_failover, judge_replication
from builder.terms import Region

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Which drill it was, of what, and how it was set."""

    drill: str
    deployment: str
    environment: str
    assembly: str
    """The digest of what is meant to be deployed."""
    account: str
    primary: Region
    secondary: Region
    began: str
    """When the drill's clock began; every other time is in seconds since then."""
    rate: float
    """Probes a second, of each series."""
    fault: str = ""
    """What was done to the primary, in words."""
    versions: Mapping[str, str] = field(default_factory=dict)


Name = Literal["fault", "detection", "failover", "recovery", "fault undone", "failback", "reconciliation"]


@dataclass(frozen=True, slots=True)
class Happening:
    """A point of the timeline; None where it never came."""

    name: Name
    at_s: float | None


@dataclass(frozen=True, slots=True)
class Requests:
    """What became of what the clients asked for."""

    sent: int
    acknowledged: int
    lost: tuple[str, ...]
    """No region took them; their client was told so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationReport:
    """How long replication takes, of every kind and direction."""

    about: About
    delays: tuple[Delays, ...]
    requests: Requests
    traffic: tuple[Second, ...]
    checks: tuple[Check, ...]
    version: int = VERSION
    kind: Literal["replication"] = "replication"

    @property
    def holds(self) -> bool:
        """Whether everything that had to hold did."""
        return all(check.holds for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverReport:
    """What a fault of the primary cost."""

    about: About
    timeline: tuple[Happening, ...]
    failover: Failover
    exposure: Exposure
    reconciliation: Reconciliation
    delays: tuple[Delays, ...]
    requests: Requests
    traffic: tuple[Second, ...]
    checks: tuple[Check, ...]
    version: int = VERSION
    kind: Literal["failover"] = "failover"

    @property
    def holds(self) -> bool:
        """Whether everything that had to hold did."""
        return all(check.holds for check in self.checks)


Report = ReplicationReport | FailoverReport


def report_replication(about: About, lines: Iterable[Line], objectives: Objectives) -> ReplicationReport:
    """Return what a replication drill's log shows: the table in both directions, the buckets in the one they have."""
    writes, sightings, _ = _sorted_out(lines)
    there, back = (about.primary, about.secondary), (about.secondary, about.primary)
    streams = (Stream("item", *there), Stream("item", *back), Stream("object", *there))
    delays = tuple(measure_delays(writes, sightings, stream) for stream in streams)
    return ReplicationReport(
        about=about,
        delays=delays,
        requests=_requests(writes),
        traffic=count_traffic(writes),
        checks=judge_replication(delays, objectives),
    )


def report_failover(about: About, lines: Iterable[Line], held: Held, objectives: Objectives) -> FailoverReport:
    """Return what a failover drill's log shows, and what the regions held in the end."""
    writes, sightings, marks = _sorted_out(lines)
    primary, secondary = about.primary, about.secondary
    exposure = measure_exposure(writes, sightings, secondary, marks["fault"])
    failover = measure_failover(writes, primary, secondary, strike_s=marks["strike"], until_s=marks["undoing"])
    reconciliation = reconcile(writes, held)
    return FailoverReport(
        about=about,
        timeline=_timeline(marks, failover, steady_answers(_since(writes, marks["undone"]), primary)),
        failover=failover,
        exposure=exposure,
        reconciliation=reconciliation,
        delays=(measure_delays(writes, sightings, Stream("item", primary, secondary)),),
        requests=_requests(writes),
        traffic=count_traffic(writes),
        checks=judge_failover(exposure, failover, reconciliation, objectives),
    )


def _sorted_out(lines: Iterable[Line]) -> tuple[list[Write], list[Sighting], dict[Moment, float]]:
    writes, sightings, marks = [], [], {}
    for line in lines:
        match line:
            case Write():
                writes.append(line)
            case Sighting():
                sightings.append(line)
            case Mark(moment, at_s):
                marks[moment] = at_s
            case _:
                pass
    return writes, sightings, marks


def _since(writes: Iterable[Write], at_s: float) -> Iterable[Write]:
    return (write for write in writes if write.began_s >= at_s)


def _timeline(marks: Mapping[Moment, float], failover: Failover, failed_back_s: float | None) -> tuple[Happening, ...]:
    return (
        Happening("fault", marks["fault"]),
        Happening("detection", failover.detected_s),
        Happening("failover", failover.failed_over_s),
        Happening("recovery", failover.recovered_s),
        Happening("fault undone", marks["undone"]),
        Happening("failback", failed_back_s),
        Happening("reconciliation", marks.get("reconciled")),
    )


def _requests(writes: Sequence[Write]) -> Requests:
    lost = tuple(write.id for write in writes if write.acknowledged_by is None)
    return Requests(len(writes), len(writes) - len(lost), lost)
