"""Reads a template as CloudFormation does: JSON, or YAML with its short forms.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from fake_aws.json_value import Json
from fake_aws.refusals import Unsupported, validation_error

_SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion",
        "Description",
        "Metadata",
        "Parameters",
        "Rules",
        "Mappings",
        "Conditions",
        "Resources",
        "Outputs",
    }
)
_UNKNOWN_TO_US = frozenset({"Transform", "Hooks"})
_RESOURCE_KEYS = frozenset(
    {"Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"}
)
_POLICIES = frozenset({"Delete", "Retain", "RetainExceptOnCreate"})
_SUBSTITUTION = re.compile(r"\$\{([^!][^}]*)\}")


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's tags; dates stay text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # the third kind of node there is
    return {name: value}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    mapping = loader.construct_mapping(node, deep=True)
    if len(mapping) != len(node.value):
        raise validation_error("Template format error: YAML not well-formed. (duplicate key)")
    return mapping


_Loader.add_multi_constructor("!", _short_form)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


@dataclass(frozen=True, slots=True)
class Template:
    """A template's sections; the fake reads them and never writes into them."""

    description: str | None
    parameters: dict[str, dict[str, Any]]
    mappings: dict[str, Any]
    conditions: dict[str, Any]
    resources: dict[str, dict[str, Any]]
    outputs: dict[str, dict[str, Any]]
    metadata: dict[str, Any]
    rules: dict[str, Any]
    needs: dict[str, frozenset[str]]
    """Per resource those that must be done before it."""


def named_in(resource: Mapping[str, Any]) -> frozenset[str]:
    """Return what a resource names: by DependsOn, Ref, GetAtt and Sub."""
    explicit = resource.get("DependsOn", [])
    named = {explicit} if isinstance(explicit, str) else set(explicit)
    return frozenset(named | {name for name, _ in references(resource.get("Properties", {}))})


def references(value: Json) -> Iterator[tuple[str, str | None]]:
    """Yield every name a value refers to, with the attribute where it is one (`("Role", "Arn")`)."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref":
                yield (item, None)
            elif key == "Fn::GetAtt":
                name, attribute = item if isinstance(item, list) else item.split(".", 1)
                yield (name, attribute)
            elif key == "Fn::Sub":
                yield from _sub_references(item)
            else:
                yield from references(item)


def _sub_references(value: Json) -> Iterator[tuple[str, str | None]]:
    text, given = (value, {}) if isinstance(value, str) else value
    yield from references(list(given.values()))
    for name in _SUBSTITUTION.findall(text):
        if name not in given:
            head, _, attribute = name.strip().partition(".")
            yield (head, attribute or None)


@functools.lru_cache(maxsize=1024)  # as many stacks as a test has, or each would be read again and again
def read(body: str) -> Template:
    """Return the template, or raise CloudFormation's refusal of its form."""
    try:
        parsed = yaml.load(body, _Loader)  # noqa: S506  a SafeLoader with CloudFormation's tags
    except yaml.YAMLError as error:
        raise validation_error(f"Template format error: YAML not well-formed. {error}") from None
    if not isinstance(parsed, dict):
        raise validation_error("Template format error: unsupported structure.")
    if known := parsed.keys() & _UNKNOWN_TO_US:
        raise Unsupported(f"the fake does not know the template sections {sorted(known)}")
    if unknown := parsed.keys() - _SECTIONS:
        raise validation_error(f"Invalid template property or properties [{', '.join(sorted(unknown))}]")
    if not parsed.get("Resources"):
        raise validation_error("Template format error: At least one Resources member must be defined.")
    resources = parsed["Resources"]
    _check_resources(resources)
    template = Template(
        description=parsed.get("Description"),
        parameters=parsed.get("Parameters") or {},
        mappings=parsed.get("Mappings") or {},
        conditions=parsed.get("Conditions") or {},
        resources=resources,
        outputs=parsed.get("Outputs") or {},
        metadata=parsed.get("Metadata") or {},
        rules=parsed.get("Rules") or {},
        needs={lid: named_in(each) & resources.keys() - {lid} for lid, each in resources.items()},
    )
    _check_references(template)
    return template


def _check_resources(resources: Mapping[str, Mapping[str, Any]]) -> None:
    for logical_id, resource in resources.items():
        if not re.fullmatch(r"[A-Za-z0-9]+", logical_id):
            raise validation_error(f"Template format error: Resource name {logical_id} is non alphanumeric.")
        if "Type" not in resource:
            raise validation_error(
                f"Template format error: [/Resources/{logical_id}] Every Resources object must contain a Type member."
            )
        for attribute in ("DeletionPolicy", "UpdateReplacePolicy"):
            if resource.get(attribute, "Delete") not in _POLICIES:
                raise Unsupported(f"{logical_id}: the fake does not know {attribute} {resource[attribute]}")
        if unknown := resource.keys() - _RESOURCE_KEYS:
            raise Unsupported(f"{logical_id}: the fake does not know the resource attributes {sorted(unknown)}")


def _check_references(template: Template) -> None:
    known = template.resources.keys() | template.parameters.keys()
    everything = [
        {key: value for key, value in each.items() if key != "Metadata"} for each in template.resources.values()
    ]
    outputs = list(template.outputs.values())
    for where, values in (("Resources", everything), ("Outputs", outputs)):
        pairs = set(references(values))
        lost = sorted({name for name, _ in pairs if name not in known and not name.startswith("AWS::")})
        if lost:
            raise validation_error(
                f"Template format error: Unresolved resource dependencies [{', '.join(lost)}] in the {where} block of"
                " the template"
            )
    _check_circles(template)


def _check_circles(template: Template) -> None:
    done: set[str] = set()

    def visit(logical_id: str, above: tuple[str, ...]) -> None:
        if logical_id in above:
            circle = above[above.index(logical_id) :]
            raise validation_error(f"Circular dependency between resources: [{', '.join(circle)}]")
        for needed in sorted(template.needs[logical_id] - done):
            visit(needed, (*above, logical_id))
        done.add(logical_id)

    for each in template.resources:
        visit(each, ())
