"""Systems Manager: plain parameters, read, written and deleted.

Sources: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
and, there, API_PutParameter.html and API_DeleteParameter.html
"""

from typing import Any

from fake_aws.calls import Operation, Reply, Request, mutates, reads
from fake_aws.refusals import AwsRefusal, Unsupported

_STANDARD = 4096
"""Characters that a parameter of the standard tier holds."""


def get_parameter(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetParameter, of a plain text."""
    name, world = params["Name"], request.world
    place = (request.account, request.region, name)
    value = world.ssm_values.get(place)
    if "stale" in request.call.faults:
        then = world.now - world.faults.random.uniform(0, world.faults.max_age_s)
        value = next((before for changed, before in world.ssm_past.get(place, []) if changed > then), value)
    if value is None:
        raise AwsRefusal("ParameterNotFound", "", status=400)
    return {"Parameter": {"Name": name, "Type": "String", "Value": value, "Version": 1}}


def put_parameter(request: Request, params: dict[str, Any]) -> Reply:
    """Write a plain text, in the place of another where that is said."""
    name, value = params["Name"], params["Value"]
    if params.get("Type") != "String":
        raise Unsupported(f"PutParameter of type {params.get('Type')}")
    place = (request.account, request.region, name)
    if place in request.world.ssm_values and not params.get("Overwrite", False):
        words = (
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
        )
        raise AwsRefusal("ParameterAlreadyExists", words, status=400)
    if len(value) > _STANDARD:
        raise AwsRefusal("ValidationException", f"Standard tier parameters support a maximum of {_STANDARD} characters")
    _keep_past(request, place)
    request.world.ssm_values[place] = value
    return {"Version": 1, "Tier": "Standard"}


def delete_parameter(request: Request, params: dict[str, Any]) -> Reply:
    """Delete a parameter."""
    place = (request.account, request.region, params["Name"])
    if place not in request.world.ssm_values:
        raise AwsRefusal("ParameterNotFound", "", status=400)
    _keep_past(request, place)
    del request.world.ssm_values[place]
    return {}


def _keep_past(request: Request, place: tuple[str, str, str]) -> None:
    """Keep what a stale read shows: each value with the time at which it was no more."""
    world = request.world
    world.ssm_past.setdefault(place, []).append((world.now, world.ssm_values.get(place)))


OPERATIONS: dict[str, Operation] = {
    "DeleteParameter": mutates(delete_parameter, "Name"),
    "GetParameter": reads(get_parameter, "Name"),
    "PutParameter": mutates(put_parameter, "Name", "Value", "Type", "Overwrite", "Description"),
}
