"""Templates as text: written for people and for every YAML reader, and read as CloudFormation reads them.

The writer comes first, then the reader, then the comparison of two templates, as far as GetTemplate shows them; last
the place of one in S3. The writer writes YAML with short-form intrinsics, everything in the order a reader wants; it
quotes a text that some reader of YAML 1.1 or 1.2 could take for a number, a date or a boolean.
"""

import functools
import io
import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from yaml.emitter import Emitter, ScalarAnalysis

from builder.errors import BadInput

_SECTIONS = (
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Rules",
    "Conditions",
    "Transform",
    "Resources",
    "Outputs",
)
_ATTRIBUTES = ("Type", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata", "Properties")
# The short forms of the functions whose argument is a text.
_SCALAR_TAGS = {"Ref": "!Ref", "Fn::Sub": "!Sub", "Fn::GetAtt": "!GetAtt"}
# A blank line goes before every section and before every resource, parameter and output but a section's first. A
# blank line gets no second one: the first ends a text, and the second would become part of it.
_BLOCK_START = re.compile(r"(?<!\n\n)^(?=[A-Za-z])|(?<!:\n)(?<!\n\n)^(?=  [A-Za-z])", re.MULTILINE)
# Line breaks for YAML 1.1, though not for people; a block or a plain text would turn them into others.
_ODD_BREAKS = re.compile("[\x85\u2028\u2029]")
_NOT_ASCII = re.compile("[^\x00-\x7f]")
# What a reader of YAML 1.1 or 1.2 may take for a number, a date, a boolean, null or a merge. PyYAML only knows 1.1,
# and not all of it: it leaves 012345678901, 12e4567, 0o14 and y without quotes.
_MAYBE_NO_TEXT = re.compile(r"[-+.]|[0-9]|(?:~|=|<<|y|n|yes|no|on|off|true|false|null)?\Z", re.IGNORECASE)


class _Tagged(str):
    """A text that is written with a tag, `!Sub ...`."""

    __slots__ = ("tag",)
    tag: str


# Templates repeat the same keys and types, and PyYAML reads each character each time.
_analyzed = functools.lru_cache(maxsize=1024)(Emitter(io.StringIO(), allow_unicode=True).analyze_scalar)


class _Dumper(yaml.SafeDumper):
    """PyYAML's dumper, set to write templates as people do."""

    def analyze_scalar(self, scalar: str) -> ScalarAnalysis:
        return _analyzed(scalar) if self.allow_unicode else super().analyze_scalar(scalar)

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)

    def choose_scalar_style(self) -> str:
        # By default it quotes everything that has a tag: !Ref 'Bucket'.
        style = str(super().choose_scalar_style())
        event, analysis = self.event, self.analysis
        if not isinstance(event, yaml.ScalarEvent) or analysis is None:
            return style
        tagged = (event.tag or "").startswith("!")
        plain = not analysis.multiline and analysis.allow_block_plain and not may_be_no_text(event.value)
        return "" if tagged and plain else style

    def write_double_quoted(self, text: str, split: bool = True) -> None:  # noqa: FBT001, FBT002 - PyYAML's own
        # Without escapes GetTemplate would show each character beyond ASCII as a `?`; escaped it is exact both ways.
        allowed, self.allow_unicode = self.allow_unicode, False
        super().write_double_quoted(text, split)
        self.allow_unicode = allowed

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - CloudFormation refuses a template with aliases
        return True


def may_be_no_text(text: str) -> bool:
    """Return whether a reader of YAML 1.1 or 1.2 could take a text without quotes for something else.

    Source: https://yaml.org/type/ and https://yaml.org/spec/1.2.2/#103-core-schema
    """
    return _MAYBE_NO_TEXT.match(text) is not None


def _represent_tagged(dumper: _Dumper, value: _Tagged) -> yaml.ScalarNode:
    return dumper.represent_scalar(value.tag, str(value), style=_style(value))


def _represent_text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=_style(value))


def _style(text: str) -> str | None:
    """Return the quotes that a text needs; None if PyYAML may omit them."""
    if _ODD_BREAKS.search(text):
        return '"'
    if "\n" in text:
        return "|"
    if _NOT_ASCII.search(text):
        return '"'
    return "'" if may_be_no_text(text) else None


_Dumper.add_representer(_Tagged, _represent_tagged)
_Dumper.add_representer(str, _represent_text)


