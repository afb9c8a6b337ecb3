"""AWS::FIS::ExperimentTemplate, which the emulator has not.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-fis-experimenttemplate.html
"""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from builder.local.adapter.fis_laboratory import Laboratory, NotFound
from builder.local.adapter.fis_template import Invalid
from builder.local.adapter.refusals import Refused

Properties = Mapping[str, Any]
Created = tuple[str, Mapping[str, str]]

TYPE = "AWS::FIS::ExperimentTemplate"

# Maps whose keys are the user's own words and stay as they are written.
_FREE = frozenset({"Actions", "Parameters", "ResourceTags", "Tags", "Targets"})


def install(resources: MutableMapping[str, Any], laboratory: Laboratory) -> None:
    """Add the type."""
    resources[TYPE] = {
        "create": partial(_create, laboratory),
        "update": partial(_update, laboratory),
        "delete": partial(_delete, laboratory),
    }


def _create(laboratory: Laboratory, logical_id: str, props: Properties, stack_name: str) -> Created:
    del logical_id, stack_name
    with _refusing():
        identifier = laboratory.create_template(make_request(props))["id"]
    return identifier, {"Id": identifier}


def _update(laboratory: Laboratory, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
    del old, stack_name
    with _refusing():
        laboratory.update_template(physical_id, make_request(new))
    return physical_id, {"Id": physical_id}


def _delete(laboratory: Laboratory, physical_id: str, props: Properties) -> None:
    """Delete the template, or find it gone."""
    del props
    try:
        laboratory.delete_template(physical_id)
    except NotFound:
        return


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except (Invalid, NotFound) as error:
        raise Refused(str(error), service="Fis") from error


def make_request(props: Properties) -> dict[str, Any]:
    """Return the properties in the shape of the API: the same words, beginning in lower case."""
    return {_lower(name): _convert(value, free=name in _FREE) for name, value in props.items()}


def _convert(value: Any, *, free: bool) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, list):
        return [_convert(one, free=False) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name if free else _lower(name): _convert(one, free=not free and name in _FREE) for name, one in value.items()
    }


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]
