"""How long replication took: from a write's acknowledgement to the first consistent read that showed it elsewhere."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
    """One probe's delay; `at_s` is when it was acknowledged."""

    id: str
    at_s: float
    delay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """The delays of one stream. The percentiles are None where no probe arrived."""

    stream: Stream
    samples: tuple[Sample, ...]
    unseen: tuple[str, ...]
    """Acknowledged, and not seen in the destination for as long as the drill looked."""
    p50_s: float | None
    p95_s: float | None
    p99_s: float | None
    max_s: float | None


def measure_delays(writes: Sequence[Write], sightings: Sequence[Sighting], stream: Stream) -> Delays:
    """Return the delays of what the stream's source acknowledged, in the order of acknowledgement.

    A delay is never understated: it ends with the answer of the read that shows the write, so it is too long by the
    time between two reads at most.
    """
    seen = first_seen(sightings, stream.destination)
    sent = [write for write in writes if write.what == stream.what and write.acknowledged_by == stream.source]
    sent.sort(key=lambda write: write.ended_s)
    samples = tuple(
        Sample(write.id, write.ended_s, max(0.0, seen[write.id] - write.ended_s)) for write in sent if write.id in seen
    )
    found = sorted(sample.delay_s for sample in samples)
    return Delays(
        stream=stream,
        samples=samples,
        unseen=tuple(write.id for write in sent if write.id not in seen),
        p50_s=percentile(found, 50),
        p95_s=percentile(found, 95),
        p99_s=percentile(found, 99),
        max_s=percentile(found, 100),
    )


def first_seen(sightings: Sequence[Sighting], region: Region) -> dict[str, float]:
    """Return when each probe was first seen in a region."""
    seen: dict[str, float] = {}
    for one in sightings:
        if one.region == region:
            seen[one.key] = min(one.at_s, seen.get(one.key, math.inf))
    return seen


def percentile(ascending: Sequence[float], percent: int) -> float | None:
    """Return the smallest value that so many percent of the values do not exceed; None of no values.

    Nearest rank: always a delay that a probe really had.
    """
    if not ascending:
        return None
    return ascending[math.ceil(len(ascending) * percent / 100) - 1]
