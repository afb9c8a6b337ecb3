"""The events of a drill while it runs, and its report, which is measured from its log alone; pure.

In this order: the events, the records of a report, `report_replication` and `report_failover`, and their helpers.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from builder.drill.consistency import CounterFinding, Held, Reconciliation, measure_counter, reconcile
from builder.drill.exposure import (
    Delays,
    Exposure,
    Shown,
    Stream,
    failing_moments,
    late_reads,
    longest_blind,
    measure_delays,
    measure_exposure,
    surely_at_risk,
)
from builder.drill.records import Kind, LogLine, Mark, Moment, Period, Read, Sighting, Turn, Write
from builder.drill.service import (
    Episode,
    Second,
    Served,
    Service,
    count_traffic,
    late_requests,
    make_slots,
    measure_served,
    without_lateness,
)
from builder.drill.verdict import (
    Check,
    Direction,
    DrillVerdict,
    Late,
    Numbers,
    Objectives,
    judge_failover,
    judge_replication,
    verdict_of,
)
from builder.terms import Region


@dataclass(frozen=True, slots=True)
class DrillBegun:
    """A drill's clock starts; the drill keeps its log in `folder`."""

    drill: str
    what: Literal["replication", "failover"]
    deployment: str
    folder: str
    schema: Literal[2] = 2
    """The version of all events, as `run.begun` has it."""
    event: Literal["drill.begun"] = "drill.begun"


@dataclass(frozen=True, slots=True)
class DrillMoment:
    """A moment of the drill: its load or its fault begins or ends. At `strike` it begins to make the fault."""

    drill: str
    moment: Moment
    at_s: float
    """Seconds since the drill began."""
    event: Literal["drill.moment"] = "drill.moment"


@dataclass(frozen=True, slots=True)
class DrillAsks:
    """A person has to do something now, as `what` says; the drill waits for the effect."""

    drill: str
    what: str
    event: Literal["drill.asks"] = "drill.asks"


@dataclass(frozen=True, slots=True)
class DrillNote:
    """A note on the drill for people, such as what could not be read or what remains in the deployment."""

    drill: str
    what: str
    event: Literal["drill.note"] = "drill.note"


@dataclass(frozen=True, slots=True)
class DrillRestored:
    """A drill that did not end was cleaned up: its fault was undone, or its probes were deleted. `what` says how."""

    drill: str
    what: str
    event: Literal["drill.restored"] = "drill.restored"


@dataclass(frozen=True, slots=True)
class DrillEnded:
    """A drill ended: its verdict, the check of each number, and the path of its page. Beside that lies report.json."""

    drill: str
    verdict: DrillVerdict
    """A missed number fails the drill. A number that was not measured leaves it undecided: exit code 1 too."""
    checks: tuple[Check, ...]
    report: str
    event: Literal["drill.ended"] = "drill.ended"


DrillProgress = DrillBegun | DrillMoment | DrillAsks | DrillNote | DrillRestored | DrillEnded
DrillEmit = Callable[[DrillProgress], None]
VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Which drill it was: its deployment, who ran it, and with which settings."""

    drill: str
    deployment: str
    environment: str
    assembly: str
    """The digest of the assembly that should be deployed."""
    account: str
    by: str
    """Who ran it: the ARN of the caller's credentials."""
    primary: Region
    secondaries: tuple[Region, ...]
    to: Region
    """The secondary that the drill's clients fail over to. The others are only watched."""
    began: str
    """When the drill's clock began. Every other time is in seconds since then."""
    rate: float
    """Requests a second."""
    service_s: float
    """How long after its planned time a request may be answered and still count as service."""
    service: str = ""
    """What a good answer is, in words."""
    probe: str = ""
    """How the drill writes and reads, in words."""
    fault: str = ""
    """What was done to the primary, in words."""
    log_sha256: str = ""
    """The SHA-256 of log.jsonl as it was when the report was written."""
    versions: Mapping[str, str] = field(default_factory=dict)
    copies: tuple[Direction, ...] = ()
    """The directions in which objects are replicated, from and to, also those that the drill did not watch."""

    @property
    def regions(self) -> tuple[Region, ...]:
        """All regions, the primary first."""
        return (self.primary, *self.secondaries)


@dataclass(frozen=True, slots=True)
class Watched:
    """The directions that the drill watched, from and to. Nothing is known of any other direction."""

    items: tuple[Direction, ...] = ()
    objects: tuple[Direction, ...] = ()


