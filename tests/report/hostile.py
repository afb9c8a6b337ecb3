"""Records of every kind whose every text steers a terminal, if anybody lets it."""

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal

STEERS = "\x1b[2J\x1b]8;;https://evil.example\x07x\x9b31m\u202eevil\r\x08\x7f\ud800\u2028end"
"""Clears a screen, opens a link, colours by a C1 code, turns the direction round, hides, is no character at all."""
STEERING = frozenset(character for character in STEERS if not character.isprintable())

# What is checked where it is read, or is a key of our own.
FIXED: Mapping[str, Mapping[str, Any]] = {
    "Step": {"needs": ()},
    "Deferred": {"needs": ()},
    "Deletion": {"needs": ()},
    "DesiredStack": {"needs": ()},
    "StackState": {"status": "CREATE_COMPLETE", "template": "same"},
    "Status": {"status": "CREATE_COMPLETE"},
}


def make(kind: Any, **overrides: Any) -> Any:
    """Return a value of a type, made of hostile texts; of a record, with these fields as they are said."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if hasattr(kind, "__supertype__"):
        return make(kind.__supertype__)
    if origin is typing.Annotated:
        return make(inner[0])
    if origin is Literal:
        return inner[0]
    if origin in {typing.Union, types.UnionType}:
        return make(next(argument for argument in inner if argument is not type(None)))
    if origin is tuple:
        return tuple(make(argument) for argument in inner if argument is not Ellipsis)
    if origin in {list, Sequence, set, frozenset}:
        return origin([make(inner[0])]) if origin in {list, set, frozenset} else (make(inner[0]),)
    if origin in {dict, Mapping}:
        return {make(inner[0]): make(inner[1])}
    if dataclasses.is_dataclass(kind):
        return _record(kind, overrides)
    return _plain(kind)


def _record(kind: Any, overrides: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {field.name: make(hints[field.name]) for field in dataclasses.fields(kind) if field.init}
    fixed = {name: value for name, value in FIXED.get(kind.__name__, {}).items() if name in fields}
    return kind(**{**fields, **fixed, **overrides})


def _plain(kind: Any) -> Any:
    if typing.is_typeddict(kind):
        return {name: make(hint) for name, hint in typing.get_type_hints(kind).items()}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return next(iter(kind))
    if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return kind(**{name: make(hint) for name, hint in typing.get_type_hints(kind).items()})
    plain = {
        str: STEERS,
        int: 1,
        float: 1.0,
        bool: True,
        object: STEERS,
        Any: STEERS,
        bytes: STEERS.encode("utf-8", "replace"),
    }
    return plain[kind]
