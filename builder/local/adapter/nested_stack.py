"""AWS::CloudFormation::Stack: a stack of its own, deployed, rolled back and deleted as any other, by its parent.

The emulator deploys a child in a way of its own: without rollback, without deletion policies, and what a child could
not delete is forgotten. Here a child goes through the same code as a root.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stack.html
"""

import asyncio
import copy
import re
import secrets
import string
from collections.abc import Awaitable, Callable, Coroutine, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from builder.local.adapter import nested_cleanup, template_url
from builder.local.adapter.change_set import Action, Params, Stack, find_change_set, find_stack, parameter
from builder.local.adapter.conditions import working_on
from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.refusals import Reply

Properties = Mapping[str, Any]
Made = tuple[str, Mapping[str, str]]

TYPE = "AWS::CloudFormation::Stack"

_CFN = "ministack.services.cloudformation"
_RESPONSES = "ministack.core.responses"
_STACK_ID = re.compile("<StackId>(.*?)</StackId>")
_GIVEN = ("_template", "_template_body", "_resolved_params", "_conditions", "Parameters", "Tags")
_KEPT = (*_GIVEN, "_resources", "Outputs")
"""What a rollback gives back to a stack."""
# On the emulator's own record of a stack. Of a parent: its children that the operation under way has changed, by name,
# each with what it was before, or with nothing where it failed to be created.
_TOUCHED = "_nested_touched"


def install(resources: Mapping[str, MutableMapping[str, Any]], actions: MutableMapping[str, Action]) -> None:
    """Give the type its handlers, roll children back with their parent, and say whose child a stack is."""
    resources[TYPE].update(create=create, delete=delete)
    nested_cleanup.install()
    replace(f"{_CFN}.stacks:_update_resource", _make_update)
    replace(f"{_CFN}.stacks:_roll_back_operation", _make_roll_back)
    replace(f"{_CFN}.handlers:_roll_back_operation", _make_roll_back)
    for name in ("ExecuteChangeSet", "UpdateStack"):
        actions[name] = _make_begin(actions[name])
    for name in ("DescribeStacks", "ListStacks"):
        actions[name] = _make_describe(actions[name])


def make_name(parent: str, logical_id: str) -> str:
    """Return a name for a new child, or for a child's change set, that nothing has."""
    end = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
    return f"{parent}-{logical_id}"[:115] + f"-{end}"


def make_record(name: str, logical_id: str, parent: Stack, status: str) -> Stack:
    """Return the record of a new child, with nothing in it yet, and let it be known."""
    region, account = touch(f"{_RESPONSES}:get_region")(), touch(f"{_RESPONSES}:get_account_id")()
    number, now = touch(f"{_RESPONSES}:new_uuid")(), _now()
    stack_id = f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{number}"
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
    """Note whose child a stack is."""
    stack["ParentId"] = parent["StackId"]
    stack["RootId"] = parent.get("RootId") or parent["StackId"]
    stack["_logical_id"] = logical_id


def find_planned(parent: Stack, logical_id: str) -> tuple[MutableMapping[str, Any] | None, bool]:
    """Return the child's part of the change set that the parent executes, and whether that one looked at children."""
    executed = touch(f"{_CFN}:_change_sets").get(parent.get("ChangeSetId") or "") or {}
    number = executed.get("_nested", {}).get(logical_id, "")
    return touch(f"{_CFN}:_change_sets").get(number), bool(executed.get("IncludeNestedStacks"))


def read_parameters(props: Properties) -> list[dict[str, str]]:
    """Return the Parameters of a child as a request gives them; raises ValueError for a list."""
    given = props.get("Parameters") or {}
    if any(isinstance(value, list) for value in given.values()):
        message = "Value of property Parameters must be an object with String (or simple type) properties"
        raise ValueError(message)
    return [{"Key": name, "Value": _text(value)} for name, value in given.items()]


def read_tags(props: Properties) -> list[dict[str, str]]:
    """Return the tags of a child, those of its parent included, without what CloudFormation adds of its own."""
    given = touch(f"{_CFN}.provisioners:_tag_map")(props.get("Tags"))
    return [{"Key": key, "Value": str(value)} for key, value in given.items() if not key.startswith("aws:")]


def _text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


# -- the handlers: each runs on a thread of its own, so each may have an event loop of its own


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a child is to be."""

    body: str
    template: Mapping[str, Any]
    values: Mapping[str, Any]
    tags: list[dict[str, str]]


def create(logical_id: str, props: Properties, stack_name: str) -> Made:
    """Deploy a new child; one that its parent's change set shows is the stack that waits in review."""
    parent = touch(f"{_CFN}:_stacks")[stack_name]
    planned, _ = find_planned(parent, logical_id)
    body = planned["_template_body"] if planned else template_url.read(str(props.get("TemplateURL", "")))
    wanted = _make_wanted(body, props, stack_name, {})
    known = touch(f"{_CFN}:_stacks").get(planned["StackName"]) if planned else None
    stack = known or make_record(make_name(stack_name, logical_id), logical_id, parent, "CREATE_IN_PROGRESS")
    failure = _deploy(stack, parent, wanted, planned)
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
        parent.setdefault(_TOUCHED, {})[stack["StackName"]] = None
        raise _not_done(stack, f"created: {failure}")
    return stack["StackId"], _outputs(stack)


