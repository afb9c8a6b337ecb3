"""The actions on instances of a stack set: created, updated, deleted, read."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import uuid4

from builder.local.adapter.stack_set import role, run, target
from builder.local.adapter.stack_set.operations import matches, page
from builder.local.adapter.stack_set.records import (
    Instance,
    Operation,
    Parameters,
    Place,
    Result,
    StackSet,
    find,
    here,
)
from builder.local.adapter.stack_set.wire import Fault

Request = Mapping[str, Any]


def make_operation(stack_set: StackSet, action: str, places: Mapping[Place, str | None], request: Request) -> Operation:
    """Return an operation on some places, that has not begun; raises Fault where no role administers the set."""
    roles = role.roles_of(stack_set.definition, stack_set.home)
    role.check_administration(roles, stack_set.home)
    return Operation(
        id=request.get("OperationId", str(uuid4())),
        action=action,
        preferences=request.get("OperationPreferences", {}),
        results={place: Result(place, unit) for place, unit in places.items()},
        roles=roles,
        retain=request.get("RetainStacks", False),
        targets=request.get("DeploymentTargets"),
    )


def create(stack_set: StackSet, places: Mapping[Place, str | None], request: Request) -> Operation:
    """Begin to create instances in places, with the units they are in; those that are there already are updated."""
    operation = make_operation(stack_set, "CREATE", places, request)
    run.check_free(stack_set, operation.id)
    for place, unit in places.items():
        instance = stack_set.instances.setdefault(place, Instance(place))
        instance.unit = unit
        _override(instance, request)
    run.start(stack_set, operation)
    return operation


def update(stack_set: StackSet, places: Mapping[Place, str | None], request: Request) -> Operation:
    """Begin to update instances that are there, with the overrides that the request gives or those they have."""
    check_present(stack_set, places)
    operation = make_operation(stack_set, "UPDATE", places, request)
    run.check_free(stack_set, operation.id)
    for place in places:
        _override(stack_set.instances[place], request)
    run.start(stack_set, operation)
    return operation


def delete(stack_set: StackSet, places: Mapping[Place, str | None], request: Request) -> Operation:
    """Begin to delete instances, with their stacks unless they are retained; those not there are passed over."""
    present = {place: unit for place, unit in places.items() if place in stack_set.instances}
    operation = make_operation(stack_set, "DELETE", present, request)
    run.start(stack_set, operation)
    return operation


def check_present(stack_set: StackSet, places: Iterable[Place]) -> None:
    """Raise Fault unless the set has an instance in every place."""
    for place in places:
        if place not in stack_set.instances:
            raise Fault(
                "StackInstanceNotFoundException",
                f"Stack instance not found for StackSet {stack_set.name}: {place.account}, {place.region}",
            )


def with_previous(given: Parameters, before: Parameters) -> Parameters:
    """Return parameters with their values, those that keep their previous value taken from before."""
    previous = {one["ParameterKey"]: one.get("ParameterValue", "") for one in before}
    return [
        {
            "ParameterKey": one["ParameterKey"],
            "ParameterValue": previous.get(one["ParameterKey"], "")
            if one.get("UsePreviousValue")
            else one.get("ParameterValue", ""),
        }
        for one in given
    ]


def _override(instance: Instance, request: Request) -> None:
    if "ParameterOverrides" in request:
        instance.overrides = with_previous(request["ParameterOverrides"], instance.overrides)


def _summary(stack_set: StackSet, instance: Instance) -> dict[str, Any]:
    return {
        "StackSetId": stack_set.id,
        "Region": instance.place.region,
        "Account": instance.place.account,
        "StackId": instance.stack_id,
        "Status": instance.status,
        "StatusReason": instance.reason,
        "StackInstanceStatus": {"DetailedStatus": instance.detail},
        "OrganizationalUnitId": instance.unit,
        "DriftStatus": "NOT_CHECKED",
        "LastOperationId": instance.operation_id,
    }


def _describe(request: Request) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    place = Place(request["StackInstanceAccount"], request["StackInstanceRegion"])
    check_present(stack_set, [place])
    instance = stack_set.instances[place]
    return {"StackInstance": _summary(stack_set, instance) | {"ParameterOverrides": instance.overrides}}


def _list(request: Request) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    return page(request, [_summary(stack_set, one) for one in stack_set.instances.values() if _is_wanted(one, request)])


def _is_wanted(instance: Instance, request: Request) -> bool:
    account, region = instance.place
    return (
        request.get("StackInstanceAccount", account) == account
        and request.get("StackInstanceRegion", region) == region
        and matches(
            request,
            {
                "DETAILED_STATUS": instance.detail,
                "LAST_OPERATION_ID": instance.operation_id,
                "DRIFT_STATUS": "NOT_CHECKED",
            },
        )
    )


def _create(request: Request) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    operation = create(stack_set, target.resolve(stack_set, request), request)
    target.remember(stack_set, request)
    return {"OperationId": operation.id}


def _update(request: Request) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    return {"OperationId": update(stack_set, target.resolve(stack_set, request), request).id}


def _delete(request: Request) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    operation = delete(stack_set, target.resolve(stack_set, request) | target.left(stack_set, request), request)
    target.forget(stack_set, request)
    return {"OperationId": operation.id}


ACTIONS: dict[str, Callable[[Request], dict[str, Any]]] = {
    "CreateStackInstances": _create,
    "DeleteStackInstances": _delete,
    "DescribeStackInstance": _describe,
    "ListStackInstances": _list,
    "UpdateStackInstances": _update,
}
