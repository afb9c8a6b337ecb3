"""Change sets that include nested stacks: one for each child that is new or changes, to any depth.

The documentation does not say what becomes of a child that stays as it is; here it has no change set, and there is a
row of it only where its parent says something else of it than before.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
"""

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any
from xml.etree import ElementTree as ET

from builder.local.adapter.cloudformation import nested_stacks
from builder.local.adapter.cloudformation.requests import (
    NO_CHANGES,
    UNKNOWN_VALUE,
    Action,
    ChangeSet,
    Params,
    add_element,
    edit_reply,
    find_change_set,
    find_stack,
    get_change_set,
    members,
    parameter,
    stack_of,
    tag,
    validation_error,
)
from builder.local.adapter.cloudformation.templates import evaluate, working_on
from builder.local.adapter.emulator import touch
from builder.local.adapter.handlers import Reply, message_of

Row = dict[str, Any]
"""A ResourceChange of a change set."""

_CFN = "ministack.services.cloudformation"
# On the emulator's own record of a change set: its children's, by logical id.
_NESTED = "_nested"
_MAY_CHANGE = {
    "Target": {"Attribute": "Properties", "RequiresRecreation": "Never"},
    "Evaluation": "Dynamic",
    "ChangeSource": "Automatic",
}
"""The detail of a row that is there because of what is in the child, or may be."""


def install(actions: MutableMapping[str, Action]) -> None:
    """Wrap the actions that create, execute, delete and describe change sets."""
    actions["CreateChangeSet"] = _make_create(actions["CreateChangeSet"])
    actions["ExecuteChangeSet"] = _make_execute(actions["ExecuteChangeSet"])
    actions["DeleteChangeSet"] = _make_delete(actions["DeleteChangeSet"])
    actions["DeleteStack"] = _make_delete_stack(actions["DeleteStack"])
    for name in ("DescribeChangeSet", "ListChangeSets"):
        actions[name] = edit_reply(actions[name], _show)


# -- creation


def _make_create(handle: Action) -> Action:
    def create(params: Params) -> Reply:
        include = parameter(params, "IncludeNestedStacks").lower() == "true"
        if include and parameter(params, "ChangeSetType") == "IMPORT":
            return validation_error("IncludeNestedStacks is not supported for change sets of type IMPORT.")
        if include and parameter(params, "DeploymentMode") == "REVERT_DRIFT":
            return validation_error("IncludeNestedStacks is not supported with DeploymentMode REVERT_DRIFT.")
        reply = handle(params)
        if reply[0] == 200:
            _add_children(handle, get_change_set(params), include=include)
        return reply

    return create


