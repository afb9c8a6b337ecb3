"""The engine of executions and deletions, of stacks and StackSets: each node starts as soon as its needs are done."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from builder.graph import make_order

N = TypeVar("N", bound=Hashable)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Work(Generic[N, R]):
    """What is done to each node, and what becomes of one that is not started."""

    run: Callable[[N, Mapping[N, R]], Coroutine[Any, Any, R]]
    """Given the outcomes of what the node needs; a failure is an outcome too, and no exception."""
    cancel: Callable[[N, N | None], R]
    """Given the need that is not done; None where nothing more is to be started."""
    is_done: Callable[[R], bool]
    """Whether what needs the node may be started."""
    started: Collection[N] = frozenset()
    """Nodes that were started before: they run on, whatever becomes of their needs and of all others."""


async def run_in_order(
    nodes: Iterable[N], needs: Mapping[N, Collection[N]], work: Work[N, R], stop: asyncio.Event | None = None
) -> dict[N, R]:
    """Return the outcome of each node, in the order given, all that needs nothing of each other having run at once.

    A need that is none of the nodes counts as done. Of a node's needs the first that is not done cancels it. Once
    `stop` is set nothing more is started, and what runs is left to end; who cancels this cancels what runs.
    Raises BadInput, before anything is started, where nodes need each other in a circle.
    """
    loop = asyncio.get_running_loop()
    ends: dict[N, asyncio.Future[R]] = {node: loop.create_future() for node in nodes}
    waits = {node: [need for need in needs.get(node, ()) if need in ends] for node in ends}
    make_order(waits)

    async def outcome_of(node: N) -> R:
        before: dict[N, R] = {}
        if node not in work.started:
            for need in waits[node]:
                before[need] = await ends[need]
                if not work.is_done(before[need]):
                    return work.cancel(node, need)
            if stop is not None and stop.is_set():
                return work.cancel(node, None)
        return await work.run(node, before)

    async def end(node: N) -> R:
        outcome = await outcome_of(node)
        ends[node].set_result(outcome)
        return outcome

    outcomes = await asyncio.gather(*(end(node) for node in ends))
    return dict(zip(ends, outcomes, strict=True))
