"""A template as data: YAML with CloudFormation's short forms, or JSON, read and written; pure."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from builder.assembly import template_text
from builder.errors import BadInput

_REFERENCE = re.compile(r"\$\{([^!}][^}]*)\}")


def read_template(text: object) -> dict[str, Any]:
    """Return a template as data, intrinsics in their long forms; what is no template is an empty one.

    Takes what GetTemplate answers: a text, or for a JSON template what botocore read it to.
    """
    if isinstance(text, Mapping):
        return dict(text)
    try:
        return template_text.read_template(str(text), where="template")
    except BadInput:
        return {}


def write_template(template: Mapping[str, Any]) -> str:
    """Return a template as YAML, intrinsics in their long forms, in the order of the data."""
    return str(yaml.safe_dump(dict(template), sort_keys=False, width=120))


def resolve(value: object, values: Mapping[str, str]) -> str | None:
    """Return a text with its parameters put in; None for one that takes more than Ref and Fn::Sub to know."""
    match value:
        case str():
            return value
        case {"Ref": str(name)}:
            return values.get(name)
        case {"Fn::Sub": str(text)}:
            filled = _REFERENCE.sub(lambda found: values.get(found[1], found[0]), text)
            return None if _REFERENCE.search(filled) else filled
    return None


def resources_of(template: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the resources by logical id; what is no resource is left out."""
    listed = template.get("Resources")
    found = listed if isinstance(listed, Mapping) else {}
    return {str(name): one for name, one in found.items() if isinstance(one, Mapping)}


def properties_of(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a resource's properties; none if it has none."""
    listed = resource.get("Properties")
    return listed if isinstance(listed, Mapping) else {}
