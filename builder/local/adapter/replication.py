"""Replication between regions: delays and pauses, the writes that are pending, and the metrics of both.

Nothing runs in the background. What is due is delivered before a request is answered (`builder.local.adapter.control`),
because nobody can see a replica but by asking; only who reads a replica's stream waits for the next request.
Metrics are recorded at once, where AWS tells them by the minute.
"""

import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from builder.local.adapter.emulator import AccountRegion, acting_in, touch

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Direction:
    """All writes of a service from one region to another."""

    service: str
    """`dynamodb` or `s3`."""
    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Route:
    """The writes of one table or bucket from one region to another; they arrive in the order of sending."""

    direction: Direction
    account: str
    resource: str
    """The table's or the source bucket's name."""


@dataclass(frozen=True, slots=True)
class Delay:
    """The delay of a direction, and whether it is paused."""

    delay_s: float = 0.0
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of some routes that ends by itself."""

    covers: Callable[[Route], bool]
    until: float


@dataclass(frozen=True, slots=True)
class _Write:
    at: float
    deliver: Callable[[], None]
    size: int


def _is_never_lost(region: str, service: str) -> bool:
    del region, service
    return False


@dataclass(slots=True)
class Replication:
    """The delays set, the pauses in force, and a queue for each route that has pending writes."""

    clock: Clock = time.monotonic
    is_lost: Callable[[str, str], bool] = _is_never_lost
    """Whether a region's service is lost: nothing comes out of it or into it."""
    delays: dict[Direction, Delay] = field(default_factory=dict)
    pauses: dict[str, Pause] = field(default_factory=dict)
    _queues: dict[Route, deque[_Write]] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def stamp(self) -> int:
        """Return the next number in the order of writing, of all regions."""
        return next(self._numbers)

    def is_open(self, route: Route) -> bool:
        """Return whether a write that is sent now arrives now."""
        delay = self._delay(route)
        return not (route in self._queues or delay.delay_s or self._is_paused(route, delay))

    def is_idle(self) -> bool:
        """Return whether no write is pending."""
        return not self._queues

    def send(self, route: Route, deliver: Callable[[], None], *, size: int = 0) -> None:
        """Deliver at once where the route is open, else when the write is due."""
        if self.is_open(route):
            deliver()
        else:
            self._queues.setdefault(route, deque()).append(_Write(self.clock(), deliver, size))

    def deliver_due(self) -> None:
        """Deliver all that is due, each route in its order."""
        for route in list(self._queues):
            self._deliver_due(route, self._queues[route])

    def pending(self) -> Mapping[Route, tuple[int, int, float]]:
        """Return the number of pending writes, their bytes and the age of the oldest in seconds, by route."""
        now = self.clock()
        return {
            route: (len(queue), sum(write.size for write in queue), now - queue[0].at)
            for route, queue in self._queues.items()
            if queue  # the last one is just being delivered
        }

    def reset(self) -> None:
        """Drop what is pending, every delay and every pause, as the emulator's reset drops what is stored."""
        self.delays.clear()
        self.pauses.clear()
        self._queues.clear()

    def _deliver_due(self, route: Route, queue: deque[_Write]) -> None:
        delay = self._delay(route)
        if self._is_paused(route, delay):
            return
        due = self.clock() - delay.delay_s
        while queue and queue[0].at <= due:
            queue.popleft().deliver()
        if not queue:
            del self._queues[route]

    def _delay(self, route: Route) -> Delay:
        return self.delays.get(route.direction, Delay())

    def _is_paused(self, route: Route, delay: Delay) -> bool:
        now, way = self.clock(), route.direction
        if any(self.is_lost(region, way.service) for region in (way.source, way.destination)):
            return True
        return delay.paused or any(pause.until > now and pause.covers(route) for pause in self.pauses.values())


# -- metrics

# A zero is recorded once a second: a load of writes that take no time would else fill the memory.
_ZERO_EVERY_S = 1.0
_AT_DESTINATION = frozenset({"BytesPendingReplication", "OperationsPendingReplication", "ReplicationLatency"})
_zeros: dict[tuple[Route, str], float] = {}


def record(route: Route, metric: tuple[str, str], value: float, kind: tuple[str, Mapping[str, str]]) -> None:
    """Record a metric of a route, by namespace and name; `kind` is its unit and its dimensions.

    It is in the region that writes come from, S3's of what is pending or late in the one that they go to.
    Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html and
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_monitoring.html
    """
    namespace, name = metric
    if value == 0 and _is_repeated(route, name):
        return
    is_there = name in _AT_DESTINATION and route.direction.service == "s3"
    region = route.direction.destination if is_there else route.direction.source
    with acting_in(AccountRegion(route.account, region)):
        touch("ministack.services.cloudwatch:record_metric")(namespace, name, value, *kind)


def _is_repeated(route: Route, name: str) -> bool:
    """Return whether a zero was recorded within the last second; if not, note that one is now."""
    now = time.monotonic()
    if now < _zeros.get((route, name), -_ZERO_EVERY_S) + _ZERO_EVERY_S:
        return True
    _zeros[route, name] = now
    return False
