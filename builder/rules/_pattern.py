"""Texts with holes: what is known of an ARN or a name that a deployment completes."""

import re

from builder.rules._node import Node, is_function

_HOLE = re.compile(r"\$\{[^!][^}]*\}")


def pattern(node: Node) -> str | None:
    """Return a text with `*` for every part that only a deployment knows; None where nothing of it is known."""
    match node.value:
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), *_]}:
            return _HOLE.sub("*", text)
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join("*" if is_function(part) else str(part) for part in parts)
        case _:
            return node.text


def literal_start(text: str) -> str:
    """Return what a pattern surely begins with."""
    return re.split(r"[*?]", text, maxsplit=1)[0]


def may_be_same(first: str, second: str) -> bool:
    """Return whether two patterns can name the same thing, as far as their beginnings tell."""
    one, other = literal_start(first), literal_start(second)
    return one.startswith(other) or other.startswith(one)
