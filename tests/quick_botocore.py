"""What botocore works out anew for every session and every request, though it comes to the same: worked out once.

Tests make thousands of sessions. Nothing here changes what a client does.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import botocore.hooks
import botocore.loaders
import botocore.session
import botocore.useragent

_read: dict[object, object] = {}
_aliases: dict[str, str] = {}
_make_aliaser = botocore.hooks.EventAliaser.__init__
_accepts_kwargs = botocore.hooks.accepts_kwargs


def _loader(search_path_string: str | None = None) -> botocore.loaders.Loader:
    """Return what a session reads AWS's models with."""
    made = botocore.loaders.create_loader(search_path_string)
    if not search_path_string:
        made._cache = _read  # type: ignore[attr-defined]  # botocore has no public name for it
    return made


def _aliaser(self: Any, event_emitter: object, event_aliases: dict[str, str] | None = None) -> None:
    """Know what another session has found an event's name to be."""
    _make_aliaser(self, event_emitter, event_aliases)  # type: ignore[arg-type]
    if event_aliases is None:
        self._alias_name_cache = _aliases


def _takes_any(handler: Callable[..., Any]) -> bool:
    """Return whether an event's handler takes any keyword: its code says so, where it has some."""
    code = getattr(handler, "__code__", None)
    return bool(code.co_flags & inspect.CO_VARKEYWORDS) if code else bool(_accepts_kwargs(handler))


def hasten() -> None:
    """Let botocore remember all this until the process ends."""
    botocore.session.create_loader = _loader
    botocore.hooks.EventAliaser.__init__ = _aliaser  # type: ignore[method-assign,assignment]  # looser than the stubs
    botocore.hooks.accepts_kwargs = _takes_any  # type: ignore[assignment]  # the stubs have what getfullargspec returns
    sanitized = cache(botocore.useragent.sanitize_user_agent_string_component)
    botocore.useragent.sanitize_user_agent_string_component = sanitized
