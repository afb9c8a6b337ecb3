"""What pydantic found wrong, in words: the value, why, and the nearest right thing."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import yaml
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from builder.config.available import RUNTIMES, successor
from builder.config.document import ConfigFault, KeyPath
from builder.config.model import PATTERNS, SEPARATORS, Config
from builder.config.sections import TAGS
from builder.errors import did_you_mean

_SHOWN = 60
_NUMBERS = {"a whole number", "a number"}
_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "model_type": "keys with values",
    "dict_type": "keys with values",
    "tuple_type": "a list",
}
_BOUNDS = {
    "greater_than_equal": "is too small: {ge:,g} at least",
    "greater_than": "is too small: more than {gt:,g}",
    "less_than_equal": "is too large: {le:,g} at most",
}
FOLLOWS = "default_factory_not_called"
"""The type of a finding that only follows from another one: a default that hangs on a value that is wrong."""


def in_words(error: ErrorDetails, words: Mapping[KeyPath, str]) -> ConfigFault:
    """Return one of pydantic's findings as a fault; `words` has each single value as it was written."""
    place = tuple(part for part in error["loc"] if part != "[key]" and part not in TAGS)
    return ConfigFault(place, _what(error, place, words))


def _what(error: ErrorDetails, place: KeyPath, words: Mapping[KeyPath, str]) -> str:
    context: dict[str, Any] = error.get("ctx", {})
    value = error["input"]
    shown = place[-1] if error["loc"][-1] == "[key]" else value
    match error["type"]:
        case "value_error":
            return str(context["error"])
        case "missing":
            return f"is required{_example(place)}"
        case "extra_forbidden":
            return f"is not a key here{_where_it_is(place)}"
        case "literal_error":
            return _not_one_of(value, words.get(place), place)
        case "string_pattern_mismatch":
            return f"{_quote(shown)}: {PATTERNS[context['pattern']]}{_fitting(str(shown), context['pattern'])}"
        case "string_too_long" | "string_too_short" | "too_long" | "too_short":
            return _size(error["type"], shown, context)
        case bound if bound in _BOUNDS:
            return f"{value} {_BOUNDS[bound].format(**context)}"
        case named if named in _KINDS:
            return _wrong_kind(value, _KINDS[named], words.get(place), place)
        case kind:
            wrong = "is no finite number" if kind == "finite_number" else "cannot be used here"
            return f"{words.get(place) or _quote(value)} {wrong}"


def _fitting(text: str, pattern: str) -> str:
    """Ask for the nearest name that fits, where only case and separators are in the way."""
    if (separator := SEPARATORS.get(pattern)) is None:
        return ""
    near = re.sub("[^A-Za-z0-9]+", separator, text).strip("-_")
    near = near.lower() if separator == "-" else near
    return f" (did you mean {near}?)" if re.search(pattern, near) else ""


def _size(kind: str, shown: object, context: dict[str, Any]) -> str:
    if kind.startswith("string"):
        limit = f"{context['max_length']} at most" if kind.endswith("long") else "1 at least"
        return f"{_quote(shown)} has {len(str(shown))} characters: {limit}"
    if kind == "too_long" and isinstance(shown, dict | list):
        return f"has {len(shown)} entries: {context['max_length']} at most"
    return "is empty: one entry at least"


def _wrong_kind(value: object, wanted: str, words: str | None, place: KeyPath) -> str:
    if isinstance(value, list | dict):
        held = "a list" if isinstance(value, list) else "keys with values"
        return f"holds {held}, and should be {wanted}{_example(place)}"
    if value is None and (wanted != "a text" or not words):
        return f"is empty, and should be {wanted}{_example(place)}"
    if wanted == "a text":
        return f'{words} is read as {_read_as(value)}: put it in quotes, "{words}"'
    if isinstance(value, str) and (value.isdecimal() if wanted in _NUMBERS else value in {"true", "false"}):
        return f"'{value}' is a text: write it without quotes"
    shown = _quote(value) if isinstance(value, str) else words
    if wanted == "a list":
        return f"{shown} is not a list: write [{words}]"
    number = re.match("[0-9]+", str(value)) if wanted in _NUMBERS else None
    return f"{shown} is not {wanted}{f' (did you mean {number[0]}?)' if number else ''}"


def _read_as(value: object) -> str:
    if value is None:
        return "nothing"
    return "true or false" if isinstance(value, bool) else "a number"


def _not_one_of(value: object, words: str | None, place: KeyPath) -> str:
    allowed = _literals(place)
    hint = did_you_mean(value, allowed)
    if place == ("function", "runtime"):
        hint = f" (did you mean {instead}?)" if (instead := successor(str(value))) else did_you_mean(value, RUNTIMES)
    shown = _quote(value) if isinstance(value, str | list | dict) else words
    return f"{shown} is not one of {', '.join(map(str, allowed))}{hint}"


def _literals(place: KeyPath) -> tuple[object, ...]:
    field = _section(place[:-1]).model_fields[str(place[-1])]
    return tuple(field.annotation.__args__) if field.annotation else ()


def _section(place: KeyPath) -> type[BaseModel]:
    """Return the model whose keys stand at a place."""
    model: type[BaseModel] = Config
    for part in place:
        # An environment's own name is no key of any model's.
        if part in model.model_fields:
            model = _model(model.model_fields[str(part)].annotation) or model
    return model


def _model(annotation: object) -> type[BaseModel] | None:
    """Return the model that a key holds, also where it can be left out, or holds one for each name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in get_args(annotation) if (model := _model(part))), None)


def _where_it_is(place: KeyPath) -> str:
    wrong = str(place[-1])
    here = _section(place[:-1]).model_fields
    elsewhere = [other for other in _keys() if other.rpartition(".")[2] == wrong]
    hint = did_you_mean(wrong, elsewhere) if elsewhere else did_you_mean(wrong, here)
    return hint or f" (there are {', '.join(here)})"


def _keys() -> Iterator[str]:
    for name, field in Config.model_fields.items():
        yield name
        if name != "environments" and (model := _model(field.annotation)):
            yield from (f"{name}.{inner}" for inner in model.model_fields)


def _example(place: KeyPath) -> str:
    field = _section(place[:-1]).model_fields.get(str(place[-1]))
    if field is None or not field.examples:
        return ""
    flow = yaml.safe_dump({place[-1]: field.examples[0]}, default_flow_style=True, sort_keys=False, width=200)
    return f", for example {flow.strip()[1:-1]}"


def _quote(value: object) -> str:
    text = str(value)
    text = f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text
    return f"'{text}'" if isinstance(value, str) else text
