"""Reconciliation: every key as its last acknowledged write left it, in every region, and everywhere the same."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from builder.drill.records import Kind, Write
from builder.terms import Region

Contents = Mapping[str, Mapping[str, str]]
"""What a region holds of items and objects, by their keys: attributes, of which `body` is the text that was written."""
Held = Mapping[Region, Contents]
"""What each region holds, which has to be the same in every one. A region that could not be read is not among them."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A key that a region lacks although its last acknowledged write was no deletion: there it was never recovered."""

    id: str
    region: Region
    acknowledged_by: Region


@dataclass(frozen=True, slots=True)
class Conflict:
    """A key that these regions hold otherwise than its last acknowledged write, or otherwise than the others do."""

    id: str
    regions: tuple[Region, ...]
    acknowledged_by: Region


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How the regions compare after all is over."""

    acknowledged: int
    """Writes; of each key the last one has to be there."""
    missing: tuple[Missing, ...]
    conflicting: tuple[Conflict, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every region holds what was acknowledged."""
        return not self.missing and not self.conflicting

    @property
    def left(self) -> int:
        """How many keys are missing somewhere or in conflict."""
        return len({one.id for one in self.missing} | {one.id for one in self.conflicting})


def reconcile(writes: Sequence[Write], held: Held, copies: Collection[tuple[Region, Region]] = ()) -> Reconciliation:
    """Return how what the regions hold compares with what was acknowledged.

    Items have to be in every region, and objects where their bucket is replicated to, by `copies`: from where to
    where. A later write of the same key that nobody acknowledged may be there all the same, and then everywhere.
    """
    by_key: dict[tuple[Kind, str], list[Write]] = defaultdict(list)
    for write in writes:
        by_key[write.what, write.name].append(write)
    missing: list[Missing] = []
    conflicting: list[Conflict] = []
    acknowledged = 0
    for (what, key), made in by_key.items():
        last = max((one for one in made if one.acknowledged_by), key=lambda one: one.number, default=None)
        if last is None or last.acknowledged_by is None:
            continue
        source = last.acknowledged_by
        into = {source, *(destination for origin, destination in copies if origin == source)}
        found = {region: kept.get(key) for region, kept in held.items() if what == "item" or region in into}
        if what == "object" and len(into) == 1:
            continue
        acknowledged += sum(one.acknowledged_by is not None for one in made)
        allowed = {_state(one) for one in made if one.number >= last.number}
        lacking = [region for region, item in found.items() if item is None and None not in allowed]
        missing += [Missing(key, region, source) for region in lacking]
        wrong = tuple(_wrong({region: found[region] for region in found if region not in lacking}, allowed))
        if wrong:
            conflicting.append(Conflict(key, wrong, source))
    return Reconciliation(acknowledged, tuple(missing), tuple(conflicting))


def _state(write: Write) -> str | None:
    """Return what a write leaves: its body, or nothing."""
    return None if write.deletes else write.body


def _wrong(found: Mapping[Region, Mapping[str, str] | None], allowed: Collection[str | None]) -> Sequence[Region]:
    """Return the regions that hold what they may not, or else all of them where they do not hold the same."""
    wrong = [region for region, copy in found.items() if (copy and copy.get("body")) not in allowed]
    copies = list(found.values())
    return wrong or (list(found) if any(copy != copies[0] for copy in copies) else [])
