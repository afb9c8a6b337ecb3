"""The actions on operations of a stack set: read, listed, stopped."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from builder.local.adapter.stack_set import run
from builder.local.adapter.stack_set.records import Operation, Result, find, find_operation, here
from builder.local.adapter.stack_set.wire import Fault

Request = Mapping[str, Any]

_PAGE = 100


def page(request: Request, items: Sequence[Any]) -> dict[str, Any]:
    """Return the page of summaries that a request asks for, and the token of the next one."""
    start, size = request.get("NextToken", "0"), request.get("MaxResults", _PAGE)
    if not start.isdigit():
        raise Fault("ValidationError", f"Invalid NextToken: {start}")
    end = int(start) + size
    return {"Summaries": items[int(start) : end], "NextToken": str(end) if end < len(items) else None}


def matches(request: Request, values: Mapping[str, str | None]) -> bool:
    """Return whether something with these values passes all filters of a request."""
    return all(values[one["Name"]] in one["Values"].split(",") for one in request.get("Filters", []))


def _summary(operation: Operation) -> dict[str, Any]:
    return {
        "OperationId": operation.id,
        "Action": operation.action,
        "Status": operation.status,
        "CreationTimestamp": operation.created,
        "EndTimestamp": operation.ended,
        "StatusDetails": {"FailedStackInstancesCount": len(operation.failures)},
        "OperationPreferences": operation.preferences,
    }


def _describe(request: Request) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    operation = find_operation(stack_set, request["OperationId"])
    more: dict[str, Any] = {"StackSetId": stack_set.id, "DeploymentTargets": operation.targets, **operation.roles}
    if operation.action == "DELETE":
        more["RetainStacks"] = operation.retain
    return {"StackSetOperation": _summary(operation) | more}


def _list(request: Request) -> dict[str, Any]:
    operations = find(here(), request["StackSetName"]).operations.values()
    return page(request, [_summary(one) for one in reversed(operations)])


def _list_results(request: Request) -> dict[str, Any]:
    operation = find_operation(find(here(), request["StackSetName"]), request["OperationId"])
    results = operation.results.values()
    return page(request, [_result(one) for one in results if matches(request, {"OPERATION_RESULT_STATUS": one.status})])


def _result(result: Result) -> dict[str, Any]:
    return {
        "Account": result.place.account,
        "Region": result.place.region,
        "Status": result.status,
        "StatusReason": result.reason,
        "AccountGateResult": {
            "Status": "SKIPPED",
            "StatusReason": f"Function not found: arn:aws:lambda:{result.place.region}:{result.place.account}"
            ":function:AWSCloudFormationStackSetAccountGate",
        },
        "OrganizationalUnitId": result.unit,
    }


def _stop(request: Request) -> dict[str, Any]:
    run.stop(find_operation(find(here(), request["StackSetName"]), request["OperationId"]))
    return {}


ACTIONS: dict[str, Callable[[Request], dict[str, Any]]] = {
    "DescribeStackSetOperation": _describe,
    "ListStackSetOperationResults": _list_results,
    "ListStackSetOperations": _list,
    "StopStackSetOperation": _stop,
}
