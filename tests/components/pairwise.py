"""Values of keys in combinations that hold every pair of them at least once: what two options do to each other is seen.

A pair is where options meet; three at once seldom differ from their pairs. One pass, greedy, the same each time.
"""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Row = dict[str, Any]
Value = tuple[str, int]
"""A factor, and the place of a value among its values."""
_CANDIDATES = 30


def pairwise(factors: Mapping[str, Sequence[Any]], at_least: int = 0) -> list[Row]:
    """Return rows, a value for each factor, in which every two values of two factors are together at least once.

    Where that takes fewer than `at_least`, others are drawn.
    """
    names = list(factors)
    draw = random.Random(17)  # noqa: S311  the same rows each time
    open_pairs = {
        ((a, i), (b, j))
        for a, b in itertools.combinations(names, 2)
        for i in range(len(factors[a]))
        for j in range(len(factors[b]))
    }
    rows: list[tuple[int, ...]] = []
    while open_pairs:
        first = min(open_pairs)
        partners = _partners(open_pairs)
        drawn = (_fill(names, factors, partners, dict(first), draw) for _ in range(_CANDIDATES))
        row = max(drawn, key=lambda each: len(open_pairs.intersection(_pairs(names, each))))
        open_pairs.difference_update(_pairs(names, row))
        rows.append(row)
    while len(rows) < at_least:
        rows.append(tuple(draw.randrange(len(factors[name])) for name in names))
    return [{name: factors[name][place] for name, place in zip(names, row, strict=True)} for row in rows]


def _fill(
    names: list[str],
    factors: Mapping[str, Sequence[Any]],
    partners: Mapping[Value, set[Value]],
    chosen: dict[str, int],
    draw: random.Random,
) -> tuple[int, ...]:
    """Return a row that has what is chosen, each other value being one that closes the most pairs with those before."""
    waiting = [name for name in names if name not in chosen]
    draw.shuffle(waiting)
    for name in waiting:
        places = list(range(len(factors[name])))
        draw.shuffle(places)
        chosen[name] = max(places, key=lambda place: len(partners[name, place].intersection(chosen.items())))
    return tuple(chosen[name] for name in names)


def _partners(open_pairs: Iterable[tuple[Value, Value]]) -> dict[Value, set[Value]]:
    """Return with which values each value has not been together yet."""
    partners: dict[Value, set[Value]] = defaultdict(set)
    for value, other in open_pairs:
        partners[value].add(other)
        partners[other].add(value)
    return partners


def _pairs(names: Sequence[str], row: Sequence[int]) -> Iterator[tuple[Value, Value]]:
    yield from itertools.combinations(list(zip(names, row, strict=True)), 2)
