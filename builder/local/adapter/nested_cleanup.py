"""What a child's update leaves over is deleted once its root is complete, so that a failure elsewhere loses nothing.

As on AWS: all that an update removes or replaces goes in UPDATE_COMPLETE_CLEANUP_IN_PROGRESS of the root, children's
too.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

import copy
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

from builder.local.adapter.change_set import Stack
from builder.local.adapter.emulator import replace, touch

_CFN = "ministack.services.cloudformation"
# On the emulator's own record of a child: what is to be deleted, in its order.
_LEFT_OVER = "_left_over"
Deploy = Callable[..., Coroutine[Any, Any, None]]


def install() -> None:
    """Put deletions of children's updates off, and make up for them where a root is deployed."""
    replace(f"{_CFN}.stacks:_delete_resource", _make_delete)
    for module in ("changesets", "handlers"):
        replace(f"{_CFN}.{module}:_deploy_stack_async", _make_deploy)


def give_back(child: Stack, before: Mapping[str, Any]) -> None:
    """Let a child that is rolled back have again what it gave up, in the place of what replaced it."""
    for one in child.pop(_LEFT_OVER, []):
        logical_id, resources = one["LogicalResourceId"], child["_resources"]
        successor = resources.get(logical_id)
        if successor is not None:
            _delete(child, logical_id, successor)
        resources[logical_id] = copy.deepcopy(before["_resources"][logical_id])


def _make_delete(delete: Callable[..., None]) -> Callable[..., None]:
    def delete_later(
        kind: str, physical_id: str, props: Mapping[str, Any], stack_name: str = "", logical_id: str = ""
    ) -> None:
        stack = touch(f"{_CFN}:_stacks").get(stack_name)
        if stack is None or "ParentId" not in stack or stack["StackStatus"] != "UPDATE_IN_PROGRESS":
            delete(kind, physical_id, props, stack_name, logical_id)
            return
        left = {
            "ResourceType": kind,
            "PhysicalResourceId": physical_id,
            "LogicalResourceId": logical_id,
            "Properties": dict(props),
        }
        stack.setdefault(_LEFT_OVER, []).append(left)

    return delete_later


def _make_deploy(deploy: Deploy) -> Deploy:
    async def deploy_root(name: str, stack_id: str, *rest: Any, **named: Any) -> None:  # noqa: ANN401  the emulator's own
        await deploy(name, stack_id, *rest, **named)
        root = touch(f"{_CFN}:_stacks").get(name)
        if root is None or root["StackStatus"] != "UPDATE_COMPLETE":
            return
        children = list(_children_with_left_overs(stack_id))
        if children:
            # At once, before anybody can read the status that was.
            root["StackStatus"] = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
            touch(f"{_CFN}:_stack_events")[stack_id][-1]["ResourceStatus"] = root["StackStatus"]
            for child in children:
                await _clean_up(child)
            root["StackStatus"] = "UPDATE_COMPLETE"
            kind = "AWS::CloudFormation::Stack"
            touch(f"{_CFN}.stacks:_add_event")(stack_id, name, name, kind, "UPDATE_COMPLETE", physical_id=stack_id)

    return deploy_root


def _children_with_left_overs(root_id: str) -> Iterator[Stack]:
    for stack in list(touch(f"{_CFN}:_stacks").values()):
        if stack.get("RootId") == root_id and stack.get(_LEFT_OVER):
            yield stack


async def _clean_up(child: Stack) -> None:
    """Delete what is left over; what cannot be deleted is the child's again, and says so."""
    for one in child.pop(_LEFT_OVER):
        kind, logical_id = one["ResourceType"], one["LogicalResourceId"]
        try:
            if touch(f"{_CFN}.stacks:_runs_on_worker_thread")(kind):
                await touch("ministack.core.concurrency:run_reentrant")(_delete, child, logical_id, one)
            else:
                _delete(child, logical_id, one)
        except Exception as error:  # noqa: BLE001  whatever a handler raises is why the resource stays
            _keep(child, one, str(error))


def _delete(child: Stack, logical_id: str, one: Mapping[str, Any]) -> None:
    kind, physical_id = one["ResourceType"], one["PhysicalResourceId"]
    delete = touch(f"{_CFN}.provisioners:_delete_resource")
    delete(kind, physical_id, one.get("Properties") or {}, child["StackName"], logical_id)


def _keep(child: Stack, one: dict[str, Any], reason: str) -> None:
    named = (child["StackId"], child["StackName"], one["LogicalResourceId"], one["ResourceType"])
    touch(f"{_CFN}.stacks:_add_event")(*named, "DELETE_FAILED", reason, one["PhysicalResourceId"])
    if one["LogicalResourceId"] not in child["_resources"]:
        failed = {"ResourceStatus": "DELETE_FAILED", "ResourceStatusReason": reason, "Attributes": {}}
        now = touch("ministack.core.responses:now_iso")()
        child["_resources"][one["LogicalResourceId"]] = {**one, **failed, "Timestamp": now}
