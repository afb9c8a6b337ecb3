"""When a write of one region reaches another: delays, pauses, and what is under way.

Nothing runs in the background. What is due is delivered before a request is answered (`builder.local.adapter.control`),
because nobody can see a replica but by asking; only who reads a replica's stream waits for the next request.
"""

import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Direction:
    """All writes of a service from one region to another."""

    service: str
    """`dynamodb` or `s3`."""
    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Way:
    """The writes of one table or bucket from one region to another; they arrive in the order they were sent in."""

    direction: Direction
    account: str
    resource: str
    """The table's or the source bucket's name."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a write takes, and whether it sets out at all."""

    delay_s: float = 0.0
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """A pause of some ways that ends by itself."""

    covers: Callable[[Way], bool]
    until: float


@dataclass(frozen=True, slots=True)
class _Sent:
    at: float
    deliver: Callable[[], None]
    size: int


@dataclass(slots=True)
class Propagation:
    """The delays set, the pauses in force, and a queue for each way that has something under way."""

    clock: Clock = time.monotonic
    paces: dict[Direction, Pace] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    _under_way: dict[Way, deque[_Sent]] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def stamp(self) -> int:
        """Return a number that is higher for every later write, whatever its region: the order of writing."""
        return next(self._numbers)

    def is_open(self, way: Way) -> bool:
        """Return whether a write sent now would arrive now."""
        pace = self._pace(way)
        return not (way in self._under_way or pace.delay_s or self._is_held(way, pace))

    def is_idle(self) -> bool:
        """Return whether nothing is under way."""
        return not self._under_way

    def send(self, way: Way, deliver: Callable[[], None], *, size: int = 0) -> None:
        """Deliver at once where the way is open, else when the write is due."""
        if self.is_open(way):
            deliver()
        else:
            self._under_way.setdefault(way, deque()).append(_Sent(self.clock(), deliver, size))

    def settle(self) -> None:
        """Deliver all that is due, each way in its order."""
        for way in list(self._under_way):
            self._settle(way, self._under_way[way])

    def pending(self) -> Mapping[Way, tuple[int, int, float]]:
        """Return of every way with something under way how many writes, how many bytes, and the oldest one's age."""
        now = self.clock()
        return {
            way: (len(queue), sum(sent.size for sent in queue), now - queue[0].at)
            for way, queue in self._under_way.items()
            if queue  # the last one is just being delivered
        }

    def forget(self) -> None:
        """Drop what is under way and every delay and pause, as the emulator's reset drops what is stored."""
        self.paces.clear()
        self.holds.clear()
        self._under_way.clear()

    def _settle(self, way: Way, queue: deque[_Sent]) -> None:
        pace = self._pace(way)
        if self._is_held(way, pace):
            return
        due = self.clock() - pace.delay_s
        while queue and queue[0].at <= due:
            queue.popleft().deliver()
        if not queue:
            del self._under_way[way]

    def _pace(self, way: Way) -> Pace:
        return self.paces.get(way.direction, Pace())

    def _is_held(self, way: Way, pace: Pace) -> bool:
        now = self.clock()
        return pace.paused or any(hold.until > now and hold.covers(way) for hold in self.holds.values())
