"""The types of ASGI, in which a server and its applications speak.

Source: https://asgi.readthedocs.io/en/latest/specs/main.html
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Called with a Scope, a Receive and a Send; a server has a narrower type of its own for each.
App = Callable[..., Awaitable[None]]
