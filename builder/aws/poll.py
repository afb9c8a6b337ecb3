"""How often to look: the delay before an end is noticed stays a small fraction of how long it took."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

R = TypeVar("R")

_MISSES = 3
"""Early looks in vain after which an AWS that was quick is taken to be so no more."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When to look next at something that was begun a while ago; all in seconds.

    Botocore's waiters look every 30 seconds, and count UPDATE_ROLLBACK_COMPLETE as a created stack.
    """

    first_s: float
    """Nothing is over sooner than this."""
    every_s: float
    """The shortest time between two looks."""
    fraction: float = 0.04
    """Of what has passed since the beginning: how much of it may pass until the next look."""
    longest_s: float = 15.0

    def wait_s(self, passed_s: float) -> float:
        """Return how long to wait before the next look, `passed_s` after the beginning."""
        if passed_s < self.first_s:
            return self.first_s - passed_s
        return min(self.longest_s, max(self.every_s, self.fraction * passed_s))


@dataclass(slots=True)
class Rhythm:
    """When to look at one kind of thing: at AWS's pace, unless one early look finds that things end at once here.

    That look is for what only looks like AWS, an emulator say; where it finds nothing over, there is no other.
    """

    usual: Pace
    early_s: float = 0.25
    slower: "Rhythm | None" = None
    """What takes longer than this kind of thing: where this one takes its time, nobody looks at that early."""
    _is_quick: bool = False
    _misses_left: int = 1
    _is_tried: bool = False
    """Whether somebody has taken the one early look that finds it out."""

    @property
    def pace(self) -> Pace:
        """The pace as far as it is known."""
        if self._is_quick:
            return Pace(self.early_s, self.usual.every_s, self.usual.fraction, self.usual.longest_s)
        return self.usual

    def wait_s(self, passed_s: float) -> float:
        """Return how long to wait before the next look, `passed_s` after the beginning, if none is early."""
        return self.pace.wait_s(passed_s)

    def due_s(self, looked_s: float, *, early: bool = False) -> float:
        """Return at which age to look at something, when at its last look it was `looked_s` old; below 0 for none yet.

        `early` asks for a look before it is known how quick AWS is.
        """
        if looked_s < 0 and early and self._misses_left:
            return min(self.early_s, self.usual.first_s)
        return max(looked_s, 0.0) + self.wait_s(max(looked_s, 0.0))

    def told(self, age_s: float, *, ended: bool) -> None:
        """Learn from a look at something of that age whether it had ended."""
        if age_s >= self.usual.first_s:
            return
        self._is_tried = True
        self._misses_left = _MISSES if ended else max(0, self._misses_left - 1)
        self._is_quick = self._misses_left > 0 and (ended or self._is_quick)
        if self.slower and not self._misses_left:
            self.slower._misses_left = 0  # noqa: SLF001 - of its own class

    async def until(self, look: Callable[[], Awaitable[R | None]]) -> R:
        """Look at something that has just begun until a look returns what it came to; return that."""
        loop = asyncio.get_running_loop()
        since, looked_s = loop.time(), -1.0
        early, self._is_tried = not self._is_tried, True
        while True:
            await self._until_due(since, looked_s, early=early)
            asked_s = loop.time() - since
            found = await look()
            self.told(asked_s, ended=found is not None)
            if found is not None:
                return found
            looked_s = loop.time() - since

    # What is learnt belongs to no one loop, so it is asked for and not signalled.
    async def _until_due(self, since: float, looked_s: float, *, early: bool) -> None:
        """Sleep until the next look; who has not looked yet asks now and then whether somebody's early look paid."""
        loop = asyncio.get_running_loop()
        while (left_s := since + self.due_s(looked_s, early=early) - loop.time()) > 0:  # noqa: ASYNC110 - see above
            await asyncio.sleep(min(left_s, self.early_s) if looked_s < 0 else left_s)


@dataclass(slots=True)
class Tempo:
    """How quickly an AWS does things: CloudFormation's own pace, seen from outside."""

    change_sets: Rhythm
    stacks: Rhythm

    @classmethod
    def usual(cls) -> "Tempo":
        """Return the tempo of AWS."""
        stacks = Rhythm(Pace(first_s=4.0, every_s=0.45))
        return cls(Rhythm(Pace(first_s=2.0, every_s=0.3), slower=stacks), stacks)

    @classmethod
    def quick(cls) -> "Tempo":
        """Return the tempo of an AWS that is known to take no time, the embedded one; who starts it hands it on."""
        return cls(Rhythm(Pace(first_s=0.0, every_s=0.1)), Rhythm(Pace(first_s=0.0, every_s=0.1)))
