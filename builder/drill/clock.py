"""The clock of a drill: seconds since it began, the same for all that is written down."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """Runs evenly whatever is done to the world's clocks; `ticks` is any monotonic count of seconds."""

    began: datetime
    ticks: Callable[[], float]
    zero: float

    def passed_s(self) -> float:
        """Return the seconds since the drill began."""
        return self.ticks() - self.zero

    def date(self, at_s: float) -> datetime:
        """Return what the world calls a moment of the drill."""
        return self.began + timedelta(seconds=at_s)


def start_clock(now: datetime, ticks: Callable[[], float]) -> Clock:
    """Return a clock that begins now."""
    return Clock(now, ticks, ticks())


@dataclass(frozen=True, slots=True)
class Period:
    """A part of a drill, in seconds since it began; the end is not part of it."""

    since_s: float
    until_s: float


def rounded_up(seconds: float) -> float:
    """Return the seconds up to the next millisecond: what is signed for is never understated.

    Only what a float itself is wrong by, less than a nanosecond, is not rounded up.
    """
    return math.ceil(round(seconds * 1000, 6)) / 1000
