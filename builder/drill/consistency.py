"""Whether the data is right in the end: each key as its last acknowledged write left it, no stale counter; pure."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from builder.drill.records import Kind, Turn, Write
from builder.terms import Region

Contents = Mapping[str, Mapping[str, str]]
"""The items and objects of a region by their keys: their attributes, of which `body` is the text that was written."""
Held = Mapping[Region, Contents]
"""The contents of each region that could be read. They should be the same in every region."""


@dataclass(frozen=True, slots=True)
class MissingKey:
    """A key that a region lacks at the end, although its last acknowledged write is no deletion."""

    id: str
    region: Region
    acknowledged_by: Region


@dataclass(frozen=True, slots=True)
class Conflict:
    """A key that these regions hold with other contents than its last acknowledged write, or than each other."""

    id: str
    regions: tuple[Region, ...]
    acknowledged_by: Region


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The comparison of all regions at the end of the drill."""

    acknowledged: int
    """How many writes were acknowledged. The last one of each key has to be there."""
    missing: tuple[MissingKey, ...]
    conflicting: tuple[Conflict, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every region holds all that was acknowledged."""
        return not self.missing and not self.conflicting

    @property
    def left(self) -> int:
        """How many keys are missing somewhere or in conflict."""
        return len({missing.id for missing in self.missing} | {conflict.id for conflict in self.conflicting})


def reconcile(writes: Sequence[Write], held: Held, copies: Collection[tuple[Region, Region]] = ()) -> Reconciliation:
    """Return where the contents of the regions differ from what was acknowledged.

    Items have to be in every region. Objects have to be in the regions that their bucket is replicated to; `copies`
    has each direction, from and to. A later write of the same key that no region acknowledged may have happened all the
    same; then every region has to show it.
    """
    by_key: dict[tuple[Kind, str], list[Write]] = defaultdict(list)
    for write in writes:
        by_key[write.what, write.name].append(write)
    missing: list[MissingKey] = []
    conflicting: list[Conflict] = []
    acknowledged = 0
    for (what, key), made in by_key.items():
        last = max((write for write in made if write.acknowledged_by), key=lambda write: write.number, default=None)
        if last is None or last.acknowledged_by is None:
            continue
        source = last.acknowledged_by
        into = {source, *(destination for origin, destination in copies if origin == source)}
        by_region = {region: kept.get(key) for region, kept in held.items() if what == "item" or region in into}
        if what == "object" and len(into) == 1:
            continue
        acknowledged += sum(write.acknowledged_by is not None for write in made)
        allowed = {None if write.deletes else write.body for write in made if write.number >= last.number}
        lacking = [region for region, item in by_region.items() if item is None and None not in allowed]
        missing += [MissingKey(key, region, source) for region in lacking]
        wrong = tuple(_wrong({region: by_region[region] for region in by_region if region not in lacking}, allowed))
        if wrong:
            conflicting.append(Conflict(key, wrong, source))
    return Reconciliation(acknowledged, tuple(missing), tuple(conflicting))


def _wrong(by_region: Mapping[Region, Mapping[str, str] | None], allowed: Collection[str | None]) -> Sequence[Region]:
    """Return the regions whose copy no write explains. If there are none, return all regions if their copies differ."""
    wrong = [region for region, copy in by_region.items() if (copy and copy.get("body")) not in allowed]
    copies = list(by_region.values())
    return wrong or (list(by_region) if any(copy != copies[0] for copy in copies) else [])


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRead:
    """A read that returned an older value than the last one that was acknowledged before it."""

    turn: int
    at_s: float
    region: Region
    """The region that answered."""
    value: int | None
    """The value that it showed, None if it showed nothing."""
    turn_read: int
    """The turn that wrote this value, 0 if there was no value."""
    acknowledged: int
    """The last turn before this one whose write was acknowledged."""
    acknowledged_by: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class OverwrittenUpdate:
    """An acknowledged update that a later turn overwrote without having read it, so that no later value includes it."""

    turn: int
    value: int | None
    region: Region
    """The region that acknowledged it."""
    overwritten_by: int | None
    """The later turn that wrote without having read it; None if that turn's write was not acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterFinding:
    """The stale reads and the overwritten updates of the drill's counter."""

    turns: int
    reads: int
    """How many reads were answered well."""
    updates: int
    """How many writes were acknowledged."""
    stale: tuple[StaleRead, ...]
    overwritten: tuple[OverwrittenUpdate, ...]


def measure_counter(turns: Sequence[Turn]) -> CounterFinding | None:
    """Return the stale reads and overwritten updates of the counter, None if the log has no turns."""
    if not turns:
        return None
    ordered = sorted(turns, key=lambda turn: turn.number)
    kept = _history(ordered)
    acknowledged = [turn for turn in ordered if turn.acknowledged_by is not None]
    return CounterFinding(
        turns=len(ordered),
        reads=sum(turn.read_by is not None for turn in ordered),
        updates=len(acknowledged),
        stale=tuple(stale for turn in ordered if (stale := _stale(turn, acknowledged))),
        overwritten=tuple(_overwritten(acknowledged, kept)),
    )


def _history(turns: Sequence[Turn]) -> set[int]:
    """Return the turn of the last acknowledged write, the turn whose value that turn had read, and so on back."""
    rests_on = {turn.number: turn.turn_read or 0 for turn in turns}
    at = max((turn.number for turn in turns if turn.acknowledged_by is not None), default=0)
    kept: set[int] = set()
    while at > 0 and at not in kept:
        kept.add(at)
        at = rests_on.get(at, 0)
    return kept


def _stale(turn: Turn, acknowledged: Sequence[Turn]) -> StaleRead | None:
    last = max(
        (earlier for earlier in acknowledged if earlier.number < turn.number),
        key=lambda earlier: earlier.number,
        default=None,
    )
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
