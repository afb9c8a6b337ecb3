"""Places in a template's text, and edits at them; pure.

The YAML parser, which reads JSON too, marks the places: first nodes by the keys that lead to them, then the start and
the end of a node's text. Then how items are removed from lists and pairs from mappings, last how edits are made and
what is written in them.
"""

import copy
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import yaml

from builder.template.template import TemplatePath
from builder.template.text import read_json

Span = tuple[int, int]
_ASTRAL = re.compile(r"\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")


class Unspliceable(Exception):
    """A text in which the place cannot be found."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A text that replaces what is between two places."""

    start: int
    end: int
    text: str


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise Unspliceable
        return super().compose_node(parent, index)


def compose(text: str) -> yaml.Node | None:
    """Return the root of a text's nodes. Raises Unspliceable for a text that is no YAML, and for aliases."""
    # PyYAML refuses tabs, which JSON has as indents and YAML before comments; only places count here.
    try:
        return yaml.compose(text.replace("\t", " "), Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise Unspliceable from error


def child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Return the key and the value at a step; of a repeated key the last, as every reader takes it.

    A function's short form has its argument where the long form has it, without a key.
    """
    match node:
        case yaml.Node(tag=str(tag)) if tag.startswith("!"):
            name = tag[1:] if tag in {"!Ref", "!Condition"} else f"Fn::{tag[1:]}"
            return None, _untagged(node) if step == name else None
        case yaml.MappingNode():
            # A number, such as an HTTP status, is a key too in YAML.
            return next(((key, value) for key, value in reversed(node.value) if key.value == str(step)), (None, None))
        case yaml.SequenceNode() if isinstance(step, int) and step < len(node.value):
            return None, node.value[step]
    return None, None


def _untagged(node: yaml.Node) -> yaml.Node:
    made = copy.copy(node)
    made.tag = ""
    return made


def node_at(root: yaml.Node | None, path: TemplatePath) -> yaml.Node:
    """Return the node at a path. Raises Unspliceable if there is none."""
    for step in path:
        _, root = child(root, step)
    if root is None:
        raise Unspliceable
    return root


def place_of(node: yaml.MappingNode, key: str) -> int | None:
    """Return the number of a mapping's pair with a key, the last of several; None if none has it."""
    places = [place for place, (key_node, _) in enumerate(node.value) if key_node.value == key]
    return places[-1] if places else None


def span_of(text: str, node: yaml.Node) -> Span:
    """Return the start and the end of a node's text, including its tag and its quotes or brackets."""
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.CollectionNode):
        end = end if node.flow_style else content_end(text, node)
    elif isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
        end = len(text[:end].rstrip())
    return start, end


def content_end(text: str, node: yaml.Node) -> int:
    """Return where a node's text ends; the parser's mark of a node in block style is where the next node begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return content_end(text, last[1] if isinstance(last, tuple) else last)
    return len(text[: node.end_mark.index].rstrip())


def line_start(text: str, index: int) -> int:
    """Return where the line of a place begins."""
    return text.rfind("\n", 0, index) + 1


def line_end(text: str, index: int) -> int:
    """Return where the line after that of a place begins, or the text ends."""
    end = text.find("\n", index)
    return len(text) if end < 0 else end + 1


def line_break(text: str) -> str:
    """Return the line break of a text."""
    return "\r\n" if "\r\n" in text else "\n"


def keep_items(
    text: str, node: yaml.SequenceNode, stays: Sequence[bool], comes: Sequence[str], inner: Sequence[Edit] = ()
) -> Edit:
    """Return the edit that keeps some items of a list and adds others after them; `inner` are edits within items."""
    return (_keep_flow if node.flow_style else _keep_block)(text, node, stays, comes, inner)


def keep_pairs(text: str, node: yaml.MappingNode, stays: Sequence[bool], comes: Sequence[str]) -> list[Edit]:
    """Return the edits that keep some pairs of a mapping and add others, in block style each on a line of its own.

    Comments between pairs stay in block style, whichever pairs are removed.
    """
    if node.flow_style:
        return [_keep_flow(text, node, stays, comes, ())]
    first = node.value[0][0].start_mark
    begin, margin = line_start(text, first.index), " " * first.column
    added = "".join(f"{margin}{pair}{line_break(text)}" for pair in comes)
    gone = [place for place, stay in enumerate(stays) if not stay]
    return [*([Edit(begin, begin, added)] if added else []), *(without_pair(text, node, place) for place in gone)]


def _keep_flow(
    text: str, node: yaml.CollectionNode, stays: Sequence[bool], comes: Sequence[str], inner: Sequence[Edit]
) -> Edit:
    start, end = node.start_mark.index, node.end_mark.index
    ends = [item if isinstance(item, tuple) else (item, item) for item in node.value]
    spans = [(first.start_mark.index, last.end_mark.index) for first, last in ends]
    if not spans:
        return Edit(start, end, f"[{', '.join(comes)}]")
    made = text[start : spans[0][0]]
    has_items = False
    for place, (begin, stop) in enumerate(spans):
        if not stays[place]:
            continue
        if has_items:
            made += text[spans[place - 1][1] : begin]
        made += cut(text, begin, stop, inner)
        has_items = True
    made += "".join(f"{', ' if has_items or place else ''}{item}" for place, item in enumerate(comes))
    return Edit(start, end, made + text[spans[-1][1] : end])


def _keep_block(
    text: str, node: yaml.SequenceNode, stays: Sequence[bool], comes: Sequence[str], inner: Sequence[Edit]
) -> Edit:
    column = node.start_mark.column
    begins = [_dash(text, item, column) for item in node.value]
    ends = [line_end(text, content_end(text, item)) for item in node.value]
    pieces = []
    for place, begin in enumerate(begins):
        after = begins[place + 1] if place + 1 < len(begins) else ends[place]
        # The text between two items, such as a comment, stays whichever items are removed.
        pieces += [cut(text, begin, ends[place], inner)] if stays[place] else []
        pieces.append(text[ends[place] : after])
    made = "".join(pieces)
    for item in comes:
        broken = "" if not made or made.endswith("\n") else line_break(text)
        made += broken + " " * column + f"- {item}" + line_break(text)
    if not text[: ends[-1]].endswith("\n"):
        made = made.removesuffix(line_break(text)) if comes else made
    return Edit(begins[0], ends[-1], made)


def _dash(text: str, item: yaml.Node, column: int) -> int:
    """Return where the line of an item's dash begins, which may be above its content."""
    line = line_start(text, item.start_mark.index)
    while text[line + column : line + column + 1] != "-" or text[line : line + column].strip(" "):
        if line == 0:
            raise Unspliceable
        line = line_start(text, line - 1)
    return line


