"""AWS::CloudFormation::Stack: a stack of its own, deployed, rolled back and deleted as any other, by its parent.

The emulator deploys a child in a way of its own: without rollback, without deletion policies, and what a child could
not delete is forgotten. Here a child goes through the same code as a root.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stack.html
"""

import asyncio
import copy
import secrets
import string
from collections.abc import Callable, Coroutine, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from builder.local.adapter.cloudformation.requests import Action, ChangeSet, Stack, add_to_stacks, find_stack
from builder.local.adapter.cloudformation.templates import read_template, working_on
from builder.local.adapter.cloudformation.transforms import read_transformed
from builder.local.adapter.emulator import here, replace, touch
from builder.local.adapter.handlers import PhysicalResource, Properties

TYPE = "AWS::CloudFormation::Stack"

_CFN = "ministack.services.cloudformation"
DEFINITION_FIELDS = ("_template", "_template_body", "_resolved_params", "_conditions", "Parameters", "Tags")
ROLLBACK_FIELDS = (*DEFINITION_FIELDS, "_resources", "Outputs")
"""What a rollback restores."""
# On the emulator's own record of a parent: the children that the running operation has changed, by name, each with its
# fields before, or None where its creation failed.
CHANGED_CHILDREN = "_nested_touched"


def install(resources: Mapping[str, MutableMapping[str, Any]], actions: MutableMapping[str, Action]) -> None:
    """Add the handlers of the type, and show the parent and root of a stack."""
    resources[TYPE].update(create=create, delete=delete)
    replace(f"{_CFN}.stacks:_update_resource", _make_update)
    for name in ("DescribeStacks", "ListStacks"):
        actions[name] = add_to_stacks(actions[name], _show_parents)


def make_name(parent: str, logical_id: str) -> str:
    """Return a unique name for a new child, or for a child's change set."""
    end = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
    return f"{parent}-{logical_id}"[:115] + f"-{end}"


def make_record(name: str, logical_id: str, parent: Stack, status: str) -> Stack:
    """Add the record of a new, empty child and return it."""
    account, region = here()
    now, identifier = _now(), touch("ministack.core.responses:new_uuid")()
    stack_id = f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{identifier}"
    stack: Stack = {
        "StackName": name,
        "StackId": stack_id,
        "StackStatus": status,
        "StackStatusReason": "",
        "CreationTime": now,
        "LastUpdatedTime": now,
        "Description": "",
        "DisableRollback": False,
        "_template_body": "",
        "_region": region,
        **{name: [] for name in ("Parameters", "Tags", "Outputs", "Capabilities")},
        **{name: {} for name in ("_resources", "_template", "_resolved_params", "_conditions")},
    }
    adopt(stack, logical_id, parent)
    touch(f"{_CFN}:_stacks")[name] = stack
    touch(f"{_CFN}:_stack_events")[stack_id] = []
    return stack


def adopt(stack: Stack, logical_id: str, parent: Stack) -> None:
    """Set the parent and the root of a stack."""
    stack["ParentId"] = parent["StackId"]
    stack["RootId"] = parent.get("RootId") or parent["StackId"]
    stack["_logical_id"] = logical_id


def find_nested_change_set(parent: Stack, logical_id: str) -> tuple[ChangeSet | None, bool]:
    """Return the child's part of the change set that the parent executes, and whether that includes nested stacks."""
    parent_change_set = touch(f"{_CFN}:_change_sets").get(parent.get("ChangeSetId") or "") or {}
    arn = parent_change_set.get("_nested", {}).get(logical_id, "")
    return touch(f"{_CFN}:_change_sets").get(arn), bool(parent_change_set.get("IncludeNestedStacks"))


def read_parameters(props: Properties) -> list[dict[str, str]]:
    """Return a child's parameters as a request has them. Raises ValueError for a list."""
    parameters = props.get("Parameters") or {}
    if any(isinstance(value, list) for value in parameters.values()):
        message = "Value of property Parameters must be an object with String (or simple type) properties"
        raise ValueError(message)
    return [{"Key": name, "Value": _text(value)} for name, value in parameters.items()]


def read_tags(props: Properties) -> list[dict[str, str]]:
    """Return a child's tags, its parent's among them, without those of CloudFormation itself."""
    tags = touch(f"{_CFN}.provisioners:_tag_map")(props.get("Tags"))
    return [{"Key": key, "Value": str(value)} for key, value in tags.items() if not key.startswith("aws:")]


def _text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


# -- the handlers: each runs on a thread of its own, so each may have an event loop of its own


@dataclass(frozen=True, slots=True)
class _Definition:
    """The template, parameters and tags of a child."""

    body: str
    template: Mapping[str, Any]
    values: Mapping[str, Any]
    tags: list[dict[str, str]]


