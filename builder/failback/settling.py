"""Differences that are read again after a pause, so that a write that is being replicated is not reported as one.

A key is reported if it still differs when patience is over and has not moved. It has moved, and is only being written,
if both regions have changed what they show, or if one has come to show what the other had shown before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from builder.failback.matching import SOURCE, TARGET

K = TypeVar("K", bound=Hashable)
D = TypeVar("D")
State = Hashable | None
"""A digest of what a region has under a key, None if it has nothing."""
_FIRST_PAUSE_S = 1.0
MOST_UNSETTLED = 10_000
_MOST_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Reading(Generic[D]):
    """What both regions show of a key at one time."""

    source: State
    target: State
    difference: D | None
    """The difference to report, None if both regions show the same."""

    @property
    def states(self) -> tuple[State, State]:
        """The states of both sides, the source first."""
        return self.source, self.target


Reread = Callable[[Sequence[K]], Awaitable[Mapping[K, Reading[D]]]]


@dataclass(slots=True)
class _Unsettled(Generic[D]):
    """A key that differs, with all states that each side has shown."""

    last: Reading[D]
    shown: tuple[set[State], set[State]]
    moved: list[bool] = field(default_factory=lambda: [False, False])

    def take(self, reading: Reading[D]) -> None:
        """Take a new reading of the key."""
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
    """The keys that differ, until they settle or patience is over."""

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
        """How many keys were being written."""

    async def take(self, readings: Mapping[K, Reading[D]]) -> None:
        """Take the readings of some keys. If too many keys differ, wait until these settle."""
        for key, reading in readings.items():
            if reading.difference is not None:
                self._held[key] = _Unsettled(reading, ({reading.source}, {reading.target}))
        if len(self._held) >= self._most:
            await self.settle()

    async def settle(self) -> None:
        """Read the keys that differ again and again, and report those that still differ in the end."""
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
        """Remember a reported key, so that it is not reported twice if it changes between the reads of both sides.

        Only the last `_MOST_REMEMBERED` keys are remembered.
        """
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
