"""What should be equal in all regions and is not; pure."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from builder.state.records import Disparity, Settings

if TYPE_CHECKING:
    from builder.terms import Region

_NONE = "(none)"


def find_disparities(seen: Iterable[Settings]) -> tuple[Disparity, ...]:
    """Return every setting that regions differ in, of each thing that stands in more than one of them.

    A value that is a region's own word, as the value of a parameter, counts as the word's name: `primary` and
    `secondary` are both `${Role}`.
    """
    things: dict[str, list[Settings]] = {}
    for one in seen:
        things.setdefault(one.thing, []).append(one)
    return tuple(found for thing, sides in things.items() if len(sides) > 1 for found in _differing(thing, sides))


def _differing(thing: str, sides: list[Settings]) -> Iterable[Disparity]:
    for setting in dict.fromkeys(name for side in sides for name in side.values):
        values: Mapping[Region, str] = {side.region: side.values.get(setting, _NONE) for side in sides}
        alike = {_in_all_words(values[side.region], side.own_words) for side in sides}
        if len(set(values.values())) > 1 and len(alike) > 1:
            yield Disparity(thing=thing, setting=setting, values=values)


def _in_all_words(value: str, own_words: Mapping[str, str]) -> str:
    return next((f"${{{name}}}" for name, said in own_words.items() if said == value), value)
