"""What clients see of data that is overwritten: a counter that is read and written back, turn after turn; pure.

Turns follow each other, and every value says which turn wrote it. So each read has one right answer, and each write
continues the write that its turn had read: what is on no way back from the last acknowledged write is overwritten.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.drill.records import Turn
from builder.terms import Region


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRead:
    """A read that showed an older value than the last one that was acknowledged before it."""

    turn: int
    at_s: float
    region: Region
    """That answered."""
    value: int | None
    """That it showed; None where it showed nothing."""
    turn_read: int
    """The turn that wrote this value; 0 for none."""
    acknowledged: int
    """The last turn whose write was acknowledged before."""
    acknowledged_by: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class OverwrittenUpdate:
    """An acknowledged write that no later state rests on: it was overwritten by a turn that had not read it."""

    turn: int
    value: int | None
    region: Region
    """That acknowledged it."""
    overwritten_by: int | None
    """The turn after it whose write rests on an older one; None where a write that nobody acknowledged did it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """What became of the counter."""

    turns: int
    reads: int
    """Answered well."""
    updates: int
    """Acknowledged."""
    stale: tuple[StaleRead, ...]
    overwritten: tuple[OverwrittenUpdate, ...]


def measure_counter(turns: Sequence[Turn]) -> Counter | None:
    """Return what became of the counter; None where none was kept."""
    if not turns:
        return None
    ordered = sorted(turns, key=lambda turn: turn.number)
    kept = _history(ordered)
    acknowledged = [turn for turn in ordered if turn.acknowledged_by is not None]
    return Counter(
        turns=len(ordered),
        reads=sum(turn.read_by is not None for turn in ordered),
        updates=len(acknowledged),
        stale=tuple(stale for turn in ordered if (stale := _stale(turn, acknowledged))),
        overwritten=tuple(_overwritten(acknowledged, kept)),
    )


def _history(turns: Sequence[Turn]) -> set[int]:
    """Return the turns that the last acknowledged write rests on, itself included."""
    rests_on = {turn.number: turn.turn_read or 0 for turn in turns}
    at = max((turn.number for turn in turns if turn.acknowledged_by is not None), default=0)
    kept: set[int] = set()
    while at > 0 and at not in kept:
        kept.add(at)
        at = rests_on.get(at, 0)
    return kept


def _stale(turn: Turn, acknowledged: Sequence[Turn]) -> StaleRead | None:
    last = max((one for one in acknowledged if one.number < turn.number), key=lambda one: one.number, default=None)
    if last is None or last.acknowledged_by is None or turn.read_by is None or turn.turn_read is None:
        return None
    if turn.turn_read >= last.number:
        return None
    return StaleRead(
        turn=turn.number,
        at_s=turn.read[-1].ended_s,
        region=turn.read_by,
        value=turn.value_read,
        turn_read=turn.turn_read,
        acknowledged=last.number,
        acknowledged_by=last.acknowledged_by,
    )


def _overwritten(acknowledged: Sequence[Turn], kept: set[int]) -> Iterator[OverwrittenUpdate]:
    rests = [(turn.number, turn.turn_read or 0) for turn in acknowledged if turn.number in kept]
    for turn in acknowledged:
        if turn.number not in kept and turn.acknowledged_by is not None:
            over = (number for number, rests_on in rests if rests_on < turn.number < number)
            yield OverwrittenUpdate(
                turn=turn.number,
                value=turn.value_written,
                region=turn.acknowledged_by,
                overwritten_by=next(over, None),
            )
