"""Work on sets in the order of their needs, side by side where none of them waits for another."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from typing import Any

from builder.errors import BuilderError
from builder.fleet.outcome import SetCancelled, SetDone, SetFailed, SetOutcome
from builder.fleet.records import StackSet
from builder.terms import StackId

Waits = Mapping[StackId, Collection[StackId]]
Work = Callable[[StackSet, Sequence[SetOutcome]], Coroutine[Any, Any, SetOutcome]]
"""What is done on a set, told how those ended that it waits for."""


def needs_of(sets: Iterable[StackSet]) -> Waits:
    """Return by set all that has to be done before it, not only what it needs itself; pure."""
    direct = {one.id: one.needs for one in sets}
    return {one: frozenset(_closure(one, direct)) for one in direct}


def dependants_of(sets: Iterable[StackSet]) -> Waits:
    """Return by set all that has to be gone before it: the same order backwards; pure."""
    needs = needs_of(sets)
    return {one: frozenset(other for other in needs if one in needs[other]) for one in needs}


async def in_order(sets: Iterable[StackSet], waits: Waits, work: Work) -> tuple[SetOutcome, ...]:
    """Do the work on each set once all that it waits for has ended; return how each ended, in the order given."""
    sets = tuple(sets)
    loop = asyncio.get_running_loop()
    ends: dict[StackId, asyncio.Future[SetOutcome]] = {one.id: loop.create_future() for one in sets}

    async def one_of_them(one: StackSet) -> SetOutcome:
        ended = await _after_others(one, waits, work, ends)
        ends[one.id].set_result(ended)
        return ended

    return tuple(await asyncio.gather(*(one_of_them(one) for one in sets)))


def cancelled(one: StackSet, before: Iterable[SetOutcome]) -> SetCancelled | None:
    """Return that the set is left alone, where anything that it waits for is not done; pure."""
    for other in before:
        if not isinstance(other, SetDone):
            return SetCancelled(one.id, because=f"{other.stack}, which it waits for, is not done")
    return None


async def _after_others(
    one: StackSet, waits: Waits, work: Work, ends: Mapping[StackId, asyncio.Future[SetOutcome]]
) -> SetOutcome:
    before = [await ends[other] for other in sorted(waits[one.id]) if other in ends]
    try:
        return await work(one, before)
    except BuilderError as error:
        return SetFailed(one.id, (), reason=error.what)


def _closure(one: StackId, direct: Mapping[StackId, Collection[StackId]]) -> set[StackId]:
    found: set[StackId] = set()
    ahead = list(direct[one])
    while ahead:
        need = ahead.pop()
        if need not in found:
            found.add(need)
            ahead += direct.get(need, ())
    return found
