"""Stacks that stand by themselves, taken into a StackSet.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ImportStacksToStackSet.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-import.html
"""

from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.stack_sets import requests
from fake_aws.cloudformation.stack_sets.records import Key, StackSet
from fake_aws.cloudformation.stack_sets.requests import Options
from fake_aws.cloudformation.stack_sets.seat import find, seat
from fake_aws.cloudformation.stack_sets.targets import accounts
from fake_aws.refusals import AwsRefusal, validation_error

_MOST = 10


def import_stacks(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ImportStacksToStackSet."""
    stack_set = find(request, params)
    ids = params["StackIds"]
    if not ids or len(ids) > _MOST:
        raise AwsRefusal("LimitExceededException", f"From 1 to {_MOST} stacks can be imported at a time")
    stacks: dict[Key, str] = {}
    for stack_id in ids:
        _, _, _, region, account, _ = stack_id.split(":", 5)
        stack = request.world.region(account, region).cloudformation.stacks.get(stack_id)
        if stack is None or stack.status == "DELETE_COMPLETE":
            raise AwsRefusal("StackNotFoundException", f"Stack {stack_id} not found", status=404)
        stacks[account, region] = stack_id
    options = Options(params.get("OperationPreferences", {}), {}, params.get("OperationId"))
    units = _units(request, stack_set, params, {account for account, _ in stacks})
    return {"OperationId": requests.import_stacks(seat(request, params), stack_set, stacks, units, options)}


def _units(request: Request, stack_set: StackSet, params: dict[str, Any], named: set[str]) -> dict[str, str | None]:
    units = params.get("OrganizationalUnitIds", [])
    if not stack_set.service_managed:
        if units:
            raise validation_error("OrganizationalUnitIds are not supported with SELF_MANAGED permission model")
        return {}
    units_by_account = (
        accounts(request.world, stack_set, {"DeploymentTargets": {"OrganizationalUnitIds": units}}) if units else {}
    )
    if lost := sorted(named - units_by_account.keys()):
        raise validation_error(f"Accounts {lost} are in none of the organizational units")
    return units_by_account
