"""Tasks that fail together, and work that is finished even if the task that awaits it is cancelled."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from builder.errors import BuilderError, gathered

T = TypeVar("T")


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """Give a TaskGroup that raises its errors as one BuilderError, if all of them are of that class."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as several:
        ours, others = several.split(BuilderError)
        if others is not None or ours is None:
            raise
        raise gathered(list(_leaves(ours))) from several


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns. If this is cancelled, wait until the work has ended all the same, then stop.

    A call to AWS goes on in its thread even if the task that awaits it is cancelled. So the call that undoes it must
    not be made before it has ended. If the work fails, raise its error, also after a cancellation.
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
    """Do the work when the block ends, however it does, and finish it. If both fail, raise both errors as one."""
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
