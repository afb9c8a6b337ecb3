"""Entries added to a section of dr.yaml as text: what is in the file stays as it is, byte for byte; pure."""

import json
import re
from collections.abc import Iterator, Mapping

import yaml

from builder.config.document import NotYaml, YamlDocument, read_document
from builder.errors import BadInput

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
# What some reader of YAML takes for another thing than a text.
_NOT_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
# What YAML prints only escaped, and the line breaks that people do not see.
_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
_INDENT = 2


def add_entries(raw: bytes, section: str, entries: Mapping[str, Mapping[str, object]], where: str) -> bytes:
    """Return the bytes of a file with these entries at the end of a section, which is added where there is none.

    One that is there already, and says the same, is not written again.
    Raises BadInput for one that says something else, and for a file whose form takes no more lines: the error
    shows the entries to write by hand.
    """
    before = _read(raw, where)
    present = before.data.get(section) if isinstance(before.data, dict) else None
    there = present if isinstance(present, dict) else {}
    if others := [name for name, entry in entries.items() if name in there and there[name] != entry]:
        raise BadInput(
            where=where,
            what=f"{section} has {', '.join(others)} already, and says something else of it",
            next_step=f"give it another name there, or write by hand:\n{entries_text(section, entries)}",
        )
    fresh = {name: entry for name, entry in entries.items() if name not in there}
    if not fresh:
        return raw
    added = _added(raw.decode("utf-8-sig"), section, fresh)
    made = raw[: len(raw) - len(raw.removeprefix(b"\xef\xbb\xbf"))] + added.encode() if added is not None else b""
    if added is None or not _says(before, made, section, {**there, **fresh}):
        raise BadInput(
            where=where,
            what=f"is written in a form that nothing is added to: {section} would have to be a mapping in block style, "
            "an entry a line",
            next_step=f"write by hand:\n{entries_text(section, fresh)}",
        )
    return made


def entries_text(section: str, entries: Mapping[str, Mapping[str, object]]) -> str:
    """Return a section with these entries as it is written."""
    return "\n".join([f"{section}:", *_lines(entries, _INDENT)]) + "\n"


def _read(raw: bytes, where: str) -> YamlDocument:
    try:
        return read_document(raw)
    except NotYaml as error:
        raise BadInput(where=f"{where}:{error.line}", what=error.what) from error


def _says(before: YamlDocument, made: bytes, section: str, entries: Mapping[str, object]) -> bool:
    """Return whether a file says what it said before, and these entries."""
    try:
        after = read_document(made)
    except NotYaml:
        return False
    data = before.data if isinstance(before.data, dict) else {}
    return after.data == {**data, section: entries} and len(after.faults) == len(before.faults)


def _added(text: str, section: str, entries: Mapping[str, Mapping[str, object]]) -> str | None:
    """Return a text with the entries added; None where the section is in no form that takes them."""
    ending = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += ending
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) and not root.flow_style else None
    if pairs is None:
        return None
    place = next((number for number, (key, _) in enumerate(pairs) if key.value == section), None)
    if place is None:
        written = [f"{section}:", *_lines(entries, _INDENT)]
        blank = [ending] if lines and lines[-1].strip() else []
        return "".join([*lines, *blank, *(f"{line}{ending}" for line in written)])
    key, value = pairs[place]
    indent = _indent_of(value)
    if indent is None:
        return None
    end = pairs[place + 1][0].start_mark.line if place + 1 < len(pairs) else len(lines)
    at = _last_line(lines, key.start_mark.line + 1, end)
    written = list(_lines(entries, indent))
    return "".join([*lines[:at], *(f"{line}{ending}" for line in written), *lines[at:]])


def _indent_of(value: yaml.Node) -> int | None:
    """Return how far the entries of a section are indented; None where they are written otherwise."""
    match value:
        case yaml.MappingNode(flow_style=False):
            return int(value.start_mark.column)
        case yaml.ScalarNode(value=""):
            return _INDENT
        case _:
            return None


def _last_line(lines: list[str], start: int, end: int) -> int:
    """Return the line after the last one of a section: what follows at its margin, blank or comment, is not its own."""
    while end > start and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return end


def _lines(entries: Mapping[str, object], indent: int) -> Iterator[str]:
    """Yield the lines of a mapping in block style; what is inside of a list, or of a small mapping, in flow style."""
    margin = " " * indent
    for name, value in entries.items():
        if isinstance(value, Mapping) and not _is_small(value):
            yield f"{margin}{_word(name)}:"
            yield from _lines(value, indent + _INDENT)
        else:
            yield f"{margin}{_word(name)}: {_flow(value)}"


def _is_small(value: Mapping[str, object]) -> bool:
    return len(value) == 1 and all(each is True for each in value.values())


def _flow(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return _word(value)
        case list():
            return f"[{', '.join(_flow(each) for each in value)}]"
        case Mapping():
            return f"{{{', '.join(f'{_word(str(name))}: {_flow(each)}' for name, each in value.items())}}}"
    return json.dumps(value)


def _word(text: str) -> str:
    """Return a text as YAML has it: plain where every reader takes it for a text, else in double quotes as JSON has."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    return _ESCAPED.sub(_escape, json.dumps(text, ensure_ascii=False))


def _escape(character: re.Match[str]) -> str:
    return f"\\u{ord(character[0]):04x}"
