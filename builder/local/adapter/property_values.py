"""DescribeChangeSet with IncludePropertyValues: what each changed property was and will be, path by path.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html
"""

import copy
import json
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from builder.local.adapter.change_set import Action, Params, find_change_set, parameter
from builder.local.adapter.emulator import touch
from builder.local.adapter.refusals import Reply
from builder.local.adapter.shown_values import without_secrets

_CFN = "ministack.services.cloudformation"
_NS = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
# On the emulator's own record of the change set: before and after, each the properties by logical id.
_KEY = "PropertyValues"
_UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Leaf:
    """One place in a property that differs; `None` is a place that is not there on that side."""

    path: str
    before: str | None
    after: str | None


def install(actions: MutableMapping[str, Action]) -> None:
    """Wrap the creation, which knows the stack as the change set found it, and the description."""
    actions["CreateChangeSet"] = _make_create(actions["CreateChangeSet"])
    actions["DescribeChangeSet"] = _make_describe(actions["DescribeChangeSet"])


def find_leaves(before: object, after: object, path: str) -> Iterator[Leaf]:
    """Yield what differs between two values, in the order of their keys; a subtree on one side only is one leaf."""
    if isinstance(before, dict) and isinstance(after, dict) and not (_is_call(before) or _is_call(after)):
        for key in sorted(before.keys() | after.keys()):
            yield from find_leaves(before.get(key, _ABSENT), after.get(key, _ABSENT), f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            old = before[index] if index < len(before) else _ABSENT
            new = after[index] if index < len(after) else _ABSENT
            yield from find_leaves(old, new, f"{path}/{index}")
    elif before != after:
        yield Leaf(path, _shown(before), _shown(after))


def _is_call(value: Mapping[str, object]) -> bool:
    """Return whether a value is a function that only the execution can resolve."""
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


def _shown(value: object) -> str | None:
    if value is _ABSENT:
        return None
    if isinstance(value, dict) and _is_call(value):
        return _UNKNOWN
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _make_create(handle: Action) -> Action:
    def create(params: Params) -> Reply:
        reply = handle(params)
        if reply[0] == 200:
            change_set = find_change_set(params)
            stack = touch(f"{_CFN}:_stacks")[change_set["StackName"]]
            change_set[_KEY] = {"before": _properties(stack, stack), "after": _properties(change_set, stack)}
        return reply

    return create


def _properties(holder: Mapping[str, Any], stack: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a template's resources by logical id, as far as its parameters resolve them."""
    resolve = touch(f"{_CFN}.changesets:_resolve_props_for_diff")
    values = without_secrets(holder["_resolved_params"])
    resolved = resolve(holder["_template"], values, stack["StackName"], stack["StackId"])
    found = {name: resource["Properties"] for name, resource in resolved.get("Resources", {}).items()}
    # Through JSON because it is written with the emulator's state, and AWS::NoValue is an object of its own.
    plain: dict[str, Any] = json.loads(json.dumps(found, default=lambda _: None))
    return plain


def _make_describe(handle: Action) -> Action:
    def describe(params: Params) -> Reply:
        status, headers, body = handle(params)
        if status != 200 or parameter(params, "IncludePropertyValues") != "true":
            return status, headers, body
        # Absent from a change set that came with the state of an earlier version.
        values = find_change_set(params).get(_KEY, {"before": {}, "after": {}})
        ET.register_namespace("", _NS)
        root = ET.fromstring(body)  # noqa: S314  the emulator's own reply
        for change in root.iter(f"{{{_NS}}}ResourceChange"):
            _add_values(change, values["before"], values["after"])
        return status, headers, ET.tostring(root, encoding="utf-8", xml_declaration=True)

    return describe


def _add_values(change: ET.Element, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    logical_id = change.findtext(f"{{{_NS}}}LogicalResourceId", "")
    for context, side in (("BeforeContext", before), ("AfterContext", after)):
        if logical_id in side:
            _add(change, context, json.dumps({"Properties": side[logical_id]}, separators=(",", ":")))
    details = change.find(f"{{{_NS}}}Details")
    old, new = before.get(logical_id, {}), after.get(logical_id, {})
    for detail in list(details) if details is not None else []:
        name = detail.findtext(f"{{{_NS}}}Target/{{{_NS}}}Name")
        leaves = list(find_leaves(old.get(name, _ABSENT), new.get(name, _ABSENT), f"/Properties/{name}"))
        if details is not None and name and leaves:
            details.remove(detail)
            details.extend(_with_leaf(detail, leaf) for leaf in leaves)


def _with_leaf(detail: ET.Element, leaf: Leaf) -> ET.Element:
    made = copy.deepcopy(detail)
    target = made.find(f"{{{_NS}}}Target")
    if target is not None:
        kind = "Add" if leaf.before is None else "Remove" if leaf.after is None else "Modify"
        values = {"Path": leaf.path, "BeforeValue": leaf.before, "AfterValue": leaf.after, "AttributeChangeType": kind}
        for name, value in values.items():
            if value is not None:
                _add(target, name, value)
    return made


def _add(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{_NS}}}{name}").text = text
