"""What actions of CloudFormation read of a request, and how an action of the emulator's is wrapped.

An action takes the parameters of a request and returns a reply. `find_…` and `get_…` return what a request names;
`and_on_success`, `edit_reply` and `add_to_stacks` return an action that does more than the one they are given.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html
"""

import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any
from xml.etree import ElementTree as ET

from builder.local.adapter.emulator import touch
from builder.local.adapter.handlers import Reply, text_of

Params = Mapping[str, Any]
Action = Callable[[Params], Reply]
Stack = MutableMapping[str, Any]
ChangeSet = MutableMapping[str, Any]

_CFN = "ministack.services.cloudformation"
_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
UNKNOWN_VALUE = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What a change set shows where only the execution tells."""
NO_CHANGES = "The submitted information didn't contain changes."
_STACK_ID = re.compile("<StackId>(.*?)</StackId>")


def parameter(params: Params, name: str) -> str:
    """Return one parameter of a request, or the empty string."""
    return str(touch(f"{_CFN}.helpers:_p")(params, name))


def find_stack(name_or_arn: str) -> Stack | None:
    """Return the stack that a request names, unless it is deleted."""
    stack: Stack | None = touch(f"{_CFN}.handlers:_resolve_stack")(name_or_arn)
    return None if stack is None or stack["StackStatus"] == "DELETE_COMPLETE" else stack


def find_change_set(params: Params) -> ChangeSet | None:
    """Return the change set that a request names by its ARN, or by its name and its stack's name or ARN, or None."""
    name, stack = parameter(params, "ChangeSetName"), find_stack(parameter(params, "StackName"))
    if not name.startswith("arn:") and stack is None:
        return None
    change_set: ChangeSet | None = touch(f"{_CFN}.changesets:_find_change_set")(
        name, stack["StackName"] if stack else ""
    )[1]
    return change_set


def get_change_set(params: Params) -> ChangeSet:
    """Return the change set of a request that succeeded. Raises KeyError where there is none."""
    change_set = find_change_set(params)
    if change_set is None:
        raise KeyError(parameter(params, "ChangeSetName"))
    return change_set


def stack_of(change_set: ChangeSet) -> Stack:
    """Return the stack of a change set, also in review."""
    stack: Stack = touch(f"{_CFN}:_stacks")[change_set["StackName"]]
    return stack


def members(name: str, items: Iterable[Mapping[str, object]]) -> dict[str, list[str]]:
    """Return a list of structures as the parameters of a request; a plain value is a structure of the name ""."""
    return {
        f"{name}.member.{number}" + (f".{key}" if key else ""): [str(value)]
        for number, item in enumerate(items, 1)
        for key, value in item.items()
    }


def validation_error(message: str) -> Reply:
    """Return the reply to a request that CloudFormation refuses."""
    reply: Reply = touch(f"{_CFN}.helpers:_error")("ValidationError", message)
    return reply


# -- an action that does more


def and_on_success(handle: Action, then: Callable[[Params], None]) -> Action:
    """Return the action, which calls `then` with each request that succeeds."""

    def handle_then(params: Params) -> Reply:
        reply = handle(params)
        if reply[0] == 200:
            then(params)
        return reply

    return handle_then


def edit_reply(handle: Action, edit: Callable[[Params, ET.Element], None]) -> Action:
    """Return the action, whose successful replies `edit` changes in place."""

    def handle_and_edit(params: Params) -> Reply:
        status, headers, body = handle(params)
        if status != 200:
            return status, headers, body
        ET.register_namespace("", _NAMESPACE)
        root = ET.fromstring(body)  # noqa: S314  the emulator's own reply
        edit(params, root)
        return status, headers, ET.tostring(root, encoding="utf-8", xml_declaration=True)

    return handle_and_edit


def add_to_stacks(handle: Action, make: Callable[[Stack], str]) -> Action:
    """Return the action, whose replies have after each StackId the XML that `make` returns of the stack."""

    def handle_and_add(params: Params) -> Reply:
        status, headers, body = handle(params)
        if status != 200:
            return status, headers, body
        added = {stack["StackId"]: make(stack) for stack in touch(f"{_CFN}:_stacks").values()}
        text = _STACK_ID.sub(lambda match: match[0] + added.get(match[1], ""), text_of(body))
        return status, headers, text.encode()

    return handle_and_add


def tag(name: str) -> str:
    """Return an element's name with CloudFormation's namespace."""
    return f"{{{_NAMESPACE}}}{name}"


def add_element(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    """Add an element to another, and return it."""
    element = ET.SubElement(parent, tag(name))
    element.text = text
    return element
