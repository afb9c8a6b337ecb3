"""Change sets: named by their stack's ARN too, refused by the stack's status, with both values of every property.

The emulator finds a change set by its stack's name only, and makes a new stack of a stack in review. DescribeStacks
says which change set a stack is at, and DescribeChangeSet with IncludePropertyValues what each changed property was and
will be, path by path.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html
"""

import copy
import json
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from builder.local.adapter.cloudformation.requests import (
    UNKNOWN_VALUE,
    Action,
    Params,
    Stack,
    add_element,
    add_to_stacks,
    and_on_success,
    edit_reply,
    find_stack,
    get_change_set,
    parameter,
    stack_of,
    tag,
    validation_error,
)
from builder.local.adapter.cloudformation.shown_values import without_secrets
from builder.local.adapter.emulator import touch
from builder.local.adapter.handlers import Reply, text_of

_CFN = "ministack.services.cloudformation"
_UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "CREATE_FAILED", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
    | {"UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE"}
)
_WANTS_SETTLED = {"UPDATE": _UPDATABLE, "IMPORT": _UPDATABLE | {"REVIEW_IN_PROGRESS"}}
# On the emulator's own record of a stack, which it writes and reads with the rest of its state.
_CHANGE_SET_ID = "ChangeSetId"
# On its record of a change set: before and after, each with the properties by logical id.
_VALUES = "PropertyValues"
_ABSENT = object()


