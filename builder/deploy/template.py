"""A template as data: YAML with CloudFormation's short forms, or JSON, read and written; pure."""

from collections.abc import Mapping
from typing import Any

import yaml

_WITHOUT_FN = frozenset({"Ref", "Condition"})


class _Loader(yaml.CSafeLoader):
    """Reads short-form intrinsics into their long forms, and dates as the texts that CloudFormation takes them for."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # the third kind of node
    return {suffix if suffix in _WITHOUT_FN else f"Fn::{suffix}": value}


def _as_text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_multi_constructor("!", _intrinsic)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)


def read_template(text: object) -> dict[str, Any]:
    """Return a template as data, intrinsics in their long forms; what is no template is an empty one.

    Takes what GetTemplate answers: a text, or for a JSON template what botocore read it to.
    """
    if isinstance(text, Mapping):
        return dict(text)
    try:
        read = yaml.load(str(text), Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        return {}
    return read if isinstance(read, dict) else {}


def write_template(template: Mapping[str, Any]) -> str:
    """Return a template as YAML, intrinsics in their long forms, in the order of the data."""
    return str(yaml.safe_dump(dict(template), sort_keys=False, width=120))


def resources_of(template: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the resources by logical id; what is no resource is left out."""
    listed = template.get("Resources")
    found = listed if isinstance(listed, Mapping) else {}
    return {str(name): one for name, one in found.items() if isinstance(one, Mapping)}


def properties_of(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a resource's properties; none if it has none."""
    listed = resource.get("Properties")
    return listed if isinstance(listed, Mapping) else {}
