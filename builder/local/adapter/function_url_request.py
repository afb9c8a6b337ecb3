"""A request to a function URL reaches its function, whatever the path, and the function sees it as it was sent.

The emulator answers some paths (`/health`, `/_ministack/…`) itself on every host, hands over a path that is decoded,
and writes the query string anew; AWS answers nothing itself and keeps both as they are.
Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from builder.local.adapter.emulator import replace
from builder.local.asgi import App, Receive, Scope, Send

_HOST = re.compile(r"([a-z0-9-]+)\.lambda-url\.[a-z0-9-]+\.on\.aws(?::\d+)?")
# The emulator's other address of a URL. No path of its own begins like this, so it looks no further.
_BY_PATH = "/_aws/lambda-url/"
_query: ContextVar[str | None] = ContextVar("query", default=None)


def install() -> None:
    """Have the event say the query string of the request; it has the rest from the path."""
    replace("ministack.services.lambda_svc:_build_function_url_event", _make_build)


def wrap(app: App) -> App:
    """Return `app`, with a request to a function URL addressed so that only the function can answer it."""

    async def addressing(scope: Scope, receive: Receive, send: Send) -> None:
        path = _find_path(scope) if scope["type"] == "http" else None
        if path is None:
            _query.set(None)
        else:
            _query.set(scope["query_string"].decode("latin-1"))
            # Without the host, which the emulator would heed first; the event names the URL's own.
            headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]
            scope = {**scope, "path": path, "headers": headers}
        await app(scope, receive, send)

    return addressing


def _find_path(scope: Scope) -> str | None:
    """Return the path to put in place of a decoded one; None if the request is not to a function URL."""
    raw: str = scope["raw_path"].decode("latin-1")
    for name, value in scope["headers"]:
        if name.lower() == b"host" and (found := _HOST.fullmatch(value.decode("latin-1").lower())):
            return f"{_BY_PATH}{found[1]}{raw}"
    return raw if raw.startswith(_BY_PATH) else None


def _make_build(build: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def build_event(*args: object, **kwargs: object) -> dict[str, Any]:
        event = build(*args, **kwargs)
        if (query := _query.get()) is not None:
            event["rawQueryString"] = query
        return event

    return build_event
