"""What a drill changed and how it was before, written on the function itself before the change; pure.

A tag for each drill, so that two that begin at once see each other's and none writes over another's.
A tag's value has 256 characters, of letters, digits, spaces and _ . : / = + - @; its key 128 of the same.
Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from builder.errors import Stopped

TAG = "builder:drill"
_NOTE = re.compile(
    rf"{TAG}:(?P<drill>[0-9A-Za-z-]{{1,64}})\nreserved-concurrency=(?P<reserved>none|[0-9]+)( (?P<fis>fis))?"
)


@dataclass(frozen=True, slots=True)
class Changed:
    """What has to be put back."""

    drill: str
    reserved: int | None
    """The function's reserved concurrency as it was before the drill; None for none."""
    fis: bool = False
    """Whether an experiment may run that has to be stopped."""


def tag_key(drill: str) -> str:
    """Return the key of a drill's own tag."""
    return f"{TAG}:{drill}"


def write_tag(changed: Changed) -> dict[str, str]:
    """Return the tag, its value by its key."""
    reserved = "none" if changed.reserved is None else changed.reserved
    return {tag_key(changed.drill): f"reserved-concurrency={reserved}{' fis' if changed.fis else ''}"}


def read_tags(tags: Mapping[str, str], where: str) -> tuple[Changed, ...]:
    """Return what the drills' tags among these say. Raises Stopped for one that no drill wrote on the function."""
    return tuple(_read(key, value, where) for key, value in tags.items() if key.startswith(TAG))


def _read(key: str, value: str, where: str) -> Changed:
    found = _NOTE.fullmatch(f"{key}\n{value}")
    if found is None:
        raise Stopped(
            where=where,
            what=f"the tag {key} says '{value}', which no drill of this version wrote",
            next_step="look at the function's reserved concurrency, put it right by hand, and remove the tag",
        )
    reserved = found["reserved"]
    return Changed(found["drill"], None if reserved == "none" else int(reserved), fis=found["fis"] is not None)