def update(physical_id: str, props: Properties, stack_name: str, logical_id: str) -> Made:
    """Update a child where its template, parameters or tags differ; a rollback has been seen to already."""
    parent, stack = touch(f"{_CFN}:_stacks")[stack_name], find_stack(physical_id)
    if stack is None:
        message = f"Stack with id {physical_id} does not exist"
        raise ValueError(message)
    if parent["StackStatus"].startswith("UPDATE_ROLLBACK"):
        return physical_id, _outputs(stack)
    planned, looked_at = find_planned(parent, logical_id)
    if planned:
        body = planned["_template_body"]
    else:
        # What a change set with its children does not show stays as it is, whatever lies in the bucket by now.
        body = stack["_template_body"] if looked_at else template_url.read(str(props.get("TemplateURL", "")))
    wanted = _make_wanted(body, props, stack_name, stack["_resolved_params"])
    deployed = (stack["_template"], stack["_resolved_params"], stack["Tags"])
    if not planned and (wanted.template, wanted.values, wanted.tags) == deployed:
        return physical_id, _outputs(stack)
    before = {name: copy.deepcopy(stack.get(name)) for name in _KEPT}
    stack.pop(_TOUCHED, None)
    failure = _deploy(stack, parent, wanted, planned, before)
    if failure is not None:
        raise _not_done(stack, f"updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: {failure}")
    parent.setdefault(_TOUCHED, {})[stack["StackName"]] = before
    return physical_id, _outputs(stack)


def delete(physical_id: str, props: Properties) -> None:
    """Delete a child with all that is in it; refused where some of it could not be, done if it is gone already."""
    del props
    stack = find_stack(physical_id)
    if stack is None:
        return
    change_sets = touch(f"{_CFN}:_change_sets")
    for number in [number for number, one in change_sets.items() if one["StackId"] == physical_id]:
        change_sets.pop(number)
    asyncio.run(touch(f"{_CFN}.stacks:_delete_stack_async")(stack["StackName"], physical_id))
    if stack["StackStatus"] == "DELETE_FAILED":
        raise _not_done(stack, f"deleted: {stack['StackStatusReason']} ")


def _make_update(update_resource: Callable[..., Made]) -> Callable[..., Made]:
    """Return the update of any resource, which asks each child, also where its parent says the same of it as before."""

    def with_children(kind: str, physical_id: str, old: Properties, new: Properties, *rest: Any) -> Made:  # noqa: ANN401  the emulator's own
        if kind != TYPE:
            return update_resource(kind, physical_id, old, new, *rest)
        stack_name, logical_id, *_ = rest
        return update(physical_id, new, stack_name, logical_id)

    return with_children


def _make_wanted(body: str, props: Properties, parent: str, previous: Mapping[str, Any]) -> _Wanted:
    """Return what a child is to be; raises ValueError as its deployment would fail."""
    given = read_parameters(props)
    template = touch(f"{_CFN}.engine:_apply_transforms")(touch(f"{_CFN}.engine:_parse_template")(body), given, previous)
    touch(f"{_CFN}.provisioners:_check_nested_stack_capabilities")(parent, template)
    values = touch(f"{_CFN}.changesets:_resolve_parameters")(template, given, previous)
    return _Wanted(body, template, values, read_tags(props))


def _deploy(
    stack: Stack,
    parent: Stack,
    wanted: _Wanted,
    planned: MutableMapping[str, Any] | None,
    before: Mapping[str, Any] | None = None,
) -> str | None:
    """Create a child, or update what was there before; returns why it failed, if it did.

    Only an update is rolled back by the child itself; one that failed to be created goes with its parent's rollback.
    """
    verb = "CREATE" if before is None else "UPDATE"
    with working_on(stack["StackName"]):
        conditions = touch(f"{_CFN}.changesets:_evaluate_conditions")(wanted.template, wanted.values)
    stack.update(
        StackStatus=f"{verb}_IN_PROGRESS",
        StackStatusReason="",
        LastUpdatedTime=_now(),
        Description=wanted.template.get("Description", ""),
        Tags=wanted.tags,
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value["Value"], "NoEcho": value["NoEcho"]}
            for key, value in wanted.values.items()
        ],
        Capabilities=list(parent.get("Capabilities") or []),
        _template_body=wanted.body,
        _template=wanted.template,
        _resolved_params=wanted.values,
        _conditions=conditions,
    )
    stack.pop("ChangeSetId", None)
    if planned is not None:
        stack["ChangeSetId"] = planned["ChangeSetId"]
        planned["ExecutionStatus"] = "EXECUTE_IN_PROGRESS"
        touch(f"{_CFN}.changesets:_drop_other_change_sets")(stack["StackId"], planned["ChangeSetId"])
    start = len(_events(stack))
    _add_event(stack, f"{verb}_IN_PROGRESS")
    with working_on(stack["StackName"]):
        asyncio.run(_provision(stack, wanted.template, wanted.values, before))
    good = stack["StackStatus"] == f"{verb}_COMPLETE"
    if planned is not None:
        planned["ExecutionStatus"] = "EXECUTE_COMPLETE" if good else "EXECUTE_FAILED"
    return None if good else _reason(stack, start)


