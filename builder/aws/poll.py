"""How often to look: the delay before an end is noticed stays a fraction of how long it took."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Waits that grow with the time already waited, all in seconds.

    Botocore's waiters look every 30 seconds, and count UPDATE_ROLLBACK_COMPLETE as a created stack.
    """

    first_s: float = 0.25
    fraction: float = 0.15
    longest_s: float = 5.0

    def wait_s(self, waited_s: float) -> float:
        """Return how long to wait before the next look, after having waited that long in all."""
        return min(self.longest_s, max(self.first_s, self.fraction * waited_s))
