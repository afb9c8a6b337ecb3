"""A template changed in its text at given places, with everything else kept byte for byte; pure.

`splice` changes lists of one resource: an edit states how the list's items are named, which of its own items stay, and
which items are added. `put_values` puts values at paths.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from builder.errors import BadInput
from builder.template.places import (
    Edit,
    Unspliceable,
    child,
    compose,
    cut,
    dumped,
    keep_items,
    line_break,
    place_of,
    span_of,
    without_pair,
)
from builder.template.template import TemplatePath
from builder.template.text import parse_template

Items = Mapping[str, Any]
"""Items to add, by their names."""
ItemName = Callable[[object], str | None]
"""Returns the name of a list's item; None for one that is only known at deployment, and always stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEdit:
    """The desired contents of a list."""

    stays: Callable[[str], bool]
    """Whether an item of its own stays, by its name."""
    comes: Items = field(default_factory=dict)
    """Items to add, in order."""
    within: "Mapping[str | None, dict[str, ListEdit]]" = field(default_factory=dict)
    """Lists within items of its own, by the item's name, then by key."""


def splice(text: str, path: Sequence[str], lists: Mapping[str, ListEdit], name: Callable[[str], ItemName]) -> str:
    """Return the text with lists of the mapping at a path changed; `name` returns how the items of a key are named.

    A list without items left is removed with its key, and a missing list is added if it gets items.
    Raises Unspliceable, also for a text with aliases: their values are elsewhere, and CloudFormation takes none.
    """
    node = compose(text)
    for step in path:
        node = _value(node, step)
    if not isinstance(node, yaml.MappingNode):
        raise Unspliceable
    return cut(text, 0, len(text), _of_mapping(text, node, lists, name))


def chosen(value: Mapping[str, Any], lists: Mapping[str, ListEdit], name: Callable[[str], ItemName]) -> dict[str, Any]:
    """Return data with its lists changed as `splice` changes them in a text."""
    made = dict(value)
    for key, choice in lists.items():
        listed = made.get(key)
        items = listed if isinstance(listed, list) else []
        known = [(name(key)(item), item) for item in items]
        kept = [
            chosen(item, choice.within[known_by], name) if known_by in choice.within else item
            for known_by, item in known
            if known_by is None or choice.stays(known_by)
        ]
        made[key] = [*kept, *choice.comes.values()]
        if not made[key]:
            del made[key]
    return made


def put_values(text: str, values: Mapping[TemplatePath, Any]) -> str:
    """Return the text with a value at each path, in place of the old value or as a new key of its mapping.

    No path is the beginning of another one. Raises Unspliceable as `splice` does, and if the text's data would differ
    from the data changed in the same way.
    """
    root = compose(text)
    made = cut(text, 0, len(text), [_put(text, root, path, value) for path, value in values.items()])
    try:
        meant = parse_template(text, "")
        for path, value in values.items():
            _put_data(meant, path, value)
        if parse_template(made, "") != meant:
            raise Unspliceable
    except BadInput as error:
        raise Unspliceable from error
    return made


def lines_of(text: str, paths: Iterable[TemplatePath]) -> dict[TemplatePath, int]:
    """Return the line of each path of a template, or of the last part of it that exists; the first line is 1."""
    try:
        root = compose(text)
    except Unspliceable:
        return dict.fromkeys(paths, 1)
    return {path: _line_of(root, path) for path in paths}


def _line_of(node: yaml.Node | None, path: TemplatePath) -> int:
    line = 1
    for step in path:
        key, node = child(node, step)
        if node is None:
            break
        line = (key or node).start_mark.line + 1
    return line


def _put(text: str, node: yaml.Node | None, path: TemplatePath, value: object) -> Edit:
    """Return the edit that puts a value at a path below a node."""
    if node is None:
        raise Unspliceable
    if not path or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        for step in reversed(path):
            value = {step: value}
        start, end = span_of(text, node)
        return Edit(start, end, ("" if end > start else " ") + dumped(value, text))
    step, *below = path
    _, inner = child(node, step)
    if inner is not None:
        return _put(text, inner, tuple(below), value)
    if not isinstance(node, yaml.MappingNode) or not isinstance(step, str):
        raise Unspliceable
    for key in reversed(below):
        value = {key: value}
    pair = f"{json.dumps(step) if node.flow_style else step}: {dumped(value, text)}"
    if not node.value:
        return Edit(node.start_mark.index + 1, node.start_mark.index + 1, pair)
    # New sections go before the resources, where people look for them.
    first = next((key for key, _ in node.value if key.value == "Resources"), node.value[0][0]).start_mark
    gap = ", " if node.flow_style else line_break(text) + " " * first.column
    return Edit(first.index, first.index, pair + gap)


def _put_data(data: Any, path: TemplatePath, value: object) -> None:  # noqa: ANN401 - JSON
    *above, last = path
    for step in above:
        if isinstance(data, dict) and data.get(step) is None:
            data[step] = {}
        data = data[step]
    data[last] = value


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        raise Unspliceable
    return next((value for key_node, value in node.value if key_node.value == key), None)


def _of_mapping(
    text: str, node: yaml.MappingNode, lists: Mapping[str, ListEdit], name: Callable[[str], ItemName]
) -> list[Edit]:
    edits, inserted = [], []
    for key, choice in lists.items():
        place = place_of(node, key)
        if place is None:
            if choice.comes:
                shown = json.dumps(key) if node.flow_style else key
                inserted.append(f"{shown}: {dumped([*choice.comes.values()], text)}")
            continue
        listed = node.value[place][1]
        if not isinstance(listed, yaml.SequenceNode) or not (listed.value or choice.comes):
            raise Unspliceable
        names = [name(key)(_plain(item)) for item in listed.value]
        stays = [known_by is None or choice.stays(known_by) for known_by in names]
        if any(stays) or choice.comes:
            inner = [
                edit
                for item, known_by in zip(listed.value, names, strict=True)
                if known_by in choice.within and isinstance(item, yaml.MappingNode)
                for edit in _of_mapping(text, item, choice.within[known_by], name)
            ]
            comes = [dumped(item, text) for item in choice.comes.values()]
            edits.append(keep_items(text, listed, stays, comes, inner))
        else:
            edits.append(without_pair(text, node, place))
    first = node.value[0][0].start_mark
    gap = ", " if node.flow_style else line_break(text) + " " * first.column
    edits += [Edit(first.index, first.index, line + gap) for line in inserted]
    return edits


def _plain(node: yaml.Node) -> object:
    """Return a node as data, as far as a name can depend on it."""
    match node:
        case yaml.ScalarNode():
            tag = node.tag if node.tag.startswith("!") else ""
            return {tag[1:] if tag == "!Ref" else f"Fn::{tag[1:]}": node.value} if tag else node.value
        case yaml.MappingNode() if not node.tag.startswith("!"):
            return {str(key.value): _plain(value) for key, value in node.value}
    return None
