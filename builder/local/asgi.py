"""The types of ASGI, in which a server and its applications speak, and what answering in it by hand takes.

Source: https://asgi.readthedocs.io/en/latest/specs/main.html
"""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Called with a Scope, a Receive and a Send; a server has a narrower type of its own for each.
App = Callable[..., Awaitable[None]]


async def read_body(receive: Receive) -> bytes:
    """Return the whole body of a request, or as much as its client sent before it went away."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def send_json(send: Send, status: int, document: Mapping[str, Any], **headers: str) -> None:
    """Answer with JSON; a header's name is written with underscores."""
    body = json.dumps(document).encode()
    content = {"content_type": "application/json", "content_length": str(len(body)), **headers}
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in content.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