def create(logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
    """Create a child: the stack in review if the parent's change set has one, else a new stack."""
    parent = touch(f"{_CFN}:_stacks")[stack_name]
    change_set, _ = find_nested_change_set(parent, logical_id)
    body = change_set["_template_body"] if change_set else read_template(str(props.get("TemplateURL", "")))
    definition = _make_definition(body, props, stack_name, {})
    stack_in_review = touch(f"{_CFN}:_stacks").get(change_set["StackName"]) if change_set else None
    stack = stack_in_review or make_record(make_name(stack_name, logical_id), logical_id, parent, "CREATE_IN_PROGRESS")
    failure = _deploy(stack, parent, definition, change_set)
    if failure is not None:
        parent["_resources"][logical_id] = {
            "PhysicalResourceId": stack["StackId"],
            "LogicalResourceId": logical_id,
            "ResourceType": TYPE,
            "ResourceStatus": "CREATE_FAILED",
            "Properties": dict(props),
            "Attributes": {},
            "Timestamp": _now(),
        }
        parent.setdefault(CHANGED_CHILDREN, {})[stack["StackName"]] = None
        raise _error(stack, f"created: {failure}")
    return stack["StackId"], _outputs(stack)


def update(physical_id: str, props: Properties, stack_name: str, logical_id: str) -> PhysicalResource:
    """Update a child whose template, parameters or tags differ; in a rollback of the parent, leave it to that."""
    parent, stack = touch(f"{_CFN}:_stacks")[stack_name], find_stack(physical_id)
    if stack is None:
        message = f"Stack with id {physical_id} does not exist"
        raise ValueError(message)
    if parent["StackStatus"].startswith("UPDATE_ROLLBACK"):
        return physical_id, _outputs(stack)
    change_set, includes_nested = find_nested_change_set(parent, logical_id)
    if change_set:
        body = change_set["_template_body"]
    else:
        # A change set that includes nested stacks updates only what it shows, whatever is in the bucket by now.
        body = stack["_template_body"] if includes_nested else read_template(str(props.get("TemplateURL", "")))
    definition = _make_definition(body, props, stack_name, stack["_resolved_params"])
    deployed = (stack["_template"], stack["_resolved_params"], stack["Tags"])
    if not change_set and (definition.template, definition.values, definition.tags) == deployed:
        return physical_id, _outputs(stack)
    before = {name: copy.deepcopy(stack.get(name)) for name in ROLLBACK_FIELDS}
    stack.pop(CHANGED_CHILDREN, None)
    failure = _deploy(stack, parent, definition, change_set, before)
    if failure is not None:
        raise _error(stack, f"updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: {failure}")
    parent.setdefault(CHANGED_CHILDREN, {})[stack["StackName"]] = before
    return physical_id, _outputs(stack)


def delete(physical_id: str, props: Properties) -> None:
    """Delete a child with its resources, or do nothing if it is gone. Raises ValueError where a resource stays."""
    del props
    stack = find_stack(physical_id)
    if stack is None:
        return
    change_sets = touch(f"{_CFN}:_change_sets")
    for arn in [arn for arn, change_set in change_sets.items() if change_set["StackId"] == physical_id]:
        change_sets.pop(arn)
    asyncio.run(touch(f"{_CFN}.stacks:_delete_stack_async")(stack["StackName"], physical_id))
    if stack["StackStatus"] == "DELETE_FAILED":
        raise _error(stack, f"deleted: {stack['StackStatusReason']} ")


def _make_update(update_resource: Callable[..., PhysicalResource]) -> Callable[..., PhysicalResource]:
    """Return the update of any resource, which updates a child even where its properties are the same."""

    def with_children(kind: str, physical_id: str, old: Properties, new: Properties, *rest: Any) -> PhysicalResource:  # noqa: ANN401  the emulator's own
        if kind != TYPE:
            return update_resource(kind, physical_id, old, new, *rest)
        stack_name, logical_id, *_ = rest
        return update(physical_id, new, stack_name, logical_id)

    return with_children


def _make_definition(body: str, props: Properties, parent: str, previous: Mapping[str, Any]) -> _Definition:
    """Return the definition of a child. Raises ValueError where its deployment fails at once."""
    parameters = read_parameters(props)
    template, is_expanded = read_transformed(body, parameters, previous)
    # It asks for CAPABILITY_AUTO_EXPAND where there is a transform, which the template has no more.
    asking = {**template, "Transform": []} | ({"Transform": ["any"]} if is_expanded else {})
    touch(f"{_CFN}.provisioners:_check_nested_stack_capabilities")(parent, asking)
    values = touch(f"{_CFN}.changesets:_resolve_parameters")(template, parameters, previous)
    return _Definition(body, template, values, read_tags(props))


def _deploy(
    stack: Stack,
    parent: Stack,
    definition: _Definition,
    change_set: ChangeSet | None,
    before: Mapping[str, Any] | None = None,
) -> str | None:
    """Create a child, or update it from `before`; return the reason of a failure, or None.

    Only an update is rolled back by the child itself; one that failed to be created goes with its parent's rollback.
    """
    verb = "CREATE" if before is None else "UPDATE"
    with working_on(stack["StackName"]):
        conditions = touch(f"{_CFN}.changesets:_evaluate_conditions")(definition.template, definition.values)
    stack.update(
        StackStatus=f"{verb}_IN_PROGRESS",
        StackStatusReason="",
        LastUpdatedTime=_now(),
        Description=definition.template.get("Description", ""),
        Tags=definition.tags,
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value["Value"], "NoEcho": value["NoEcho"]}
            for key, value in definition.values.items()
        ],
        Capabilities=list(parent.get("Capabilities") or []),
        _template_body=definition.body,
        _template=definition.template,
        _resolved_params=definition.values,
        _conditions=conditions,
    )
    _execute(stack, change_set)
    start = len(events_of(stack))
    add_event(stack, f"{verb}_IN_PROGRESS")
    with working_on(stack["StackName"]):
        asyncio.run(deploy_stack(stack, definition.template, definition.values, before))
    is_complete = stack["StackStatus"] == f"{verb}_COMPLETE"
    if change_set is not None:
        change_set["ExecutionStatus"] = "EXECUTE_COMPLETE" if is_complete else "EXECUTE_FAILED"
    return None if is_complete else _reason(stack, start)


