"""Drift detection: what a stack's resources are, against what its template says.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DetectStackDrift.html,
API_DescribeStackDriftDetectionStatus and API_DescribeStackResourceDrifts
"""

from collections.abc import Iterator
from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.compare import ABSENT, Leaf, leaves, shown
from fake_aws.cloudformation.drift_aware import drift_status
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.live import expected_part
from fake_aws.cloudformation.lookup import journal, stack_named
from fake_aws.cloudformation.paging import page
from fake_aws.cloudformation.records import Detection, Resource, ResourceDrift, Stack
from fake_aws.json_value import as_json
from fake_aws.refusals import validation_error

_DETECTABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
    | {"IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)
_KINDS = {"Add": "ADD", "Remove": "REMOVE", "Modify": "NOT_EQUAL"}


def detect_stack_drift(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DetectStackDrift; the resources are looked at when the detection ends."""
    stack = stack_named(request, params["StackName"])
    if stack.status not in _DETECTABLE:
        raise validation_error(f"Drift detection cannot be performed on stack [{stack.id}] in {stack.status} state")
    if stack.detections and stack.detections[-1].drifts is None:
        raise validation_error(f"Drift detection is already in progress for stack [{stack.id}]")
    detection = Detection(request.world.new_uuid(), request.world.datetime())
    stack.detections.append(detection)
    book = journal(request, stack)
    book.start(lambda: detect(book, detection))
    return {"StackDriftDetectionId": detection.id}


def detect(book: Journal, detection: Detection) -> Iterator[float]:
    """Look at the stack's resources when the detection ends."""
    yield book.seconds("DETECT_DRIFT")
    existing = {lid: each for lid, each in book.stack.resources.items() if each.exists}
    hidden = [lid for lid, each in sorted(existing.items()) if each.unreadable]
    detection.failed = f"Failed to detect drift on resource [{', '.join(hidden)}]" if hidden else ""
    detection.drifts = {lid: _detected(book, each) for lid, each in sorted(existing.items()) if not each.unreadable}


def _detected(book: Journal, resource: Resource) -> ResourceDrift:
    status = drift_status(resource)
    if status == "DELETED":
        return ResourceDrift(status, book.now)
    return ResourceDrift(status, book.now, resource.properties, expected_part(resource))


def describe_stack_drift_detection_status(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeStackDriftDetectionStatus, for detections since the stack's last operation."""
    detection_id = params["StackDriftDetectionId"]
    for stack in request.state.stacks.values():
        for each in stack.detections:
            if each.id == detection_id:
                return _detection(stack, each)
    raise validation_error(f"Drift detection id {detection_id} does not exist")


def _detection(stack: Stack, detection: Detection) -> Reply:
    began = {"StackId": stack.id, "StackDriftDetectionId": detection.id, "Timestamp": detection.began}
    if detection.drifts is None:
        return {**began, "DetectionStatus": "DETECTION_IN_PROGRESS"}
    if detection.failed:
        return {**began, "DetectionStatus": "DETECTION_FAILED", "DetectionStatusReason": detection.failed}
    drifted = sum(each.status != "IN_SYNC" for each in detection.drifts.values())
    return {
        **began,
        "DetectionStatus": "DETECTION_COMPLETE",
        "StackDriftStatus": _stack_status(detection.drifts),
        "DriftedStackResourceCount": drifted,
    }


def _stack_status(drifts: dict[str, ResourceDrift]) -> str:
    return "IN_SYNC" if all(each.status == "IN_SYNC" for each in drifts.values()) else "DRIFTED"


def describe_stack_resource_drifts(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeStackResourceDrifts, one page of what the last complete detection found."""
    stack = stack_named(request, params["StackName"])
    statuses = params.get("StackResourceDriftStatusFilters")
    drifts = {lid: each for lid, each in last_drifts(stack).items() if not statuses or each.status in statuses}
    shown_drifts, token = page(request, [_drift(stack, *each) for each in drifts.items()], params.get("NextToken"))
    return {"StackResourceDrifts": shown_drifts, "NextToken": token}


def last_drifts(stack: Stack) -> dict[str, ResourceDrift]:
    """Return what the last complete detection found, by logical id."""
    return next((each.drifts for each in reversed(stack.detections) if each.drifts is not None), {})


def stack_drift(stack: Stack) -> dict[str, Any]:
    """Return a stack's DriftInformation."""
    for each in reversed(stack.detections):
        if each.drifts is not None:
            return {"StackDriftStatus": _stack_status(each.drifts), "LastCheckTimestamp": each.began}
    return {"StackDriftStatus": "NOT_CHECKED"}


def resource_drift(stack: Stack, logical_id: str) -> dict[str, Any]:
    """Return a resource's DriftInformation."""
    drift = last_drifts(stack).get(logical_id)
    if drift is None:
        return {"StackResourceDriftStatus": "NOT_CHECKED"}
    return {"StackResourceDriftStatus": drift.status, "LastCheckTimestamp": drift.at}


def _drift(stack: Stack, logical_id: str, drift: ResourceDrift) -> dict[str, Any]:
    there = drift.status != "DELETED"
    return {
        **resource_drift_summary(stack, logical_id, drift),
        "ExpectedProperties": as_json(drift.expected) if there else None,
        "ActualProperties": as_json(drift.actual) if there else None,
    }


def resource_drift_summary(stack: Stack, logical_id: str, drift: ResourceDrift) -> dict[str, Any]:
    """Return what is shown of one resource, of a stack's or of a StackSet's instance."""
    resource = stack.resources[logical_id]
    return {
        "StackId": stack.id,
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        "StackResourceDriftStatus": drift.status,
        "Timestamp": drift.at,
        "PropertyDifferences": [_difference(leaf) for leaf in leaves(drift.expected, drift.actual, "")],
    }


def _difference(leaf: Leaf) -> dict[str, str]:
    return {
        "PropertyPath": leaf.path,
        "ExpectedValue": "null" if leaf.before is ABSENT else shown(leaf.before),
        "ActualValue": "null" if leaf.after is ABSENT else shown(leaf.after),
        "DifferenceType": _KINDS[leaf.kind],
    }
