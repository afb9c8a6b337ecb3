"""A resource that an update adds is created, and its events and its status say so; the emulator says it is updated.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from collections.abc import Callable
from typing import Any

from builder.local.adapter.emulator import replace, touch

_CFN = "ministack.services.cloudformation"
_ENDINGS = frozenset({"IN_PROGRESS", "COMPLETE", "FAILED"})
# On the emulator's own record of a stack: the resources that the update under way adds.
_ADDED = "_added"


def install() -> None:
    """Have the emulator note events through ours."""
    replace(f"{_CFN}.stacks:_add_event", _make_add)


def _make_add(add: Callable[..., None]) -> Callable[..., None]:
    def add_event(*event: Any, **named: Any) -> None:  # noqa: ANN401  the emulator's own
        stack_id, stack_name, logical_id, kind, status, *rest = event
        verb, _, ending = status.partition("_")
        stack = touch(f"{_CFN}:_stacks").get(stack_name)
        of_itself = logical_id == stack_name and kind == "AWS::CloudFormation::Stack"
        if stack is not None and not of_itself and verb == "UPDATE" and ending in _ENDINGS:
            status = f"{_verb(stack, logical_id, ending)}_{ending}"
        add(stack_id, stack_name, logical_id, kind, status, *rest, **named)

    return add_event


def _verb(stack: dict[str, Any], logical_id: str, ending: str) -> str:
    """Return what is done to a resource: one is added that the stack did not have when it was begun."""
    added: list[str] = stack.setdefault(_ADDED, [])
    resource = stack.get("_resources", {}).get(logical_id)
    if ending == "IN_PROGRESS" and resource is None and stack["StackStatus"] == "UPDATE_IN_PROGRESS":
        added.append(logical_id)
        return "CREATE"
    if logical_id not in added:
        return "UPDATE"
    if ending != "IN_PROGRESS":
        added.remove(logical_id)
        if resource is not None:
            resource["ResourceStatus"] = f"CREATE_{ending}"
    return "CREATE"
