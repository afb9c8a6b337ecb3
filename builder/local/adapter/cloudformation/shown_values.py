"""What CloudFormation shows of the values of a request, and what it masks.

Text that is not ASCII has a question mark for each character in GetTemplate and in outputs; NoEcho parameters are
masked; a parameter read from Systems Manager shows its name, and what was read as ResolvedValue. Notifications and
rollback triggers are shown again.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Parameter.html,
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/814 (GetTemplate) and 1220 (outputs)
"""

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any
from xml.etree import ElementTree as ET

from builder.local.adapter.cloudformation.requests import (
    NO_CHANGES,
    Action,
    ChangeSet,
    Params,
    Stack,
    add_element,
    and_on_success,
    edit_reply,
    find_stack,
    get_change_set,
    parameter,
    stack_of,
    tag,
)
from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.handlers import Reply, text_of

Record = Mapping[str, Any]
"""The emulator's own, of a stack or of a change set."""

_CFN = "ministack.services.cloudformation"
_MASKED = "****"
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_SSM = "AWS::SSM::Parameter::Value<"
# On the emulator's own records of change sets and stacks.
_ARNS = "NotificationARNs"
_ROLLBACK = "RollbackConfiguration"
_ROLE = "RoleARN"
_OPTIONS = (_ARNS, _ROLLBACK, _ROLE)


def install(actions: MutableMapping[str, Action]) -> None:
    """Wrap the actions that take such values, and those that show them."""
    replace(f"{_CFN}.changesets:_resolve_parameters", _make_resolve)
    replace(f"{_CFN}.handlers:_resolve_parameters", _make_resolve)
    actions["CreateChangeSet"] = and_on_success(actions["CreateChangeSet"], _keep_for_change_set)
    actions["ExecuteChangeSet"] = and_on_success(actions["ExecuteChangeSet"], _hand_to_stack)
    for name in ("CreateStack", "UpdateStack"):
        actions[name] = and_on_success(actions[name], _keep_for_stack)
    actions["GetTemplate"] = _make_get_template(actions["GetTemplate"])
    actions["DescribeStacks"] = edit_reply(actions["DescribeStacks"], _show_stacks)
    actions["DescribeChangeSet"] = edit_reply(actions["DescribeChangeSet"], _show_change_set)


def mask(text: str) -> str:
    """Return a text with a question mark for each character that is not ASCII, as CloudFormation shows it."""
    return _NOT_ASCII.sub("?", text)


