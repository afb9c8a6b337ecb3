"""Systems Manager's parameters, of type String: put by a call or by a stack, read, tagged, deleted.

Sources: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html, API_GetParameter,
API_GetParameters, API_DeleteParameter, API_AddTagsToResource, API_ListTagsForResource and
https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
"""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fake_aws.calls import Operation, Reply, Request, mutates, reads
from fake_aws.refusals import AwsRefusal, Unsupported

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World

_LIMIT = 4096
_NAME = re.compile(r"/?[\w.-]+(?:/[\w.-]+)*", re.ASCII)
_RESERVED = re.compile(r"/?(?:aws|ssm)", re.IGNORECASE)
_REFERENCE = re.compile(r"\{\{.*\}\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as it stands; every change makes another."""

    value: str
    changed: datetime
    version: int = 1
    kind: str = "String"
    tags: Mapping[str, str] = field(default_factory=dict)
    """In the order in which they were added."""


class Values(MutableMapping[tuple[str, str, str], str]):
    """The values of a world's parameters by account, region and name, for a test's hand."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def __getitem__(self, where: tuple[str, str, str]) -> str:
        account, region, name = where
        return self._world.region(account, region).parameters[name].value

    def __setitem__(self, where: tuple[str, str, str], value: str) -> None:
        account, region, name = where
        with self._world.changing((account, region)):
            self._world.region(account, region).parameters[name] = Parameter(value, self._world.datetime())

    def __delitem__(self, where: tuple[str, str, str]) -> None:
        account, region, name = where
        with self._world.changing((account, region)):
            del self._world.region(account, region).parameters[name]

    def __iter__(self) -> Iterator[tuple[str, str, str]]:
        for account, region in self._world.wheres():
            yield from ((account, region, name) for name in self._world.region(account, region).parameters)

    def __len__(self) -> int:
        return sum(1 for _ in self)


# -- calls -------------------------------------------------------------------------------------------------------------


def put_parameter(request: Request, params: dict[str, Any]) -> Reply:
    """Answer PutParameter: a new one, or with Overwrite another value as the next version."""
    name, there = params["Name"], request.parameters.get(params["Name"])
    if there is not None and not params.get("Overwrite"):
        raise AwsRefusal(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        )
    _check(name, params)
    if there is None and "Type" not in params:
        raise _invalid("A parameter type is required when you create a parameter.")
    made = Parameter(params["Value"], request.world.datetime(), tags=_tags(params.get("Tags", [])))
    if there is not None:
        made = replace(made, version=there.version + 1, tags=there.tags)
    request.parameters[name] = made
    return {"Version": made.version, "Tier": "Standard"}


def _check(name: str, params: dict[str, Any]) -> None:
    if params.get("Type", "String") != "String":
        raise Unsupported(f"a parameter of the type {params['Type']}")
    if not _NAME.fullmatch(name) or ("/" in name and not name.startswith("/")):
        raise _invalid(f"Parameter name must be a fully qualified name: {name}")
    if _RESERVED.match(name):
        raise _invalid('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).')
    if not params["Value"]:
        raise _invalid("Parameter values can't be empty.")
    if len(params["Value"]) > _LIMIT:
        raise _invalid(f"Standard tier parameters support a maximum parameter value of {_LIMIT} characters.")
    if _REFERENCE.search(params["Value"]):
        raise _invalid("Parameter value can't nest another parameter. Do not use {{}} in the value.")
    if params.get("Overwrite") and params.get("Tags"):
        raise _invalid("Invalid request: tags and overwrite can't be used together.")


def get_parameter(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetParameter."""
    return {"Parameter": _shown(request, params["Name"], _parameter(request, params["Name"]))}


def get_parameters(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetParameters: ten at most; those that are not there are told by name."""
    names = params["Names"]
    if len(names) > 10:
        raise _invalid("Member must have length less than or equal to 10")
    there = {name: request.parameters[name] for name in sorted(names) if _plain(name) in request.parameters}
    return {
        "Parameters": [_shown(request, *each) for each in there.items()],
        "InvalidParameters": sorted(set(names) - there.keys()),
    }


def delete_parameter(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteParameter; a stack's goes too, and the stack does not notice."""
    _parameter(request, params["Name"])
    del request.parameters[params["Name"]]
    return {}


def add_tags_to_resource(request: Request, params: dict[str, Any]) -> Reply:
    """Answer AddTagsToResource."""
    there = _tagged(request, params)
    request.parameters[params["ResourceId"]] = replace(there, tags={**there.tags, **_tags(params["Tags"])})
    return {}


def list_tags_for_resource(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListTagsForResource."""
    return {"TagList": [{"Key": key, "Value": value} for key, value in _tagged(request, params).tags.items()]}


def _tagged(request: Request, params: dict[str, Any]) -> Parameter:
    if params["ResourceType"] != "Parameter":
        raise Unsupported(f"tags of a {params['ResourceType']}")
    there = request.parameters.get(params["ResourceId"])
    if there is None:
        raise AwsRefusal("InvalidResourceId", "")
    return there


def _parameter(request: Request, name: str) -> Parameter:
    there = request.parameters.get(_plain(name))
    if there is None:
        raise AwsRefusal("ParameterNotFound", "")
    return there


def _plain(name: str) -> str:
    if ":" in name:
        raise Unsupported(f"the parameter {name}: neither ARNs, versions nor labels are known")
    return name


def _shown(request: Request, name: str, there: Parameter) -> dict[str, Any]:
    return {
        "Name": name,
        "Type": there.kind,
        "Value": there.value,
        "Version": there.version,
        "LastModifiedDate": there.changed,
        "ARN": f"arn:aws:ssm:{request.region}:{request.account}:parameter/{name.removeprefix('/')}",
        "DataType": "text",
    }


def _tags(given: list[dict[str, str]]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in given}


def _invalid(text: str) -> AwsRefusal:
    return AwsRefusal("ValidationException", text)


OPERATIONS: dict[str, Operation] = {
    "PutParameter": mutates(put_parameter, "Name", "Value", "Type", "Overwrite", "Description", "Tags"),
    "GetParameter": reads(get_parameter, "Name"),
    "GetParameters": reads(get_parameters, "Names"),
    "DeleteParameter": mutates(delete_parameter, "Name"),
    "AddTagsToResource": mutates(add_tags_to_resource, "ResourceType", "ResourceId", "Tags"),
    "ListTagsForResource": reads(list_tags_for_resource, "ResourceType", "ResourceId"),
}


# -- stacks ------------------------------------------------------------------------------------------------------------


def create(world: "World", place: "Place", resource: "Resource") -> None:
    """Keep the value of a parameter that a stack makes."""
    held = world.region(place.account, place.region).parameters
    properties = resource.properties
    held[str(resource.physical_id)] = Parameter(
        str(properties["Value"]), world.datetime(), kind=str(properties.get("Type", "String")), tags=_of_stack(resource)
    )


def update(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Keep another value, as the next version."""
    held, name = world.region(place.account, place.region).parameters, str(resource.physical_id)
    value = str(resource.properties["Value"])
    if (there := held.get(name)) is None:
        create(world, place, resource)
    elif there.value != value:
        held[name] = replace(there, value=value, version=there.version + 1, changed=world.datetime())


def delete(world: "World", place: "Place", resource: "Resource") -> None:
    """Forget the value; one that is gone already is no error."""
    world.region(place.account, place.region).parameters.pop(str(resource.physical_id), None)


def live(world: "World", place: "Place", name: str) -> dict[str, Any] | None:
    """Return the properties of what stands under a name, or None."""
    there = world.region(place.account, place.region).parameters.get(name)
    return None if there is None else {"Name": name, "Type": there.kind, "Value": there.value}


def _of_stack(resource: "Resource") -> dict[str, str]:
    own = resource.properties.get("Tags") or {}
    return {**resource.tags, **own}
