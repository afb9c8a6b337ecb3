"""The clock of a drill: seconds since it began, the same for all that is written down."""

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
