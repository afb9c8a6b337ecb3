"""The actions on instances of a stack set: created, updated, deleted, read; and what accounts that are moved bring.

Accounts that join a unit of a service-managed set get its stacks, and accounts that leave lose them.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-orgs-manage-auto-deployment.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import uuid4

from builder.local.adapter.emulator import Place, here
from builder.local.adapter.handlers import Fault
from builder.local.adapter.organizations import access
from builder.local.adapter.stack_sets import operations, stacks, targets
from builder.local.adapter.stack_sets.operations import matches, page
from builder.local.adapter.stack_sets.records import Instance, Operation, Parameters, Result, StackSet, find, sets_of

Request = Mapping[str, Any]


def make_operation(stack_set: StackSet, action: str, places: Mapping[Place, str | None], request: Request) -> Operation:
    """Return an operation on some places, that has not begun; raises Fault where no role administers the set."""
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


def create(stack_set: StackSet, places: Mapping[Place, str | None], request: Request) -> Operation:
    """Begin to create instances in places, with the units they are in; those that are there already are updated."""
    operation = make_operation(stack_set, "CREATE", places, request)
    operations.check_free(stack_set, operation.id)
    for place, unit in places.items():
        instance = stack_set.instances.setdefault(place, Instance(place))
        instance.unit = unit
        _override(instance, request)
    operations.start(stack_set, operation)
    return operation


def update(stack_set: StackSet, places: Mapping[Place, str | None], request: Request) -> Operation:
    """Begin to update instances that are there, with the overrides that the request gives or those they have."""
    check_present(stack_set, places)
    operation = make_operation(stack_set, "UPDATE", places, request)
    operations.check_free(stack_set, operation.id)
    for place in places:
        _override(stack_set.instances[place], request)
    operations.start(stack_set, operation)
    return operation


def delete(stack_set: StackSet, places: Mapping[Place, str | None], request: Request) -> Operation:
    """Begin to delete instances, with their stacks unless they are retained; those not there are passed over."""
    present = {place: unit for place, unit in places.items() if place in stack_set.instances}
    operation = make_operation(stack_set, "DELETE", present, request)
    operations.start(stack_set, operation)
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
    operation = create(stack_set, targets.resolve(stack_set, request), request)
    targets.remember(stack_set, request)
    return {"OperationId": operation.id}


def _update(request: Request) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    return {"OperationId": update(stack_set, targets.resolve(stack_set, request), request).id}


def _delete(request: Request) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    operation = delete(stack_set, targets.resolve(stack_set, request) | targets.left(stack_set, request), request)
    targets.forget(stack_set, request)
    return {"OperationId": operation.id}


ACTIONS: dict[str, Callable[[Request], dict[str, Any]]] = {
    "CreateStackInstances": _create,
    "DeleteStackInstances": _delete,
    "DescribeStackInstance": _describe,
    "ListStackInstances": _list,
    "UpdateStackInstances": _update,
}


# -- automatic deployment


def follow_account(management: str, account: str) -> None:
    """Begin what an account's new place in the organization asks of each set; a set comes after those it depends on."""
    if account == management:
        return
    begun: dict[str, list[Operation]] = {}
    units = access.units_of(account)
    for stack_set in _ordered(one for one in sets_of(management) if _is_automatic(one)):
        depends = stack_set.definition["AutoDeployment"].get("DependsOn", [])
        after = tuple(operation for arn in depends for operation in begun.get(arn, []))
        begun[stack_set.arn] = list(_begin(stack_set, account, units, after))


def _is_automatic(stack_set: StackSet) -> bool:
    return stack_set.service_managed and bool(stack_set.definition.get("AutoDeployment", {}).get("Enabled"))


def _ordered(stack_sets: Iterable[StackSet]) -> list[StackSet]:
    """Return sets so that each comes after those it depends on; what depends on itself comes last."""
    left, ordered = list(stack_sets), list[StackSet]()
    while left:
        waiting = {one.arn for one in left}
        ready = [one for one in left if not waiting & set(one.definition["AutoDeployment"].get("DependsOn", []))]
        ordered += ready or left
        left = [one for one in left if one not in ordered]
    return ordered


def _begin(stack_set: StackSet, account: str, units: list[str], after: tuple[Operation, ...]) -> Iterator[Operation]:
    """Begin to delete what the account has no more and to create what it lacks, queued behind what the set does."""
    wanted = {Place(account, region): unit for unit in reversed(units) for region in stack_set.units.get(unit, [])}
    had = {place: one.unit for place, one in stack_set.instances.items() if place.account == account}
    gone = {place: unit for place, unit in had.items() if place not in wanted}
    new = {place: unit for place, unit in wanted.items() if place not in had}
    retain = stack_set.definition["AutoDeployment"].get("RetainStacksOnAccountRemoval", False)
    # Automatic deployment ignores the order of regions, and no account may hold up the others.
    preferences = {"OperationPreferences": {"RegionConcurrencyType": "PARALLEL"}}
    if gone:
        yield _start(
            stack_set,
            make_operation(stack_set, "DELETE", gone, {**preferences, "RetainStacks": retain}),
            after,
        )
    if new:
        operation = make_operation(stack_set, "CREATE", new, preferences)
        yield _start(stack_set, operation, after)
        for place, unit in new.items():
            stack_set.instances[place].unit = unit


def _start(stack_set: StackSet, operation: Operation, after: tuple[Operation, ...]) -> Operation:
    operation.after = after
    operations.start(stack_set, operation, queue=True)
    return operation
