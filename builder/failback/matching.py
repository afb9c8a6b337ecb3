"""Two regions side by side, in whatever order they show their keys, with no more than so many keys held; pure.

Each key that both have shown alike is forgotten. What one has shown and the other has not is held until it does, or
until too much is held: then it is doubtful, and has to be looked up. So it costs next to nothing where both show their
keys in the same order, as DynamoDB's regions seem to (*unverified*, and nothing that is found depends on it).
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
SOURCE, TARGET = 0, 1
"""The sides: where clients are, and where they would go."""


@dataclass(frozen=True, slots=True)
class Doubt(Generic[K]):
    """A key to look up in both regions."""

    key: K
    by: int | None
    """The side that alone has shown it; None for a key that both have shown, each otherwise."""

    def counts(self, *, source_has_it: bool) -> bool:
        """Return whether what is found of it is to be told.

        What the source has is told when the source shows it: a key that comes up on both sides, each by itself, is
        told once.
        """
        return self.by != TARGET or not source_has_it


@dataclass(slots=True)
class Matching(Generic[K]):
    """What each side has shown and the other has not yet."""

    most: int
    """How many keys are held of a side."""
    _ahead: tuple[dict[K, bytes], dict[K, bytes]] = field(default_factory=lambda: ({}, {}))

    def take(self, side: int, shown: Iterable[tuple[K, bytes]]) -> list[Doubt[K]]:
        """Take what a side shows, each key with what tells its contents; return what is doubtful now."""
        own, other = self._ahead[side], self._ahead[1 - side]
        doubts: list[Doubt[K]] = []
        for key, contents in shown:
            known = other.pop(key, None)
            if known is None:
                own[key] = contents
            elif known != contents:
                doubts.append(Doubt(key, None))
        while len(own) > self.most:
            # The first that came is the one that the other side should have shown by now.
            key = next(iter(own))
            del own[key]
            doubts.append(Doubt(key, side))
        return doubts

    @property
    def held(self) -> tuple[int, int]:
        """How many keys of each side wait for the other."""
        return len(self._ahead[SOURCE]), len(self._ahead[TARGET])

    def rest(self) -> list[Doubt[K]]:
        """Return what is doubtful once both sides have shown all they have, and forget it."""
        doubts = [Doubt(key, side) for side in (SOURCE, TARGET) for key in self._ahead[side]]
        for held in self._ahead:
            held.clear()
        return doubts
