"""What AWS's schemas say of each resource type, read once and when first asked for; made by a script."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict


class _Facts(TypedDict, total=False):
    replaced_by: str
    perhaps_replaced_by: str
    name: str
    stateful: bool


def create_only(type_name: str) -> tuple[str, ...]:
    """Return the paths of what always replaces the resource when it changes; none for a type that AWS does not have.

    A path leads into a property, with `/`.
    """
    return tuple(_of(type_name).get("replaced_by", "").split())


def perhaps_create_only(type_name: str) -> tuple[str, ...]:
    """Return the paths of what may replace the resource when it changes."""
    return tuple(_of(type_name).get("perhaps_replaced_by", "").split())


def name_property(type_name: str) -> str:
    """Return the property that a template may name the resource by; empty where only AWS names it."""
    return _of(type_name).get("name", "")


@functools.cache
def stateful_types() -> frozenset[str]:
    """Return the types whose deletion loses what is in them, by the list that comes with the schemas."""
    return frozenset(name for name, facts in _types().items() if facts.get("stateful"))


def _of(type_name: str) -> _Facts:
    return _types().get(type_name, {})


@functools.cache
def _types() -> Mapping[str, _Facts]:
    text = Path(__file__).with_name("schemas.json").read_bytes()
    found: dict[str, _Facts] = json.loads(text)["types"]
    return found
