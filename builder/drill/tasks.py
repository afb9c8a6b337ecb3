"""Tasks that stand and fall together, with errors of ours as they are everywhere else."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from builder.errors import BuilderError, gathered

T = TypeVar("T")


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """Give a TaskGroup whose errors come out as one BuilderError, if all of them are ours."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as several:
        ours, others = several.split(BuilderError)
        if others is not None or ours is None:
            raise
        raise gathered(list(_leaves(ours))) from several


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what a change of AWS returns; where this is cancelled, only once the change has been answered.

    A call under way holds its thread and goes on whatever becomes of who waits for it: what undoes it must come after.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _leaves(group: ExceptionGroup[BuilderError]) -> Iterator[BuilderError]:
    for one in group.exceptions:
        if isinstance(one, ExceptionGroup):
            yield from _leaves(one)
        else:
            yield one
