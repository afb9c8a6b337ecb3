"""The instances of a StackSet: begin to create, update or delete them, and look at them.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackInstances.html,
API_UpdateStackInstances, API_DeleteStackInstances, API_DescribeStackInstance and API_ListStackInstances
"""

from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.drift import resource_drift_summary
from fake_aws.cloudformation.paging import page
from fake_aws.cloudformation.stack_sets import requests
from fake_aws.cloudformation.stack_sets.records import Instance, Key, StackSet
from fake_aws.cloudformation.stack_sets.requests import Options
from fake_aws.cloudformation.stack_sets.seat import find, seat
from fake_aws.cloudformation.stack_sets.targets import accounts
from fake_aws.refusals import AwsRefusal, validation_error


def create_stack_instances(request: Request, params: dict[str, Any]) -> Reply:
    """Answer CreateStackInstances."""
    stack_set = find(request, params)
    targets = _keys(request, stack_set, params)
    overrides = _overrides(params) or {}
    return {
        "OperationId": requests.create_instances(
            seat(request, params), stack_set, targets, overrides, _options(stack_set, params)
        )
    }


def update_stack_instances(request: Request, params: dict[str, Any]) -> Reply:
    """Answer UpdateStackInstances."""
    stack_set = find(request, params)
    keys = list(_keys(request, stack_set, params))
    options, overrides = _options(stack_set, params), _overrides(params)
    return {"OperationId": requests.update_instances(seat(request, params), stack_set, keys, overrides, options)}


def delete_stack_instances(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteStackInstances; instances that are not there are left out."""
    stack_set = find(request, params)
    keys = list(_keys(request, stack_set, params, departed=True))
    options, retain = _options(stack_set, params), params["RetainStacks"]
    return {
        "OperationId": requests.delete_instances(seat(request, params), stack_set, keys, retain=retain, options=options)
    }


def _keys(
    request: Request, stack_set: StackSet, params: dict[str, Any], *, departed: bool = False
) -> dict[Key, str | None]:
    units = accounts(request.world, stack_set, params, departed=departed)
    regions = params["Regions"]
    if not regions or len(set(regions)) != len(regions):
        raise validation_error("Regions must name each region once, and at least one")
    return {(account, region): unit for region in regions for account, unit in units.items()}


def _options(stack_set: StackSet, params: dict[str, Any]) -> Options:
    targets = params.get("DeploymentTargets", {}) if stack_set.service_managed else {}
    return Options(params.get("OperationPreferences", {}), targets, params.get("OperationId"))


def _overrides(params: dict[str, Any]) -> dict[str, str] | None:
    if "ParameterOverrides" not in params:
        return None
    return {each["ParameterKey"]: each["ParameterValue"] for each in params["ParameterOverrides"]}


def describe_stack_instance(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeStackInstance."""
    stack_set = find(request, params)
    account, region = params["StackInstanceAccount"], params["StackInstanceRegion"]
    instance = stack_set.instances.get((account, region))
    if instance is None:
        raise AwsRefusal(
            "StackInstanceNotFoundException",
            f"Stack instance does not exist for StackSet {stack_set.id}, account {account}, region {region}",
            status=404,
        )
    overrides = [{"ParameterKey": key, "ParameterValue": value} for key, value in instance.overrides.items()]
    return {"StackInstance": {**_summary(stack_set, instance), "ParameterOverrides": overrides}}


def list_stack_instances(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListStackInstances, one page, by account and region."""
    stack_set = find(request, params)
    account, region = params.get("StackInstanceAccount"), params.get("StackInstanceRegion")
    instances = [
        instance
        for key, instance in sorted(stack_set.instances.items())
        if account in {None, key[0]} and region in {None, key[1]} and _passes(instance, params.get("Filters", []))
    ]
    shown, token = page(request, instances, params.get("NextToken"))
    return {"Summaries": [_summary(stack_set, each) for each in shown], "NextToken": token}


def list_stack_instance_resource_drifts(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListStackInstanceResourceDrifts, one page of what the last detection found."""
    stack_set = find(request, params)
    if params["OperationId"] not in stack_set.operations:
        raise AwsRefusal("OperationNotFoundException", f"Operation {params['OperationId']} not found", status=404)
    instance = stack_set.instances.get((params["StackInstanceAccount"], params["StackInstanceRegion"]))
    if instance is None:
        raise AwsRefusal("StackInstanceNotFoundException", "Stack instance does not exist", status=404)
    stacks = request.world.region(instance.account, instance.region).cloudformation.stacks
    statuses = params.get("StackInstanceResourceDriftStatuses")
    rows = [
        resource_drift_summary(stacks[str(instance.stack_id)], logical_id, each)
        for logical_id, each in (instance.drift or {}).items()
        if not statuses or each.status in statuses
    ]
    shown, token = page(request, rows, params.get("NextToken"))
    return {"Summaries": shown, "NextToken": token}


def _passes(instance: Instance, filters: list[dict[str, str]]) -> bool:
    values = {
        "DETAILED_STATUS": instance.detailed,
        "LAST_OPERATION_ID": instance.last_operation,
        "DRIFT_STATUS": instance.drift_status,
    }
    return all(values[each["Name"]] == each["Values"] for each in filters)


def _summary(stack_set: StackSet, instance: Instance) -> dict[str, Any]:
    return {
        "StackSetId": stack_set.id,
        "Region": instance.region,
        "Account": instance.account,
        "StackId": instance.stack_id,
        "Status": instance.status,
        "StackInstanceStatus": {"DetailedStatus": instance.detailed},
        "StatusReason": instance.reason,
        "OrganizationalUnitId": instance.ou,
        "DriftStatus": instance.drift_status,
        "LastDriftCheckTimestamp": instance.drift_at,
        "LastOperationId": instance.last_operation,
    }