def _add_children(handle: Action, change_set: ChangeSet, *, include: bool) -> None:
    """Add the rows of a change set's children, and create the change set of each child that changes."""
    change_set["IncludeNestedStacks"] = include
    is_empty = change_set["Status"] == "FAILED" and change_set["StatusReason"].startswith(NO_CHANGES)
    if change_set["ChangeSetType"] == "IMPORT" or (change_set["Status"] == "FAILED" and not is_empty):
        return
    failed = None
    if include:
        failed = _create_children(handle, change_set)
    else:
        _list_children(change_set)
    if failed is not None:
        reason = f"Nested change set {failed} was not successfully created: Currently in FAILED."
        change_set.update(Status="FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=reason, Changes=[])
    elif is_empty and change_set["Changes"]:
        change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")


def _list_children(change_set: ChangeSet) -> None:
    """Add a row for every deployed child, which may change as long as it has no change set of its own."""
    resources = stack_of(change_set)["_resources"]
    for logical_id in _definitions(change_set):
        if logical_id in resources and logical_id not in _rows(change_set):
            _add_row(change_set, logical_id, resources[logical_id]["PhysicalResourceId"])


def _create_children(handle: Action, change_set: ChangeSet) -> str | None:
    """Create the children's change sets in the order of their references; return the ARN of a failed one, or None."""
    failed = None
    change_set[_NESTED] = {}
    for logical_id, definition in _definitions(change_set).items():
        child = _create_child(handle, change_set, logical_id, definition)
        if child is None:
            continue
        change_set[_NESTED][logical_id] = child["ChangeSetId"]
        if child["Status"] == "FAILED":
            failed = child["ChangeSetId"]
            continue
        row = _rows(change_set).get(logical_id) or _add_row(change_set, logical_id, child["StackId"])
        row.update(ChangeSetId=child["ChangeSetId"], PhysicalResourceId=child["StackId"])
    return failed


def _create_child(
    handle: Action, change_set: ChangeSet, logical_id: str, definition: Mapping[str, Any]
) -> ChangeSet | None:
    """Create a child's change set and return it, failed or not; None if the child does not change."""
    parent = stack_of(change_set)
    deployed = find_stack(parent["_resources"].get(logical_id, {}).get("PhysicalResourceId", ""))
    root = touch(f"{_CFN}:_change_sets").get(change_set.get("RootChangeSetId") or change_set["ChangeSetId"])
    props = _properties(change_set, logical_id, definition)
    request: dict[str, list[str]] = {
        "StackName": [deployed["StackName"] if deployed else nested_stacks.make_name(parent["StackName"], logical_id)],
        "ChangeSetName": [nested_stacks.make_name(root["ChangeSetName"], logical_id)],
        "ChangeSetType": ["UPDATE" if deployed else "CREATE"],
        **members("Capabilities", [{"": name} for name in change_set.get("Capabilities") or []]),
    }
    refusal = _send(handle, request, props)
    if refusal:
        _make_placeholder(handle, request)
    child, stack = get_change_set(request), find_stack(request["StackName"][0])
    if stack is not None and deployed is None:
        nested_stacks.adopt(stack, logical_id, parent)
    child.update(ParentChangeSetId=change_set["ChangeSetId"], RootChangeSetId=root["ChangeSetId"])
    if refusal:
        child.update(Status="FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=refusal, Changes=[])
        child.update(IncludeNestedStacks=True, _template={}, _template_body="{}", _resolved_params={}, Parameters=[])
        return child
    _add_children(handle, child, include=True)
    if child["Status"] == "FAILED" and child["StatusReason"].startswith(NO_CHANGES):
        touch(f"{_CFN}:_change_sets").pop(child["ChangeSetId"])
        return None
    return child


def _send(handle: Action, request: dict[str, list[str]], props: Mapping[str, Any]) -> str:
    """Send the request for a child's change set, with the child's properties; return why it is refused, or ""."""
    try:
        parameters = nested_stacks.read_parameters(props)
        request |= {
            "TemplateURL": [str(props.get("TemplateURL") or "")],
            "Tags": [""],  # an empty list, where no members come after it
            **members(
                "Parameters", [{"ParameterKey": pair["Key"], "ParameterValue": pair["Value"]} for pair in parameters]
            ),
            **members("Tags", nested_stacks.read_tags(props)),
        }
        status, _, body = handle(request)
    except ValueError as error:
        return str(error)
    return "" if status == 200 else message_of(body)


def _make_placeholder(handle: Action, request: dict[str, list[str]]) -> None:
    """Create a change set in the place of one that CloudFormation refuses, to carry the reason."""
    for name in [name for name in request if name.startswith(("Template", "Parameters", "Tags"))]:
        del request[name]
    handle(
        {**request, "TemplateBody": ['{"Resources": {"None": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}']}
    )


def _properties(change_set: ChangeSet, logical_id: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a child's properties, as far as they are known before the execution."""
    parent = stack_of(change_set)
    raw: Mapping[str, Any] = definition.get("Properties") or {}
    no_value = touch(f"{_CFN}.engine:_NO_VALUE")
    props = {name: _value(change_set, value) for name, value in raw.items() if name != "Parameters"}
    parameters = {name: _value(change_set, value) for name, value in (raw.get("Parameters") or {}).items()}
    props["Parameters"] = {name: value for name, value in parameters.items() if value is not no_value}
    tags = change_set["Tags"] if change_set.get("_tags_given") else parent.get("Tags") or []
    with_tags: dict[str, Any] = touch(f"{_CFN}.provisioners:_with_stack_tags")(
        nested_stacks.TYPE, props, tags, parent["StackName"], parent["StackId"], logical_id
    )
    return with_tags


def _value(change_set: ChangeSet, raw: object) -> object:
    """Return the value of a child's property, or KNOWN_AFTER_APPLY where it depends on another change."""
    parent, template = stack_of(change_set), change_set["_template"]
    for name, attribute in touch(f"{_CFN}.engine:_intrinsic_references")(raw):
        if name in template.get("Resources", {}) and _will_differ(change_set, name, attribute):
            return UNKNOWN_VALUE
    return touch(f"{_CFN}.engine:_resolve_refs")(
        raw,
        parent["_resources"],
        change_set["_resolved_params"],
        _conditions(change_set),
        template.get("Mappings", {}),
        parent["StackName"],
        parent["StackId"],
    )


def _will_differ(change_set: ChangeSet, logical_id: str, attribute: str | None) -> bool:
    """Return whether the execution may change a resource's attribute, or its physical id."""
    if logical_id not in stack_of(change_set)["_resources"]:
        return True
    row = _rows(change_set).get(logical_id)
    if row is None:
        return False
    if row["ResourceType"] == nested_stacks.TYPE and attribute is not None:
        return "ChangeSetId" in row
    return row.get("Replacement") in {"True", "Conditional"}


def _definitions(change_set: ChangeSet) -> dict[str, Mapping[str, Any]]:
    """Return the children that a change set's template has, in the order of their deployment."""
    resources = change_set["_template"].get("Resources", {})
    order = touch(f"{_CFN}.engine:_topological_sort")(resources, _conditions(change_set))
    return {name: resources[name] for name in order if resources[name].get("Type") == nested_stacks.TYPE}


def _conditions(change_set: ChangeSet) -> dict[str, bool]:
    with working_on(change_set["StackName"]):
        return evaluate(change_set["_template"], change_set["_resolved_params"])


def _rows(change_set: ChangeSet) -> dict[str, Row]:
    return {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in change_set["Changes"]}


def _add_row(change_set: ChangeSet, logical_id: str, physical_id: str) -> Row:
    row: Row = {
        "Action": "Modify",
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": nested_stacks.TYPE,
        "Replacement": "False",
        "Scope": ["Properties"],
        "Details": [_MAY_CHANGE],
    }
    change_set["Changes"] = [*change_set["Changes"], {"ResourceChange": row}]
    return row


# -- execution and deletion, of a child's change set only with its root's


def _make_execute(handle: Action) -> Action:
    def execute(params: Params) -> Reply:
        change_set = find_change_set(params)
        if change_set is not None and change_set.get("ParentChangeSetId"):
            return _refuse_nested(change_set, "executed")
        others = [] if change_set is None else [other for other in _siblings(change_set) if other is not change_set]
        reply = handle(params)
        if reply[0] == 200:
            for other in others:
                _forget_children(other)
        return reply

    return execute


def _make_delete(handle: Action) -> Action:
    def delete(params: Params) -> Reply:
        change_set = find_change_set(params)
        if change_set is not None and change_set.get("ParentChangeSetId"):
            return _refuse_nested(change_set, "deleted")
        reply = handle(params)
        if reply[0] == 200 and change_set is not None:
            _forget_children(change_set)
        return reply

    return delete


def _make_delete_stack(handle: Action) -> Action:
    def delete_stack(params: Params) -> Reply:
        stack = find_stack(parameter(params, "StackName"))
        change_sets = touch(f"{_CFN}:_change_sets")
        of_stack = [
            change_set for change_set in change_sets.values() if stack and change_set["StackId"] == stack["StackId"]
        ]
        reply = handle(params)
        for change_set in of_stack if reply[0] == 200 else ():
            _forget_children(change_set)
        return reply

    return delete_stack


def _refuse_nested(change_set: ChangeSet, verb: str) -> Reply:
    arn, root = change_set["ChangeSetId"], change_set["RootChangeSetId"]
    return validation_error(f"ChangeSet [{arn}] is nested and can only be {verb} with its root change set [{root}].")


def _siblings(change_set: ChangeSet) -> list[ChangeSet]:
    change_sets = touch(f"{_CFN}:_change_sets").values()
    return [other for other in change_sets if other["StackId"] == change_set["StackId"]]


def _forget_children(change_set: ChangeSet) -> None:
    """Delete the change sets below this one, and the stacks in review that they were to create."""
    change_sets, stacks = touch(f"{_CFN}:_change_sets"), touch(f"{_CFN}:_stacks")
    for arn in change_set.get(_NESTED, {}).values():
        child = change_sets.pop(arn, None)
        if child is None:
            continue
        _forget_children(child)
        stack = stacks.get(child["StackName"])
        if stack is not None and stack["StackStatus"] == "REVIEW_IN_PROGRESS":
            stacks.pop(child["StackName"])
            touch(f"{_CFN}:_stack_events").pop(stack["StackId"], None)


# -- what is shown of a change set


def _show(_params: Params, root: ET.Element) -> None:
    for element in _change_set_elements(root):
        change_set = touch(f"{_CFN}:_change_sets").get(element.findtext(tag("ChangeSetId"), ""), {})
        add_element(element, "IncludeNestedStacks", str(bool(change_set.get("IncludeNestedStacks"))).lower())
        for name in ("ParentChangeSetId", "RootChangeSetId"):
            if name in change_set:
                add_element(element, name, change_set[name])
        rows = _rows(change_set) if "Changes" in change_set else {}
        for row in element.iter(tag("ResourceChange")):
            arn = rows[row.findtext(tag("LogicalResourceId"), "")].get("ChangeSetId")
            if arn:
                add_element(row, "ChangeSetId", arn)


def _change_set_elements(root: ET.Element) -> Iterator[ET.Element]:
    yield from root.iter(tag("DescribeChangeSetResult"))
    for summaries in root.iter(tag("Summaries")):
        yield from summaries
