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
from fake_aws.cloudformation.stack_sets.requests import Options
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
    options = Options(
        params.get("OperationPreferences", {}), params.get("DeploymentTargets", {}), params.get("OperationId")
    )
    about = _named(request, stack_set, params)
    return {"OperationId": requests.redefine(seat(request, params), stack_set, params, options, about)}


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
    stack_set = find(request, params)
    units = sorted({each.ou for each in stack_set.instances.values() if each.ou})
    return {
        "StackSet": {
            **_summary(stack_set),
            "TemplateBody": stack_set.deployed.body,
            "Parameters": parameters(stack_set.deployed),
            "Capabilities": stack_set.deployed.capabilities,
            "Tags": tags(stack_set.deployed.tags),
            "StackSetARN": stack_set.arn,
            "AdministrationRoleARN": stack_set.administration_role,
            "ExecutionRoleName": stack_set.execution_role,
            "OrganizationalUnitIds": units,
            "Regions": sorted({region for _, region in stack_set.instances}),
        }
    }


def list_stack_sets(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListStackSets, one page; deleted ones only when asked for."""
    at, status = seat(request, params), params.get("Status")
    sets = request.state.stack_sets if at.account == request.account else at.sets
    shown, token = page(
        request, [each for each in sets.values() if status in {None, each.status}], params.get("NextToken")
    )
    return {"Summaries": [{**_summary(each), "DriftStatus": "NOT_CHECKED"} for each in shown], "NextToken": token}


def _summary(stack_set: StackSet) -> dict[str, Any]:
    return {
        "StackSetName": stack_set.name,
        "StackSetId": stack_set.id,
        "Description": stack_set.description,
        "Status": stack_set.status,
        "AutoDeployment": stack_set.auto_deployment,
        "PermissionModel": stack_set.permission_model,
        "ManagedExecution": {"Active": stack_set.managed},
    }


def delete_stack_set(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteStackSet; one that is not there is no error."""
    try:
        stack_set = find(request, params)
    except AwsRefusal as refusal:
        if refusal.code == "StackSetNotFoundException":
            return {}
        raise
    requests.forget(stack_set)
    return {}
