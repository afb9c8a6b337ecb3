"""How long replication took: from a write's acknowledgement to the first consistent read that showed it elsewhere."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from builder.drill.clock import rounded_up
from builder.drill.records import Kind, Sighting, Write
from builder.terms import Region


@dataclass(frozen=True, slots=True)
class Stream:
    """What is replicated from where to where."""

    what: Kind
    source: Region
    destination: Region


@dataclass(frozen=True, slots=True)
class Sample:
    """One write's delay; `at_s` is when it was acknowledged."""

    id: str
    at_s: float
    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """The delays of one stream, rounded up to milliseconds. The percentiles are None where no write arrived."""

    stream: Stream
    samples: tuple[Sample, ...]
    unseen: tuple[str, ...]
    """Acknowledged, and not seen in the destination for as long as the drill looked."""
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    max_s: float | None


class Shown:
    """All writes, and when each region first showed each of them: this write of its key, or a later one.

    Deletions are writes too.
    """

    def __init__(self, writes: Iterable[Write], sightings: Iterable[Sighting]) -> None:
        self.writes = tuple(sorted(writes, key=lambda write: write.ended_s))
        self._shown: dict[tuple[Region, str], list[tuple[int, float]]] = defaultdict(list)
        for sighting in sightings:
            self._shown[sighting.region, sighting.key].append((sighting.number, sighting.at_s))
        for write in self.writes:
            # What a region took itself it shows.
            if write.acknowledged_by is not None:
                self._shown[write.acknowledged_by, write.name].append((write.number, write.ended_s))

    def sent(self, stream: Stream) -> Iterator[tuple[Write, float | None]]:
        """Yield what the stream's source acknowledged, in this order, and when the destination showed it, if ever."""
        for write in self.writes:
            if write.what == stream.what and write.acknowledged_by == stream.source:
                yield write, self.at_s(write, stream.destination)

    def at_s(self, write: Write, region: Region) -> float | None:
        """Return when; None if it never did."""
        found = self._shown.get((region, write.name), ())
        return min((at_s for number, at_s in found if number >= write.number), default=None)


def measure_delays(shown: Shown, stream: Stream) -> Delays:
    """Return the delays of what the stream's source acknowledged, in the order of acknowledgement.

    A delay is never understated: it ends with the answer of the read that shows the write, so it is too long by the
    time between two reads at most.
    """
    there = list(shown.sent(stream))
    samples = tuple(
        Sample(write.id, write.ended_s, rounded_up(max(0.0, at_s - write.ended_s)))
        for write, at_s in there
        if at_s is not None
    )
    found = sorted(sample.delay_s for sample in samples)
    return Delays(
        stream=stream,
        samples=samples,
        unseen=tuple(write.id for write, at_s in there if at_s is None),
        p50_s=percentile(found, 50),
        p95_s=percentile(found, 95),
        p99_s=percentile(found, 99),
        max_s=percentile(found, 100),
    )


def percentile(ascending: Sequence[float], percent: int) -> float | None:
    """Return the smallest value that so many percent of the values do not exceed; None of no values.

    Nearest rank: always a delay that a probe really had.
    """
    if not ascending:
        return None
    return ascending[math.ceil(len(ascending) * percent / 100) - 1]
