"""A function whose name begins with `url` can be read; the emulator takes its path for that of a function URL."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from builder.local.adapter.emulator import replace, touch

_PATH = re.compile(r"(/[^/]+/functions/)(url[^/]*)(/.*)?")


def install() -> None:
    """Put the rewriting before every request to the Lambda API."""
    replace("ministack.services.lambda_svc:handle_request", _make_handler)


def _make_handler(handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def handle_renamed(method: str, path: str, *args: object) -> object:
        if found := _PATH.fullmatch(path):
            head, name, tail = found.groups(default="")
            path = f"{head}{_arn(name)}{tail}"
        return await handle(method, path, *args)

    return handle_renamed


def _arn(name: str) -> str:
    """Return the function's ARN, which the API takes in place of a name and in which no `/url` stands."""
    account = touch("ministack.core.responses:get_account_id")()
    region = touch("ministack.core.responses:get_region")()
    return f"arn:aws:lambda:{region}:{account}:function:{name}"
