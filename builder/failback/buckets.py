"""The comparison of a component's buckets in two regions, by the current version of each key.

Only the versions of objects are compared, not their contents. A difference older than S3's replication time is reported
at once: it is not being replicated any more.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-time-control.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from builder.aws import Clients, together
from builder.deploy.observe.objects import BucketPlace, KeyPair, KeyVersions, observe_key, pairs
from builder.failback.records import (
    BucketComparison,
    CompareProgress,
    Difference,
    DifferenceCount,
    FailbackEmit,
    FailbackWay,
    ObjectDifference,
)
from builder.failback.settling import Reading, Settling

_PROGRESS_EVERY = 10_000
_ON_ITS_WAY = timedelta(minutes=15)
_READ_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPair:
    """The buckets of a component in both regions."""

    component: str
    source: BucketPlace
    target: BucketPlace
    comes_over: bool
    """Whether the source is replicated to the target."""

    @property
    def way(self) -> FailbackWay:
        """The regions, from the source to the target."""
        return FailbackWay(source=self.source.site.region, target=self.target.site.region)


async def compare_buckets(
    clients: Clients, pair: BucketPair, *, patience_s: float, now: Callable[[], datetime], emit: FailbackEmit
) -> tuple[BucketComparison, tuple[Difference, ...]]:
    """Return how two buckets compare, and the first differences. Emit each difference. Raises AwsError."""
    return await _Comparison(clients, pair, patience_s, now, emit).run()


class _Comparison:
    def __init__(
        self, clients: Clients, pair: BucketPair, patience_s: float, now: Callable[[], datetime], emit: FailbackEmit
    ) -> None:
        self._clients = clients
        self._pair = pair
        self._now = now
        self._emit = emit
        self._count = DifferenceCount(pair.way)
        self._settling = Settling[str, ObjectDifference](self._reread, self._tell, patience_s=patience_s)
        self._keys = 0
        self._older = {pair.way.source: 0, pair.way.target: 0}

    async def run(self) -> tuple[BucketComparison, tuple[Difference, ...]]:
        async for pair in pairs(self._clients, self._pair.source, self._pair.target):
            self._keys += 1
            self._count_older(pair)
            await self._take(pair)
            if self._keys % _PROGRESS_EVERY == 0:
                self._emit(CompareProgress(component=self._pair.component, read=dict.fromkeys(self._older, self._keys)))
        await self._settling.settle()
        count = self._count
        comparison = BucketComparison(
            component=self._pair.component,
            keys=self._keys,
            only_source=count.only_source,
            only_target=count.only_target,
            both=count.both,
            moving=self._settling.moving,
            older=self._older,
            comes_over=self._pair.comes_over,
        )
        return comparison, count.examples

    async def _take(self, pair: KeyPair) -> None:
        reading = self._reading(pair.key, pair.here, pair.there)
        if reading.difference is None:
            return
        tops = [side.top_at for side in (pair.here, pair.there) if side and side.top_at]
        if tops and self._now() - max(tops) > _ON_ITS_WAY:
            self._tell(reading.difference)
        else:
            await self._settling.take({pair.key: reading})

    async def _reread(self, keys: Sequence[str]) -> Mapping[str, Reading[ObjectDifference]]:
        readings: dict[str, Reading[ObjectDifference]] = {}
        for first in range(0, len(keys), _READ_AT_ONCE):
            part = keys[first : first + _READ_AT_ONCE]
            source, target = await together(self._tops(place, part) for place in (self._pair.source, self._pair.target))
            readings |= {
                key: self._reading(key, here, there) for key, here, there in zip(part, source, target, strict=True)
            }
        return readings

    async def _tops(self, place: BucketPlace, keys: Sequence[str]) -> list[KeyVersions | None]:
        return await together(observe_key(self._clients, place, key) for key in keys)

    def _reading(self, key: str, here: KeyVersions | None, there: KeyVersions | None) -> Reading[ObjectDifference]:
        states = tuple(None if side is None else side.shown for side in (here, there))
        difference = None if states[0] == states[1] else self._difference(key, here, there)
        return Reading(states[0], states[1], difference)

    def _difference(self, key: str, here: KeyVersions | None, there: KeyVersions | None) -> ObjectDifference:
        way = self._pair.way
        sides = {way.source: here, way.target: there}
        shown = {region: side.shown for region, side in sides.items() if side and side.shown}
        at = {region: side.top_at for region, side in sides.items() if side and side.top_at}
        return ObjectDifference(
            component=self._pair.component,
            name=key,
            only=next(iter(shown)) if len(shown) == 1 else None,
            versions={region: version for region, version in shown.items() if version},
            written={region: _text(moment) for region, moment in at.items()},
        )

    def _count_older(self, pair: KeyPair) -> None:
        way: FailbackWay = self._pair.way
        for region, side, lacking in ((way.source, pair.here, pair.lacking), (way.target, pair.there, pair.returning)):
            self._older[region] += sum(version != (side.top if side else "") for version in lacking)

    def _tell(self, difference: ObjectDifference) -> None:
        self._count.take(difference)
        self._emit(difference)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
