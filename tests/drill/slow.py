"""Every number of a failover drill a second time, slowly and obviously: the log is gone through tick by tick.

It shares nothing with `builder.drill` but the lines of a log. All is in ticks of 10 ms, as whole numbers; None is
"never". Nobody who changes a definition can leave this as it is: docs/drills.md, "What each number means".
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from builder.drill.records import LogLine, Read, RegionAttempt, Sighting, Turn, Unsent, Write


def tick(at_s: float) -> int:
    return round(at_s * 100)


class Slot(NamedTuple):
    planned: int
    sent: int | None
    over: int | None
    """When its client was told something."""
    by: str | None
    """The region of a good answer."""


def slots(lines: Sequence[LogLine]) -> list[Slot]:
    all_slots = []
    for line in lines:
        if isinstance(line, Unsent) and line.what == "item":
            all_slots.append(Slot(tick(line.planned_s), None, None, None))
        if isinstance(line, Write) and line.what == "item":
            last = line.attempts[-1]
            sent = line.attempts[0].began_s if line.called_s is None else line.called_s
            by = last.region if last.status in {200, 201} else None
            all_slots.append(Slot(tick(line.planned_s), tick(sent), tick(last.ended_s), by))
    return sorted(all_slots, key=lambda slot: slot.planned)


def is_good(slot: Slot, service: int) -> bool:
    return slot.by is not None and slot.over in range(slot.planned, slot.planned + service + 1)


def is_over_before(slot: Slot, now: int, service: int) -> bool:
    """Whether it was clear before this tick what had become of it."""
    if slot.planned + service < now:
        return True
    return slot.planned < now if slot.over is None else slot.over < now


def without_service(
    counted: Sequence[Slot], end: int | None, faulty: str | None, service: int
) -> tuple[str, int | None]:
    """The RTO, or the failback, of these slots: the outcome and the ticks."""
    bad = [slot for slot in counted if not is_good(slot, service)]
    proof = [slot for slot in counted if is_good(slot, service)]
    if end is not None:
        proof = [slot for slot in proof if slot.by != faulty or (slot.over or 0) <= end]
    if not bad:
        return ("served throughout", 0) if proof else ("not measured", None)
    first = min(slot.planned for slot in bad)
    for slot in sorted(proof, key=lambda slot: slot.planned):
        if all(other.planned < slot.planned for other in bad):
            return "restored", (slot.over or 0) - first
    return "not reached", None


class Episode(NamedTuple):
    slots: int
    good: int
    lost: int
    longest_gap: int
    without_service: int


def episode(slots: Sequence[Slot], strike: int, service: int) -> Episode:
    counted = [slot for slot in slots if not is_over_before(slot, strike, service)]
    last = counted[-1] if counted else None
    end = strike if last is None else max(strike, last.planned if last.over is None else last.over)
    answers = {slot.over for slot in slots if is_good(slot, service)}
    now = strike
    while now not in answers and now > 0:
        now -= 1
    began = now if now in answers else strike
    longest = gap = 0
    for now in range(began + 1, max([end, *(at for at in answers if at is not None)]) + 1):
        gap += 1
        longest = max(longest, gap)
        if now in answers:
            gap = 0
    bad = [slot for slot in counted if not is_good(slot, service)]
    after = {slot: _next_answer(counted, slot, service, end) for slot in bad}
    ticks = range(min((slot.planned for slot in bad), default=0), max(after.values(), default=0))
    return Episode(
        slots=len(counted),
        good=sum(is_good(slot, service) for slot in counted),
        lost=sum(slot.by is None and slot.over is not None for slot in counted),
        longest_gap=longest,
        without_service=sum(any(slot.planned <= now < after[slot] for slot in bad) for now in ticks),
    )


def _next_answer(counted: Sequence[Slot], bad: Slot, service: int, end: int) -> int:
    for slot in counted:
        if slot.planned > bad.planned and is_good(slot, service):
            return slot.over or 0
    return end


def attempts_at(lines: Sequence[LogLine], region: str) -> list[RegionAttempt]:
    return [
        attempt for line in lines if isinstance(line, Write) for attempt in line.attempts if attempt.region == region
    ]


def moments(lines: Sequence[LogLine], primary: str, strike: int, undoing: int) -> list[int]:
    """When the primary fails, told by somebody who looks at it in each tick."""
    tries = [attempt for attempt in attempts_at(lines, primary) if tick(attempt.ended_s) > strike]
    failing_at, is_failing = [], False
    for now in range(undoing):
        was_failing = is_failing
        for attempt in tries:
            if tick(attempt.began_s) != now:
                continue
            if attempt.status in {200, 201}:
                is_failing = was_failing = False
            elif not is_failing:
                failing_at.append(now)
                is_failing = True
        if was_failing and any(attempt.status in {200, 201} and tick(attempt.ended_s) == now for attempt in tries):
            failing_at.append(now)
    return failing_at


def acknowledged(line: LogLine, region: str) -> bool:
    return isinstance(line, Write) and line.attempts[-1].region == region and line.attempts[-1].status in {200, 201}


def when_shown(lines: Sequence[LogLine], write: Write, region: str) -> int | None:
    """When a region first showed a write: it, or a later one, was read there or acknowledged there."""
    shown = [
        tick(line.at_s)
        for line in lines
        if isinstance(line, Sighting)
        if line.region == region and line.key == write.key and line.number >= write.number
    ]
    shown += [
        tick(line.attempts[-1].ended_s)
        for line in lines
        if isinstance(line, Write) and acknowledged(line, region)
        if line.key == write.key and line.number >= write.number
    ]
    return min(shown, default=None)


class Way(NamedTuple):
    acknowledged: int
    shown: int | None


def ways(lines: Sequence[LogLine], source: str, destination: str) -> list[Way]:
    return [
        Way(tick(line.attempts[-1].ended_s), when_shown(lines, line, destination))
        for line in lines
        if isinstance(line, Write) and acknowledged(line, source)
    ]


def at_risk(ways: Sequence[Way], now: int) -> tuple[int, int]:
    """The age of the oldest write that is not there in this tick, and how many there are."""
    ages = [now - way.acknowledged for way in ways if way.acknowledged <= now if way.shown is None or way.shown > now]
    return max(ages, default=0), len(ages)


def worst_age(ways: Sequence[Way], ticks: range) -> int:
    """The greatest age of any write in these ticks, just before it is shown."""
    ages = [
        now - way.acknowledged
        for now in ticks
        for way in ways
        if way.acknowledged < now and (way.shown is None or now <= way.shown)
    ]
    return max(ages, default=0)


def was_late(lines: Sequence[LogLine], interval: int, since: int, until: float) -> bool:
    within = [slot for slot in slots(lines) if since <= max(slot.planned, slot.sent or 0) and slot.planned < until]
    return any(slot.sent is None or slot.sent - slot.planned > min(interval, 100) for slot in within)


def was_not_looking(lines: Sequence[LogLine], region: str, strike: int, undoing: int) -> bool:
    """Whether a read of the region took more than a second of the fault's, or nobody looked for one who awaited."""
    reads = [line for line in lines if isinstance(line, Read) and line.region == region]
    spans = [(tick(read.began_s), tick(read.ended_s)) for read in reads]
    if any(ended - began > 100 for began, ended in spans if ended > strike and began < undoing):
        return True
    awaited = [
        Way(tick(line.attempts[-1].ended_s), when_shown(lines, line, region))
        for line in lines
        if isinstance(line, Write) and line.attempts[-1].status in {200, 201} and not acknowledged(line, region)
    ]
    reading = {now for began, ended in spans for now in range(began, ended)}
    blind = 0
    for now in range(strike, undoing):
        is_awaited = any(way.acknowledged <= now and (way.shown is None or now < way.shown) for way in awaited)
        blind = blind + 1 if is_awaited and now not in reading else 0
        if blind > 100:
            return True
    return False


def histories(turns: Sequence[Turn]) -> dict[int, frozenset[int]]:
    """Each turn with all those that its write rests on."""
    rests_on: dict[int, frozenset[int]] = {0: frozenset()}
    for turn in sorted(turns, key=lambda turn: turn.number):
        rests_on[turn.number] = rests_on.get(turn.turn_read or 0, frozenset()) | {turn.number}
    return rests_on


def counted(lines: Sequence[LogLine]) -> tuple[list[int], list[int]]:
    """The turns whose read was stale, and those whose write was overwritten."""
    turns = [line for line in lines if isinstance(line, Turn)]
    done = {turn.number for turn in turns if turn.write and turn.write[-1].status in {200, 201}}
    stale = [
        turn.number
        for turn in turns
        if turn.turn_read is not None and any(turn.turn_read < number < turn.number for number in done)
    ]
    kept = histories(turns)[max(done, default=0)]
    return stale, sorted(done - kept)


def pairs(regions: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((source, destination) for source in regions for destination in regions if source != destination)
