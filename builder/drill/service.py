"""Service as clients see it: RTO, failback, gaps, availability, and lost requests; pure functions of the log.

The definitions are in docs/drills.md, "What each number means". In this order: the slots; the service in one period of
the drill (`measure_service`, for the RTO and the failback); the service from the fault to the end of the load
(`measure_episode`); and where the drill itself was late, so that it could not measure.
"""

import collections
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Literal

from builder.drill.records import LogLine, Period, Unsent, Write, rounded_up
from builder.terms import Region

_EXACT_S = 1e-9
"""The rounding error of sums of times in floats: a slot is not late or bad by so little."""
LATE_S = 1.0
"""How late a request may be sent at most, even if the interval between requests is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One request of the load: its planned time and its outcome."""

    id: str
    planned_s: float
    sent_s: float | None
    """When the client was called, None if nothing was sent."""
    ended_s: float | None
    """When the client got its answer or gave up, None if nothing was sent."""
    answered_by: Region | None
    """The region that gave a good answer, however late; None for a request that was lost."""

    def is_good(self, service_s: float) -> bool:
        """Whether a good answer came no later than `service_s` after the planned time."""
        answered = self.answered_by is not None and self.ended_s is not None
        return answered and (self.ended_s or 0.0) - self.planned_s <= service_s + _EXACT_S

    def over_s(self, service_s: float) -> float:
        """When it was known whether the slot is good or bad."""
        return self.planned_s if self.ended_s is None else min(self.ended_s, self.planned_s + service_s)


def make_slots(lines: Iterable[LogLine]) -> tuple[Slot, ...]:
    """Return the slots of the load in the order of their planned times. Objects are no requests to the service."""
    slots: dict[str, Slot] = {}
    for line in lines:
        match line:
            case Write(what="item"):
                slots[line.id] = Slot(
                    id=line.id,
                    planned_s=line.planned_s,
                    sent_s=line.sent_s,
                    ended_s=line.ended_s,
                    answered_by=line.acknowledged_by,
                )
            case Unsent(what="item"):
                name = f"unsent at {line.planned_s:.3f} s"
                slots[name] = Slot(id=name, planned_s=line.planned_s, sent_s=None, ended_s=None, answered_by=None)
            case _:
                pass
    return tuple(sorted(slots.values(), key=lambda slot: (slot.planned_s, slot.id)))


