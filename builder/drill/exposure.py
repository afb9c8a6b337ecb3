"""RPO, what would be lost at each moment, and the delay until another region showed a write; pure."""

import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from builder.drill.records import Kind, Period, Read, RegionAttempt, Sighting, Write, rounded_up
from builder.terms import Region


@dataclass(frozen=True, slots=True)
class Stream:
    """The items or the objects that are replicated from one region to another."""

    what: Kind
    source: Region
    destination: Region


@dataclass(frozen=True, slots=True)
class Sample:
    """One write's delay in seconds; `at_s` is its acknowledgement, in seconds since the drill began."""

    id: str
    at_s: float
    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """The delays of one stream in seconds, rounded up to milliseconds. The percentiles are null if no write arrived."""

    stream: Stream
    samples: tuple[Sample, ...]
    unseen: tuple[str, ...]
    """The writes that were acknowledged, and that the drill never saw in the destination."""
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    max_s: float | None


class Shown:
    """All writes, deletions included, and when each region first showed each of them or a later write of its key."""

    def __init__(self, writes: Iterable[Write], sightings: Iterable[Sighting]) -> None:
        self.writes = tuple(sorted(writes, key=lambda write: write.ended_s))
        self._shown: dict[tuple[Region, str], list[tuple[int, float]]] = defaultdict(list)
        for sighting in sightings:
            self._shown[sighting.region, sighting.key].append((sighting.number, sighting.at_s))
        for write in self.writes:
            # A region shows what it has acknowledged itself.
            if write.acknowledged_by is not None:
                self._shown[write.acknowledged_by, write.name].append((write.number, write.ended_s))

    def sent(self, stream: Stream) -> Iterator[tuple[Write, float | None]]:
        """Yield the writes that the stream's source acknowledged, in order, with the time the destination showed each.

        The time is None if it never did.
        """
        for write in self.writes:
            if write.what == stream.what and write.acknowledged_by == stream.source:
                yield write, self.at_s(write, stream.destination)

    def at_s(self, write: Write, region: Region) -> float | None:
        """Return when the region first showed the write, None if it never did."""
        sightings = self._shown.get((region, write.name), ())
        return min((at_s for number, at_s in sightings if number >= write.number), default=None)


def measure_delays(shown: Shown, stream: Stream) -> Delays:
    """Return the delays of the writes that the stream's source acknowledged, in the order of acknowledgement.

    A delay is never understated: it ends when the read that shows the write is answered. So it is too long by the time
    between two reads at most.
    """
    there = list(shown.sent(stream))
    samples = tuple(
        Sample(write.id, write.ended_s, rounded_up(max(0.0, at_s - write.ended_s)))
        for write, at_s in there
        if at_s is not None
    )
    delays_s = sorted(sample.delay_s for sample in samples)
    return Delays(
        stream=stream,
        samples=samples,
        unseen=tuple(write.id for write, at_s in there if at_s is None),
        p50_s=percentile(delays_s, 50),
        p95_s=percentile(delays_s, 95),
        p99_s=percentile(delays_s, 99),
        max_s=percentile(delays_s, 100),
    )


def percentile(ascending: Sequence[float], percent: int) -> float | None:
    """Return the smallest value that so many percent of the values do not exceed, None if there are no values.

    This is the nearest rank, so that the result is a delay that a probe really had.
    """
    if not ascending:
        return None
    return ascending[math.ceil(len(ascending) * percent / 100) - 1]


READ_EVERY_S = 0.05
"""The time from the beginning of one read to that of the next: the resolution of every delay and of the RPO."""
SLOW_S = 1.0
"""If a read or the pause between two reads takes longer, nothing is known of what was there meanwhile."""


