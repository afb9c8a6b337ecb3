"""Blocking boto3 calls, awaited on the event loop's executor, and tasks that stand and fall together."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ParamSpec, TypeVar, cast

from builder.aws.errors import aws_errors, heeded
from builder.aws.pace import gate_of
from builder.errors import AwsError, BuilderError, gathered

P = ParamSpec("P")
R = TypeVar("R")
_MORE = {"NextToken": "NextToken", "nextToken": "nextToken", "NextMarker": "Marker"}
Page = TypeVar("Page", bound=Mapping[str, Any])


async def call(where: str, operation: Callable[P, R], *args: P.args, **arguments: P.kwargs) -> R:
    """Return the operation's answer; a client's method waits for its turn at the client's gate.

    Raises AwsError, naming `where` (region and stack); also when something is taken out of the answer that it lacks.
    """
    work = functools.partial(operation, *args, **arguments)
    with aws_errors(where):
        if gate := gate_of(operation):
            answer = await gate.run(work)
        else:
            answer = await asyncio.get_running_loop().run_in_executor(None, work)
    return cast("R", heeded(where, answer))


async def pages(where: str, operation: Callable[P, Page], *args: P.args, **arguments: P.kwargs) -> AsyncIterator[Page]:
    """Yield the operation's answer page by page, each a call of its own. Raises AwsError, naming `where`.

    For operations that say NextToken for more, or nextToken, and take it under the same name; and for Lambda's, which
    say NextMarker and take Marker.
    """
    more: dict[str, Any] = {}
    while True:
        page = await call(where, operation, *args, **arguments, **more)
        yield page
        following = {name: page[said] for said, name in _MORE.items() if page.get(said)}
        if not following:
            return
        if following == more:
            raise AwsError(where=where, code="PaginationError", what=f"AWS gave the same page twice: {following}")
        more = following


async def together(work: Iterable[Coroutine[Any, Any, R]]) -> list[R]:
    """Run all of it side by side, each to its own end, and return the results in order.

    Raises every error there was, as one; nothing is cut short because something else failed.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BuilderError)]
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, BuilderError):
            raise result
    if errors:
        raise gathered(errors)
    return [result for result in results if not isinstance(result, BaseException)]


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
    for one in group.exceptions:
        if isinstance(one, ExceptionGroup):
            yield from _leaves(one)
        else:
            yield one
