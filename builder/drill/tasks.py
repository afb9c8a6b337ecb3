"""Tasks that stand and fall together, with errors of ours as they are everywhere else."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from builder.errors import BuilderError, gathered


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


def _leaves(group: ExceptionGroup[BuilderError]) -> Iterator[BuilderError]:
    for one in group.exceptions:
        if isinstance(one, ExceptionGroup):
            yield from _leaves(one)
        else:
            yield one
