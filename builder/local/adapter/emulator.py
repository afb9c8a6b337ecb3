"""The emulator's private names that the adapter touches, all of them, and the only way to reach them.

`touch` and `replace` reach one; `account_id`, `region_name`, `here` and `acting_in` say where a request is at work.
"""

import importlib
import inspect
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from builder.errors import Failed
from builder.local.environment import VERSION

_TABLE: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("touched.json").read_bytes())
TOUCHED = {f"{module}:{name}": shown for module, names in _TABLE.items() for name, shown in names.items()}
"""Each `module:attribute`, a callable with its signature, anything else with its type."""


def touch(name: str) -> Any:  # noqa: ANN401  the emulator is not typed
    """Return the emulator's `module:attribute`. Raises KeyError for a name that TOUCHED lacks."""
    if name not in TOUCHED:
        raise KeyError(name)
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def replace(name: str, make: Callable[[Any], Any]) -> None:
    """Put `make(original)` where `module:attribute` was; for functions that the emulator looks up at each call."""
    module, _, attribute = name.partition(":")
    setattr(importlib.import_module(module), attribute, make(touch(name)))


class AccountRegion(NamedTuple):
    """A region of an account."""

    account: str
    region: str


def account_id() -> str:
    """Return the account of the request."""
    return str(touch("ministack.core.responses:get_account_id")())


def region_name() -> str:
    """Return the region of the request."""
    return str(touch("ministack.core.responses:get_region")())


def here() -> AccountRegion:
    """Return the account and region of the request."""
    return AccountRegion(account_id(), region_name())


def acting_in(place: AccountRegion) -> AbstractContextManager[None]:
    """Act in another account or region within the block."""
    scope: AbstractContextManager[None] = touch("ministack.core.responses:request_scope")(*place)
    return scope


def check() -> None:
    """Raise Failed unless the emulator installed is the one whose private names the adapter was written against."""
    installed = version("ministack")
    if installed != VERSION:
        raise _changed(f"ministack {installed} is installed, the adapter is written for {VERSION}")
    for name, expected in TOUCHED.items():
        if (now := describe(name)) != expected:
            raise _changed(f"{name} is {now}, the adapter is written for {expected}")


def describe(name: str) -> str:
    """Return what a touched name is: its signature, its type, or `absent`."""
    try:
        attribute = touch(name)
    except (ImportError, AttributeError):
        return "absent"
    return str(inspect.signature(attribute)) if callable(attribute) else type(attribute).__name__


def _changed(what: str) -> Failed:
    return Failed(where="embedded AWS", what=what, next_step=f"pip install 'ministack=={VERSION}'")
