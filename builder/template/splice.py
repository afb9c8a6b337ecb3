"""A template changed in its text at the places that are meant, and everything else kept byte for byte; pure.

Found by the marks of the YAML parser, which reads JSON too. `splice` changes lists of one resource: a list is said by
what its items are known by, which of its own items stay, and which items come in from elsewhere. `put_values` puts
values at paths.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from builder.errors import BadInput
from builder.template.template import TemplatePath
from builder.template.text import parse_template

Items = Mapping[str, Any]
"""Items from elsewhere, by what they are known by."""
Name = Callable[[object], str | None]
"""Returns what an item of a list is known by; None for one that is only known at deployment, and always stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEdit:
    """What a list of items is to hold."""

    stays: Callable[[str], bool]
    """Whether an item of its own stays, by what it is known by."""
    comes: Items = field(default_factory=dict)
    """Items that it has not, in order."""
    within: "Mapping[str | None, dict[str, ListEdit]]" = field(default_factory=dict)
    """Lists within items of its own, by what these are known by, then by key."""


class Unspliceable(Exception):
    """A text in which the place cannot be found."""


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


def splice(text: str, path: Sequence[str], lists: Mapping[str, ListEdit], name: Callable[[str], Name]) -> str:
    """Return the text with lists of the mapping at a path changed; `name` returns how the items of a key are known.

    A list that is left without items goes with its key, and one that is not there comes in where something comes.
    Raises Unspliceable, also for a text with aliases: what one stands for is elsewhere, and CloudFormation takes none.
    """
    node = _compose(text)
    for step in path:
        node = _value(node, step)
    if not isinstance(node, yaml.MappingNode):
        raise Unspliceable
    return _cut(text, 0, len(text), _of_mapping(text, node, lists, name))


def chosen(value: Mapping[str, Any], lists: Mapping[str, ListEdit], name: Callable[[str], Name]) -> dict[str, Any]:
    """Return data with the same lists changed as `splice` changes them in a text."""
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
    """Return the text with a value at each path, in the place of what stands there or as a new key of its mapping.

    No path is the beginning of another one. Raises Unspliceable as `splice` does, and where the text would not mean
    what the same data means with these values.
    """
    root = _compose(text)
    made = _cut(text, 0, len(text), [_put(text, root, path, value) for path, value in values.items()])
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
    """Return the line of each path of a template, or of the last part of it that can be found; the first is 1."""
    try:
        root = _compose(text)
    except Unspliceable:
        return dict.fromkeys(paths, 1)
    return {path: _line_of(root, path) for path in paths}


def _line_of(node: yaml.Node | None, path: TemplatePath) -> int:
    line = 1
    for step in path:
        key, node = _child(node, step)
        if node is None:
            break
        line = (key or node).start_mark.line + 1
    return line


