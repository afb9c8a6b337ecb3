"""StackSets themselves: create, update, describe, list, delete.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackSet.html, API_UpdateStackSet,
API_DescribeStackSet, API_ListStackSets and API_DeleteStackSet
"""

from itertools import product
from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.paging import page
from fake_aws.cloudformation.shown import parameters, tags
from fake_aws.cloudformation.stack_sets import requests
from fake_aws.cloudformation.stack_sets.records import Key, StackSet
from fake_aws.cloudformation.stack_sets.requests import Asked
from fake_aws.cloudformation.stack_sets.seat import find, seat
from fake_aws.cloudformation.stack_sets.targets import accounts
from fake_aws.refusals import AwsRefusal


def create_stack_set(request: Request, params: dict[str, Any]) -> Reply:
    """Answer CreateStackSet."""
    at = seat(request, params)
    return {"StackSetId": requests.define(at, params, f"{params['StackSetName']}:{request.world.new_uuid()}").id}


def update_stack_set(request: Request, params: dict[str, Any]) -> Reply:
    """Answer UpdateStackSet: the definition is another from now on, whatever becomes of the operation."""
    stack_set = find(request, params)
    asked = Asked(
        params.get("OperationPreferences", {}), params.get("DeploymentTargets", {}), params.get("OperationId")
    )
    about = _named(request, stack_set, params)
    return {"OperationId": requests.redefine(seat(request, params), stack_set, params, asked, about)}


def _named(request: Request, stack_set: StackSet, params: dict[str, Any]) -> set[Key] | None:
    """Return the instances an update is limited to, or None for all."""
    if not params.keys() & {"Accounts", "DeploymentTargets", "Regions"}:
        return None
    keys = set(product(accounts(request.world, stack_set, params), params.get("Regions", [])))
    if lost := sorted(keys - stack_set.instances.keys()):
        raise AwsRefusal("StackInstanceNotFoundException", f"Stack instance {lost[0]} does not exist", status=404)
    return keys


def describe_stack_set(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeStackSet."""
    found = find(request, params)
    units = sorted({each.ou for each in found.instances.values() if each.ou})
    return {
        "StackSet": {
            **_summary(found),
            "TemplateBody": found.deployed.body,
            "Parameters": parameters(found.deployed),
            "Capabilities": found.deployed.capabilities,
            "Tags": tags(found.deployed.tags),
            "StackSetARN": found.arn,
            "AdministrationRoleARN": found.administration_role,
            "ExecutionRoleName": found.execution_role,
            "OrganizationalUnitIds": units,
            "Regions": sorted({region for _, region in found.instances}),
        }
    }


def list_stack_sets(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListStackSets, one page; deleted ones only when asked for."""
    at, wanted = seat(request, params), params.get("Status")
    sets = request.state.stack_sets if at.account == request.account else at.sets
    shown, token = page(
        request, [each for each in sets.values() if wanted in {None, each.status}], params.get("NextToken")
    )
    return {"Summaries": [{**_summary(each), "DriftStatus": "NOT_CHECKED"} for each in shown], "NextToken": token}


def _summary(found: StackSet) -> dict[str, Any]:
    return {
        "StackSetName": found.name,
        "StackSetId": found.id,
        "Description": found.description,
        "Status": found.status,
        "AutoDeployment": found.auto_deployment,
        "PermissionModel": found.permission_model,
        "ManagedExecution": {"Active": found.managed},
    }


def delete_stack_set(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteStackSet; one that is not there is no error."""
    try:
        found = find(request, params)
    except AwsRefusal as refusal:
        if refusal.code == "StackSetNotFoundException":
            return {}
        raise
    requests.forget(found)
    return {}
