"""What needs what: its order, what follows from it, and its circles; pure.

A graph maps each node to those that it needs. What is needed and no node itself counts as met. The same graph always
gives the same answer, also where the needs are sets.
"""

import graphlib
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

from builder.errors import BadInput

T = TypeVar("T", bound=Hashable)


def make_order(needs: Mapping[T, Collection[T]]) -> tuple[T, ...]:
    """Return the nodes, each after all that it needs. Raises BadInput as `make_layers`."""
    return tuple(node for layer in make_layers(needs) for node in layer)


def make_layers(needs: Mapping[T, Collection[T]]) -> tuple[tuple[T, ...], ...]:
    """Return the nodes by the length of the longest way to each: all that a node needs is in layers before its own.

    Within a layer they are in the graph's order. Raises BadInput where nodes need each other in a circle, naming them.
    """
    sorter, place = _sorter(needs), {node: number for number, node in enumerate(needs)}
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        raise BadInput(where="needs", what=f"go in a circle: {as_circle(error.args[1][:-1])}") from error
    layers = []
    while ready := sorter.get_ready():
        layers.append(tuple(sorted(ready, key=place.__getitem__)))
        sorter.done(*ready)
    return tuple(layers)


def find_circle(needs: Mapping[T, Collection[T]]) -> tuple[T, ...]:
    """Return one circle of nodes, each needed by the next and the last by the first; none where there is an order."""
    try:
        _sorter(needs).prepare()
    except graphlib.CycleError as error:
        return tuple(error.args[1][:-1])
    return ()


def as_circle(nodes: Iterable[object]) -> str:
    """Return the circle as text, `a -> b -> a`."""
    names = [str(node) for node in nodes]
    return " -> ".join((*names, *names[:1]))


def strongly_connected(needs: Mapping[T, Collection[T]]) -> Iterator[tuple[T, ...]]:
    """Yield the nodes that need each other over any number of steps, group by group, in the graph's order."""
    reached = {node: closure(needs, node) for node in needs}
    grouped: set[T] = set()
    for node in needs:
        if node not in grouped and node in reached[node]:
            group = tuple(other for other in needs if other in reached[node] and node in reached[other])
            grouped.update(group)
            yield group


def closure(needs: Mapping[T, Collection[T]], start: T) -> frozenset[T]:
    """Return all that a node needs, over any number of steps; the node itself only where it is in a circle."""
    needed: set[T] = set()
    ahead = list(needs.get(start, ()))
    while ahead:
        node = ahead.pop()
        if node not in needed:
            needed.add(node)
            ahead += needs.get(node, ())
    return frozenset(needed)


def dependants(needs: Mapping[T, Collection[T]]) -> dict[T, tuple[T, ...]]:
    """Return by node all that need it, in the graph's order: the same graph backwards."""
    users: dict[T, list[T]] = {node: [] for node in needs}
    for node, needed in needs.items():
        for need in dict.fromkeys(needed):
            if need in users:
                users[need].append(node)
    return {node: tuple(others) for node, others in users.items()}


def _sorter(needs: Mapping[T, Collection[T]]) -> graphlib.TopologicalSorter[T]:
    # The nodes first, so that their order is the graph's and not that of a set.
    sorter = graphlib.TopologicalSorter(dict.fromkeys(needs, ()))
    for node, needed in needs.items():
        sorter.add(node, *(need for need in needed if need in needs))
    return sorter