class _Loader(yaml.CSafeLoader):
    """PyYAML's loader, with the short forms, and with CloudFormation's rules for what is not a text.

    No merges, no dates, no numbers but JSON's: 0060, 12:30, 1_000 and 0x1F are texts, and so is a number that would
    not be written the same way again, such as 11.10.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 - it replaces PyYAML's


_STANDARD = "tag:yaml.org,2002:"
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z")
_BOOLEAN = re.compile(r"(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)\Z")
_Loader.add_implicit_resolver(f"{_STANDARD}float", _NUMBER, list("-0123456789"))
_Loader.add_implicit_resolver(f"{_STANDARD}bool", _BOOLEAN, list("yYnNtTfFoO"))
_Loader.add_implicit_resolver(f"{_STANDARD}null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])


def _construct_short(
    loader: _Loader, suffix: str, node: yaml.MappingNode | yaml.SequenceNode | yaml.ScalarNode
) -> dict[str, object]:
    value: object
    match node:
        case yaml.MappingNode():
            value = loader.construct_mapping(node, deep=True)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case yaml.ScalarNode():
            value = loader.construct_scalar(node)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


def _construct_text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


def _construct_number(loader: _Loader, node: yaml.ScalarNode) -> float | str:
    text = str(loader.construct_scalar(node))
    try:
        number = json.loads(text)
    except ValueError:  # no number after all, or one of thousands of digits
        return text
    return number if isinstance(number, int | float) and json.dumps(number) == text else text


_Loader.add_multi_constructor("!", _construct_short)
_Loader.add_constructor(f"{_STANDARD}timestamp", _construct_text)
_Loader.add_constructor(f"{_STANDARD}float", _construct_number)
_Loader.add_constructor(f"{_STANDARD}int", _construct_number)


def write_template(template: dict[str, Any]) -> bytes:
    """Return a template's YAML in UTF-8; the same bytes for the same template.

    Short forms: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
    """
    resources = {
        title: in_order(resource) if isinstance(resource, dict) else resource
        for title, resource in template.get("Resources", {}).items()
    }
    ordered = _first(_SECTIONS, template | {"Resources": resources})
    text = yaml.dump(_shorten(ordered), Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)
    return _BLOCK_START.sub("\n", text).removeprefix("\n").encode()


def in_order(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource whose attributes are in the order that a reader wants."""
    return _first(_ATTRIBUTES, resource)


def write_block(data: Mapping[str, Any]) -> str:
    """Return data as a block of YAML in ASCII, functions in their long forms; equal mappings give equal bytes."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, default_flow_style=False, width=sys.maxsize)


def parse_template(text: bytes | str, where: str) -> dict[str, Any]:
    """Return a template, YAML or JSON, as data, intrinsics in their long forms.

    Raises BadInput; `where` is the file's name.
    """
    text = text_of(text, where) if isinstance(text, bytes) else text
    try:
        read = read_json(text)
        if read is None:
            read = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader with CloudFormation's tags
    except RecursionError as error:
        raise BadInput(where=where, what=_TOO_DEEP) from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadInput(where=where, what=f"is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(read, dict):
        raise BadInput(where=where, what="is no template")
    _check_data(read, where)
    return read


def text_of(data: bytes, where: str) -> str:
    """Return a template's text, which is in UTF-8. Raises BadInput; `where` is the file's name."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"line {line}: the byte {data[error.start]:#04x} is not UTF-8: save the file in that encoding"
        raise BadInput(where=where, what=what) from error


def _check_data(read: object, where: str) -> None:
    """Raise BadInput if data is nested too deeply for recursion, or has text that no file can hold."""
    level, depth = [read], 0
    while level:
        depth += 1
        if depth > _MAX_DEPTH:
            raise BadInput(where=where, what=_TOO_DEEP)
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                below += (*value, *value.values())
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str) and not value.isascii() and _HALF.search(value):
                raise BadInput(where=where, what="has half of a surrogate pair, which is no character")
        level = below


_MAX_DEPTH = 100
_TOO_DEEP = f"has more than {_MAX_DEPTH} levels, one inside the other"
_HALF = re.compile("[\ud800-\udfff]")


def read_json(text: bytes | str) -> dict[str, Any] | None:
    """Return the data of a JSON template; None for any other. Raises RecursionError for one nested too deeply."""
    if text.lstrip()[:1] not in {"{", b"{"}:
        return None
    try:
        read = json.loads(text)
    except ValueError:  # YAML in braces
        return None
    return read if isinstance(read, dict) else None


def _first(names: tuple[str, ...], named: dict[str, Any]) -> dict[str, Any]:
    """Return the mapping with these names first, in this order, then all others in their own."""
    return {name: named[name] for name in names if name in named} | named


