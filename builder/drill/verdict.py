"""The verdict: the measured numbers against the objectives of dr.yaml; pure.

A number holds, is missed, was not measured since the drill itself was late, or has no objective. A number that would be
missed even if the drill had not been late is missed.
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
"""The numbers for which more is better."""
Direction = tuple[Region, Region]
"""From a region, to a region."""
Verdict = Literal["holds", "missed", "not measured", "no objective"]
DrillVerdict = Literal["passed", "failed", "not measured"]


@dataclass(frozen=True, slots=True)
class Objectives:
    """The objectives in dr.yaml, None for each that it does not have."""

    rpo_seconds: float | None = None
    rto_seconds: float | None = None
    replication_p99_seconds: float | None = None
    service_seconds: float | None = None
    """How long after its planned time a request may be answered and still count as service; None for the client's
    own deadline."""
    longest_gap_seconds: float | None = None
    availability_percent: float | None = None
    requests_lost: int | None = None
    stale_reads: int | None = None
    overwritten_updates: int | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One number, its objective, and the verdict."""

    name: NumberName
    pair: Direction | None
    """The direction, for a number that is measured for each pair of regions."""
    measured: float | None
    """Seconds, percent or a count; for the reconciliation, how many keys are missing somewhere or in conflict. None if
    the number was not reached or could not be measured."""
    limit: float | None
    """The objective: at least for the availability, at most for all others. None if there is none."""
    verdict: Verdict
    reason: str = ""
    """Why the number was not measured or not reached."""


def verdict_of(verdicts: Iterable[Verdict]) -> DrillVerdict:
    """Return the verdict of a drill: a missed number fails it, even if others were not measured."""
    verdicts = set(verdicts)
    return "failed" if "missed" in verdicts else "not measured" if "not measured" in verdicts else "passed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """How the drill itself was late, in words; empty texts if it was not."""

    outage: str = ""
    """How it was late with requests from the strike to the undoing."""
    failback: str = ""
    """How it was late with requests after the undoing."""
    reads: Mapping[Region, str] = field(default_factory=dict)
    """How it was late with the reads of each region while the fault lasted."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """All texts that are not empty."""
        of_requests = [self.outage and f"during the fault {self.outage}", self.failback and f"after it {self.failback}"]
        return tuple(reason for reason in (*of_requests, *self.reads.values()) if reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The measurements of a failover drill that are judged."""

    served: Served
    at_best: Served
    """The service as it would have been at best if the drill had not been late."""
    interval_s: float
    """The planned time between two requests."""
    exposures: Mapping[Direction, Exposure]
    sure: Mapping[Direction, float]
    """What each pair's RPO was at least, however late reads were."""
    counter: CounterFinding | None
    reconciliation: Reconciliation
    late: Late
    unread: Sequence[Region] = ()
    """The regions that could not be read in the end."""


def judge_failover(numbers: Numbers, objectives: Objectives) -> tuple[Check, ...]:
    """Return a check for each number, and for each pair of regions if it is a number of pairs."""
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
    """Return a check of the table's delays for each direction. The delays of buckets are reported but not judged.

    A write that never arrived exceeds every limit, and so does a direction in which no write was acknowledged. `late`
    has for each region in words where it was not read often enough, and how much a delay to it may be too long at most.
    A delay within its limit holds even if reads were late.
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
    """A number as it was measured, and why it may not count."""

    value: float | None
    surely: float | None = None
    """The best that the number can be, if it was not measured."""
    is_missed: bool = False
    """Whether it is missed whatever the objective is: never reached or never seen, even at best."""
    reason: str = ""
    is_measured: bool = True


def exceeds(name: str, value: float | None, limit: float | None) -> bool:
    """Return whether a number misses its limit. Without a number or without a limit it does not."""
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
    """Return the measurement of a time without service. A miss that the drill's lateness may explain is none."""
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
    """Whether requests are frequent enough to measure a time with this limit."""

    limit: float | None
    interval_s: float

    @property
    def reason(self) -> str:
        """Why they are not, or an empty text."""
        if self.limit is None or self.limit >= self.interval_s:
            return ""
        return f"with a request every {self.interval_s:g} s no time of {self.limit:g} s can be told"

    @property
    def too_much_s(self) -> float:
        """How much a measured time may be too long, 0 if requests are frequent enough."""
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
