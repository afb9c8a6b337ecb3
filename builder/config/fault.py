"""One thing that is wrong with dr.yaml, and where in the file things are."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Place = tuple[str | int, ...]
"""The way to a value from the top of the file: `("regions", "secondaries", 0)`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one value, in the words that follow its place."""

    place: Place
    what: str
    line: int | None = None
    """Where it is, if not where its place says."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Where everything is in a file."""

    file: str = "dr.yaml"
    of: Mapping[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """Return the line of a place, or of the nearest place around it that is in the file."""
        while place and place not in self.of:
            place = place[:-1]
        return self.of.get(place, 1)

    def where(self, place: Place, line: int | None = None) -> str:
        """Return `dr.yaml:4: regions.secondaries[0]`, or the file and line alone for the whole of it."""
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
        return f"{self.file}:{line or self.line(place)}" + (f": {key}" if key else "")
