"""What CloudFormation shows of what it was sent, and what it hides.

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

from builder.local.adapter.change_set import Action, Params, find_change_set, find_stack, parameter
from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.refusals import Reply

Record = MutableMapping[str, Any]

_CFN = "ministack.services.cloudformation"
_NS = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_MASKED = "****"
_NO_CHANGES = "The submitted information didn't contain changes."
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_SSM = "AWS::SSM::Parameter::Value<"
# On the emulator's own records: what a request sent of these, and what a stack has of them.
_ARNS = "NotificationARNs"
_ROLLBACK = "RollbackConfiguration"
_ROLE = "RoleARN"
_KEPT = (_ARNS, _ROLLBACK, _ROLE)


def install(actions: MutableMapping[str, Action]) -> None:
    """Wrap what takes these, and what shows them."""
    replace(f"{_CFN}.changesets:_resolve_parameters", _make_resolve)
    replace(f"{_CFN}.handlers:_resolve_parameters", _make_resolve)
    actions["CreateChangeSet"] = _make_create_change_set(actions["CreateChangeSet"])
    actions["ExecuteChangeSet"] = _make_execute(actions["ExecuteChangeSet"])
    for name in ("CreateStack", "UpdateStack"):
        actions[name] = _make_direct(actions[name])
    actions["GetTemplate"] = _make_get_template(actions["GetTemplate"])
    actions["DescribeStacks"] = _make_describe(actions["DescribeStacks"], _find_stacks)
    actions["DescribeChangeSet"] = _make_describe(actions["DescribeChangeSet"], _find_change_sets)


def mask(text: str) -> str:
    """Return a text as CloudFormation gives it back: one question mark for each character that is not ASCII."""
    return _NOT_ASCII.sub("?", text)


def without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of parameters, those that are not to be echoed masked."""
    return {name: {**one, "Value": _MASKED} if one.get("NoEcho") else one for name, one in values.items()}


# -- what was sent


