"""Operations of a stack set: the actions that read, list and stop them, and each carried out in the background.

Region after region, some accounts at once, until too many failed.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stackset-ops-options.html
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from builder.local.adapter.emulator import here
from builder.local.adapter.handlers import ApiError
from builder.local.adapter.stack_sets import stacks
from builder.local.adapter.stack_sets.records import Instance, Operation, Result, StackSet, find, find_operation

ApiRequest = Mapping[str, Any]

_PAGE = 100


def page(request: ApiRequest, items: Sequence[Any]) -> dict[str, Any]:
    """Return the page of summaries that a request asks for, and the token of the next one."""
    start, size = request.get("NextToken", "0"), request.get("MaxResults", _PAGE)
    if not start.isdigit():
        raise ApiError("ValidationError", f"Invalid NextToken: {start}")
    end = int(start) + size
    return {"Summaries": items[int(start) : end], "NextToken": str(end) if end < len(items) else None}


def matches(request: ApiRequest, values: Mapping[str, str | None]) -> bool:
    """Return whether the values pass all filters of a request."""
    return all(values[condition["Name"]] in condition["Values"].split(",") for condition in request.get("Filters", []))


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


def _describe(request: ApiRequest) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    operation = find_operation(stack_set, request["OperationId"])
    more: dict[str, Any] = {"StackSetId": stack_set.id, "DeploymentTargets": operation.targets, **operation.roles}
    if operation.action == "DELETE":
        more["RetainStacks"] = operation.retain
    return {"StackSetOperation": _summary(operation) | more}


def _list(request: ApiRequest) -> dict[str, Any]:
    operations = find(here(), request["StackSetName"]).operations.values()
    return page(request, [_summary(operation) for operation in reversed(operations)])


def _list_results(request: ApiRequest) -> dict[str, Any]:
    operation = find_operation(find(here(), request["StackSetName"]), request["OperationId"])
    results = operation.results.values()
    return page(
        request, [_result(result) for result in results if matches(request, {"OPERATION_RESULT_STATUS": result.status})]
    )


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


def _stop(request: ApiRequest) -> dict[str, Any]:
    stop(find_operation(find(here(), request["StackSetName"]), request["OperationId"]))
    return {}


ACTIONS: dict[str, Callable[[ApiRequest], dict[str, Any]]] = {
    "DescribeStackSetOperation": _describe,
    "ListStackSetOperationResults": _list_results,
    "ListStackSetOperations": _list,
    "StopStackSetOperation": _stop,
}
_TOO_MANY = "Cancelled since failure tolerance has exceeded"
# AWS's wording of this one is unverified.
_STOPPED = "Cancelled since the operation was stopped"
FAILED_IMPORT = "FAILED_IMPORT"
_running: set[asyncio.Task[None]] = set()
"""The event loop itself keeps its tasks only weakly."""


def start(stack_set: StackSet, operation: Operation, *, queue: bool = False) -> None:
    """Start an operation, or queue it in a set with managed execution. Raises ApiError in another set that is busy."""
    check_free(stack_set, operation.id, queue=queue)
    stack_set.operations[operation.id] = operation
    for place in operation.results:
        instance = stack_set.instances.setdefault(place, Instance(place))
        instance.detail, instance.operation_id = "PENDING", operation.id
        if operation.action != "DELETE":
            instance.status, instance.reason = "OUTDATED", None
    task = asyncio.get_running_loop().create_task(_run(stack_set, operation))
    _running.add(task)
    task.add_done_callback(_running.discard)


def check_free(stack_set: StackSet, operation_id: str, *, queue: bool = False) -> None:
    """Raise ApiError unless the set accepts the operation now."""
    if operation_id in stack_set.operations:
        raise ApiError("OperationIdAlreadyExistsException", f"Operation {operation_id} already exists")
    managed = stack_set.definition.get("ManagedExecution", {}).get("Active", False)
    if stack_set.busy and not managed and not queue:
        busy = stack_set.busy[0].id
        raise ApiError(
            "OperationInProgressException", f"Another Operation on StackSet {stack_set.arn} is in progress: {busy}"
        )


def stop(operation: Operation) -> None:
    """Let what runs finish, and cancel the rest. Raises ApiError where the operation is over."""
    if operation.over.is_set():
        raise ApiError("InvalidOperationException", f"Operation {operation.id} is in {operation.status} state")
    operation.status = "STOPPING"


async def _run(stack_set: StackSet, operation: Operation) -> None:
    earlier = [other for other in stack_set.busy if other is not operation]
    for other in (*earlier, *operation.after):
        await other.over.wait()
    # One that was stopped in the queue has nothing to run.
    try:
        if operation.status == "QUEUED":
            operation.status = "RUNNING"
            await _run_stages(stack_set, operation)
    finally:
        # In any case, so that nobody waits for it for ever.
        _end(stack_set, operation)


def _end(stack_set: StackSet, operation: Operation) -> None:
    _cancel(stack_set, operation)
    if operation.status == "STOPPING":
        operation.status = "STOPPED"
    else:
        exceeded = any(_exceeds(operation, region) for region in _regions(operation))
        operation.status = "FAILED" if exceeded else "SUCCEEDED"
    operation.ended = datetime.now(UTC)
    operation.over.set()


async def _run_stages(stack_set: StackSet, operation: Operation) -> None:
    for stage in stages(operation.preferences, _regions(operation)):
        await asyncio.gather(*(_run_region(stack_set, operation, region) for region in stage))
        if any(_exceeds(operation, region) for region in stage):
            return


def _regions(operation: Operation) -> list[str]:
    return order(operation.preferences, (place.region for place in operation.results))


def _results_in(operation: Operation, region: str) -> list[Result]:
    return [result for result in operation.results.values() if result.place.region == region]


def _failures(results: Iterable[Result]) -> int:
    return sum(result.status == "FAILED" for result in results)


def _exceeds(operation: Operation, region: str) -> bool:
    results = _results_in(operation, region)
    return _failures(results) > tolerance(operation.preferences, len(results))


async def _run_region(stack_set: StackSet, operation: Operation, region: str) -> None:
    results = _results_in(operation, region)
    waiting, running = list(results), set[asyncio.Task[None]]()
    while True:
        at_once = concurrency(operation.preferences, len(results), failures=_failures(results))
        while waiting and len(running) < at_once and operation.status == "RUNNING" and not _exceeds(operation, region):
            running.add(asyncio.create_task(_run_one(stack_set, operation, waiting.pop(0))))
        if not running:
            return
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _run_one(stack_set: StackSet, operation: Operation, result: Result) -> None:
    instance = stack_set.instances[result.place]
    result.status = instance.detail = "RUNNING"
    try:
        await _apply(stack_set, operation, instance)
    except stacks.StackOperationFailed as failed:
        result.status, result.reason = "FAILED", str(failed)
        is_import = instance.place in operation.imports
        _mark(instance, "INOPERABLE" if is_import or operation.action == "DELETE" else "OUTDATED", str(failed))
        if is_import:
            instance.detail = FAILED_IMPORT
        return
    result.status = "SUCCEEDED"
    if operation.action == "DELETE":
        del stack_set.instances[result.place]
    else:
        instance.status, instance.detail, instance.reason = "CURRENT", "SUCCEEDED", None


async def _apply(stack_set: StackSet, operation: Operation, instance: Instance) -> None:
    # An instance without a stack, for want of a role for example, is deleted without one: unverified.
    if operation.retain or (operation.action == "DELETE" and instance.stack_id is None):
        return
    account = instance.place.account
    if refusal := stacks.find_refusal(operation.roles, stack_set.home, account):
        raise stacks.StackOperationFailed(refusal)
    execution = operation.roles.get("ExecutionRoleName", "")
    if instance.place in operation.imports:
        stacks.take_in(stack_set, instance)
    elif operation.action == "DELETE":
        await stacks.remove(instance, execution)
    else:
        await stacks.deploy(stack_set, instance, execution)


def _mark(instance: Instance, status: str, reason: str) -> None:
    instance.status, instance.reason = status, reason
    instance.detail = "INOPERABLE" if status == "INOPERABLE" else "FAILED"


def _cancel(stack_set: StackSet, operation: Operation) -> None:
    reason = _STOPPED if operation.status == "STOPPING" else _TOO_MANY
    for place, result in operation.results.items():
        if result.status == "PENDING":
            result.status, result.reason = "CANCELLED", reason
            instance = stack_set.instances[place]
            instance.detail, instance.reason = "CANCELLED", reason


# -- how many accounts are tried at once, and how many of them may fail


Preferences = Mapping[str, Any]


def tolerance(preferences: Preferences, accounts: int) -> int:
    """Return how many accounts of a region may fail; a percentage is rounded down."""
    if "FailureToleranceCount" in preferences:
        return int(preferences["FailureToleranceCount"])
    return int(preferences.get("FailureTolerancePercentage", 0)) * accounts // 100


def concurrency(preferences: Preferences, accounts: int, *, failures: int) -> int:
    """Return how many accounts of a region are tried at once after so many failures; at least one.

    In the strict mode never more than could fail before the tolerance is exceeded by one.
    """
    if "MaxConcurrentCount" in preferences:
        at_once = int(preferences["MaxConcurrentCount"])
    elif "MaxConcurrentPercentage" in preferences:
        at_once = int(preferences["MaxConcurrentPercentage"]) * accounts // 100
    else:
        at_once = 1
    if preferences.get("ConcurrencyMode") != "SOFT_FAILURE_TOLERANCE":
        at_once = min(at_once, tolerance(preferences, accounts) - failures + 1)
    return max(1, at_once)


def order(preferences: Preferences, regions: Iterable[str]) -> list[str]:
    """Return each region once: those that RegionOrder names first, in its order, then the others as they come."""
    first: Sequence[str] = preferences.get("RegionOrder", ())
    unique = list(dict.fromkeys(regions))
    return [*(region for region in first if region in unique), *(region for region in unique if region not in first)]


def stages(preferences: Preferences, regions: Sequence[str]) -> list[list[str]]:
    """Return the regions that are tried at the same time, stage by stage."""
    if preferences.get("RegionConcurrencyType") == "PARALLEL":
        return [list(regions)]
    return [[region] for region in regions]
