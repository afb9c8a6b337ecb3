"""Reading stacks and their resources.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html, API_ListStacks,
API_DescribeStackResources and API_ListStackResources
"""

from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.drift import resource_drift, stack_drift
from fake_aws.cloudformation.lookup import stack_with_id
from fake_aws.cloudformation.nested import root_of
from fake_aws.cloudformation.paging import numbered_page, page
from fake_aws.cloudformation.records import Resource, Stack
from fake_aws.cloudformation.shown import outputs, parameters, tags
from fake_aws.json_value import as_json
from fake_aws.refusals import validation_error


def describe_stacks(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeStacks: one stack, deleted ones by id only, or a page of all that are not deleted."""
    if "StackName" in params:
        return {"Stacks": [_stack(request, stack_with_id(request, params["StackName"]))]}
    numbered = enumerate(request.state.stacks.values(), start=1)
    alive = [(number, each) for number, each in numbered if each.status != "DELETE_COMPLETE"]
    shown, token = numbered_page(request, alive[::-1], params.get("NextToken"))
    return {"Stacks": [_stack(request, each) for each in shown], "NextToken": token}


def _stack(request: Request, stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": stack.change_set_id,
        "Description": stack.description,
        "Parameters": parameters(stack.deployed) or None,
        "CreationTime": stack.created,
        "DeletionTime": stack.deleted,
        "LastUpdatedTime": stack.updated,
        "RollbackConfiguration": stack.deployed.rollback,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "DisableRollback": stack.disable_rollback,
        "DeploymentConfig": stack.deployment_config or None,
        "NotificationARNs": stack.deployed.notification_arns,
        "Capabilities": stack.deployed.capabilities or None,
        "Outputs": outputs(stack.outputs) or None,
        "RoleARN": stack.deployed.role_arn,
        "Tags": tags(stack.deployed.tags),
        "EnableTerminationProtection": root_of(request.state, stack).termination_protection,
        "ParentId": stack.parent_id,
        "RootId": stack.root_id,
        "DriftInformation": stack_drift(stack),
        "RetainExceptOnCreate": stack.retain_except_on_create or None,
        "DeletionMode": stack.deletion_mode,
        "LastOperations": _last_operations(stack),
    }


def _last_operations(stack: Stack) -> list[dict[str, str]]:
    return [{"OperationType": kind, "OperationId": number} for kind, number in stack.operations[:-3:-1]]


def list_stacks(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListStacks: newest first, deleted ones included."""
    statuses = params.get("StackStatusFilter")
    numbered = enumerate(request.state.stacks.values(), start=1)
    stacks = [(number, each) for number, each in numbered if not statuses or each.status in statuses]
    shown, token = numbered_page(request, stacks[::-1], params.get("NextToken"))
    summaries = [
        {
            "StackId": each.id,
            "StackName": each.name,
            "TemplateDescription": each.description,
            "CreationTime": each.created,
            "LastUpdatedTime": each.updated,
            "DeletionTime": each.deleted,
            "StackStatus": each.status,
            "StackStatusReason": each.reason,
            "ParentId": each.parent_id,
            "RootId": each.root_id,
            "DriftInformation": stack_drift(each),
            "LastOperations": _last_operations(each),
        }
        for each in shown
    ]
    return {"StackSummaries": summaries, "NextToken": token}


def list_stack_resources(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListStackResources, one page."""
    stack = stack_with_id(request, params["StackName"])
    listed = [
        each
        for each in _sorted(stack)
        if request.world.quirks.failed_creations_are_listed or each.status != "CREATE_FAILED"
    ]
    shown, token = page(request, listed, params.get("NextToken"))
    summaries = [{**_resource(stack, each), "LastUpdatedTimestamp": each.updated} for each in shown]
    return {"StackResourceSummaries": summaries, "NextToken": token}


def describe_stack_resources(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeStackResources: all resources of a stack (100 at most), or one by its logical id.

    The stack is named, or is the one of the region that a physical id belongs to.
    """
    if ("StackName" in params) == ("PhysicalResourceId" in params):
        raise validation_error("Either stack name or physical resource id must be specified, and not both")
    if "StackName" in params:
        stack = stack_with_id(request, params["StackName"])
        resources = _sorted(stack)
    else:
        stack, resources = _with_physical_id(request, params["PhysicalResourceId"])
    if "LogicalResourceId" in params:
        logical_id = params["LogicalResourceId"]
        resources = [each for each in resources if each.logical_id == logical_id]
        if not resources:
            raise validation_error(f"Resource {logical_id} does not exist for stack {stack.name}")
    return {
        "StackResources": [
            {**_resource(stack, each), "StackName": stack.name, "StackId": stack.id, "Timestamp": each.updated}
            for each in resources[:100]
        ]
    }


def _with_physical_id(request: Request, physical_id: str) -> tuple[Stack, list[Resource]]:
    """Return the stack of the region that has a resource of this id, and what is shown of it."""
    quirks, stacks = request.world.quirks, list(request.state.stacks.values())
    if quirks.a_physical_id_finds_deleted_stacks:
        stacks.sort(key=lambda stack: stack.status != "DELETE_COMPLETE")
    for stack in stacks:
        left = stack.status == "DELETE_COMPLETE" and quirks.a_physical_id_finds_deleted_stacks
        rows = [each for each in _sorted(stack) if (each.exists or left) and each.physical_id == physical_id]
        if rows:
            return stack, rows[-1:] if quirks.a_physical_id_shows_one_row else _sorted(stack)
    raise validation_error(f"Stack for {physical_id} does not exist")


def describe_stack_resource(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeStackResource: one resource by its logical id."""
    stack, logical_id = stack_with_id(request, params["StackName"]), params["LogicalResourceId"]
    if logical_id not in stack.resources:
        raise validation_error(f"Resource {logical_id} does not exist for stack {stack.name}")
    resource = stack.resources[logical_id]
    shown = {"StackName": stack.name, "StackId": stack.id, "LastUpdatedTimestamp": resource.updated}
    metadata = resource.declared.get("Metadata")
    return {
        "StackResourceDetail": {
            **_resource(stack, resource),
            **shown,
            "Metadata": None if metadata is None else as_json(metadata),
        }
    }


def _sorted(stack: Stack) -> list[Resource]:
    return [stack.resources[lid] for lid in sorted(stack.resources)]


def _resource(stack: Stack, resource: Resource) -> dict[str, Any]:
    return {
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason,
        "DriftInformation": resource_drift(stack, resource.logical_id),
    }