@dataclass(frozen=True, slots=True)
class AtRisk:
    """The writes that the source had acknowledged at a moment, and that the destination did not show yet."""

    at_s: float
    age_s: float
    """The age of the oldest of these writes since its acknowledgement, rounded up; 0 if there is none."""
    writes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """The writes that would have been lost with the source, and their age, in seconds."""

    rpo_s: float
    """The age at the worst moment."""
    at_s: float
    """The worst moment."""
    lost: tuple[str, ...]
    """The writes at risk at that moment, the oldest first."""
    moments: tuple[AtRisk, ...]
    """Every moment at which the source failed to acknowledge. If it never did, this is empty, and any moment of the
    fault could have been its last: the worst of them counts."""
    worst_s: float
    """The worst age of the whole run, whether or not the source failed at that time."""


def failing_moments(writes: Iterable[Write], source: Region, fault: Period) -> tuple[float, ...]:
    """Return in order the moments at which the source failed to acknowledge after it had been well, during the fault.

    A moment is the start of each failed attempt that is the first after a good one and was not over when the fault was
    made. If the source still acknowledges earlier attempts before the next good one begins, each of these
    acknowledgements is a moment too, since the source was alive until then.
    """
    tries = sorted(
        (attempt for write in writes if write.what == "item" for attempt in write.attempts if attempt.region == source),
        key=lambda attempt: attempt.began_s,
    )
    tries = [attempt for attempt in tries if attempt.ended_s > fault.since_s and attempt.began_s < fault.until_s]
    acknowledged = sorted(attempt.ended_s for attempt in tries if attempt.is_good)
    moments: list[float] = []
    for began_s, ended_s in _failing(tries, fault.until_s):
        moments += [began_s, *acknowledged[bisect_right(acknowledged, began_s) : bisect_left(acknowledged, ended_s)]]
    return tuple(dict.fromkeys(moments))


def _failing(tries: Iterable[RegionAttempt], until_s: float) -> Iterator[tuple[float, float]]:
    """Yield each stretch of failed attempts: the start of its first, and the start of the next good attempt."""
    began_s: float | None = None
    for attempt in tries:
        if not attempt.is_good and began_s is None:
            began_s = attempt.began_s
        elif attempt.is_good and began_s is not None:
            yield began_s, attempt.began_s
            began_s = None
    if began_s is not None:
        yield began_s, until_s


