"""Reading a stack's events, by the old operation and the new.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html
"""

from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.lookup import find_change_set, stack_named
from fake_aws.cloudformation.paging import page
from fake_aws.cloudformation.records import ChangeSet, Event, Stack
from fake_aws.cloudformation.types import STACK_TYPE
from fake_aws.json_value import as_json
from fake_aws.refusals import validation_error


def describe_stack_events(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeStackEvents, newest first; a page's token holds its place though new events arrive."""
    stack = stack_named(request, params["StackName"])
    remaining = len(stack.events)
    if (token := params.get("NextToken")) is not None:
        if not token.startswith("before-") or not token[7:].isdigit():
            raise validation_error("The NextToken parameter is not valid")
        remaining = int(token[7:])
    first = max(0, remaining - request.world.page_size)
    shown = stack.events[first:remaining][::-1]
    return {
        "StackEvents": [_stack_event(stack, each) for each in shown],
        "NextToken": f"before-{first}" if first else None,
    }


def _stack_event(stack: Stack, event: Event) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "EventId": event.event_id,
        "StackName": stack.name,
        "OperationId": event.operation_id,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.at,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
        "ResourceProperties": None if event.properties is None else as_json(event.properties),
        "ClientRequestToken": event.token,
    }


def describe_events(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeEvents for a change set, an operation or a stack, newest first, one page."""
    if not params.keys() & {"StackName", "ChangeSetName", "OperationId"}:
        raise validation_error("One of ChangeSetName, OperationId or StackName must be specified.")
    events = _of_named_change_set(request, params) if "ChangeSetName" in params else _of_stacks(request, params)
    if "OperationId" in params:
        events = [each for each in events if each["OperationId"] == params["OperationId"]]
    if params.get("Filters", {}).get("FailedEvents"):
        events = [each for each in events if _failed(each)]
    shown, token = page(request, events, params.get("NextToken"))
    return {"OperationEvents": shown, "NextToken": token}


def _of_named_change_set(request: Request, params: dict[str, Any]) -> list[dict[str, Any]]:
    pair = find_change_set(request, params)
    if pair is None:
        raise validation_error(f"ChangeSet [{params['ChangeSetName']}] does not exist")
    return _of_change_set(*pair)


def _of_stacks(request: Request, params: dict[str, Any]) -> list[dict[str, Any]]:
    stacks = (
        [stack_named(request, params["StackName"])] if "StackName" in params else list(request.state.stacks.values())
    )
    events: list[dict[str, Any]] = []
    for stack in stacks:
        kinds = {number: kind for kind, number in stack.operations}
        events += [_operation_event(stack, each, kinds[each.operation_id]) for each in stack.events]
        for each in stack.change_sets.values():
            events += _of_change_set(stack, each)
    return sorted(events, key=lambda each: each["Timestamp"], reverse=True)


def _operation_event(stack: Stack, event: Event, kind: str) -> dict[str, Any]:
    whole = event.physical_id == stack.id
    failed = event.status.endswith("_FAILED")
    return {
        "EventId": event.event_id,
        "StackId": stack.id,
        "OperationId": event.operation_id,
        "OperationType": kind,
        "OperationStatus": _operation_status(event.status) if whole else None,
        "EventType": "STACK_EVENT" if whole else "PROVISIONING_ERROR" if failed else "PROGRESS_EVENT",
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.at,
        "ResourceStatus": None if whole else event.status,
        "ResourceStatusReason": event.reason,
        "ResourceProperties": None if event.properties is None else as_json(event.properties),
        "ClientRequestToken": event.token,
    }


def _operation_status(status: str) -> str:
    if status.endswith("_IN_PROGRESS"):
        return "IN_PROGRESS"
    return "FAILED" if status.endswith("_FAILED") or "ROLLBACK" in status else "SUCCEEDED"


def _of_change_set(stack: Stack, made: ChangeSet) -> list[dict[str, Any]]:
    done = made.status in {"CREATE_COMPLETE", "FAILED"}
    common = {
        "StackId": stack.id,
        "OperationId": made.operation_id,
        "OperationType": "CREATE_CHANGESET",
        "Timestamp": made.created,
    }
    status = "IN_PROGRESS" if not done else "FAILED" if made.status == "FAILED" else "SUCCEEDED"
    whole = {
        **common,
        "EventId": f"{made.operation_id}-0",
        "EventType": "STACK_EVENT",
        "OperationStatus": status,
        "LogicalResourceId": stack.name,
        "PhysicalResourceId": stack.id,
        "ResourceType": STACK_TYPE,
    }
    findings = [
        {
            **common,
            "EventId": f"{made.operation_id}-{number}",
            "EventType": "VALIDATION_ERROR",
            "LogicalResourceId": each.logical_id,
            "PhysicalResourceId": "",
            "ResourceType": each.type,
            "ValidationFailureMode": each.mode,
            "ValidationName": each.validation,
            "ValidationStatus": "FAILED",
            "ValidationStatusReason": each.reason,
            "ValidationPath": each.path,
        }
        for number, each in enumerate(made.findings if done else (), start=1)
    ]
    return [*findings, whole]


def _failed(event: dict[str, Any]) -> bool:
    return event["EventType"] in {"VALIDATION_ERROR", "PROVISIONING_ERROR"} or event.get("OperationStatus") == "FAILED"
