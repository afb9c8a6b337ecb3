"""What the properties of the types that the built-in components have come to: played, kept without effect, or refused.

The emulator takes any property of any type and does nothing with those that it does not know. Of the types here, one
that the type does not have fails its resource in AWS's words, one that would change what a rehearsal proves is refused,
and docs/local.md names those that are kept. A path leads to the items of a property that has items of its own.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html
"""

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from builder.local.adapter.handlers import CHECK_IMPORT, Properties

TABLE: Mapping[str, Mapping[str, list[str]]] = json.loads(Path(__file__).with_suffix(".json").read_bytes())
"""By type and path: the names of properties that are `played`, `kept` and `refused`."""

# Values that say what is so without them.
_DEFAULTS: Mapping[str, object] = {"MultiRegionConsistency": "EVENTUAL"}


class Unplayed(ValueError):
    """A resource with a property that its type does not have, or that the embedded AWS does not play."""


def install(handlers: MutableMapping[str, Any]) -> None:
    """Check the properties of a resource before it is created, updated or imported."""
    for kind in {path.partition("/")[0] for path in TABLE}:
        handler = handlers[kind]
        handler["create"] = _make_create(kind, handler["create"])
        if "update" in handler:
            handler["update"] = _make_update(kind, handler["update"])
        handler[CHECK_IMPORT] = _make_check_import(kind, handler.get(CHECK_IMPORT))


def find_faults(kind: str, props: Properties) -> Iterator[str]:
    """Yield what is wrong with the properties of a resource, each in a line."""
    for path, known in TABLE.items():
        if path.partition("/")[0] == kind:
            for place, value in _walk(props, path.split("/")[1:], "#"):
                yield from _faults(kind, known, place, value)


def _walk(value: object, path: list[str], place: str) -> Iterator[tuple[str, Properties]]:
    """Yield each object at a path, with its place."""
    match value, path:
        case Mapping(), []:
            yield place, value
        case list(), ["*", *rest]:
            for index, item in enumerate(value):
                yield from _walk(item, rest, f"{place}/{index}")
        case Mapping(), [name, *rest] if name in value:
            yield from _walk(value[name], rest, f"{place}/{name}")


def _faults(kind: str, known: Mapping[str, list[str]], place: str, props: Properties) -> Iterator[str]:
    for name, value in props.items():
        if name in known["refused"] and value != _DEFAULTS.get(name):
            yield f"{place}: the embedded AWS does not play {name} of {kind}"
        elif not any(name in names for names in known.values()):
            yield f"{place}: extraneous key [{name}] is not permitted"


def _check(kind: str, name: str, props: Properties) -> None:
    if faults := list(find_faults(kind, props)):
        raise Unplayed(f"Properties validation failed for resource {name} with message:\n" + "\n".join(faults))


def _make_create(kind: str, create: Callable[..., Any]) -> Callable[..., Any]:
    def create_known(logical_id: str, props: Properties, stack_name: str) -> object:
        _check(kind, logical_id, props)
        return create(logical_id, props, stack_name)

    return create_known


def _make_update(kind: str, update: Callable[..., Any]) -> Callable[..., Any]:
    def update_known(physical_id: str, old: Properties, new: Properties, stack_name: str, *rest: str) -> object:
        _check(kind, rest[0] if rest else physical_id, new)
        return update(physical_id, old, new, stack_name, *rest)

    return update_known


def _make_check_import(kind: str, check: Callable[[str, Properties], None] | None) -> Callable[[str, Properties], None]:
    def check_known(logical_id: str, props: Properties) -> None:
        _check(kind, logical_id, props)
        if check is not None:
            check(logical_id, props)

    return check_known
