"""RTO: from the first failed request to steady answers from the secondary; and the way back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from builder.drill.records import Attempt, Write
from builder.terms import Region

STEADY_S = 1.0
"""Answers are steady where every request that begins within so many seconds is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """How clients came over the fault; a moment is None where it did not come."""

    first_failure_s: float | None
    """When the first request began that failed in the primary."""
    detected_s: float | None
    """When that failure was answered, or given up: a client knows from then on."""
    failed_over_s: float | None
    """When the secondary first answered well."""
    recovered_s: float | None
    """The first of the steady answers from the secondary."""

    @property
    def rto_s(self) -> float | None:
        """The time without service, or None where there were no steady answers."""
        if self.first_failure_s is None or self.recovered_s is None:
            return None
        return self.recovered_s - self.first_failure_s


def measure_failover(
    writes: Sequence[Write], primary: Region, secondary: Region, *, strike_s: float, until_s: float
) -> Failover:
    """Return how the clients went over to the secondary between the strike and the fault's end."""
    during = [write for write in writes if write.ended_s >= strike_s and write.began_s < until_s]
    first = min(
        (one for one in _attempts(during) if one.region == primary and not one.is_good and one.ended_s >= strike_s),
        key=lambda one: one.began_s,
        default=None,
    )
    if first is None:
        return Failover(first_failure_s=None, detected_s=None, failed_over_s=None, recovered_s=None)
    after = [write for write in during if write.ended_s >= first.began_s]
    answered = [write.ended_s for write in after if write.acknowledged_by == secondary]
    return Failover(
        first_failure_s=first.began_s,
        detected_s=first.ended_s,
        failed_over_s=min(answered, default=None),
        recovered_s=steady_answers(after, secondary),
    )


def steady_answers(writes: Iterable[Write], region: Region) -> float | None:
    """Return when the first of the region's steady answers came, or None if they never were steady."""
    run: list[Write] = []
    for write in sorted(writes, key=lambda one: one.began_s):
        if write.acknowledged_by != region:
            run = []
            continue
        run.append(write)
        if write.began_s - run[0].began_s >= STEADY_S:
            return run[0].ended_s
    return None


def _attempts(writes: Sequence[Write]) -> Iterable[Attempt]:
    return (attempt for write in writes for attempt in write.attempts)