def measure_exposure(shown: Shown, stream: Stream, moments: Sequence[float], fault: Period) -> Exposure:
    """Return the age and number of the writes that the source had acknowledged and the destination had not shown.

    A write that has arrived but was not read yet counts as lost. So the RPO is never understated, and overstated by the
    time between two reads at most. The age of a write that was never seen ends with the last known time of any write.
    """
    ways = [
        _Way(write.id, write.ended_s, math.inf if at_s is None else max(at_s, write.ended_s))
        for write, at_s in shown.sent(stream)
    ]
    at_risk = list(_at_risk(ways, moments or [_worst_moment(ways, fault)]))
    worst = max(at_risk, key=lambda risk: (risk.age_s, risk.writes))
    known_s = [fault.until_s, *(write.ended_s for write in shown.writes)]
    end_s = max(known_s + [way.shown_s for way in ways if way.shown_s < math.inf])
    return Exposure(
        rpo_s=worst.age_s,
        at_s=worst.at_s,
        lost=tuple(way.id for way in ways if way.is_open(worst.at_s)),
        moments=tuple(at_risk) if moments else (),
        worst_s=max((rounded_up(min(way.shown_s, end_s) - way.acknowledged_s) for way in ways), default=0.0),
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """A write on its way: when the source acknowledged it, and when the destination showed it."""

    id: str
    acknowledged_s: float
    shown_s: float

    def is_open(self, at_s: float) -> bool:
        return self.acknowledged_s <= at_s < self.shown_s


def _worst_moment(ways: Iterable[_Way], fault: Period) -> float:
    """Return the moment of the fault at which the oldest write was oldest: just before the destination showed it."""
    last = [(min(way.shown_s, fault.until_s), way.acknowledged_s) for way in ways]
    within = [(at_s - acknowledged_s, at_s) for at_s, acknowledged_s in last if fault.since_s < at_s > acknowledged_s]
    return math.nextafter(max(within)[1], -math.inf) if within else fault.since_s


def _at_risk(ways: Sequence[_Way], moments: Iterable[float]) -> Iterator[AtRisk]:
    """Yield what was at risk at each moment. Ways are ordered by acknowledgement, moments by time."""
    acknowledged = [way.acknowledged_s for way in ways]
    shown = sorted(way.shown_s for way in ways)
    oldest = 0
    for at_s in moments:
        while oldest < len(ways) and ways[oldest].shown_s <= at_s:
            oldest += 1
        count = bisect_right(acknowledged, at_s) - bisect_right(shown, at_s)
        yield AtRisk(at_s, rounded_up(at_s - acknowledged[oldest]) if count else 0.0, count)


def late_reads(shown: Shown, reads: Iterable[Read], region: Region, fault: Period) -> str:
    """Return in words where a region was not read often enough while the fault lasted, or an empty text.

    A read may take no longer than `SLOW_S`, and so may a time without any read while a write is awaited there.
    """
    taken = [
        (read.began_s, read.ended_s)
        for read in sorted(reads, key=lambda read: read.began_s)
        if read.what == "item" and read.region == region
        if read.ended_s > fault.since_s and read.began_s < fault.until_s
    ]
    slow = [ended_s - began_s for began_s, ended_s in taken if ended_s - began_s > SLOW_S]
    pauses = [
        pause_s
        for began_s, ended_s in _awaited(shown, region, fault)
        for pause_s in _pauses(taken, began_s, ended_s)
        if pause_s > SLOW_S
    ]
    reasons = []
    if slow:
        reasons.append(f"reads of {region} took up to {rounded_up(max(slow)):.3f} s")
    if pauses:
        reasons.append(f"{region} was not read for {rounded_up(max(pauses)):.3f} s while a write was awaited there")
    return "; ".join(reasons)


def _awaited(shown: Shown, region: Region, fault: Period) -> Sequence[tuple[float, float]]:
    """Return the periods of the fault in which a write was awaited in a region, in order and merged."""
    spans = []
    for write in shown.writes:
        if write.what == "item" and write.acknowledged_by not in {None, region}:
            at_s = shown.at_s(write, region)
            span = max(fault.since_s, write.ended_s), min(fault.until_s, math.inf if at_s is None else at_s)
            if span[0] < span[1]:
                spans.append(span)
    merged: list[tuple[float, float]] = []
    for began_s, ended_s in sorted(spans):
        if merged and began_s <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], ended_s)
        else:
            merged.append((began_s, ended_s))
    return merged


def _pauses(reads: Iterable[tuple[float, float]], began_s: float, ended_s: float) -> Iterator[float]:
    """Yield the length of each time between two times in which no read was under way."""
    inside = [(max(began_s, first_s), min(ended_s, last_s)) for first_s, last_s in reads]
    known = [(began_s, began_s), *(span for span in inside if span[0] <= span[1]), (ended_s, ended_s)]
    for (_, before_s), (after_s, _) in pairwise(known):
        yield after_s - before_s


def longest_blind(reads: Iterable[Read], region: Region) -> float:
    """Return the longest time from the start of a read of a region to the end of the next.

    A measured delay is too long by that at most.
    """
    taken = sorted((read.began_s, read.ended_s) for read in reads if read.what == "item" and read.region == region)
    return max((ended_s - began_s for (began_s, _), (_, ended_s) in pairwise(taken)), default=math.inf)


def surely_at_risk(exposure: Exposure, reads: Iterable[Read], region: Region) -> float:
    """Return what the RPO was at least, however late reads were.

    At each moment this is the age of the oldest write at risk when the last read before that moment began.
    """
    taken = sorted((read.ended_s, read.began_s) for read in reads if read.what == "item" and read.region == region)
    ended = [ended_s for ended_s, _ in taken]
    sure = 0.0
    for risk in exposure.moments or (AtRisk(exposure.at_s, exposure.rpo_s, len(exposure.lost)),):
        before = bisect_right(ended, risk.at_s)
        if before:
            sure = max(sure, risk.age_s - (risk.at_s - taken[before - 1][1]))
    return sure
