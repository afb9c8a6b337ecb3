"""A fault of the primary: how it is made, and how it is undone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Struck:
    """When a fault was asked for, and by when it was made."""

    asked_s: float
    made_s: float


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault; `undo` does nothing where it is not, or no longer, made."""

    words: str
    strike: Callable[[], Awaitable[Struck]]
    undo: Callable[[], Awaitable[object]]
