"""Reconciliation: every acknowledged write present and equal in both regions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.drill.records import Write
from builder.terms import Region

Held = Mapping[Region, Mapping[str, Mapping[str, str]]]
"""What each region holds: the attributes of each probe by its id."""


@dataclass(frozen=True, slots=True)
class Missing:
    """An acknowledged write that a region does not have: there it was never recovered."""

    id: str
    region: Region


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """How the regions compare after all is over."""

    acknowledged: int
    missing: tuple[Missing, ...]
    conflicting: tuple[str, ...]
    """Writes that the regions hold differently, or otherwise than they were acknowledged."""

    @property
    def is_complete(self) -> bool:
        """Whether every acknowledged write is in every region as it was written."""
        return not self.missing and not self.conflicting


def reconcile(writes: Sequence[Write], held: Held) -> Reconciliation:
    """Return how what the regions hold compares with what was acknowledged."""
    kept = [write for write in writes if write.acknowledged_by is not None]
    return Reconciliation(
        acknowledged=len(kept),
        missing=tuple(Missing(one.id, region) for one in kept for region, items in held.items() if one.id not in items),
        conflicting=tuple(one.id for one in kept if _conflicts(one, held)),
    )


def _conflicts(write: Write, held: Held) -> bool:
    copies = [items[write.id] for items in held.values() if write.id in items]
    return any(copy != copies[0] or copy.get("body") != write.body for copy in copies)
