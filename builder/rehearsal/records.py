"""What a rehearsal tells while it goes on."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the life begins."""

    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was seen to happen."""

    text: str


Tell = Callable[[Chapter | Line], None]