MomentName = Literal["fault", "detection", "failover", "recovery", "fault undone", "failback", "reconciliation"]


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of the timeline; `at_s` is in seconds since the drill began, or null if the event never came."""

    name: MomentName
    at_s: float | None


@dataclass(frozen=True, slots=True)
class Requests:
    """The number of writes that were sent and acknowledged, and those that were lost."""

    sent: int
    acknowledged: int
    lost: tuple[str, ...]
    """The requests that no region acknowledged, which their client knows."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Replication from one region to another: what was at risk, the delays, and the keys that differ at the end."""

    source: Region
    destination: Region
    exposure: Exposure | None
    """What items would have been lost; None if the source had no fault or the destination was not watched."""
    objects: Exposure | None
    """What objects would have been lost. This is reported but not judged."""
    delays: tuple[Delays, ...]
    """The delays of each kind that was watched: items, objects, both or neither."""
    missing: tuple[str, ...]
    """The keys that the source acknowledged last and that are not in the destination at the end."""
    conflicting: tuple[str, ...]
    """The keys that the source acknowledged last and that are different in the destination at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationReport:
    """The report of a replication drill: how long items and objects take in each direction."""

    about: About
    pairs: tuple[Pair, ...]
    requests: Requests
    objects: Requests
    traffic: tuple[Second, ...]
    checks: tuple[Check, ...]
    not_measured: tuple[str, ...] = ()
    version: int = VERSION
    kind: Literal["replication"] = "replication"

    @property
    def verdict(self) -> DrillVerdict:
        """What to make of all checks together."""
        return verdict_of(check.verdict for check in self.checks)

    @property
    def holds(self) -> bool:
        """Whether nothing is missed, and nothing not measured."""
        return self.verdict == "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverReport:
    """The report of a failover drill: what a fault of the primary cost."""

    about: About
    timeline: tuple[Happening, ...]
    outage: Service
    """The service from the strike to the undoing. Its time without service is the RTO."""
    failback: Service
    """The service from the undoing to the end of the load."""
    episode: Episode
    pairs: tuple[Pair, ...]
    """Every direction between two regions, those from the primary first."""
    counter: CounterFinding | None
    reconciliation: Reconciliation
    requests: Requests
    objects: Requests
    traffic: tuple[Second, ...]
    checks: tuple[Check, ...]
    not_measured: tuple[str, ...]
    """Why something could not be measured, and what was not watched."""
    version: int = VERSION
    kind: Literal["failover"] = "failover"

    @property
    def verdict(self) -> DrillVerdict:
        """What to make of all checks together."""
        return verdict_of(check.verdict for check in self.checks)

    @property
    def holds(self) -> bool:
        """Whether nothing is missed, and nothing not measured."""
        return self.verdict == "passed"


Report = ReplicationReport | FailoverReport


@dataclass(frozen=True, slots=True)
class _SortedLog:
    """The lines of a log by their kinds."""

    lines: tuple[LogLine, ...]
    writes: tuple[Write, ...]
    reads: tuple[Read, ...]
    turns: tuple[Turn, ...]
    marks: Mapping[Moment, float]
    shown: Shown


def report_replication(
    about: About, lines: Iterable[LogLine], objectives: Objectives, watched: Watched
) -> ReplicationReport:
    """Return the report of a replication drill, measured from its log, on every direction that was watched."""
    log = _sorted_out(lines)
    pairs = tuple(_pair(log, watched, pair) for pair in _directions(about))
    ended_s = [*(write.ended_s for write in log.writes), *(read.ended_s for read in log.reads)]
    whole = Period(0.0, max(ended_s, default=0.0))
    late = {
        region: (late_reads(log.shown, log.reads, region, whole), longest_blind(log.reads, region))
        for _, region in watched.items
    }
    checks = judge_replication([delays for pair in pairs for delays in pair.delays], objectives, late)
    reasons = [check.reason for check in checks if check.verdict == "not measured"]
    return ReplicationReport(
        about=about,
        pairs=pairs,
        requests=_requests(log.writes, "item"),
        objects=_requests(log.writes, "object"),
        traffic=count_traffic(log.writes),
        checks=checks,
        not_measured=tuple(dict.fromkeys([*reasons, *_unwatched(about, watched)])),
    )


def report_failover(
    about: About, lines: Iterable[LogLine], held: Held, objectives: Objectives, watched: Watched
) -> FailoverReport:
    """Return the report of a failover drill, measured from its log and from what the regions held in the end."""
    log = _sorted_out(lines)
    fault = Period(log.marks["strike"], log.marks["undoing"])
    reconciliation = reconcile(log.writes, held, watched.objects)
    unread = [region for region in about.regions if region not in held]
    pairs = tuple(
        _judged_pair(log, _pair(log, watched, pair), about, fault, reconciliation) for pair in _directions(about)
    )
    numbers = replace(_numbers(about, log, fault, pairs, reconciliation), unread=unread)
    checks = judge_failover(numbers, objectives)
    reasons = [check.reason for check in checks if check.verdict == "not measured"]
    return FailoverReport(
        about=about,
        timeline=_timeline(about, log, numbers.served),
        outage=numbers.served.outage,
        failback=numbers.served.failback,
        episode=numbers.served.episode,
        pairs=pairs,
        counter=numbers.counter,
        reconciliation=reconciliation,
        requests=_requests(log.writes, "item"),
        objects=_requests(log.writes, "object"),
        traffic=count_traffic(log.writes),
        checks=checks,
        not_measured=tuple(dict.fromkeys([*numbers.late.reasons, *reasons, *_unwatched(about, watched)])),
    )


def _sorted_out(lines: Iterable[LogLine]) -> _SortedLog:
    kept = tuple(lines)
    writes = tuple(line for line in kept if isinstance(line, Write))
    return _SortedLog(
        lines=kept,
        writes=writes,
        reads=tuple(line for line in kept if isinstance(line, Read)),
        turns=tuple(line for line in kept if isinstance(line, Turn)),
        marks={line.moment: line.at_s for line in kept if isinstance(line, Mark)},
        shown=Shown(writes, (line for line in kept if isinstance(line, Sighting))),
    )


def _directions(about: About) -> Iterable[Direction]:
    return ((source, destination) for source in about.regions for destination in about.regions if source != destination)


def _unwatched(about: About, watched: Watched) -> Iterable[str]:
    for source, destination in _directions(about):
        if (source, destination) not in watched.items:
            yield f"items from {source} to {destination} were not watched"


def _pair(log: _SortedLog, watched: Watched, pair: Direction) -> Pair:
    """Return the delays of replication in one direction."""
    looked: list[Kind] = []
    if pair in watched.items:
        looked.append("item")
    if pair in watched.objects:
        looked.append("object")
    delays = tuple(measure_delays(log.shown, Stream(what, *pair)) for what in looked)
    return Pair(*pair, exposure=None, objects=None, delays=delays, missing=(), conflicting=())


def _judged_pair(log: _SortedLog, pair: Pair, about: About, fault: Period, reconciliation: Reconciliation) -> Pair:
    """Return the pair with what was at risk while the fault lasted, and what was lost in the end."""
    exposures: dict[Kind, Exposure] = {}
    if pair.source == about.primary:
        moments = failing_moments(log.writes, about.primary, fault)
        for delays in pair.delays:
            exposures[delays.stream.what] = measure_exposure(log.shown, delays.stream, moments, fault)
    return replace(
        pair,
        exposure=exposures.get("item"),
        objects=exposures.get("object"),
        missing=tuple(
            missing.id
            for missing in reconciliation.missing
            if (missing.acknowledged_by, missing.region) == (pair.source, pair.destination)
        ),
        conflicting=tuple(
            conflict.id
            for conflict in reconciliation.conflicting
            if conflict.acknowledged_by == pair.source and pair.destination in conflict.regions
        ),
    )


def _numbers(
    about: About, log: _SortedLog, fault: Period, pairs: Sequence[Pair], reconciliation: Reconciliation
) -> Numbers:
    slots, interval_s = make_slots(log.lines), 1 / about.rate
    exposures = {(pair.source, pair.destination): pair.exposure for pair in pairs if pair.exposure is not None}
    measured = partial(measure_served, service_s=about.service_s, fault=fault, faulty=about.primary)
    reads = {region: late_reads(log.shown, log.reads, region, fault) for _, region in exposures}
    later = [slot for slot in slots if slot.planned_s >= fault.until_s]
    return Numbers(
        served=measured(slots),
        at_best=measured(without_lateness(slots)),
        interval_s=interval_s,
        exposures=exposures,
        sure={pair: surely_at_risk(exposure, log.reads, pair[1]) for pair, exposure in exposures.items()},
        counter=measure_counter(log.turns),
        reconciliation=reconciliation,
        late=Late(
            outage=late_requests(slots, interval_s=interval_s, period=fault),
            failback=late_requests(later, interval_s=interval_s, period=Period(fault.until_s, math.inf)),
            reads=reads,
        ),
    )


def _timeline(about: About, log: _SortedLog, served: Served) -> tuple[Happening, ...]:
    strike_s, undoing_s = log.marks["strike"], log.marks["undoing"]
    attempts = [attempt for write in log.writes if write.what == "item" for attempt in write.attempts]
    here = [attempt for attempt in attempts if attempt.region == about.primary]
    before_undoing = [attempt for attempt in here if attempt.ended_s > strike_s and attempt.began_s < undoing_s]
    failed = [attempt for attempt in before_undoing if not attempt.is_good]
    later = [attempt for attempt in attempts if attempt.is_good and attempt.ended_s > strike_s]
    in_secondaries = [attempt for attempt in later if attempt.region != about.primary]
    again = [attempt.ended_s for attempt in here if attempt.is_good and attempt.began_s >= undoing_s]
    recovery = () if served.outage.outcome != "restored" else (Happening("recovery", served.outage.restored_s),)
    return (
        Happening("fault", log.marks["fault"]),
        Happening("detection", min(failed, key=lambda attempt: attempt.began_s).ended_s if failed else None),
        Happening("failover", min((attempt.ended_s for attempt in in_secondaries), default=None)),
        *recovery,
        Happening("fault undone", log.marks["undone"]),
        Happening("failback", min(again, default=None)),
        Happening("reconciliation", log.marks.get("reconciled")),
    )


def _requests(writes: Iterable[Write], what: Kind) -> Requests:
    sent = [write for write in writes if write.what == what]
    lost = tuple(write.id for write in sent if write.acknowledged_by is None)
    return Requests(len(sent), len(sent) - len(lost), lost)