def without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of parameters, with NoEcho values masked."""
    return {name: {**value, "Value": _MASKED} if value.get("NoEcho") else value for name, value in values.items()}


# -- the values of a request


def _make_resolve(resolve: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return the resolution of parameters, which raises AWS's error for a name that Systems Manager lacks."""

    def resolve_parameters(
        template: Mapping[str, Any], given: list[dict[str, Any]], previous: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        missing = sorted(
            set(_missing(template, {value["Key"]: value for value in given if "Key" in value}, previous or {}))
        )
        if missing:
            listed = ", ".join(missing)
            message = f"Unable to fetch parameters [{listed}] from parameter store for this account."
            raise ValueError(message)
        return resolve(template, given, previous)

    return resolve_parameters


def _missing(
    template: Mapping[str, Any], given: Mapping[str, Mapping[str, Any]], previous: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the names that Systems Manager lacks."""
    for name, declaration in (template.get("Parameters") or {}).items():
        if not str(declaration.get("Type", "")).startswith(_SSM):
            continue
        key = given.get(name, {}).get("Value") or declaration.get("Default")
        if given.get(name, {}).get("UsePreviousValue"):
            key = (previous.get(name) or {}).get("SsmName", key)
        if key and touch("ministack.services.ssm:resolve_parameter_value")(str(key)) is None:
            yield str(key)


def _keep_for_change_set(params: Params) -> None:
    """Keep what a request has besides its template. A change set of only this, or of outputs, can be executed."""
    change_set = get_change_set(params)
    change_set.update(_read(params))
    stack = stack_of(change_set)
    if change_set["Status"] == "FAILED" and change_set["StatusReason"].startswith(NO_CHANGES):
        values = {name: change_set[name] for name in (_ARNS, _ROLLBACK) if name in change_set}
        if any(stack.get(name) != value for name, value in values.items()) or _outputs_differ(stack, change_set):
            # Not listed among the changes, but something to execute.
            change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")


def _outputs_differ(stack: Stack, change_set: ChangeSet) -> bool:
    def outputs(holder: Record) -> object:
        template, values = holder["_template"], holder["_resolved_params"]
        conditions = touch(f"{_CFN}.changesets:_evaluate_conditions")(template, values)
        stack_names = (stack["StackName"], stack["StackId"])
        resolve = touch(f"{_CFN}.stacks:_resolve_stack_outputs")
        defined, mappings = template.get("Outputs", {}), template.get("Mappings", {})
        return resolve(defined, conditions, stack["_resources"], values, mappings, *stack_names)

    try:
        return outputs(stack) != outputs(change_set)
    except ValueError:
        return True  # as its execution will say


def _read(params: Params) -> dict[str, Any]:
    """Return the notification ARNs, rollback configuration and role that a request has."""
    values: dict[str, Any] = {}
    if any(name == _ARNS or name.startswith(f"{_ARNS}.member.") for name in params):
        values[_ARNS] = touch(f"{_CFN}.helpers:_extract_string_members")(params, _ARNS)
    if any(name.startswith(_ROLLBACK) for name in params):
        minutes, triggers = parameter(params, f"{_ROLLBACK}.MonitoringTimeInMinutes"), list(_triggers(params))
        values[_ROLLBACK] = {"RollbackTriggers": triggers, **({"MonitoringTimeInMinutes": minutes} if minutes else {})}
    if role := parameter(params, _ROLE):
        values[_ROLE] = role
    return values


def _triggers(params: Params) -> Iterator[dict[str, str]]:
    number = 1
    while arn := parameter(params, f"{_ROLLBACK}.RollbackTriggers.member.{number}.Arn"):
        yield {"Arn": arn, "Type": parameter(params, f"{_ROLLBACK}.RollbackTriggers.member.{number}.Type")}
        number += 1


def _hand_to_stack(params: Params) -> None:
    change_set = get_change_set(params)
    stack_of(change_set).update({name: change_set[name] for name in _OPTIONS if name in change_set})


def _keep_for_stack(params: Params) -> None:
    stack = find_stack(parameter(params, "StackName"))
    if stack is not None:
        stack.update(_read(params))


# -- what is shown


def _make_get_template(handle: Action) -> Action:
    def get_template(params: Params) -> Reply:
        status, headers, body = handle(params)
        text = text_of(body)
        return status, headers, (mask(text) if status == 200 else text).encode()

    return get_template


def _show_stacks(_params: Params, root: ET.Element) -> None:
    stacks = {stack["StackId"]: stack for stack in touch(f"{_CFN}:_stacks").values()}
    for members in root.iter(tag("Stacks")):
        for member in members:
            _show(member, stacks[member.findtext(tag("StackId"), "")])


def _show_change_set(_params: Params, root: ET.Element) -> None:
    for result in root.iter(tag("DescribeChangeSetResult")):
        _show(result, touch(f"{_CFN}:_change_sets")[result.findtext(tag("ChangeSetId"), "")])


def _show(element: ET.Element, record: Record) -> None:
    """Edit the element of a stack or a change set into what CloudFormation shows."""
    _show_parameters(element, record.get("_resolved_params") or {})
    for output in element.iterfind(f"{tag('Outputs')}/{tag('member')}"):
        for child in output:
            child.text = mask(child.text or "")
    if record.get(_ROLE) and "ChangeSetName" not in record:
        add_element(element, _ROLE, record[_ROLE])
    arns = add_element(element, _ARNS)
    for arn in record.get(_ARNS) or []:
        add_element(arns, "member", arn)
    _add_rollback(add_element(element, _ROLLBACK), record.get(_ROLLBACK) or {})


def _show_parameters(element: ET.Element, values: Mapping[str, Mapping[str, Any]]) -> None:
    for member in element.iterfind(f"{tag('Parameters')}/{tag('member')}"):
        value, shown = values.get(member.findtext(tag("ParameterKey"), ""), {}), member.find(tag("ParameterValue"))
        if shown is None:
            continue
        if value.get("NoEcho"):
            shown.text = _MASKED
        elif "SsmName" in value:
            shown.text = value["SsmName"]
            add_element(member, "ResolvedValue", value["Value"])


def _add_rollback(element: ET.Element, configuration: Mapping[str, Any]) -> None:
    if "MonitoringTimeInMinutes" in configuration:
        add_element(element, "MonitoringTimeInMinutes", configuration["MonitoringTimeInMinutes"])
    triggers = configuration.get("RollbackTriggers")
    members = add_element(element, "RollbackTriggers") if triggers else element
    for trigger in triggers or []:
        member = add_element(members, "member")
        for name, value in trigger.items():
            add_element(member, name, value)
