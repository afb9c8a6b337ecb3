"""What a drill changed and how it was before, written on the function itself before the change; pure.

A tag's value has 256 characters, of letters, digits, spaces and _ . : / = + - @.
Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
"""

import re
from dataclasses import dataclass

from builder.errors import Stopped

TAG = "builder:drill"
_VALUE = re.compile(
    r"drill=(?P<drill>[0-9A-Za-z-]{1,64}) reserved-concurrency=(?P<reserved>none|[0-9]+)( (?P<fis>fis))?"
)


@dataclass(frozen=True, slots=True)
class Changed:
    """What has to be put back."""

    drill: str
    reserved: int | None
    """The function's reserved concurrency as it was before the drill; None for none."""
    fis: bool = False
    """Whether an experiment may run that has to be stopped."""


def write_tag(changed: Changed) -> str:
    """Return the tag's value."""
    reserved = "none" if changed.reserved is None else changed.reserved
    return f"drill={changed.drill} reserved-concurrency={reserved}{' fis' if changed.fis else ''}"


def read_tag(value: str, where: str) -> Changed:
    """Return what a tag's value says. Raises Stopped for one that no drill wrote, `where` being the function."""
    found = _VALUE.fullmatch(value)
    if found is None:
        raise Stopped(
            where=where,
            what=f"the tag {TAG} says '{value}', which no drill of this version wrote",
            next_step="look at the function's reserved concurrency, put it right by hand, and remove the tag",
        )
    reserved = found["reserved"]
    return Changed(found["drill"], None if reserved == "none" else int(reserved), fis=found["fis"] is not None)
