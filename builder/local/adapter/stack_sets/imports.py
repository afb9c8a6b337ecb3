"""Stacks that stand by themselves, taken into a stack set.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ImportStacksToStackSet.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-import.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from builder.local.adapter.cloudformation.requests import find_stack
from builder.local.adapter.emulator import AccountRegion, acting_in, here
from builder.local.adapter.handlers import ApiError
from builder.local.adapter.stack_sets import operations, targets
from builder.local.adapter.stack_sets.instances import make_operation
from builder.local.adapter.stack_sets.records import Instance, StackSet, find

ApiRequest = Mapping[str, Any]
_MOST = 10


def _import(request: ApiRequest) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    stack_ids = request.get("StackIds", [])
    if "StackIdsUrl" in request:
        raise ApiError("ValidationError", "The embedded AWS reads no list of stacks from a bucket")
    if not 1 <= len(stack_ids) <= _MOST:
        raise ApiError("LimitExceededException", f"From 1 to {_MOST} stacks can be imported at a time")
    stacks = {_place(stack_id): stack_id for stack_id in stack_ids}
    units = _units(stack_set, request, stacks)
    for place, stack_id in stacks.items():
        _check_free(stack_set, place, stack_id)
    operation = make_operation(stack_set, "CREATE", {place: units.get(place.account) for place in stacks}, request)
    operations.check_free(stack_set, operation.id)
    operation.imports = stacks
    for place, stack_id in stacks.items():
        stack_set.instances[place] = Instance(place, unit=units.get(place.account), stack_id=stack_id)
    operations.start(stack_set, operation)
    return {"OperationId": operation.id}


def _place(stack_id: str) -> AccountRegion:
    parts = stack_id.split(":", 5)
    place = AccountRegion(parts[4], parts[3]) if len(parts) == 6 else None
    if place is not None:
        with acting_in(place):
            if find_stack(stack_id) is not None:
                return place
    raise ApiError("StackNotFoundException", f"Stack {stack_id} not found")


def _check_free(stack_set: StackSet, place: AccountRegion, stack_id: str) -> None:
    """Raise ApiError where the set has an instance already, unless it is one whose import failed."""
    known = stack_set.instances.get(place)
    if known is not None and (known.detail, known.stack_id) != (operations.FAILED_IMPORT, stack_id):
        raise ApiError("InvalidOperationException", f"Stack instance exists: {place.account}, {place.region}")


def _units(stack_set: StackSet, request: ApiRequest, stacks: Mapping[AccountRegion, str]) -> Mapping[str, str | None]:
    """Return the unit of each account. Raises ApiError for one that is in none of the request's."""
    units = request.get("OrganizationalUnitIds", [])
    if not stack_set.service_managed:
        if units:
            raise ApiError(
                "ValidationError", "StackSets with SELF_MANAGED permission model have no organizational unit"
            )
        return {}
    named = {"DeploymentTargets": {"OrganizationalUnitIds": units}, "Regions": [next(iter(stacks)).region]}
    unit_of = {place.account: unit for place, unit in targets.resolve(stack_set, named).items()} if units else {}
    if lost := {place.account for place in stacks} - unit_of.keys():
        raise ApiError("ValidationError", f"Accounts {sorted(lost)} are in none of the organizational units")
    return unit_of


ACTIONS: dict[str, Callable[[ApiRequest], dict[str, Any]]] = {"ImportStacksToStackSet": _import}
