"""An operation carried out in the background: region after region, some accounts at once, until too many failed.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from builder.local.adapter.stack_set import role, schedule, stack
from builder.local.adapter.stack_set.records import Instance, Operation, Result, StackSet
from builder.local.adapter.stack_set.wire import Fault

_TOO_MANY = "Cancelled since failure tolerance has exceeded"
# How AWS words this one nobody has seen: unverified.
_STOPPED = "Cancelled since the operation was stopped"
_running: set[asyncio.Task[None]] = set()
"""The event loop itself keeps its tasks only weakly."""


def start(stack_set: StackSet, operation: Operation, *, queue: bool = False) -> None:
    """Begin an operation, or queue it behind those of its set if the set is managed; otherwise raises Fault then."""
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
    """Raise Fault where the set can't take the operation now."""
    if operation_id in stack_set.operations:
        raise Fault("OperationIdAlreadyExistsException", f"Operation {operation_id} already exists")
    managed = stack_set.definition.get("ManagedExecution", {}).get("Active", False)
    if stack_set.busy and not managed and not queue:
        busy = stack_set.busy[0].id
        raise Fault(
            "OperationInProgressException", f"Another Operation on StackSet {stack_set.arn} is in progress: {busy}"
        )


def stop(operation: Operation) -> None:
    """Let what runs finish and cancel the rest; raises Fault when there is nothing to stop."""
    if operation.over.is_set():
        raise Fault("InvalidOperationException", f"Operation {operation.id} is in {operation.status} state")
    operation.status = "STOPPING"


async def _run(stack_set: StackSet, operation: Operation) -> None:
    earlier = [one for one in stack_set.busy if one is not operation]
    for one in (*earlier, *operation.after):
        await one.over.wait()
    # Stopped in the queue, it has nothing running.
    try:
        if operation.status == "QUEUED":
            operation.status = "RUNNING"
            await _run_stages(stack_set, operation)
    finally:
        # Whatever happens, nobody waits for it for ever.
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
    for stage in schedule.stages(operation.preferences, _regions(operation)):
        await asyncio.gather(*(_run_region(stack_set, operation, region) for region in stage))
        if any(_exceeds(operation, region) for region in stage):
            return


def _regions(operation: Operation) -> list[str]:
    return schedule.order(operation.preferences, (place.region for place in operation.results))


def _in(operation: Operation, region: str) -> list[Result]:
    return [result for result in operation.results.values() if result.place.region == region]


def _failures(results: Iterable[Result]) -> int:
    return sum(result.status == "FAILED" for result in results)


def _exceeds(operation: Operation, region: str) -> bool:
    results = _in(operation, region)
    return _failures(results) > schedule.tolerance(operation.preferences, len(results))


async def _run_region(stack_set: StackSet, operation: Operation, region: str) -> None:
    results = _in(operation, region)
    waiting, running = list(results), set[asyncio.Task[None]]()
    while True:
        at_once = schedule.concurrency(operation.preferences, len(results), failures=_failures(results))
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
    except stack.StackFailed as failed:
        result.status, result.reason = "FAILED", str(failed)
        _mark(instance, "INOPERABLE" if operation.action == "DELETE" else "OUTDATED", str(failed))
        return
    result.status = "SUCCEEDED"
    if operation.action == "DELETE":
        del stack_set.instances[result.place]
    else:
        instance.status, instance.detail, instance.reason = "CURRENT", "SUCCEEDED", None


async def _apply(stack_set: StackSet, operation: Operation, instance: Instance) -> None:
    # What never had a stack, for want of a role perhaps, leaves without one: unverified.
    if operation.retain or (operation.action == "DELETE" and instance.stack_id is None):
        return
    account = instance.place.account
    if refusal := role.find_refusal(operation.roles, stack_set.home, account):
        raise stack.StackFailed(refusal)
    execution = operation.roles.get("ExecutionRoleName", "")
    if operation.action == "DELETE":
        await stack.remove(instance, execution)
    else:
        await stack.deploy(stack_set, instance, execution)


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
