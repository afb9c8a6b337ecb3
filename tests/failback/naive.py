"""What it means that two tables differ, said a second time: by fractions and sets, with both tables at hand."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

Item = Mapping[str, Mapping[str, Any]]
EAST, WEST = "us-east-1", "us-west-2"


def meaning(value: Mapping[str, Any]) -> Any:
    """A value as Python has it, equal where DynamoDB's are."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return Fraction(content)
        case "SS" | "BS":
            return kind, frozenset(content)
        case "NS":
            return kind, frozenset(map(Fraction, content))
        case "L":
            return [meaning(element) for element in content]
        case "M":
            return {name: meaning(element) for name, element in content.items()}
        case _:
            return kind, content


def same(first: Item, second: Item) -> bool:
    return bool(meaning({"M": first}) == meaning({"M": second}))


def key_of(names: tuple[str, ...], item: Item) -> tuple[Any, ...]:
    return tuple(meaning(item[name]) for name in names)


def differences(names: tuple[str, ...], source: Sequence[Item], target: Sequence[Item]) -> dict[tuple[Any, ...], str]:
    """Who has each key that the two do not have alike: "source", "target" or "both"."""
    here, there = ({key_of(names, item): item for item in items} for items in (source, target))
    holders = {}
    for key in [*here, *there]:
        if key not in there:
            holders[key] = "source"
        elif key not in here:
            holders[key] = "target"
        elif not same(here[key], there[key]):
            holders[key] = "both"
    return holders
