"""A fault of the primary: how it is made, and how it is undone."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from builder.drill.remains import RESTORE


@dataclass(frozen=True, slots=True)
class Struck:
    """When a fault was asked for, and by when it was made."""

    asked_s: float
    made_s: float


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault; `undo` undoes what was made of it, and returns whether anything was."""

    words: str
    strike: Callable[[], Awaitable[Struck]]
    undo: Callable[[], Awaitable[bool]]
    remedy: str = f"{RESTORE}    undoes the fault"
    """What to do where it cannot be undone."""
