"""What a parameter's declaration says of the values that dr.yaml gives it; pure.

What is held here CloudFormation refuses when the change set is made, stack by stack; here it is told at once, with its
line.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from builder.errors import did_you_mean
from builder.template import as_list

_LISTS = ("CommaDelimitedList", "List<Number>")
_NUMBERS = ("Number", "List<Number>")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_GROUP = re.compile(r"\((?:\?[:=!])?([^()]*)\)(\*|\+|\{\d+,\})?")
_VARIES = re.compile(r"[*+?{|]")
_HIDDEN = "the value"
_SHOWN = 8
"""So many allowed values are listed."""


def fault_of_value(declared: Mapping[str, Any], value: str, *, is_hidden: bool = False) -> str | None:
    """Return why CloudFormation refuses a value; None where it takes it, or nobody can tell.

    Of a list each item is held. What a deployment fills in is not known, and of the types of AWS it asks AWS. A value
    that nobody is to see is not quoted.
    """
    kind = str(declared.get("Type"))
    if kind not in {"String", *_NUMBERS, *_LISTS} or "${" in value:
        return None
    items = [item.strip() for item in value.split(",") if value] if kind in _LISTS else [value]
    faults = (
        fault for item in items for fault in _faults_of_item(declared, kind, item, _HIDDEN if is_hidden else item)
    )
    return next(faults, None)


def _faults_of_item(declared: Mapping[str, Any], kind: str, item: str, shown: str) -> Iterator[str]:
    quoted = shown if shown is _HIDDEN else f"'{shown}'"
    if kind in _NUMBERS and not _NUMBER.fullmatch(item):
        yield f"{quoted} is no number"
        return
    allowed = as_list(declared.get("AllowedValues"))
    if allowed and not any(_is_same(value, item) for value in allowed):
        texts = [_text(value) for value in allowed]
        listed = ", ".join(texts[:_SHOWN]) + (f", and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")
        yield f"{quoted} is none of the allowed values{did_you_mean(item, texts) or f': {listed}'}"
    if kind in _NUMBERS:
        yield from _beyond(declared, "Value", float(item), f"{shown} is")
    elif kind == "String":
        yield from _beyond(declared, "Length", len(item), f"{quoted} has {len(item)} characters, which is")
    if kind not in _NUMBERS and (pattern := declared.get("AllowedPattern")) and _differs(str(pattern), item):
        yield f"{quoted} does not match {pattern}"


def _beyond(declared: Mapping[str, Any], of: str, measured: float, subject: str) -> Iterator[str]:
    least, most = _limit(declared.get(f"Min{of}")), _limit(declared.get(f"Max{of}"))
    if least is not None and measured < least:
        yield f"{subject} less than {least:g}"
    if most is not None and measured > most:
        yield f"{subject} more than {most:g}"


def _limit(value: object) -> float | None:
    text = _text(value)
    return float(text) if _NUMBER.fullmatch(text) else None


def _differs(pattern: str, item: str) -> bool:
    """Return whether a text surely does not match: a pattern is Java's, and some of those Python cannot read."""
    try:
        return not _may_take_long(pattern) and re.fullmatch(pattern, item) is None
    except re.error:
        return False


def _may_take_long(pattern: str) -> bool:
    """Return whether a group that repeats holds what repeats or forks, which can take for ever to find no match."""
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "x", re.sub(r"\\.", "x", pattern))
    while group := _GROUP.search(bare):
        varies = _VARIES.search(group[1]) is not None
        if varies and group[2]:
            return True
        bare = f"{bare[: group.start()]}{'x*' if varies or group[2] else 'x'}{bare[group.end() :]}"
    return False


def _is_same(allowed: object, item: str) -> bool:
    """Return whether a text is an allowed value; of a number without quotes nobody knows how it was written."""
    if isinstance(allowed, int | float) and not isinstance(allowed, bool) and _NUMBER.fullmatch(item):
        return float(item) == allowed
    return _text(allowed) == item


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
