"""The operations of a StackSet: look at them, and stop one.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackSetOperation.html,
API_ListStackSetOperations, API_ListStackSetOperationResults and API_StopStackSetOperation
"""

from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.paging import numbered_page, page
from fake_aws.cloudformation.stack_sets import requests
from fake_aws.cloudformation.stack_sets.records import SetOperation, StackSet
from fake_aws.cloudformation.stack_sets.run import stop
from fake_aws.cloudformation.stack_sets.seat import find, seat
from fake_aws.refusals import AwsRefusal


def describe_stack_set_operation(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeStackSetOperation."""
    stack_set, operation = _find(request, params)
    return {
        "StackSetOperation": {
            **_summary(operation),
            "StackSetId": stack_set.id,
            "RetainStacks": operation.retain,
            "AdministrationRoleARN": stack_set.administration_role,
            "ExecutionRoleName": stack_set.execution_role,
            "DeploymentTargets": operation.targets or None,
        }
    }


def detect_stack_set_drift(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DetectStackSetDrift: one operation more."""
    options = requests.Options(params.get("OperationPreferences", {}), {}, params.get("OperationId"))
    return {"OperationId": requests.detect_drift(seat(request, params), find(request, params), options)}


def list_stack_set_operations(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListStackSetOperations, newest first, one page."""
    numbered = list(enumerate(find(request, params).operations.values(), start=1))
    shown, token = numbered_page(request, numbered[::-1], params.get("NextToken"))
    return {"Summaries": [_summary(each) for each in shown], "NextToken": token}


def list_stack_set_operation_results(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListStackSetOperationResults, one page."""
    _, operation = _find(request, params)
    statuses = {each["Values"] for each in params.get("Filters", [])}
    results = [(key, each) for key, each in operation.results.items() if not statuses or each.status in statuses]
    shown, token = page(request, results, params.get("NextToken"))
    summaries = [
        {
            "Account": account,
            "Region": region,
            "Status": each.status,
            "StatusReason": each.reason,
            "OrganizationalUnitId": each.ou,
        }
        for (account, region), each in shown
    ]
    return {"Summaries": summaries, "NextToken": token}


def stop_stack_set_operation(request: Request, params: dict[str, Any]) -> Reply:
    """Answer StopStackSetOperation."""
    stack_set, operation = _find(request, params)
    stop(seat(request, params), stack_set, operation)
    return {}


def _find(request: Request, params: dict[str, Any]) -> tuple[StackSet, SetOperation]:
    stack_set = find(request, params)
    operation = stack_set.operations.get(params["OperationId"])
    if operation is None:
        raise AwsRefusal("OperationNotFoundException", f"Operation {params['OperationId']} not found", status=404)
    return stack_set, operation


def _summary(operation: SetOperation) -> dict[str, Any]:
    return {
        "OperationId": operation.id,
        "Action": operation.action,
        "Status": operation.status,
        "CreationTimestamp": operation.created,
        "EndTimestamp": operation.ended,
        "StatusReason": operation.reason,
        "StatusDetails": {"FailedStackInstancesCount": operation.failures},
        "OperationPreferences": operation.preferences,
    }