def _execute(stack: Stack, change_set: ChangeSet | None) -> None:
    """Begin to execute a child's change set: the stack is at it, and its others are deleted."""
    stack.pop("ChangeSetId", None)
    if change_set is not None:
        stack["ChangeSetId"] = change_set["ChangeSetId"]
        change_set["ExecutionStatus"] = "EXECUTE_IN_PROGRESS"
        touch(f"{_CFN}.changesets:_drop_other_change_sets")(stack["StackId"], change_set["ChangeSetId"])


def deploy_stack(
    stack: Stack, template: Mapping[str, Any], values: Mapping[str, Any], before: Mapping[str, Any] | None
) -> Coroutine[Any, Any, None]:
    """Deploy a child as the emulator deploys any stack; `before` is what an update starts from."""
    name, stack_id, tags = stack["StackName"], stack["StackId"], stack["Tags"]
    coroutine: Coroutine[Any, Any, None] = touch(f"{_CFN}.stacks:_deploy_stack_async")(
        name, stack_id, template, values, before is None, tags, is_update=before is not None, previous_stack=before
    )
    return coroutine


# -- what is shown of a child


def _show_parents(stack: Stack) -> str:
    if not stack.get("ParentId"):
        return ""
    return f"<ParentId>{stack['ParentId']}</ParentId><RootId>{stack['RootId']}</RootId>"


def _outputs(stack: Stack) -> dict[str, str]:
    return {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in stack["Outputs"]}


def events_of(stack: Stack) -> list[dict[str, Any]]:
    """Return the emulator's own list of a stack's events, oldest first."""
    events: list[dict[str, Any]] = touch(f"{_CFN}:_stack_events").setdefault(stack["StackId"], [])
    return events


def add_event(stack: Stack, status: str) -> None:
    """Add an event of the stack itself."""
    name, stack_id = stack["StackName"], stack["StackId"]
    touch(f"{_CFN}.stacks:_add_event")(stack_id, name, name, TYPE, status, physical_id=stack_id)


def _reason(stack: Stack, start: int) -> str:
    """Return the reason of a failed operation, from the child's events since `start`."""
    for verb in ("UPDATE", "CREATE"):
        failures = [event for event in events_of(stack)[start:] if event["ResourceStatus"] == f"{verb}_FAILED"]
        names = dict.fromkeys(
            event["LogicalResourceId"] for event in failures if event["PhysicalResourceId"] != stack["StackId"]
        )
        if names:
            return f"The following resource(s) failed to {verb.lower()}: [{', '.join(names)}]. "
    return str(stack.get("StackStatusReason") or stack["StackStatus"])


def _error(stack: Stack, what: str) -> ValueError:
    return ValueError(f"Embedded stack {stack['StackId']} was not successfully {what}")


def _now() -> str:
    return str(touch("ministack.core.responses:now_iso")())
