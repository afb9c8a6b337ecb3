"""The keys of two regions compared in bounded memory, whatever order each region returns them in; pure.

A key that both regions have shown with the same contents is forgotten. A key that only one has shown is held until the
other shows it. If too many keys are held, the oldest become doubtful, and have to be read from both regions. This is
cheap if both regions return their keys in the same order, as DynamoDB's seem to (*unverified*); the result does not
depend on the order.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
SOURCE, TARGET = 0, 1
"""The sides: the region where clients are, and the one where they would go."""


@dataclass(frozen=True, slots=True)
class Doubt(Generic[K]):
    """A key that has to be read from both regions."""

    key: K
    by: int | None
    """The only side that has shown the key; None if both have, with different contents."""

    def counts(self, *, source_has_it: bool) -> bool:
        """Return whether this doubt about the key counts.

        Each side may doubt the same key at its own time, and only one doubt counts: if the source has the key, the
        source's own.
        """
        return self.by != TARGET or not source_has_it


@dataclass(slots=True)
class Matching(Generic[K]):
    """The keys that one side has shown and the other has not yet."""

    most: int
    """How many keys of each side are held at most."""
    _ahead: tuple[dict[K, bytes], dict[K, bytes]] = field(default_factory=lambda: ({}, {}))

    def take(self, side: int, shown: Iterable[tuple[K, bytes]]) -> list[Doubt[K]]:
        """Take the keys that a side shows, each with the digest of its contents, and return the new doubts."""
        own, other = self._ahead[side], self._ahead[1 - side]
        doubts: list[Doubt[K]] = []
        for key, contents in shown:
            known = other.pop(key, None)
            if known is None:
                own[key] = contents
            elif known != contents:
                doubts.append(Doubt(key, None))
        while len(own) > self.most:
            # The oldest key is the one that the other side is most likely not to show any more.
            key = next(iter(own))
            del own[key]
            doubts.append(Doubt(key, side))
        return doubts

    @property
    def held(self) -> tuple[int, int]:
        """How many keys of each side wait for the other side."""
        return len(self._ahead[SOURCE]), len(self._ahead[TARGET])

    def rest(self) -> list[Doubt[K]]:
        """Return all keys that are held as doubts, once both sides have shown all their keys, and forget them."""
        doubts = [Doubt(key, side) for side in (SOURCE, TARGET) for key in self._ahead[side]]
        for held in self._ahead:
            held.clear()
        return doubts