def without_pair(text: str, node: yaml.MappingNode, place: int) -> Edit:
    """Return the edit that removes a pair from a mapping. Raises Unspliceable for the only one in braces."""
    key, value = node.value[place]
    start = key.start_mark.index
    if not node.flow_style and not text[line_start(text, start) : start].strip(" "):
        return Edit(line_start(text, start), line_end(text, content_end(text, value)), "")
    if place + 1 < len(node.value):  # the first key of an item, beside its dash, or one in braces
        return Edit(start, node.value[place + 1][0].start_mark.index, "")
    if place == 0:
        raise Unspliceable
    return Edit(node.value[place - 1][1].end_mark.index, value.end_mark.index, "")


def insert_pairs(text: str, node: yaml.MappingNode, place: int, pairs: Sequence[str]) -> Edit:
    """Return the edit that adds pairs after one of a mapping, each on a line of its own if the mapping's are."""
    first, value = node.value[0][0].start_mark, node.value[place][1]
    if node.flow_style:
        margin = margin_of(text, node.value[0][0])
        gap = "," + (" " if margin is None else line_break(text) + margin)
        return Edit(value.end_mark.index, value.end_mark.index, "".join(gap + pair for pair in pairs))
    end = line_end(text, content_end(text, value))
    end -= len(text[:end]) - len(text[:end].removesuffix("\n").removesuffix("\r"))
    gap = line_break(text) + " " * first.column
    return Edit(end, end, "".join(gap + pair for pair in pairs))


def margin_of(text: str, node: yaml.Node) -> str | None:
    """Return the text before a node in its line; None if that is more than space."""
    start = node.start_mark.index
    margin = text[line_start(text, start) : start]
    return None if margin.strip(" \t") else margin


def cut(text: str, start: int, end: int, edits: Iterable[Edit]) -> str:
    """Return a part of the text with its edits made."""
    made = ""
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if start <= edit.start and edit.end <= end:
            made += text[start : edit.start] + edit.text
            start = edit.end
    return made + text[start:end]


def dumped(value: object, text: str, indent: str | None = None) -> str:
    """Return a value in ASCII in the text's language, JSON or YAML in braces; on one line without an indent.

    YAML has no surrogates in escapes, and JSON has only them beyond sixteen bits.
    """
    made = json.dumps(value, indent=indent).replace("\x7f", "\\u007f")
    if "\\u" not in made or is_json(text):
        return made
    return _ASTRAL.sub(lambda pair: f"\\U{_code(*pair.groups()):08X}", made)


def _code(high: str, low: str) -> int:
    return 0x10000 + ((int(high, 16) - 0xD800) << 10) + (int(low, 16) - 0xDC00)


def is_json(text: str) -> bool:
    """Return whether a template's text is read as JSON."""
    try:
        return read_json(text.removeprefix("\ufeff")) is not None
    except RecursionError:
        return False
