"""Tasks that stand and fall together, and work that is done to its end whatever is cancelled."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
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
    """Return what the work returns; where this is cancelled, however often, only once the work has ended.

    A call under way holds its thread and goes on whatever becomes of who waits for it: what undoes it must come after.
    Work that fails is told by its own error, also where this was cancelled.
    """
    task, interrupted = asyncio.ensure_future(work), None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            interrupted = error
    result = task.result()
    if interrupted is not None:
        raise interrupted
    return result


@asynccontextmanager
async def in_the_end(work: Callable[[], Coroutine[Any, Any, object]]) -> AsyncIterator[None]:
    """Do the work when the block ends, however it does, and to its end. Where both fail, both are told."""
    errors: list[BuilderError] = []
    try:
        yield
    except BuilderError as error:
        errors.append(error)
    finally:
        try:
            await to_its_end(work())
        except BuilderError as error:
            errors.append(error)
        if errors:
            raise gathered(errors)


def _leaves(group: ExceptionGroup[BuilderError]) -> Iterator[BuilderError]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
