"""Blocking boto3 calls, awaited: they run on the event loop's executor, so that many run side by side."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

from builder.aws.answers import heeded
from builder.aws.errors import aws_errors
from builder.aws.limit import gate_of
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
