"""Templates as text for people: YAML with short-form intrinsics, everything in the order a reader wants."""

import re
from typing import Any

import yaml

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
# A blank line goes before every section and before every resource, parameter and output but a section's first. None
# goes after a blank line: that one ends a text, and one more would become part of it.
_BLOCK_START = re.compile(r"(?<!\n\n)^(?=[A-Za-z])|(?<!:\n)(?<!\n\n)^(?=  [A-Za-z])", re.MULTILINE)
# Line breaks to YAML 1.1, though not to people; a block or a plain text would turn them into others.
_ODD_BREAKS = re.compile("[\x85\u2028\u2029]")


class _Tagged(str):
    """A text that is written with a tag, `!Sub ...`."""

    __slots__ = ("tag",)
    tag: str


class _Dumper(yaml.SafeDumper):
    """PyYAML's dumper, told how people write templates."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, indentless=False)

    def choose_scalar_style(self) -> str:
        # Left to itself it quotes everything that has a tag: !Ref 'Bucket'.
        style = str(super().choose_scalar_style())
        event, analysis = self.event, self.analysis
        if not isinstance(event, yaml.ScalarEvent) or analysis is None:
            return style
        tagged = (event.tag or "").startswith("!")
        return "" if tagged and not analysis.multiline and analysis.allow_block_plain else style

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - a template with anchors reads badly
        return True


def _represent_tagged(dumper: _Dumper, value: _Tagged) -> yaml.ScalarNode:
    return dumper.represent_scalar(value.tag, str(value))


def _represent_text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = '"' if _ODD_BREAKS.search(value) else "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(_Tagged, _represent_tagged)
_Dumper.add_representer(str, _represent_text)


class _Loader(yaml.CSafeLoader):
    """PyYAML's loader, told the short forms; dates are the texts that CloudFormation takes them for."""


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


_Loader.add_multi_constructor("!", _construct_short)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _construct_text)


def write_template(template: dict[str, Any]) -> bytes:
    """Return a template's YAML in UTF-8; the same bytes for the same template.

    Short forms: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
    """
    resources = {title: _in_order(resource) for title, resource in template["Resources"].items()}
    ordered = {name: (template | {"Resources": resources})[name] for name in _SECTIONS if name in template}
    text = yaml.dump(_shorten(ordered), Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)
    return _BLOCK_START.sub("\n", text).removeprefix("\n").encode()


def read_template(text: bytes | str, where: str) -> dict[str, Any]:
    """Return a template as data, whether YAML or JSON, intrinsics in their long forms.

    Raises BadInput, `where` being the file's name.
    """
    try:
        read = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader with CloudFormation's tags
    except yaml.YAMLError as error:
        raise BadInput(where=where, what=f"is no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(read, dict):
        raise BadInput(where=where, what="is no template")
    return read


def _in_order(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: resource[name] for name in _ATTRIBUTES if name in resource}


def _shorten(value: object) -> object:
    if isinstance(value, list):
        return [_shorten(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and (name := next(iter(value))) in _SCALAR_TAGS:
        argument = value[name]
        if name == "Fn::GetAtt":
            argument = ".".join(argument)
        tagged = _Tagged(argument)
        tagged.tag = _SCALAR_TAGS[name]
        return tagged
    return {name: _shorten(item) for name, item in value.items()}
