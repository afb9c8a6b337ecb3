"""Blocking boto3 calls, awaited: they run on the event loop's executor, so that many run side by side."""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, ParamSpec, TypeVar

from builder.aws.errors import aws_errors
from builder.errors import BuilderError, gathered

P = ParamSpec("P")
R = TypeVar("R")


async def call(where: str, operation: Callable[P, R], *args: P.args, **arguments: P.kwargs) -> R:
    """Return the operation's answer. Raises AwsError, naming `where` (region and stack)."""
    with aws_errors(where):
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, functools.partial(operation, *args, **arguments))


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
