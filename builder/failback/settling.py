"""What differs is read again after a pause, so that what is only on its way is not told as different.

Told is what is still different when patience is over, and did not move. Where both regions showed something else each
time, or one came to show what the other had shown before, replication is at work, and the key is only being written.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from builder.failback.matching import SOURCE, TARGET

K = TypeVar("K", bound=Hashable)
D = TypeVar("D")
State = Hashable | None
"""What tells the contents of a key in a region; None where nothing is there."""
_FIRST_PAUSE_S = 1.0
MOST_UNSETTLED = 10_000
_MOST_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Reading(Generic[D]):
    """A key as both regions show it at one time."""

    source: State
    target: State
    difference: D | None
    """What there is to tell of it; None where both show the same."""

    @property
    def states(self) -> tuple[State, State]:
        """By side."""
        return self.source, self.target


Reread = Callable[[Sequence[K]], Awaitable[Mapping[K, Reading[D]]]]


@dataclass(slots=True)
class _Unsettled(Generic[D]):
    """A key that differs, with all that each side has shown of it."""

    last: Reading[D]
    shown: tuple[set[State], set[State]]
    moved: list[bool] = field(default_factory=lambda: [False, False])

    def take(self, reading: Reading[D]) -> None:
        """Take another reading."""
        for side in (SOURCE, TARGET):
            now = reading.states[side]
            self.moved[side] |= now != self.last.states[side]
            self.shown[side].add(now)
        self.last = reading

    @property
    def follows(self) -> bool:
        """Whether one side has come to show what the other had shown before."""
        return any(self.moved[side] and self.last.states[side] in self.shown[1 - side] for side in (SOURCE, TARGET))


class Settling(Generic[K, D]):
    """The keys that differ until they settle, or patience is over."""

    def __init__(
        self, reread: Reread[K, D], tell: Callable[[D], None], *, patience_s: float, most: int = MOST_UNSETTLED
    ) -> None:
        self._reread = reread
        self._tell = tell
        self._patience_s = patience_s
        self._most = most
        self._held: dict[K, _Unsettled[D]] = {}
        self._reported: dict[K, None] = {}
        self.moving = 0
        """How many were being written all the time."""

    async def take(self, readings: Mapping[K, Reading[D]]) -> None:
        """Take what was read of some keys; waits for those that are held where they are too many."""
        for key, reading in readings.items():
            if reading.difference is not None:
                self._held[key] = _Unsettled(reading, ({reading.source}, {reading.target}))
        if len(self._held) >= self._most:
            await self.settle()

    async def settle(self) -> None:
        """Read what differs again and again, and tell what still does in the end."""
        loop = asyncio.get_running_loop()
        until, pause_s = loop.time() + self._patience_s, _FIRST_PAUSE_S
        while self._held and (left_s := until - loop.time()) > 0:
            await asyncio.sleep(min(pause_s, left_s))
            pause_s *= 2
            for key, reading in (await self._reread(list(self._held))).items():
                self._take_again(key, reading)
        held, self._held = self._held, {}
        for key, unsettled in held.items():
            if all(unsettled.moved):
                self.moving += 1
            elif unsettled.last.difference is not None and key not in self._reported:
                self._tell(unsettled.last.difference)
                self._remember(key)

    def _remember(self, key: K) -> None:
        """Tell of no key twice that changes between the looks of both sides; of the last ones, however many differ."""
        self._reported[key] = None
        if len(self._reported) > _MOST_REMEMBERED:
            del self._reported[next(iter(self._reported))]

    def _take_again(self, key: K, reading: Reading[D]) -> None:
        unsettled = self._held[key]
        unsettled.take(reading)
        if reading.difference is None:
            del self._held[key]
        elif unsettled.follows:
            del self._held[key]
            self.moving += 1
