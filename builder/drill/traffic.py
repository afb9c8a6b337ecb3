"""Requests per second by region, over the drill."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from builder.drill.records import Write
from builder.terms import Region


@dataclass(frozen=True, slots=True)
class Second:
    """What was asked of a region in one second of the drill, tries that failed included."""

    second: int
    region: Region
    good: int
    failed: int


def count_traffic(writes: Sequence[Write]) -> tuple[Second, ...]:
    """Return every second with requests, in order, those of a second by region; by when the answer came.

    Objects are no requests to the service.
    """
    counts = Counter(
        (int(attempt.ended_s), attempt.region, attempt.is_good)
        for write in writes
        if write.what == "item"
        for attempt in write.attempts
    )
    places = sorted({(second, region) for second, region, _ in counts})
    return tuple(
        Second(second, region, counts[second, region, True], counts[second, region, False]) for second, region in places
    )