def _shorten(value: object) -> object:
    if isinstance(value, list):
        return [_shorten(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (name := next(iter(value))) in _SCALAR_TAGS:
        argument = value[name]
        if name == "Fn::GetAtt" and isinstance(argument, list) and all(isinstance(part, str) for part in argument):
            argument = ".".join(argument)
        # Fn::Sub with a map, and Fn::GetAtt of a referenced attribute, have no short form of one text.
        if isinstance(argument, str):
            tagged = _Tagged(argument)
            tagged.tag = _SCALAR_TAGS[name]
            return tagged
    return {name: _shorten(item) for name, item in value.items()}


class Comparison(Enum):
    """Whether a stack is deployed from a template, as far as GetTemplate shows it."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_KNOWN = "not known"
    """The same as far as GetTemplate shows it: only a change set tells."""


def compare_template(desired: str, deployed: object) -> Comparison:
    """Return whether GetTemplate's answer is the desired template.

    GetTemplate shows each character beyond ASCII as a `?` (aws-cloudformation/cloudformation-coverage-roadmap#814), and
    botocore parses JSON to objects: two of these are the same whatever the order of their keys, and a number whose text
    changes when it is parsed (11.10) may differ. A desired `?` in the place of a deployed character beyond ASCII cannot
    be told from a deployed `?`.
    """
    shown = _as_data(deployed)
    if shown is None:
        if desired == deployed:
            return Comparison.SAME
        return Comparison.NOT_KNOWN if masked(desired) == deployed else Comparison.DIFFERENT
    desired_data = _as_data(desired)
    if desired_data is None:
        return Comparison.DIFFERENT
    known = compare_data(desired_data, shown)
    return Comparison.NOT_KNOWN if known is Comparison.SAME and not _are_exact(desired) else known


def compare_data(desired: Mapping[str, Any], shown: Mapping[str, Any]) -> Comparison:
    """Return the comparison of two templates as data, whatever the order of their keys."""
    if _canonical(desired) == _canonical(shown):
        return Comparison.SAME
    alike = _canonical(desired, masked) == _canonical(shown, masked)
    return Comparison.NOT_KNOWN if alike else Comparison.DIFFERENT


def masked(text: str) -> str:
    """Return a text as GetTemplate shows it."""
    return _NOT_ASCII.sub("?", text)


def as_shown(template: object) -> str:
    """Return a text that is the same for two answers of GetTemplate with the same template."""
    data = _as_data(template)
    return str(template) if data is None else _canonical(data)


def _as_data(template: object) -> Mapping[str, Any] | None:
    """Return the data of a JSON template; None for one in YAML."""
    if isinstance(template, Mapping):
        return template
    try:
        return read_json(str(template))
    except RecursionError:
        return None


def _canonical(data: object, show: Callable[[str], str] = str) -> str:
    """Return data as one text, whatever the order of its keys; `show` is applied before they are sorted.

    In Python's own comparison true equals 1, and 1 equals 1.0.
    """
    written = json.dumps(data, ensure_ascii=False, default=str)
    return json.dumps(json.loads(show(written)), sort_keys=True, ensure_ascii=False)


def _are_exact(text: str) -> bool:
    """Return whether every number of a JSON text is written again as it is."""
    changed: list[str] = []

    def read(number: str) -> float:
        value = float(number)
        if json.dumps(value) != number:
            changed.append(number)
        return value

    json.loads(text, parse_float=read)
    return not changed


_VIRTUAL = re.compile(r"(?P<bucket>.+)\.s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$")
_PATH_STYLE = re.compile(r"s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?$")


@dataclass(frozen=True, slots=True)
class S3Location:
    """The place of a template in S3."""

    bucket: str
    key: str
    version: str | None = None


def find_object(url: str, endpoint: str = "") -> S3Location | None:
    """Return the place in S3 of a TemplateURL; None for any other URL.

    `endpoint` is S3's endpoint for our own client, which for an embedded AWS is none of AWS's host names.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    """
    _, netloc, rest, query, _ = urlsplit(url)
    host, path = netloc.partition(":")[0], unquote(rest.lstrip("/"))
    version = parse_qs(query).get("versionId", [None])[0]
    is_own = bool(endpoint) and netloc == urlsplit(endpoint).netloc
    if is_own or _PATH_STYLE.match(host):
        bucket, _, key = path.partition("/")
        return S3Location(bucket, key, version) if bucket and key else None
    if (match := _VIRTUAL.match(host)) and path:
        return S3Location(match["bucket"], path, version)
    return None