def _compose(text: str) -> yaml.Node | None:
    # JSON is indented with tabs, and YAML has them before comments, which PyYAML refuses; only places count here.
    read = text.replace("\t", " ")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(read, Loader=yaml.SafeLoader)):
            raise Unspliceable
        return yaml.compose(read, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise Unspliceable from error


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Return the key and the value at a step; of a key that is said twice the last, as every reader takes it."""
    match node:
        case yaml.MappingNode():
            return next(((key, value) for key, value in reversed(node.value) if key.value == step), (None, None))
        case yaml.SequenceNode() if isinstance(step, int) and step < len(node.value):
            return None, node.value[step]
    return None, None


def _put(text: str, node: yaml.Node | None, path: TemplatePath, value: object) -> _Edit:
    """Return the edit that puts a value at a path below a node."""
    if node is None:
        raise Unspliceable
    if not path or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        for step in reversed(path):
            value = {step: value}
        start, end = node.start_mark.index, node.end_mark.index
        if isinstance(node, yaml.CollectionNode):
            end = end if node.flow_style else _content_end(text, node)
        elif isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
            end = len(text[:end].rstrip())
        return _Edit(start, end, ("" if end > start else " ") + json.dumps(value))
    step, *below = path
    _, inner = _child(node, step)
    if inner is not None:
        return _put(text, inner, tuple(below), value)
    if not isinstance(node, yaml.MappingNode) or not isinstance(step, str):
        raise Unspliceable
    for key in reversed(below):
        value = {key: value}
    pair = f"{json.dumps(step) if node.flow_style else step}: {json.dumps(value)}"
    if not node.value:
        return _Edit(node.start_mark.index + 1, node.start_mark.index + 1, pair)
    # Sections that come new go before the resources, where people look for them.
    first = next((key for key, _ in node.value if key.value == "Resources"), node.value[0][0]).start_mark
    gap = ", " if node.flow_style else _break(text) + " " * first.column
    return _Edit(first.index, first.index, pair + gap)


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
    text: str, node: yaml.MappingNode, lists: Mapping[str, ListEdit], name: Callable[[str], Name]
) -> list[_Edit]:
    edits, inserted = [], []
    for key, choice in lists.items():
        place = next((place for place, (key_node, _) in enumerate(node.value) if key_node.value == key), None)
        if place is None:
            if choice.comes:
                shown = json.dumps(key) if node.flow_style else key
                inserted.append(f"{shown}: {json.dumps([*choice.comes.values()])}")
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
            make = _flow if listed.flow_style else _block
            edits.append(make(text, listed, stays, [json.dumps(item) for item in choice.comes.values()], inner))
        else:
            edits.append(_without_pair(text, node, place))
    first = node.value[0][0].start_mark
    gap = ", " if node.flow_style else _break(text) + " " * first.column
    edits += [_Edit(first.index, first.index, line + gap) for line in inserted]
    return edits


def _plain(node: yaml.Node) -> object:
    """Return a node as data, as far as a name can be in it."""
    match node:
        case yaml.ScalarNode():
            tag = node.tag if node.tag.startswith("!") else ""
            return {tag[1:] if tag == "!Ref" else f"Fn::{tag[1:]}": node.value} if tag else node.value
        case yaml.MappingNode() if not node.tag.startswith("!"):
            return {str(key.value): _plain(value) for key, value in node.value}
    return None


def _flow(text: str, node: yaml.SequenceNode, stays: list[bool], comes: list[str], inner: list[_Edit]) -> _Edit:
    start, end, items = node.start_mark.index, node.end_mark.index, node.value
    if not items:
        return _Edit(start, end, f"[{', '.join(comes)}]")
    made = text[start : items[0].start_mark.index]
    begun = False
    for place, item in enumerate(items):
        if not stays[place]:
            continue
        if begun:
            made += text[items[place - 1].end_mark.index : item.start_mark.index]
        made += _cut(text, item.start_mark.index, item.end_mark.index, inner)
        begun = True
    made += "".join(f"{', ' if begun or place else ''}{item}" for place, item in enumerate(comes))
    return _Edit(start, end, made + text[items[-1].end_mark.index : end])


def _block(text: str, node: yaml.SequenceNode, stays: list[bool], comes: list[str], inner: list[_Edit]) -> _Edit:
    column = node.start_mark.column
    begins = [_dash(text, item, column) for item in node.value]
    ends = [_line_end(text, _content_end(text, item)) for item in node.value]
    pieces = []
    for place, begin in enumerate(begins):
        after = begins[place + 1] if place + 1 < len(begins) else ends[place]
        # What is between two items, such as a comment, stays whatever becomes of them.
        pieces += [_cut(text, begin, ends[place], inner)] if stays[place] else []
        pieces.append(text[ends[place] : after])
    made = "".join(pieces)
    for item in comes:
        made += ("" if not made or made.endswith("\n") else _break(text)) + " " * column + f"- {item}" + _break(text)
    if not text[: ends[-1]].endswith("\n"):
        made = made.removesuffix(_break(text)) if comes else made
    return _Edit(begins[0], ends[-1], made)


def _dash(text: str, item: yaml.Node, column: int) -> int:
    """Return where the line of an item's dash begins, which may be above its content."""
    line = _line_start(text, item.start_mark.index)
    while text[line + column : line + column + 1] != "-" or text[line : line + column].strip(" "):
        if line == 0:
            raise Unspliceable
        line = _line_start(text, line - 1)
    return line


def _without_pair(text: str, node: yaml.MappingNode, place: int) -> _Edit:
    key, value = node.value[place]
    start = key.start_mark.index
    if not node.flow_style and not text[_line_start(text, start) : start].strip(" "):
        return _Edit(_line_start(text, start), _line_end(text, _content_end(text, value)), "")
    if place + 1 < len(node.value):  # the first key of an item, beside its dash, or one in braces
        return _Edit(start, node.value[place + 1][0].start_mark.index, "")
    if place == 0:
        raise Unspliceable
    return _Edit(node.value[place - 1][1].end_mark.index, value.end_mark.index, "")


def _content_end(text: str, node: yaml.Node) -> int:
    """Return where a node's text ends; the mark of one in block style is where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _content_end(text, last[1] if isinstance(last, tuple) else last)
    return len(text[: node.end_mark.index].rstrip())


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    """Return where the line after that of a place begins, or the text ends."""
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1


def _break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _cut(text: str, start: int, end: int, edits: Iterable[_Edit]) -> str:
    """Return a part of the text with the edits in it made."""
    made = ""
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if start <= edit.start and edit.end <= end:
            made += text[start : edit.start] + edit.text
            start = edit.end
    return made + text[start:end]
