"""Another primary region for a dr.yaml, as text: two names change places, and all else stays byte for byte; pure.

`regions.born` is written where it is not there yet: functions and the key keep the names and the home that the primary
of their first day gave them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from builder.config.document import ConfigFault, KeyPath, Lines, NotYaml, YamlDocument, errors_of, read_document
from builder.errors import BadInput, did_you_mean, gathered
from builder.terms import Region

_BOM = b"\xef\xbb\xbf"
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r"""(?P<quote>["']?)(?P<text>[^"'\n\r]*)(?P=quote)""")


def with_primary(raw: bytes, to: Region, where: str) -> bytes:
    """Return the bytes of a dr.yaml whose primary and this secondary have changed places.

    Each region is written in the quotes of the place that it goes to. Raises BadInput for a region that is no
    secondary, for a file that says no regions, and for one in a form in which nothing is changed safely: anchors and
    tags, texts over several lines. The error then shows what to write by hand.
    """
    document = _read(raw, where)
    regions = _regions(document, where)
    if to not in regions.secondaries:
        known = ", ".join(regions.secondaries)
        what = (
            "is the primary already"
            if to == regions.primary
            else f"is no secondary{did_you_mean(to, regions.secondaries)}"
        )
        raise BadInput(where=f"{where}: regions", what=f"{to} {what}", next_step=f"the secondaries are {known}")
    new_regions = regions.swapped(to)
    text = raw.removeprefix(_BOM).decode()
    made = b"" if (swapped := _swapped(text, regions, to)) is None else swapped.encode()
    made = _BOM + made if raw.startswith(_BOM) else made
    if not _says(document, made, new_regions):
        raise BadInput(
            where=f"{where}: regions",
            what="is written in a form in which the two regions are not changed by a machine: each has to be a plain "
            "or quoted text on one line, without anchors and tags",
            next_step=f"write by hand, then the same again:\n{new_regions.text}",
        )
    return made


@dataclass(frozen=True, slots=True)
class _Regions:
    """What a file says of its regions."""

    primary: str
    secondaries: tuple[str, ...]
    born: str | None

    def swapped(self, to: str) -> "_Regions":
        others = tuple(self.primary if region == to else region for region in self.secondaries)
        return _Regions(to, others, self.born or self.primary)

    @property
    def text(self) -> str:
        """The section as people would write it."""
        return (
            f"regions:\n  primary: {self.primary}\n  secondaries: [{', '.join(self.secondaries)}]\n  born: {self.born}"
        )


def _read(raw: bytes, where: str) -> YamlDocument:
    try:
        document = read_document(raw)
    except NotYaml as error:
        raise BadInput(where=f"{where}:{error.line}", what=error.what) from error
    if document.faults:
        raise gathered(errors_of(document.faults, Lines(where, document.lines)))
    return document


def _regions(document: YamlDocument, where: str) -> _Regions:
    section = document.data.get("regions") if isinstance(document.data, dict) else None
    if isinstance(section, dict):
        primary, secondaries, born = section.get("primary"), section.get("secondaries"), section.get("born")
        listed = [region for region in secondaries if isinstance(region, str)] if isinstance(secondaries, list) else []
        if isinstance(primary, str) and listed and listed == secondaries:
            return _Regions(primary, tuple(listed), born if isinstance(born, str) else None)
    fault = ConfigFault(("regions",), "says no primary and secondaries")
    raise gathered(errors_of([fault], Lines(where, document.lines)))


def _says(before: YamlDocument, made: bytes, regions: _Regions) -> bool:
    """Return whether a file says what it said before, with these regions."""
    try:
        after = read_document(made)
    except NotYaml:
        return False
    old = before.data if isinstance(before.data, dict) else {}
    section = {"primary": regions.primary, "secondaries": list(regions.secondaries), "born": regions.born}
    expected = {**old, "regions": {**old.get("regions", {}), **section}}
    return after.data == expected and not after.faults and _others(after.words) == _others(before.words)


def _others(words: Mapping[KeyPath, str]) -> dict[KeyPath, str]:
    return {place: word for place, word in words.items() if place[:1] != ("regions",)}


def _swapped(text: str, regions: _Regions, to: str) -> str | None:
    """Return the text with the two names swapped and `born` written; None where its form does not allow that."""
    section = _value(yaml.compose(text, Loader=yaml.CSafeLoader), "regions")
    primary, listed = _value(section, "primary"), _value(section, "secondaries")
    if primary is None or not isinstance(listed, yaml.SequenceNode) or not isinstance(section, yaml.MappingNode):
        return None
    secondary = listed.value[regions.secondaries.index(to)]
    edits = [_named(text, primary, regions.primary, to), _named(text, secondary, to, regions.primary)]
    if regions.born is None:
        edits.append(_born(text, section, regions.primary))
    for edit in sorted(filter(None, edits), key=lambda edit: edit.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text if None not in edits else None


@dataclass(frozen=True, slots=True)
class _Edit:
    """What takes the place of some characters."""

    start: int
    end: int
    text: str


def _key(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((key for key, _ in pairs if key.value == name), None)


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _requoted(text: str, node: yaml.Node, name: str) -> str | None:
    """Return a name as a text of one line is written; None where it has no such form."""
    written = _QUOTED.fullmatch(text[node.start_mark.index : node.end_mark.index])
    return f"{written['quote']}{name}{written['quote']}" if written and written["text"] == node.value else None


def _named(text: str, node: yaml.Node, before: str, after: str) -> _Edit | None:
    """Return the edit that puts another name into a text's quotes."""
    name = _requoted(text, node, after) if node.value == before else None
    return None if name is None else _Edit(node.start_mark.index, node.end_mark.index, name)


def _born(text: str, section: yaml.MappingNode, region: str) -> _Edit | None:
    """Return the edit that says where the system was born, in the style of `primary`."""
    key, primary, empty = _key(section, "primary"), _value(section, "primary"), _value(section, "born")
    name = None if key is None else _requoted(text, key, "born")
    region_text = None if primary is None else _requoted(text, primary, region)
    if key is None or primary is None or name is None or region_text is None:
        return None
    if empty is not None:
        start, end = empty.start_mark.index, empty.end_mark.index
        return _Edit(start, end, f" {region_text}" if start == end else region_text)
    end = primary.end_mark.index
    if section.flow_style:
        return _Edit(end, end, f", {name}: {region_text}")
    line = f"{' ' * key.start_mark.column}{name}: {region_text}"
    if line_break := _LINE_BREAK.search(text, end):
        return _Edit(line_break.end(), line_break.end(), f"{line}{line_break[0]}")
    ending = first_break[0] if (first_break := _LINE_BREAK.search(text)) else "\n"
    return _Edit(len(text), len(text), f"{ending}{line}")
