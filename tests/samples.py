"""How much of an acceptance-sized table the suite runs: a sample, and by --hypothesis-profile=thorough all of it."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from hypothesis import settings

T = TypeVar("T")


def is_thorough() -> bool:
    """Whether there is time for everything, as in tox."""
    return settings.get_current_profile_name() == "thorough"


def sampled(cases: Iterable[T], every: int) -> list[T]:
    """Return one in so many of the cases, evenly spread and the same each time; all where there is time."""
    listed = list(cases)
    return listed if is_thorough() else listed[every // 2 :: every]


def by_turns(cases: Sequence[T], turn: int) -> Sequence[T]:
    """Return one of the cases, each in its turn, for who crosses them with others; all where there is time."""
    return cases if is_thorough() else [cases[turn % len(cases)]]
