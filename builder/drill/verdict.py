"""The verdict: what was measured against what was promised; pure.

A number holds, is missed, was not measured since the drill itself was late, or is told without an objective. What the
drill was late with does not excuse what would be missed without that too.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from builder.drill.consistency import CounterFinding, Reconciliation
from builder.drill.exposure import Delays, Exposure
from builder.drill.service import Served, Service
from builder.terms import Region

NumberName = Literal[
    "rpo_seconds",
    "rto_seconds",
    "failback_seconds",
    "longest_gap_seconds",
    "availability_percent",
    "requests_lost",
    "stale_reads",
    "overwritten_updates",
    "replication_p99_seconds",
    "reconciliation",
]
AT_LEAST: frozenset[str] = frozenset({"availability_percent"})
"""Numbers of which more is better."""
Direction = tuple[Region, Region]
"""From where, and to where."""
Verdict = Literal["holds", "missed", "not measured", "no objective"]
DrillVerdict = Literal["passed", "failed", "not measured"]


@dataclass(frozen=True, slots=True)
class Objectives:
    """What dr.yaml promises; None where it promises nothing."""

    rpo_seconds: float | None = None
    rto_seconds: float | None = None
    replication_p99_seconds: float | None = None
    service_seconds: float | None = None
    """Within so long of its time a request is answered, or there is no service; None: the client's own deadline."""
    longest_gap_seconds: float | None = None
    availability_percent: float | None = None
    requests_lost: int | None = None
    stale_reads: int | None = None
    overwritten_updates: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One number, what was promised of it, and what to make of both."""

    name: NumberName
    pair: Direction | None
    """From where to where, of what is measured for each pair of regions."""
    measured: float | None
    """Seconds, percent, or how many; of a reconciliation the keys that are missing somewhere or conflict. None where
    it was not reached, or could not be measured."""
    limit: float | None
    """At most, and of the availability at least; None where nothing is promised."""
    verdict: Verdict
    reason: str = ""
    """Why it was not measured or not reached."""


def verdict_of(verdicts: Iterable[Verdict]) -> DrillVerdict:
    """Return what to make of a drill by those of its checks: what is missed fails it, whatever was not measured."""
    verdicts = set(verdicts)
    return "failed" if "missed" in verdicts else "not measured" if "not measured" in verdicts else "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """In words, where the drill itself was late, or empty texts."""

    outage: str = ""
    """With its requests, from the strike to the undoing."""
    failback: str = ""
    """With those from then on."""
    reads: Mapping[Region, str] = field(default_factory=dict)
    """With the reads of a region while the fault lasted."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """All that there are."""
        of_requests = [self.outage and f"during the fault {self.outage}", self.failback and f"after it {self.failback}"]
        return tuple(reason for reason in (*of_requests, *self.reads.values()) if reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What a failover drill measured, as it is judged."""

    served: Served
    at_best: Served
    """The same, with everything explained by the drill's own lateness that can be."""
    interval_s: float
    """Between two requests."""
    exposures: Mapping[Direction, Exposure]
    sure: Mapping[Direction, float]
    """What each pair's RPO was at least, however late its reads were."""
    counter: CounterFinding | None
    reconciliation: Reconciliation
    late: Late
    unread: Sequence[Region] = ()
    """Regions that could not be read in the end."""


def judge_failover(numbers: Numbers, objectives: Objectives) -> tuple[Check, ...]:
    """Return a check for each number, those of pairs of regions for each pair."""
    late, best = numbers.late, numbers.at_best
    rto_s = objectives.rto_seconds
    resolution = _Resolution(rto_s, numbers.interval_s)
    outage = _of_service(numbers.served.outage, best.outage, resolution, late.outage)
    failback = _of_service(numbers.served.failback, best.failback, resolution, late.failback)
    return (
        *(_judge_rpo(numbers, pair, objectives.rpo_seconds) for pair in numbers.exposures),
        judge("rto_seconds", outage, rto_s),
        judge("failback_seconds", failback, rto_s),
        *_judge_episode(numbers, objectives),
        *_judge_counter(numbers.counter, objectives),
        judge("reconciliation", _of_reconciliation(numbers), 0),
    )


def judge_replication(
    streams: Iterable[Delays], objectives: Objectives, late: Mapping[Region, tuple[str, float]]
) -> tuple[Check, ...]:
    """Return a check of the table's delays for each direction; the buckets' are only told.

    A write that never arrived exceeds every limit, and what was never acknowledged was not replicated either. `late`
    has of each region, in words, how it was not read often enough, and by what a delay to it is too long at most: one
    that holds all the same holds.
    """
    checks = []
    for delays in streams:
        if delays.stream.what != "item":
            continue
        limit, (why, too_much_s) = objectives.replication_p99_seconds, late.get(delays.stream.destination, ("", 0.0))
        reason = (
            f"{len(delays.unseen)} never seen"
            if delays.unseen
            else ""
            if delays.samples
            else "nothing was acknowledged"
        )
        exceeds = delays.p99_s is not None and limit is not None and delays.p99_s > limit
        blamed = why if reason or exceeds else ""
        measured = Measured(
            delays.p99_s,
            None if delays.p99_s is None else delays.p99_s - too_much_s,
            is_missed=bool(reason) and not blamed,
            reason=blamed or reason,
            is_measured=not blamed,
        )
        pair = delays.stream.source, delays.stream.destination
        checks.append(judge("replication_p99_seconds", measured, limit, pair=pair))
    return tuple(checks)


