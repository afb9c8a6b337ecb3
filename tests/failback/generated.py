"""Items of every type, and the same items written otherwise."""

import base64
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

Value = dict[str, Any]
Item = dict[str, Value]

texts = st.text("aé€😀 1", max_size=4)
blobs = st.binary(max_size=6)
_digits = st.integers(-(10**38) + 1, 10**38 - 1)
numbers = st.one_of(
    st.integers(-3, 3).map(str),
    _digits.map(str),
    st.builds(lambda number, exponent: f"{number}E{exponent}", _digits, st.integers(-80, 80)),
)
_scalars = st.one_of(
    st.builds(lambda text: {"S": text}, texts),
    st.builds(lambda number: {"N": number}, numbers),
    st.builds(lambda blob: {"B": blob}, blobs),
    st.builds(lambda is_so: {"BOOL": is_so}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda many: {"SS": sorted(many)}, st.sets(texts, min_size=1, max_size=3)),
    st.builds(lambda many: {"BS": sorted(many)}, st.sets(blobs, min_size=1, max_size=3)),
    st.builds(
        lambda many: {"NS": list({Fraction(number): number for number in many}.values())},
        st.lists(numbers, min_size=1, max_size=3),
    ),
)
values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.builds(lambda many: {"L": many}, st.lists(inner, max_size=3)),
        st.builds(lambda named: {"M": named}, st.dictionaries(texts, inner, max_size=3)),
    ),
    max_leaves=6,
)
contents = st.dictionaries(st.sampled_from(["body", "time", "a", "b"]), values, max_size=3)


@st.composite
def alike(draw: st.DrawFn) -> tuple[dict[str, Value], dict[str, Value]]:
    """Two contents that have most in common."""
    first = draw(contents)
    second = {name: value for name, value in first.items() if draw(st.integers(0, 5))}
    return first, second | draw(st.one_of(st.just({}), st.just({}), contents))


def keys(kind: str) -> st.SearchStrategy[Value]:
    """Values of a key's attribute."""
    if kind == "S":
        return st.builds(lambda text: {"S": text}, st.text("ab/# ", min_size=1, max_size=3))
    if kind == "B":
        return st.builds(lambda blob: {"B": blob}, st.binary(min_size=1, max_size=2))
    return st.builds(lambda number: {"N": number}, st.one_of(st.integers(-20, 20).map(str), numbers))


def rewritten(value: Value, dice: random.Random) -> Value:
    """The same value as somebody else might write it: sets in another order, numbers with other zeros."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return {kind: _respelt(content, dice)}
        case "NS":
            return {kind: dice.sample([_respelt(number, dice) for number in content], len(content))}
        case "SS" | "BS":
            return {kind: dice.sample(content, len(content))}
        case "L":
            return {kind: [rewritten(element, dice) for element in content]}
        case "M":
            names = dice.sample(list(content), len(content))
            return {kind: {name: rewritten(content[name], dice) for name in names}}
        case _:
            return {kind: content}


def _respelt(number: str, dice: random.Random) -> str:
    sign, digits, exponent = Decimal(number).as_tuple()
    assert isinstance(exponent, int)
    zeros = dice.randrange(3)
    text = "".join(map(str, digits)) + "0" * zeros
    return f"{'-' if sign else ''}{'0' * dice.randrange(2)}{text}E{exponent - zeros}"


def on_the_wire(value: Any) -> Any:
    """The value as it crosses the wire: bytes in base 64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: on_the_wire(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [on_the_wire(inner) for inner in value]
    return value
