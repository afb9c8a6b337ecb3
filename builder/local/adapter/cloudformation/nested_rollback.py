"""What the end of a root's operation means for its children: a failure rolls them back, a success cleans them up.

As on AWS: all that an update removes or replaces is deleted in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS of the root,
children's too, so that a failure elsewhere loses nothing.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

import copy
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.cloudformation.nested_stacks import (
    CHANGED_CHILDREN,
    DEFINITION_FIELDS,
    ROLLBACK_FIELDS,
    add_event,
    deploy_stack,
    events_of,
)
from builder.local.adapter.cloudformation.requests import (
    Action,
    Params,
    Stack,
    and_on_success,
    find_stack,
    get_change_set,
    parameter,
)
from builder.local.adapter.cloudformation.templates import working_on
from builder.local.adapter.emulator import replace, touch

Deploy = Callable[..., Coroutine[Any, Any, None]]

_CFN = "ministack.services.cloudformation"
# On the emulator's own record of a child: the resources that are to be deleted, in order.
_LEFT_OVER = "_left_over"


def install(actions: MutableMapping[str, Action]) -> None:
    """Roll children back with their parent, and delete what their updates leave over once the root is complete."""
    for name in ("ExecuteChangeSet", "UpdateStack"):
        actions[name] = and_on_success(actions[name], _begin)
    for module in ("stacks", "handlers"):
        replace(f"{_CFN}.{module}:_roll_back_operation", _make_roll_back)
    replace(f"{_CFN}.stacks:_delete_resource", _make_delete)
    for module in ("changesets", "handlers"):
        replace(f"{_CFN}.{module}:_deploy_stack_async", _make_deploy)


# -- a failure


def _begin(params: Params) -> None:
    """Forget the children that the previous operation changed."""
    stack = get_change_set(params)["StackId"] if "ChangeSetName" in params else parameter(params, "StackName")
    (find_stack(stack) or {}).pop(CHANGED_CHILDREN, None)


def _make_roll_back(roll_back: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def with_children(name: str, stack_id: str, stack: Stack, *rest: Any, **named: Any) -> None:  # noqa: ANN401  the emulator's own
        await _roll_back_children(stack)
        await roll_back(name, stack_id, stack, *rest, **named)

    return with_children


async def _roll_back_children(parent: Stack) -> None:
    """Restore each child that the operation has updated, and delete each that failed to be created."""
    for name, before in reversed(list(parent.pop(CHANGED_CHILDREN, {}).items())):
        child = touch(f"{_CFN}:_stacks").get(name)
        if child is None:
            continue
        if before is None:
            await touch(f"{_CFN}.stacks:_delete_stack_async")(name, child["StackId"])
            parent["_resources"].pop(child["_logical_id"], None)
        else:
            await _roll_back_child(child, before)


async def _roll_back_child(child: Stack, before: Mapping[str, Any]) -> None:
    child["StackStatus"] = "UPDATE_ROLLBACK_IN_PROGRESS"
    add_event(child, child["StackStatus"])
    await _roll_back_children(child)
    _restore_resources(child, before)
    after = {name: copy.deepcopy(child.get(name)) for name in ROLLBACK_FIELDS}
    child.update({name: before[name] for name in DEFINITION_FIELDS})
    with working_on(child["StackName"]):
        await deploy_stack(child, before["_template"], before["_resolved_params"], after)
    is_complete = child["StackStatus"] == "UPDATE_COMPLETE"
    child["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE" if is_complete else "UPDATE_ROLLBACK_FAILED"
    events_of(child)[-1]["ResourceStatus"] = child["StackStatus"]


def _restore_resources(child: Stack, before: Mapping[str, Any]) -> None:
    """Delete each replacement, and restore the resource that it replaced."""
    for resource in child.pop(_LEFT_OVER, []):
        logical_id, resources = resource["LogicalResourceId"], child["_resources"]
        successor = resources.get(logical_id)
        if successor is not None:
            _delete(child, logical_id, successor)
        resources[logical_id] = copy.deepcopy(before["_resources"][logical_id])


# -- a success


def _make_delete(delete: Callable[..., None]) -> Callable[..., None]:
    """Return the deletion of a resource, which the update of a child postpones."""

    def delete_later(
        kind: str, physical_id: str, props: Mapping[str, Any], stack_name: str = "", logical_id: str = ""
    ) -> None:
        stack = touch(f"{_CFN}:_stacks").get(stack_name)
        if stack is None or "ParentId" not in stack or stack["StackStatus"] != "UPDATE_IN_PROGRESS":
            delete(kind, physical_id, props, stack_name, logical_id)
            return
        resource = {
            "ResourceType": kind,
            "PhysicalResourceId": physical_id,
            "LogicalResourceId": logical_id,
            "Properties": dict(props),
        }
        stack.setdefault(_LEFT_OVER, []).append(resource)

    return delete_later


def _make_deploy(deploy: Deploy) -> Deploy:
    async def deploy_root(name: str, stack_id: str, *rest: Any, **named: Any) -> None:  # noqa: ANN401  the emulator's own
        await deploy(name, stack_id, *rest, **named)
        root = touch(f"{_CFN}:_stacks").get(name)
        if root is None or root["StackStatus"] != "UPDATE_COMPLETE":
            return
        children = list(_children_to_clean_up(stack_id))
        if children:
            # At once, before anybody can read the status that was.
            root["StackStatus"] = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
            touch(f"{_CFN}:_stack_events")[stack_id][-1]["ResourceStatus"] = root["StackStatus"]
            for child in children:
                await _clean_up(child)
            root["StackStatus"] = "UPDATE_COMPLETE"
            add_event(root, root["StackStatus"])

    return deploy_root


def _children_to_clean_up(root_id: str) -> Iterator[Stack]:
    for stack in list(touch(f"{_CFN}:_stacks").values()):
        if stack.get("RootId") == root_id and stack.get(_LEFT_OVER):
            yield stack


async def _clean_up(child: Stack) -> None:
    """Delete the resources left over; one that cannot be deleted stays the child's in DELETE_FAILED."""
    for resource in child.pop(_LEFT_OVER):
        kind, logical_id = resource["ResourceType"], resource["LogicalResourceId"]
        try:
            if touch(f"{_CFN}.stacks:_runs_on_worker_thread")(kind):
                await touch("ministack.core.concurrency:run_reentrant")(_delete, child, logical_id, resource)
            else:
                _delete(child, logical_id, resource)
        except Exception as error:  # noqa: BLE001  whatever a handler raises is why the resource stays
            _note_failure(child, resource, str(error))


def _delete(child: Stack, logical_id: str, resource: Mapping[str, Any]) -> None:
    kind, physical_id = resource["ResourceType"], resource["PhysicalResourceId"]
    delete = touch(f"{_CFN}.provisioners:_delete_resource")
    delete(kind, physical_id, resource.get("Properties") or {}, child["StackName"], logical_id)


def _note_failure(child: Stack, resource: dict[str, Any], reason: str) -> None:
    logical_id, kind = resource["LogicalResourceId"], resource["ResourceType"]
    touch(f"{_CFN}.stacks:_add_event")(
        child["StackId"], child["StackName"], logical_id, kind, "DELETE_FAILED", reason, resource["PhysicalResourceId"]
    )
    if logical_id not in child["_resources"]:
        failure = {"ResourceStatus": "DELETE_FAILED", "ResourceStatusReason": reason, "Attributes": {}}
        now = touch("ministack.core.responses:now_iso")()
        child["_resources"][logical_id] = {**resource, **failure, "Timestamp": now}