@dataclass(frozen=True, slots=True)
class Measured:
    """A number as it was measured, and what is to be said against it."""

    value: float | None
    surely: float | None = None
    """Where it was not measured: the number at its best."""
    is_missed: bool = False
    """Whether it is missed without any objective: never reached, never seen; also at its best."""
    reason: str = ""
    is_measured: bool = True


def exceeds(name: str, value: float | None, limit: float | None) -> bool:
    """Return whether a number is beyond what was promised; one that is not there, or of which nothing was, is not."""
    return value is not None and limit is not None and (value < limit if name in AT_LEAST else value > limit)


def judge(name: NumberName, measured: Measured, limit: float | None, *, pair: Direction | None = None) -> Check:
    """Return the check of one number."""
    value = measured.value if measured.is_measured else measured.surely
    verdict: Verdict
    if measured.is_missed or exceeds(name, value, limit):
        verdict = "missed"
    elif not measured.is_measured:
        verdict = "not measured"
    else:
        verdict = "no objective" if limit is None else "holds"
    return Check(name, pair, measured.value, limit, verdict, measured.reason)


def _of_service(service: Service, best: Service, resolution: "_Resolution", late: str) -> Measured:
    """Return what to make of a time without service; a miss that the drill's lateness brought about is none."""
    nothing = "no request of that time tells whether there was service" if service.outcome == "not measured" else ""
    why = late or resolution.reason or nothing
    never = service.outcome == "not reached" and (not why or best.outcome == "not reached")
    times = [math.inf if served.outcome == "not reached" else served.seconds for served in (service, best)]
    known = [seconds for seconds in times if seconds is not None]
    return Measured(
        service.seconds,
        surely=min(known) - resolution.too_much_s if len(known) == len(times) else None,
        is_missed=never,
        reason="there was no service to the end" if never else why,
        is_measured=not why,
    )


@dataclass(frozen=True, slots=True)
class _Resolution:
    """Whether requests come often enough to tell a time of this limit."""

    limit: float | None
    interval_s: float

    @property
    def reason(self) -> str:
        """Why they do not, or an empty text."""
        if self.limit is None or self.limit >= self.interval_s:
            return ""
        return f"with a request every {self.interval_s:g} s no time of {self.limit:g} s can be told"

    @property
    def too_much_s(self) -> float:
        """What a time that was measured may be too long by, where that decides."""
        return self.interval_s if self.reason else 0.0


def _of_reconciliation(numbers: Numbers) -> Measured:
    left = numbers.reconciliation.left
    reason = f"{', '.join(numbers.unread)} could not be read at the end" if numbers.unread else ""
    return Measured(left, left, reason=reason, is_measured=not reason)


def _judge_rpo(numbers: Numbers, pair: Direction, limit: float | None) -> Check:
    reason = numbers.late.reads.get(pair[1], "") or numbers.late.outage
    measured = Measured(numbers.exposures[pair].rpo_s, numbers.sure[pair], reason=reason, is_measured=not reason)
    return judge("rpo_seconds", measured, limit, pair=pair)


def _judge_episode(numbers: Numbers, objectives: Objectives) -> Iterator[Check]:
    episode, best, late = numbers.served.episode, numbers.at_best.episode, numbers.late
    nothing = "" if episode.slots else "no request was planned after the fault"
    why = late.outage or late.failback or nothing
    resolution = _Resolution(objectives.longest_gap_seconds, numbers.interval_s)
    gap = Measured(
        episode.longest_gap_s,
        min(episode.longest_gap_s, best.longest_gap_s) - resolution.too_much_s,
        reason=why or resolution.reason,
        is_measured=not (why or resolution.reason),
    )
    percents = [percent for percent in (episode.availability_percent, best.availability_percent) if percent is not None]
    good = Measured(episode.availability_percent, max(percents, default=None), reason=why, is_measured=not why)
    lost = Measured(len(episode.lost), len(episode.lost), reason=why, is_measured=not why)
    yield judge("longest_gap_seconds", gap, objectives.longest_gap_seconds)
    yield judge("availability_percent", good, objectives.availability_percent)
    yield judge("requests_lost", lost, objectives.requests_lost)


def _judge_counter(counter: CounterFinding | None, objectives: Objectives) -> Iterator[Check]:
    limits = objectives.stale_reads, objectives.overwritten_updates
    if counter is None and limits == (None, None):
        return
    reason = "no counter was kept" if counter is None else "" if counter.reads else "the counter was never read"
    counts = (len(counter.stale), len(counter.overwritten)) if counter else (None, None)
    names: tuple[NumberName, NumberName] = ("stale_reads", "overwritten_updates")
    for name, value, limit in zip(names, counts, limits, strict=True):
        yield judge(name, Measured(value, value, reason=reason, is_measured=not reason), limit)