def install(actions: MutableMapping[str, Action]) -> None:
    """Wrap the actions on change sets, and those that show or change which change set a stack is at."""
    for name in ("DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "ListChangeSets"):
        actions[name] = _by_stack_name(actions[name])
    # Outside of the creation, which keeps a stack in review.
    create = and_on_success(_make_create(actions["CreateChangeSet"]), _note_review)
    actions["CreateChangeSet"] = and_on_success(create, _note_values)
    actions["ExecuteChangeSet"] = and_on_success(actions["ExecuteChangeSet"], _note_execution)
    actions["UpdateStack"] = and_on_success(actions["UpdateStack"], _note_update)
    actions["DescribeStacks"] = add_to_stacks(actions["DescribeStacks"], _show_change_set_id)
    actions["DescribeChangeSet"] = edit_reply(actions["DescribeChangeSet"], _show_values)


# -- which stack, and whether its status allows the change set


def _by_stack_name(handle: Action) -> Action:
    """Return the action, which is given the stack's name where the request has its ARN."""

    def handle_by_name(params: Params) -> Reply:
        name_or_arn = parameter(params, "StackName")
        if name_or_arn:
            stack = find_stack(name_or_arn)
            if stack is None:
                return validation_error(f"Stack [{name_or_arn}] does not exist")
            return handle({**params, "StackName": [stack["StackName"]]})
        if not parameter(params, "ChangeSetName").startswith("arn:"):
            return validation_error("StackName must be specified if ChangeSetName is not specified as an ARN.")
        return handle(params)

    return handle_by_name


def _make_create(handle: Action) -> Action:
    def create(params: Params) -> Reply:
        stack = find_stack(parameter(params, "StackName"))
        kind = parameter(params, "ChangeSetType") or "UPDATE"
        if stack is None:
            return handle(params)
        status, name = stack["StackStatus"], parameter(params, "ChangeSetName")
        if kind == "CREATE" and status == "REVIEW_IN_PROGRESS":
            return _add_to_review(handle, params, stack)
        if kind == "CREATE":
            return validation_error(
                f"Stack [{stack['StackName']}] already exists and cannot be created again with the changeSet [{name}]."
            )
        if kind in _WANTS_SETTLED and status not in _WANTS_SETTLED[kind]:
            return validation_error(f"Stack:{stack['StackId']} is in {status} state and can not be updated.")
        return handle(params)

    return create


def _add_to_review(handle: Action, params: Params, stack: Stack) -> Reply:
    """Create another change set for a stack in review, and keep the stack.

    The emulator makes a new stack of the same name, so the change sets that wait there would lose theirs.
    """
    stacks, events = touch(f"{_CFN}:_stacks"), touch(f"{_CFN}:_stack_events")
    name, stack_id = stack["StackName"], stack["StackId"]
    status, headers, body = handle(params)
    new_stack = stacks.get(name)
    stacks[name] = stack
    if new_stack is None:
        return status, headers, body
    events.pop(new_stack["StackId"], None)
    for change_set in touch(f"{_CFN}:_change_sets").values():
        if change_set["StackId"] == new_stack["StackId"]:
            change_set["StackId"] = stack_id
    return status, headers, text_of(body).replace(new_stack["StackId"], stack_id).encode()


# -- which change set a stack is at


def _note_review(params: Params) -> None:
    stack = find_stack(parameter(params, "StackName"))
    if stack is not None and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        stack[_CHANGE_SET_ID] = get_change_set(params)["ChangeSetId"]


def _note_execution(params: Params) -> None:
    change_set = get_change_set(params)
    stack_of(change_set)[_CHANGE_SET_ID] = change_set["ChangeSetId"]


def _note_update(params: Params) -> None:
    stack = find_stack(parameter(params, "StackName"))
    if stack is not None:
        stack.pop(_CHANGE_SET_ID, None)


def _show_change_set_id(stack: Stack) -> str:
    change_set_id = stack.get(_CHANGE_SET_ID)
    return f"<ChangeSetId>{change_set_id}</ChangeSetId>" if change_set_id else ""


# -- the values of properties, before and after


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A path in a property with its two values; None where the path does not exist on that side."""

    path: str
    before: str | None
    after: str | None


def find_changes(before: object, after: object, path: str) -> Iterator[ValueChange]:
    """Yield the differences of two values in the order of their keys; a subtree on one side only is one change."""
    if isinstance(before, dict) and isinstance(after, dict) and not (_is_function(before) or _is_function(after)):
        for key in sorted(before.keys() | after.keys()):
            yield from find_changes(before.get(key, _ABSENT), after.get(key, _ABSENT), f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            old = before[index] if index < len(before) else _ABSENT
            new = after[index] if index < len(after) else _ABSENT
            yield from find_changes(old, new, f"{path}/{index}")
    elif before != after:
        yield ValueChange(path, _text(before), _text(after))


def _is_function(value: Mapping[str, object]) -> bool:
    """Return whether a value is an intrinsic function, which only the execution can resolve."""
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


def _text(value: object) -> str | None:
    if value is _ABSENT:
        return None
    if isinstance(value, dict) and _is_function(value):
        return UNKNOWN_VALUE
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _note_values(params: Params) -> None:
    """Keep both values of each property while the stack is as the change set was made for."""
    change_set = get_change_set(params)
    stack = stack_of(change_set)
    change_set[_VALUES] = {"before": _properties(stack, stack), "after": _properties(change_set, stack)}


def _properties(holder: Mapping[str, Any], stack: Stack) -> dict[str, Any]:
    """Return the properties of a template's resources by logical id, as far as its parameters resolve them."""
    resolve = touch(f"{_CFN}.changesets:_resolve_props_for_diff")
    values = without_secrets(holder["_resolved_params"])
    resolved = resolve(holder["_template"], values, stack["StackName"], stack["StackId"])
    properties = {name: resource["Properties"] for name, resource in resolved.get("Resources", {}).items()}
    # Through JSON because it is written with the emulator's state, and AWS::NoValue is an object of its own.
    plain: dict[str, Any] = json.loads(json.dumps(properties, default=lambda _: None))
    return plain


def _show_values(params: Params, root: ET.Element) -> None:
    if parameter(params, "IncludePropertyValues") != "true":
        return
    # Absent from a change set that came with the state of an earlier version.
    values = get_change_set(params).get(_VALUES, {"before": {}, "after": {}})
    for change in root.iter(tag("ResourceChange")):
        _add_values(change, values["before"], values["after"])


def _add_values(change: ET.Element, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    logical_id = change.findtext(tag("LogicalResourceId"), "")
    for context, properties in (("BeforeContext", before), ("AfterContext", after)):
        if logical_id in properties:
            add_element(change, context, json.dumps({"Properties": properties[logical_id]}, separators=(",", ":")))
    details = change.find(tag("Details"))
    old, new = before.get(logical_id, {}), after.get(logical_id, {})
    for detail in list(details) if details is not None else []:
        name = detail.findtext(f"{tag('Target')}/{tag('Name')}")
        changes = list(find_changes(old.get(name, _ABSENT), new.get(name, _ABSENT), f"/Properties/{name}"))
        if details is not None and name and changes:
            details.remove(detail)
            details.extend(_with_change(detail, property_change) for property_change in changes)


def _with_change(detail: ET.Element, change: ValueChange) -> ET.Element:
    copied = copy.deepcopy(detail)
    target = copied.find(tag("Target"))
    if target is not None:
        kind = "Add" if change.before is None else "Remove" if change.after is None else "Modify"
        values = {"Path": change.path, "BeforeValue": change.before, "AfterValue": change.after}
        for name, value in {**values, "AttributeChangeType": kind}.items():
            if value is not None:
                add_element(target, name, value)
    return copied
