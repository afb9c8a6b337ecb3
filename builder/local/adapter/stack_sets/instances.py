"""The actions on instances of a stack set, and automatic deployment to accounts that are moved.

With automatic deployment accounts that join a unit of a service-managed set get its stacks; those that leave lose
them.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import uuid4

from builder.local.adapter.emulator import AccountRegion, here
from builder.local.adapter.handlers import ApiError
from builder.local.adapter.organizations import access
from builder.local.adapter.stack_sets import operations, stacks, targets
from builder.local.adapter.stack_sets.operations import matches, page
from builder.local.adapter.stack_sets.records import Instance, Operation, Parameters, Result, StackSet, find, sets_of

ApiRequest = Mapping[str, Any]


def make_operation(
    stack_set: StackSet, action: str, places: Mapping[AccountRegion, str | None], request: ApiRequest
) -> Operation:
    """Return a new operation on the places. Raises ApiError unless the set has an administration role."""
    roles = stacks.roles_of(stack_set.definition, stack_set.home)
    stacks.check_administration(roles, stack_set.home)
    return Operation(
        id=request.get("OperationId", str(uuid4())),
        action=action,
        preferences=request.get("OperationPreferences", {}),
        results={place: Result(place, unit) for place, unit in places.items()},
        roles=roles,
        retain=request.get("RetainStacks", False),
        targets=request.get("DeploymentTargets"),
    )


def create(stack_set: StackSet, places: Mapping[AccountRegion, str | None], request: ApiRequest) -> Operation:
    """Start to create instances in the places, each with its unit; update those that exist."""
    operation = make_operation(stack_set, "CREATE", places, request)
    operations.check_free(stack_set, operation.id)
    for place, unit in places.items():
        instance = stack_set.instances.setdefault(place, Instance(place))
        instance.unit = unit
        _override(instance, request)
    operations.start(stack_set, operation)
    return operation


def update(stack_set: StackSet, places: Mapping[AccountRegion, str | None], request: ApiRequest) -> Operation:
    """Start to update instances, with the request's parameter overrides or their own."""
    check_present(stack_set, places)
    operation = make_operation(stack_set, "UPDATE", places, request)
    operations.check_free(stack_set, operation.id)
    for place in places:
        _override(stack_set.instances[place], request)
    operations.start(stack_set, operation)
    return operation


def delete(stack_set: StackSet, places: Mapping[AccountRegion, str | None], request: ApiRequest) -> Operation:
    """Start to delete instances, with their stacks unless these are retained. Ignore places without an instance."""
    present = {place: unit for place, unit in places.items() if place in stack_set.instances}
    operation = make_operation(stack_set, "DELETE", present, request)
    operations.start(stack_set, operation)
    return operation


def check_present(stack_set: StackSet, places: Iterable[AccountRegion]) -> None:
    """Raise ApiError unless the set has an instance in every place."""
    for place in places:
        if place not in stack_set.instances:
            raise ApiError(
                "StackInstanceNotFoundException",
                f"Stack instance not found for StackSet {stack_set.name}: {place.account}, {place.region}",
            )


def with_previous(parameters: Parameters, before: Parameters) -> Parameters:
    """Return parameters with their values; UsePreviousValue takes the one in `before`."""
    previous = {parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in before}
    return [
        {
            "ParameterKey": parameter["ParameterKey"],
            "ParameterValue": previous.get(parameter["ParameterKey"], "")
            if parameter.get("UsePreviousValue")
            else parameter.get("ParameterValue", ""),
        }
        for parameter in parameters
    ]


def _override(instance: Instance, request: ApiRequest) -> None:
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


def _describe(request: ApiRequest) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    place = AccountRegion(request["StackInstanceAccount"], request["StackInstanceRegion"])
    check_present(stack_set, [place])
    instance = stack_set.instances[place]
    return {"StackInstance": _summary(stack_set, instance) | {"ParameterOverrides": instance.overrides}}


def _list(request: ApiRequest) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    return page(
        request,
        [_summary(stack_set, instance) for instance in stack_set.instances.values() if _is_listed(instance, request)],
    )


def _is_listed(instance: Instance, request: ApiRequest) -> bool:
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


def _create(request: ApiRequest) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    operation = create(stack_set, targets.resolve(stack_set, request), request)
    targets.remember(stack_set, request)
    return {"OperationId": operation.id}


def _update(request: ApiRequest) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    return {"OperationId": update(stack_set, targets.resolve(stack_set, request), request).id}


def _delete(request: ApiRequest) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    operation = delete(stack_set, targets.resolve(stack_set, request) | targets.left(stack_set, request), request)
    targets.forget(stack_set, request)
    return {"OperationId": operation.id}


ACTIONS: dict[str, Callable[[ApiRequest], dict[str, Any]]] = {
    "CreateStackInstances": _create,
    "DeleteStackInstances": _delete,
    "DescribeStackInstance": _describe,
    "ListStackInstances": _list,
    "UpdateStackInstances": _update,
}


# -- automatic deployment


def follow_account(management: str, account: str) -> None:
    """Start what automatic deployment does for an account that was moved, each set after those it depends on."""
    if account == management:
        return
    operations: dict[str, list[Operation]] = {}
    units = access.units_of(account)
    for stack_set in _ordered(candidate for candidate in sets_of(management) if _is_automatic(candidate)):
        depends = stack_set.definition["AutoDeployment"].get("DependsOn", [])
        after = tuple(operation for arn in depends for operation in operations.get(arn, []))
        operations[stack_set.arn] = list(_begin(stack_set, account, units, after))


def _is_automatic(stack_set: StackSet) -> bool:
    return stack_set.service_managed and bool(stack_set.definition.get("AutoDeployment", {}).get("Enabled"))


def _ordered(stack_sets: Iterable[StackSet]) -> list[StackSet]:
    """Return the sets, each after those it depends on; those in a circle come last."""
    rest, ordered = list(stack_sets), list[StackSet]()
    while rest:
        waiting = {stack_set.arn for stack_set in rest}
        ready = [
            stack_set
            for stack_set in rest
            if not waiting & set(stack_set.definition["AutoDeployment"].get("DependsOn", []))
        ]
        ordered += ready or rest
        rest = [stack_set for stack_set in rest if stack_set not in ordered]
    return ordered


def _begin(stack_set: StackSet, account: str, units: list[str], after: tuple[Operation, ...]) -> Iterator[Operation]:
    """Queue the deletion of the instances that the account loses and the creation of those that it gets."""
    new_places = {
        AccountRegion(account, region): unit for unit in reversed(units) for region in stack_set.units.get(unit, [])
    }
    old_places = {place: instance.unit for place, instance in stack_set.instances.items() if place.account == account}
    removed = {place: unit for place, unit in old_places.items() if place not in new_places}
    added = {place: unit for place, unit in new_places.items() if place not in old_places}
    retain = stack_set.definition["AutoDeployment"].get("RetainStacksOnAccountRemoval", False)
    # Automatic deployment ignores the order of regions, and no account may hold up the others.
    preferences = {"OperationPreferences": {"RegionConcurrencyType": "PARALLEL"}}
    if removed:
        yield _start(
            stack_set,
            make_operation(stack_set, "DELETE", removed, {**preferences, "RetainStacks": retain}),
            after,
        )
    if added:
        operation = make_operation(stack_set, "CREATE", added, preferences)
        yield _start(stack_set, operation, after)
        for place, unit in added.items():
            stack_set.instances[place].unit = unit


def _start(stack_set: StackSet, operation: Operation, after: tuple[Operation, ...]) -> Operation:
    operation.after = after
    operations.start(stack_set, operation, queue=True)
    return operation