ServiceOutcome = Literal["served throughout", "restored", "not reached", "not measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The service to clients in one period of the drill: while the fault lasted, or after it was undone."""

    outcome: ServiceOutcome
    seconds: float | None
    """The time without service: the RTO, or that of the failback. It is 0 if no slot was bad, and None if service was
    not reached or not measured."""
    slots: int
    bad: int
    undecided: int
    """The slots that the faulty region answered in time, but only after its fault was undone: no failover did that."""
    first_bad_s: float | None
    restored_s: float | None


def measure_service(
    slots: Sequence[Slot], *, service_s: float, period: Period, thanks_to: Region | None = None
) -> Service:
    """Return how the slots of a period were served: those that were not over when it began and planned before its end.

    The time without service is from the planned time of the first bad slot to the answer of the first good slot that
    was planned after the last bad one. An answer after the period from `thanks_to`, the region that was restored by
    then, does not count.
    """
    within = [slot for slot in slots if slot.over_s(service_s) >= period.since_s and slot.planned_s < period.until_s]
    bad = [slot for slot in within if not slot.is_good(service_s)]
    good, undecided = [], 0
    for slot in within:
        if slot.is_good(service_s):
            if slot.answered_by == thanks_to and (slot.ended_s or 0.0) > period.until_s:
                undecided += 1
            else:
                good.append(slot)
    first_bad_s = min((slot.planned_s for slot in bad), default=None)
    last_bad_s = max((slot.planned_s for slot in bad), default=period.since_s)
    restoring = next((slot for slot in good if first_bad_s is not None and slot.planned_s > last_bad_s), None)
    outcome: ServiceOutcome
    seconds: float | None = None
    if not bad:
        outcome = "served throughout" if good else "not measured"
        seconds = 0.0 if good else None
    elif restoring is None:
        outcome = "not reached"
    else:
        outcome = "restored"
        seconds = rounded_up((restoring.ended_s or 0.0) - (first_bad_s or 0.0))
    return Service(
        outcome=outcome,
        seconds=seconds,
        slots=len(within),
        bad=len(bad),
        undecided=undecided,
        first_bad_s=first_bad_s,
        restored_s=None if restoring is None else restoring.ended_s,
    )


@dataclass(frozen=True, slots=True)
class Spell:
    """Consecutive bad slots, from the planned time of the first to the answer of the next good slot.

    A slot is one request of the load. If no good slot follows, the spell lasts to the end of the load.
    """

    began_s: float
    ended_s: float
    slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """The service to clients from the strike, which begins the fault, to the end of the load."""

    began_s: float
    ended_s: float
    slots: int
    good: int
    availability_percent: float | None
    """The percentage of good slots, rounded down; None if there are no slots."""
    longest_gap_s: float
    """The longest time between two successive good answers, from the strike to the end of the load."""
    gap_began_s: float
    without_service_s: float
    """The time of all spells together."""
    spells: tuple[Spell, ...]
    lost: tuple[str, ...]
    """The requests that no region acknowledged, which their client knows."""
    unsent: int


def measure_episode(slots: Sequence[Slot], *, service_s: float, strike_s: float) -> Episode:
    """Return how the slots were served that were not over at the strike."""
    within = [slot for slot in slots if slot.over_s(service_s) >= strike_s]
    good = [slot for slot in within if slot.is_good(service_s)]
    ended_s = _end_of(within, strike_s)
    gap_began_s, gap_s = _longest_gap(slots, service_s, strike_s, ended_s)
    spells = tuple(_spells(within, service_s, ended_s))
    return Episode(
        began_s=strike_s,
        ended_s=ended_s,
        slots=len(within),
        good=len(good),
        availability_percent=len(good) * 100_000 // len(within) / 1000 if within else None,
        longest_gap_s=rounded_up(gap_s),
        gap_began_s=gap_began_s,
        without_service_s=rounded_up(_covered((spell.began_s, spell.ended_s) for spell in spells)),
        spells=spells,
        lost=tuple(slot.id for slot in within if slot.sent_s is not None and slot.answered_by is None),
        unsent=sum(slot.sent_s is None for slot in within),
    )


def _end_of(slots: Sequence[Slot], strike_s: float) -> float:
    """Return when the last planned slot ended. Earlier slots that end later do not make the episode longer."""
    if not slots:
        return strike_s
    last = slots[-1]
    return max(strike_s, last.planned_s if last.ended_s is None else last.ended_s)


def _longest_gap(slots: Sequence[Slot], service_s: float, strike_s: float, ended_s: float) -> tuple[float, float]:
    answers = [slot.ended_s for slot in slots if slot.ended_s is not None and slot.is_good(service_s)]
    before_s = max((at_s for at_s in answers if at_s <= strike_s), default=strike_s)
    moments = sorted([before_s, *(at_s for at_s in answers if at_s > strike_s)])
    moments.append(max(ended_s, moments[-1]))
    began_s, to_s = max(pairwise(moments), key=lambda gap: gap[1] - gap[0])
    return began_s, to_s - began_s


def _spells(slots: Sequence[Slot], service_s: float, ended_s: float) -> Iterator[Spell]:
    groups = [(is_good, list(group)) for is_good, group in groupby(slots, key=lambda slot: slot.is_good(service_s))]
    groups.append((True, []))
    for (is_good, group), (_, after) in pairwise(groups):
        if not is_good:
            to_s = after[0].ended_s if after else None
            yield Spell(group[0].planned_s, ended_s if to_s is None else to_s, len(group))


def _covered(intervals: Iterable[tuple[float, float]]) -> float:
    """Return the length that the intervals cover together. They have to be in the order of their beginnings."""
    total_s, reached_s = 0.0, -math.inf
    for began_s, ended_s in intervals:
        total_s += max(0.0, ended_s - max(began_s, reached_s))
        reached_s = max(reached_s, ended_s)
    return total_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """How clients were served: while the fault lasted, after it was undone, and all of it together."""

    outage: Service
    failback: Service
    episode: Episode


def measure_served(slots: Sequence[Slot], *, service_s: float, fault: Period, faulty: Region) -> Served:
    """Return how the slots were served from the strike of a fault of one region on.

    Slots that were planned before the undoing belong to the outage, however late they ended. Later ones belong to the
    failback.
    """
    outage = measure_service(slots, service_s=service_s, period=fault, thanks_to=faulty)
    later = [slot for slot in slots if slot.planned_s >= fault.until_s]
    failback = measure_service(later, service_s=service_s, period=Period(fault.until_s, math.inf))
    episode = measure_episode(slots, service_s=service_s, strike_s=fault.since_s)
    return Served(outage=outage, failback=failback, episode=episode)


def late_requests(slots: Sequence[Slot], *, interval_s: float, period: Period) -> str:
    """Return in words how the drill itself was late with its requests, or an empty text.

    A request is late if it was sent more than one interval or `LATE_S` after its planned time, or was not sent. A time
    for which no request was planned is reported too.
    """
    within = [slot for slot in slots if _left_s(slot) >= period.since_s and slot.planned_s < period.until_s]
    unsent = sum(slot.sent_s is None for slot in within)
    delays = [slot.sent_s - slot.planned_s for slot in within if slot.sent_s is not None]
    late = [delay_s for delay_s in delays if delay_s > min(interval_s, LATE_S) + _EXACT_S]
    reasons = []
    if late:
        reasons.append(f"{len(late)} of {len(within)} requests were sent late, up to {rounded_up(max(late)):.3f} s")
    if unsent:
        reasons.append(f"{unsent} of {len(within)} requests were not sent, since too many waited for their answers")
    edges = [period.since_s, *(slot.planned_s for slot in within)]
    if period.until_s < math.inf:
        edges.append(period.until_s)
    if any(after_s - before_s > 1.5 * interval_s for before_s, after_s in pairwise(edges)):
        reasons.append("for a time no request was planned")
    return "; ".join(reasons)


def _left_s(slot: Slot) -> float:
    return slot.planned_s if slot.sent_s is None else slot.sent_s


def without_lateness(slots: Iterable[Slot]) -> tuple[Slot, ...]:
    """Return the slots as if they had been planned for the time they were sent, without those not sent.

    An objective that these slots miss too is not missed because the drill was late.
    """
    moved = (replace(slot, planned_s=slot.sent_s) for slot in slots if slot.sent_s is not None)
    return tuple(sorted(moved, key=lambda slot: (slot.planned_s, slot.id)))


@dataclass(frozen=True, slots=True)
class Second:
    """The answers of a region in one second of the drill, failed attempts included."""

    second: int
    region: Region
    good: int
    failed: int


def count_traffic(writes: Sequence[Write]) -> tuple[Second, ...]:
    """Return the number of attempts in each second and region, in order, by the time of the answer.

    Objects are no requests to the service.
    """
    counts = collections.Counter(
        (int(attempt.ended_s), attempt.region, attempt.is_good)
        for write in writes
        if write.what == "item"
        for attempt in write.attempts
    )
    places = sorted({(second, region) for second, region, _ in counts})
    return tuple(
        Second(second, region, counts[second, region, True], counts[second, region, False]) for second, region in places
    )
