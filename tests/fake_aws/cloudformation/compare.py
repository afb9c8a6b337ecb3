"""Compares what a resource is with what a template wants it to be, property by property."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fake_aws.cloudformation.intrinsics import Unresolved, causes
from fake_aws.cloudformation.types import schema
from fake_aws.json_value import Json, as_json

ABSENT = object()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value that differs, with its JSON pointer below the resource."""

    path: str
    before: Any
    after: Any

    @property
    def kind(self) -> str:
        """Add, Remove or Modify, as AWS's AttributeChangeType."""
        if self.before is ABSENT:
            return "Add"
        return "Remove" if self.after is ABSENT else "Modify"


def changed_properties(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the top-level properties whose values differ, or may differ, in alphabetical order."""
    names = sorted(before.keys() | after.keys())
    return [name for name in names if not same(before.get(name, ABSENT), after.get(name, ABSENT))]


def same(before: Json, after: Json) -> bool:
    """Return whether two values are one to CloudFormation, which keeps every scalar as text."""
    if causes(after):
        return False
    return bool(_plain(before) == _plain(after))


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is ABSENT else str(value)


def leaves(before: Json, after: Json, path: str) -> Iterator[Leaf]:
    """Yield each deepest difference."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from leaves(before.get(name, ABSENT), after.get(name, ABSENT), f"{path}/{name}")
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            left = before[index] if index < len(before) else ABSENT
            right = after[index] if index < len(after) else ABSENT
            yield from leaves(left, right, f"{path}/{index}")
    elif isinstance(after, Unresolved) or not same(before, after):
        yield Leaf(path, before, after)


def shown(value: Json) -> str:
    """Return a value as a change set shows it."""
    if isinstance(value, dict | list):
        return as_json(value)
    return str(_plain(value))


def recreation(type_name: str, property_name: str) -> str:
    """Return whether changing the property makes a new resource: Always, Conditionally or Never."""
    about = schema(type_name)
    if property_name in about.create_only:
        return "Always"
    return "Conditionally" if property_name in about.conditionally_create_only else "Never"