def _provision(
    stack: Stack, template: Mapping[str, Any], values: Mapping[str, Any], before: Mapping[str, Any] | None
) -> Coroutine[Any, Any, None]:
    name, number, tags = stack["StackName"], stack["StackId"], stack["Tags"]
    coroutine: Coroutine[Any, Any, None] = touch(f"{_CFN}.stacks:_deploy_stack_async")(
        name, number, template, values, before is None, tags, is_update=before is not None, previous_stack=before
    )
    return coroutine


# -- a parent that fails takes its children back


def _make_begin(handle: Action) -> Action:
    """Return an action that begins an operation, which has changed no child yet."""

    def begin(params: Params) -> Reply:
        reply = handle(params)
        if reply[0] == 200:
            named = find_change_set(params)["StackId"] if "ChangeSetName" in params else parameter(params, "StackName")
            (find_stack(named) or {}).pop(_TOUCHED, None)
        return reply

    return begin


def _make_roll_back(roll_back: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    async def with_children(name: str, stack_id: str, stack: Stack, *rest: Any, **named: Any) -> None:  # noqa: ANN401  the emulator's own
        await _take_back(stack)
        await roll_back(name, stack_id, stack, *rest, **named)

    return with_children


async def _take_back(parent: Stack) -> None:
    """Restore each child that the operation has updated, and delete each that failed to be created."""
    for name, before in reversed(list(parent.pop(_TOUCHED, {}).items())):
        child = touch(f"{_CFN}:_stacks").get(name)
        if child is None:
            continue
        if before is None:
            await touch(f"{_CFN}.stacks:_delete_stack_async")(name, child["StackId"])
            parent["_resources"].pop(child["_logical_id"], None)
        else:
            await _restore(child, before)


async def _restore(child: Stack, before: Mapping[str, Any]) -> None:
    child["StackStatus"] = "UPDATE_ROLLBACK_IN_PROGRESS"
    _add_event(child, child["StackStatus"])
    await _take_back(child)
    nested_cleanup.give_back(child, before)
    changed = {name: copy.deepcopy(child.get(name)) for name in _KEPT}
    child.update({name: before[name] for name in _GIVEN})
    with working_on(child["StackName"]):
        await _provision(child, before["_template"], before["_resolved_params"], changed)
    good = child["StackStatus"] == "UPDATE_COMPLETE"
    child["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE" if good else "UPDATE_ROLLBACK_FAILED"
    _events(child)[-1]["ResourceStatus"] = child["StackStatus"]


# -- what is said of a child


def _make_describe(handle: Action) -> Action:
    def describe(params: Params) -> Reply:
        status, headers, body = handle(params)
        if status != 200:
            return status, headers, body
        children = {one["StackId"]: one for one in touch(f"{_CFN}:_stacks").values() if one.get("ParentId")}
        text = body.decode() if isinstance(body, bytes) else body
        return status, headers, _STACK_ID.sub(lambda found: found[0] + _family(children.get(found[1])), text).encode()

    return describe


def _family(child: Stack | None) -> str:
    if child is None:
        return ""
    return f"<ParentId>{child['ParentId']}</ParentId><RootId>{child['RootId']}</RootId>"


def _outputs(stack: Stack) -> dict[str, str]:
    return {f"Outputs.{one['OutputKey']}": one["OutputValue"] for one in stack["Outputs"]}


def _events(stack: Stack) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = touch(f"{_CFN}:_stack_events").setdefault(stack["StackId"], [])
    return events


def _add_event(stack: Stack, status: str) -> None:
    name, stack_id = stack["StackName"], stack["StackId"]
    touch(f"{_CFN}.stacks:_add_event")(stack_id, name, name, TYPE, status, physical_id=stack_id)


def _reason(stack: Stack, start: int) -> str:
    """Return why an operation of a child failed, from its events since it began."""
    for verb in ("UPDATE", "CREATE"):
        failed = [one for one in _events(stack)[start:] if one["ResourceStatus"] == f"{verb}_FAILED"]
        names = dict.fromkeys(
            one["LogicalResourceId"] for one in failed if one["PhysicalResourceId"] != stack["StackId"]
        )
        if names:
            return f"The following resource(s) failed to {verb.lower()}: [{', '.join(names)}]. "
    return str(stack.get("StackStatusReason") or stack["StackStatus"])


def _not_done(stack: Stack, what: str) -> ValueError:
    return ValueError(f"Embedded stack {stack['StackId']} was not successfully {what}")


def _now() -> str:
    return str(touch(f"{_RESPONSES}:now_iso")())