def _make_resolve(resolve: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return the resolution of parameters, which says of Systems Manager's what AWS says."""

    def resolve_parameters(
        template: Mapping[str, Any], given: list[dict[str, Any]], previous: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        missing = sorted(set(_missing(template, {one["Key"]: one for one in given if "Key" in one}, previous or {})))
        if missing:
            listed = ", ".join(missing)
            message = f"Unable to fetch parameters [{listed}] from parameter store for this account."
            raise ValueError(message)
        return resolve(template, given, previous)

    return resolve_parameters


def _missing(
    template: Mapping[str, Any], given: Mapping[str, Mapping[str, Any]], previous: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the names that Systems Manager does not know."""
    for name, declared in (template.get("Parameters") or {}).items():
        if not str(declared.get("Type", "")).startswith(_SSM):
            continue
        key = given.get(name, {}).get("Value") or declared.get("Default")
        if given.get(name, {}).get("UsePreviousValue"):
            key = (previous.get(name) or {}).get("SsmName", key)
        if key and touch("ministack.services.ssm:resolve_parameter_value")(str(key)) is None:
            yield str(key)


def _make_create_change_set(handle: Action) -> Action:
    def create(params: Params) -> Reply:
        reply = handle(params)
        if reply[0] != 200:
            return reply
        change_set = find_change_set(params)
        change_set.update(_sent(params))
        stack = touch(f"{_CFN}:_stacks")[change_set["StackName"]]
        if change_set["Status"] == "FAILED" and change_set["StatusReason"].startswith(_NO_CHANGES):
            kept = {name: change_set[name] for name in (_ARNS, _ROLLBACK) if name in change_set}
            if any(stack.get(name) != value for name, value in kept.items()) or _outputs_differ(stack, change_set):
                # Listed nowhere, but something to execute.
                change_set.update(Status="CREATE_COMPLETE", ExecutionStatus="AVAILABLE", StatusReason="")
        return reply

    return create


def _outputs_differ(stack: Record, change_set: Record) -> bool:
    def outputs(holder: Record) -> object:
        template, values = holder["_template"], holder["_resolved_params"]
        conditions = touch(f"{_CFN}.changesets:_evaluate_conditions")(template, values)
        named = (stack["StackName"], stack["StackId"])
        resolve = touch(f"{_CFN}.stacks:_resolve_stack_outputs")
        defined, mappings = template.get("Outputs", {}), template.get("Mappings", {})
        return resolve(defined, conditions, stack["_resources"], values, mappings, *named)

    try:
        return outputs(stack) != outputs(change_set)
    except ValueError:
        return True  # as its execution will say


def _sent(params: Params) -> dict[str, Any]:
    """Return what a request says of notifications, rollback triggers and a role; nothing of what it leaves out."""
    sent: dict[str, Any] = {}
    if any(name == _ARNS or name.startswith(f"{_ARNS}.member.") for name in params):
        sent[_ARNS] = touch(f"{_CFN}.helpers:_extract_string_members")(params, _ARNS)
    if any(name.startswith(_ROLLBACK) for name in params):
        minutes, triggers = parameter(params, f"{_ROLLBACK}.MonitoringTimeInMinutes"), list(_triggers(params))
        sent[_ROLLBACK] = {"RollbackTriggers": triggers, **({"MonitoringTimeInMinutes": minutes} if minutes else {})}
    if role := parameter(params, _ROLE):
        sent[_ROLE] = role
    return sent


def _triggers(params: Params) -> Iterator[dict[str, str]]:
    number = 1
    while arn := parameter(params, f"{_ROLLBACK}.RollbackTriggers.member.{number}.Arn"):
        yield {"Arn": arn, "Type": parameter(params, f"{_ROLLBACK}.RollbackTriggers.member.{number}.Type")}
        number += 1


def _make_execute(handle: Action) -> Action:
    def execute(params: Params) -> Reply:
        reply = handle(params)
        if reply[0] == 200:
            change_set = find_change_set(params)
            stack = touch(f"{_CFN}:_stacks")[change_set["StackName"]]
            stack.update({name: change_set[name] for name in _KEPT if name in change_set})
        return reply

    return execute


def _make_direct(handle: Action) -> Action:
    def change(params: Params) -> Reply:
        reply = handle(params)
        stack = find_stack(parameter(params, "StackName"))
        if reply[0] == 200 and stack is not None:
            stack.update(_sent(params))
        return reply

    return change


# -- what is shown


def _make_get_template(handle: Action) -> Action:
    def get_template(params: Params) -> Reply:
        status, headers, body = handle(params)
        text = body.decode() if isinstance(body, bytes) else body
        return status, headers, (mask(text) if status == 200 else text).encode()

    return get_template


def _make_describe(handle: Action, find: Callable[[ET.Element], Iterator[tuple[ET.Element, Record]]]) -> Action:
    def describe(params: Params) -> Reply:
        status, headers, body = handle(params)
        if status != 200:
            return status, headers, body
        ET.register_namespace("", _NS)
        root = ET.fromstring(body)  # noqa: S314  the emulator's own reply
        for shown, record in find(root):
            _show(shown, record)
        return status, headers, ET.tostring(root, encoding="utf-8", xml_declaration=True)

    return describe


def _find_stacks(root: ET.Element) -> Iterator[tuple[ET.Element, Record]]:
    known = {one["StackId"]: one for one in touch(f"{_CFN}:_stacks").values()}
    for stacks in root.iter(_name("Stacks")):
        yield from ((shown, known[shown.findtext(_name("StackId"), "")]) for shown in stacks)


def _find_change_sets(root: ET.Element) -> Iterator[tuple[ET.Element, Record]]:
    for shown in root.iter(_name("DescribeChangeSetResult")):
        yield shown, touch(f"{_CFN}:_change_sets")[shown.findtext(_name("ChangeSetId"), "")]


def _show(shown: ET.Element, record: Record) -> None:
    values = record.get("_resolved_params") or {}
    for one in shown.iterfind(f"{_name('Parameters')}/{_name('member')}"):
        known, value = values.get(one.findtext(_name("ParameterKey"), ""), {}), one.find(_name("ParameterValue"))
        if value is None:
            continue
        if known.get("NoEcho"):
            value.text = _MASKED
        elif "SsmName" in known:
            value.text = known["SsmName"]
            ET.SubElement(one, _name("ResolvedValue")).text = known["Value"]
    for one in shown.iterfind(f"{_name('Outputs')}/{_name('member')}"):
        for text in one:
            text.text = mask(text.text or "")
    if record.get(_ROLE) and "ChangeSetName" not in record:
        ET.SubElement(shown, _name(_ROLE)).text = record[_ROLE]
    arns = ET.SubElement(shown, _name(_ARNS))
    for arn in record.get(_ARNS) or []:
        ET.SubElement(arns, _name("member")).text = arn
    _add_rollback(ET.SubElement(shown, _name(_ROLLBACK)), record.get(_ROLLBACK) or {})


def _add_rollback(shown: ET.Element, configuration: Mapping[str, Any]) -> None:
    if "MonitoringTimeInMinutes" in configuration:
        ET.SubElement(shown, _name("MonitoringTimeInMinutes")).text = configuration["MonitoringTimeInMinutes"]
    triggers = configuration.get("RollbackTriggers")
    listed = ET.SubElement(shown, _name("RollbackTriggers")) if triggers else shown
    for trigger in triggers or []:
        member = ET.SubElement(listed, _name("member"))
        for name, value in trigger.items():
            ET.SubElement(member, _name(name)).text = value


def _name(local: str) -> str:
    return f"{{{_NS}}}{local}"
