"""DescribeStacks says which change set a stack is at.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html
"""

import re
from collections.abc import MutableMapping

from builder.local.adapter.change_set import Action, Params, find_change_set, find_stack, parameter
from builder.local.adapter.emulator import touch
from builder.local.adapter.refusals import Reply

_CFN = "ministack.services.cloudformation"
_STACK_ID = re.compile("<StackId>(.*?)</StackId>")
# On the emulator's own record of the stack, which it writes and reads with the rest of its state.
_KEY = "ChangeSetId"


def install(actions: MutableMapping[str, Action]) -> None:
    """Wrap what gives a stack a change set, what takes it away, and what reports it."""
    actions["CreateChangeSet"] = _make_create(actions["CreateChangeSet"])
    actions["ExecuteChangeSet"] = _make_execute(actions["ExecuteChangeSet"])
    actions["UpdateStack"] = _make_update(actions["UpdateStack"])
    actions["DescribeStacks"] = _make_describe(actions["DescribeStacks"])


def _make_create(handle: Action) -> Action:
    def create(params: Params) -> Reply:
        reply = handle(params)
        stack = find_stack(parameter(params, "StackName"))
        if reply[0] == 200 and stack is not None and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            stack[_KEY] = find_change_set(params)["ChangeSetId"]
        return reply

    return create


def _make_execute(handle: Action) -> Action:
    def execute(params: Params) -> Reply:
        reply = handle(params)
        if reply[0] == 200:
            change_set = find_change_set(params)
            touch(f"{_CFN}:_stacks")[change_set["StackName"]][_KEY] = change_set["ChangeSetId"]
        return reply

    return execute


def _make_update(handle: Action) -> Action:
    def update(params: Params) -> Reply:
        reply = handle(params)
        stack = find_stack(parameter(params, "StackName"))
        if reply[0] == 200 and stack is not None:
            stack.pop(_KEY, None)
        return reply

    return update


def _make_describe(handle: Action) -> Action:
    def describe(params: Params) -> Reply:
        status, headers, body = handle(params)
        if status != 200:
            return status, headers, body
        change_sets = {stack["StackId"]: stack[_KEY] for stack in touch(f"{_CFN}:_stacks").values() if stack.get(_KEY)}
        text = body.decode() if isinstance(body, bytes) else body
        return status, headers, _STACK_ID.sub(lambda found: found[0] + _element(change_sets, found[1]), text).encode()

    return describe


def _element(change_sets: MutableMapping[str, str], stack_id: str) -> str:
    found = change_sets.get(stack_id)
    return f"<ChangeSetId>{found}</ChangeSetId>" if found else ""
