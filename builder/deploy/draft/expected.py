"""What a later change set may show, and whether a created one shows what it should; pure."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from builder.deploy.change_sets.review import NOT_SHOWN, changed_policies, lost_policies
from builder.deploy.records import PropertyChange, ResourceChange
from builder.deploy.resources import HOLDERS, Seen
from builder.deploy.resources.public_access import define, newly_public, public_access
from builder.graph import closure
from builder.resource_types import NESTED_STACK
from builder.resource_types.fate import POLICY_ATTRIBUTES
from builder.template import (
    Binding,
    Comparison,
    Template,
    compare_template,
    conditions_in,
    names_in,
    properties_of,
    read_template,
)
from builder.terms import Arn, LogicalId, StackName

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import DescribeChangeSetOutputTypeDef, ParameterTypeDef


Values = Mapping[str, str | None]
"""Values of parameters and pseudo-parameters; None for an unknown one."""
_ATTRIBUTES = ("Metadata", "CreationPolicy", "UpdatePolicy", *POLICY_ATTRIBUTES)
_EVERYTHING = "/"


def expect_changes(  # noqa: PLR0913 - both ends, and what else differs between them
    deployed: Template,
    desired: Template,
    parameters: Iterable[str] = (),
    *,
    tags: bool = False,
    nested: Mapping[str, str] | None = None,
    given: tuple[Values, Values] = ({}, {}),
) -> tuple[ResourceChange, ...]:
    """Return the most that a change set from one template to the other may show.

    `parameters` are the names of those whose values change; `tags` is whether the stack's tags change. A modified
    resource lists the paths that may change, `/Properties/Replicas`. A resource that refers to a modified one may be
    modified too. `nested` are known templates, by their keys in a bucket: they show the resources of a new nested
    stack. `given` are the values of the parameters before and after, with which the properties show losses.
    """
    before, after = deployed.resources(), desired.resources()
    touched: dict[str, set[str]] = {}
    moved = _moved(desired, frozenset(parameters))
    for name in before.keys() & after.keys():
        paths = set(_differences(before[name], after[name], moved))
        if tags:
            paths.add("/Properties/Tags")
        if after[name].get("Type") == NESTED_STACK:
            paths.add(_EVERYTHING)  # it is listed whether or not it changes; its changes have rows of their own
        if paths:
            touched[name] = paths
    _spread(touched, before.keys(), after)
    bound = deployed.bind(given[0]), desired.bind(given[1])
    return (
        *(_change("Remove", name, before[name]) for name in before if name not in after),
        *(
            change
            for name in after
            if name not in before
            for change in (_change("Add", name, after[name]), *_inside(name, after[name], nested or {}))
        ),
        *(_modify(name, (before[name], after[name]), touched[name], bound) for name in after if name in touched),
    )


def lost_between(deployed: Template, desired: Template) -> tuple[ResourceChange, ...]:
    """Return what resources lose by policies that keep less than the deployed ones, as the two templates state them.

    A row without a loss is of a resource whose policies are literal in both; with transforms or functions they are not.
    """
    before, after = deployed.resources(), desired.resources()
    plain = not (deployed.called_transforms or desired.called_transforms)
    rows = (
        ResourceChange(
            action="Modify",
            logical_id=LogicalId(name),
            type=str(after[name].get("Type", "")),
            replacement="False",
            losses=lost_policies(str(after[name].get("Type", "")), changed_policies(before[name], after[name])),
        )
        for name in after
        if name in before
    )
    return tuple(
        row
        for row in rows
        if row.losses or (plain and _says_policies(before[row.logical_id]) and _says_policies(after[row.logical_id]))
    )


def _says_policies(resource: Mapping[str, Any]) -> bool:
    return all(isinstance(resource.get(name, ""), str) for name in NOT_SHOWN)


def with_lost(shown: Iterable[ResourceChange], lost: Iterable[ResourceChange]) -> tuple[ResourceChange, ...]:
    """Return a change set's changes with the losses by policies that `lost_between` has from the templates.

    A loss is added to the resource's row; a resource without a row gets one.
    """
    changes = {(change.action, change.logical_id): change for change in shown}
    for row in lost:
        own = changes.get((row.action, row.logical_id))
        if own is None and not row.losses:
            continue
        seen = [loss for loss in own.losses if loss not in NOT_SHOWN.values()] if own else []
        losses = tuple(dict.fromkeys((*seen, *row.losses)))
        changes[row.action, row.logical_id] = replace(own or row, losses=losses)
    return tuple(changes.values())


_NESTED_KEY = re.compile(r"[0-9a-f]{64}\.yaml")


def _inside(name: str, resource: Mapping[str, Any], nested: Mapping[str, str]) -> Iterator[ResourceChange]:
    """Yield the resources of a new nested stack whose template is known."""
    if resource.get("Type") != NESTED_STACK:
        return
    match = _NESTED_KEY.search(json.dumps(properties_of(resource).get("TemplateURL"), default=str))
    if match is None or match[0] not in nested:
        return
    for change in expect_changes(Template(), read_template(nested[match[0]], match[0]), nested=nested):
        yield replace(change, logical_id=LogicalId(f"{name}/{change.logical_id}"))


def beyond(expected: Iterable[ResourceChange], shown: Iterable[ResourceChange]) -> tuple[str, ...]:
    """Return what a change set shows beyond what was expected, one line each."""
    allowed = {(change.action, change.logical_id): change for change in expected}
    new = tuple(
        f"{change.logical_id}/" for change in expected if change.action == "Add" and change.type == NESTED_STACK
    )
    lines = []
    for change in shown:
        known = allowed.get((change.action, change.logical_id))
        if known is None and change.action == "Add" and change.logical_id.startswith(new):
            continue  # inside a nested stack that was expected to be created
        if known is None:
            lines.append(f"{change.action} {change.logical_id} ({change.type})")
            continue
        paths = [touched.path for touched in known.properties]
        lines += [
            f"{change.action} {change.logical_id}: {touched.path}"
            for touched in change.properties
            if change.action == "Modify" and not _within(touched.path, paths)
        ]
        if change.is_replaced and not known.is_replaced:
            lines.append(f"{change.logical_id} ({change.type}) would be replaced")
        lines += [
            f"{change.logical_id} ({change.type}) loses {loss}" for loss in change.losses if loss not in known.losses
        ]
    return tuple(dict.fromkeys(lines))


def _change(action: str, name: str, resource: Mapping[str, Any]) -> ResourceChange:
    kind, properties = str(resource.get("Type", "")), properties_of(resource)
    is_new = action == "Add"
    return ResourceChange(
        action=action,
        logical_id=LogicalId(name),
        type=kind,
        opens=public_access(kind, properties) if is_new else (),
        definition=define(properties) if is_new else "",
    )


def _modify(
    name: str, ends: tuple[Mapping[str, Any], Mapping[str, Any]], paths: Iterable[str], bound: tuple[Binding, Binding]
) -> ResourceChange:
    before, after = ends
    type_name = str(after.get("Type", ""))
    holder = HOLDERS.get(type_name)
    was, will = (binding.value(properties_of(end)) for binding, end in zip(bound, ends, strict=True))
    seen = Seen(before=was, after=will)
    return ResourceChange(
        action="Modify",
        logical_id=LogicalId(name),
        type=type_name,
        properties=tuple(PropertyChange(path=path) for path in sorted(paths)),
        losses=(
            *(holder.losses(seen) if holder else ()),
            *lost_policies(str(after.get("Type")), changed_policies(before, after)),
        ),
        opens=newly_public(str(after.get("Type", "")), properties_of(before), properties_of(after)),
        warnings=holder.warnings(seen) if holder else (),
    )


def _within(path: str, allowed: list[str]) -> bool:
    # CloudFormation shows a path (/Properties/Replicas/1) together with values, else Properties.Replicas.
    slashed = path if path.startswith("/") else f"/{path.replace('.', '/')}"
    return any(slashed == prefix or slashed.startswith(f"{prefix.rstrip('/')}/") for prefix in allowed)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any], moved: frozenset[str]) -> Iterator[str]:
    was, will = properties_of(before), properties_of(after)
    for name in was.keys() | will.keys():
        value = will.get(name)
        if was.get(name) != value or not moved.isdisjoint((*names_in(value), *conditions_in(value))):
            yield f"/Properties/{name}"
    yield from (f"/{name}" for name in _ATTRIBUTES if before.get(name) != after.get(name))
    if before.get("Type") != after.get("Type"):
        yield _EVERYTHING


def _moved(template: Template, parameters: frozenset[str]) -> frozenset[str]:
    """Return the parameters that change, with every condition whose result may change with them."""
    needs = {name: (*names_in(body), *conditions_in(body)) for name, body in template.conditions.items()}
    return parameters | {name for name in needs if not closure(needs, name).isdisjoint(parameters)}


def _spread(touched: dict[str, set[str]], names: Iterable[str], after: Mapping[str, Mapping[str, Any]]) -> None:
    """Add the resources that refer to a touched one: CloudFormation shows each as a dynamic change."""
    users = {name: dict(_users_of(after[name])) for name in names if name in after}
    needs = {name: frozenset[str]().union(*properties.values()) for name, properties in users.items()}
    sources = {*touched, *(name for name in users if not closure(needs, name).isdisjoint(touched))}
    for name, properties in users.items():
        paths = {f"/Properties/{prop}" for prop, refers in properties.items() if not refers.isdisjoint(sources)}
        if paths:
            touched.setdefault(name, set()).update(paths)


def _users_of(resource: Mapping[str, Any]) -> Iterator[tuple[str, frozenset[str]]]:
    for name, value in properties_of(resource).items():
        yield name, frozenset(names_in(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChangeSet:
    """The request of a change set, as DescribeChangeSet shows it."""

    name: str
    stack_name: StackName
    stack_arn: Arn
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()
    notification_arns: frozenset[str] = frozenset()
    rollback_triggers: frozenset[str] = frozenset()
    imports_existing: bool = False
    mode: str = "STANDARD"
    on_stack_failure: str | None = None
    keeps_failures: bool = False
    """Whether a failed execution is not rolled back."""
    nested: bool = False
    """Whether it includes the change sets of nested stacks."""
    previous: frozenset[str] = frozenset()
    """The parameters whose values it hides because they keep them."""
    belongs_to: Arn | None = None
    """The change set that it is part of, if it is of a nested stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedChangeSet:
    """What a change set has to show, from the assembly and what is deployed."""

    name: str
    stack_name: StackName
    stack_arn: Arn
    template: str
    parameters: Mapping[str, str]
    """The parameters; those that keep their value have the deployed one."""
    tags: Mapping[str, str]
    capabilities: frozenset[str]
    previous: frozenset[str] = frozenset()
    imports_existing: bool = False
    mode: str = "STANDARD"
    nested: bool = False
    notification_arns: frozenset[str] = frozenset()
    """The stack's own: a change set that names none keeps them."""
    rollback_triggers: frozenset[str] = frozenset()
    """The stack's own: a change set that names none keeps them."""


def read_shown(answer: "DescribeChangeSetOutputTypeDef") -> ShownChangeSet:
    """Return what a page of DescribeChangeSet shows besides the changes; every page shows the same."""
    config = answer.get("DeploymentConfig", {})
    modes = (answer.get("DeploymentMode"), config.get("Mode"))
    triggers = answer.get("RollbackConfiguration", {}).get("RollbackTriggers", [])
    belongs_to, given = answer.get("ParentChangeSetId"), answer.get("Parameters", [])
    return ShownChangeSet(
        name=answer["ChangeSetName"],
        stack_name=StackName(answer["StackName"]),
        stack_arn=Arn(answer["StackId"]),
        parameters={
            parameter["ParameterKey"]: parameter.get("ParameterValue", "")
            for parameter in given
            if not _is_previous(parameter)
        },
        previous=frozenset(parameter["ParameterKey"] for parameter in given if _is_previous(parameter)),
        tags={tag["Key"]: tag["Value"] for tag in answer.get("Tags", [])},
        capabilities=frozenset(answer.get("Capabilities", [])),
        notification_arns=frozenset(answer.get("NotificationARNs", [])),
        rollback_triggers=frozenset(trigger["Arn"] for trigger in triggers),
        imports_existing=bool(answer.get("ImportExistingResources")),
        mode=next((str(mode) for mode in modes if mode), "STANDARD"),
        on_stack_failure=answer.get("OnStackFailure"),
        nested=bool(answer.get("IncludeNestedStacks")),
        keeps_failures=bool(config.get("DisableRollback")),
        belongs_to=Arn(belongs_to) if belongs_to else None,
    )


def _is_previous(parameter: "ParameterTypeDef") -> bool:
    return parameter.get("UsePreviousValue", False) and "ParameterValue" not in parameter


def differences(shown: ShownChangeSet, template: object, expected: ExpectedChangeSet) -> tuple[str, ...]:
    """Return each difference between a change set and the assembly, in words without their full stops.

    `template` is GetTemplate's answer for the change set. No text has a value of a NoEcho parameter.
    """
    return tuple(_property_differences(shown, template, expected))


def _property_differences(shown: ShownChangeSet, template: object, expected: ExpectedChangeSet) -> Iterator[str]:
    if shown.name != expected.name:
        yield f"its name is {shown.name}, and not {expected.name}"
    if (shown.stack_name, shown.stack_arn) != (expected.stack_name, expected.stack_arn):
        yield f"it is of the stack {shown.stack_arn}, and not of {expected.stack_arn}"
    if shown.belongs_to:
        yield f"it is a part of the change set {shown.belongs_to}"
    if compare_template(expected.template, template) is Comparison.DIFFERENT:
        yield "its template is not the assembly's"
    yield from _other_parameters(shown, expected)
    yield from _other_settings(shown, expected)


def _other_settings(shown: ShownChangeSet, expected: ExpectedChangeSet) -> Iterator[str]:
    if shown.tags != expected.tags:
        names = sorted({name for name, _ in shown.tags.items() ^ expected.tags.items()})
        yield f"its tags are not the assembly's: {', '.join(names)}"
    if shown.capabilities != expected.capabilities:
        yield f"its capabilities are {_listed(shown.capabilities)}, and not {_listed(expected.capabilities)}"
    if more := shown.notification_arns - expected.notification_arns:
        yield f"it tells {_listed(more)} of the stack's events"
    if more := shown.rollback_triggers - expected.rollback_triggers:
        yield f"it is rolled back by {_listed(more)}"
    yield from _other_modes(shown, expected)


def _other_modes(shown: ShownChangeSet, expected: ExpectedChangeSet) -> Iterator[str]:
    if shown.imports_existing != expected.imports_existing:
        yield "it takes in resources that exist" if shown.imports_existing else "it takes in no resources that exist"
    if shown.mode != expected.mode:
        yield f"its deployment mode is {shown.mode}, and not {expected.mode}"
    if shown.nested != expected.nested:
        yield (
            "it was made without the stacks nested in its own" if expected.nested else "it was made with nested stacks"
        )
    if shown.on_stack_failure not in {None, "ROLLBACK"}:
        yield f"a failure has CloudFormation {shown.on_stack_failure} instead of rolling back"
    if shown.keeps_failures:
        yield "a failure of it is not rolled back"


def _other_parameters(shown: ShownChangeSet, expected: ExpectedChangeSet) -> Iterator[str]:
    template = read_template(expected.template)
    hidden, defaults = template.no_echo, template.defaults
    # AWS may or may not list a parameter that has its default.
    actual, required = {**defaults, **shown.parameters}, {**defaults, **expected.parameters}
    for name in sorted((actual.keys() | required.keys()) - (shown.previous & expected.previous)):
        if actual.get(name) == required.get(name) or (name in hidden and name in actual and name in required):
            continue
        if name in hidden:
            yield f"its parameter {name} is not the assembly's"
        else:
            yield f"its parameter {name} is {_quoted(actual.get(name))}, and not {_quoted(required.get(name))}"


def _quoted(value: str | None) -> str:
    return "missing" if value is None else repr(value)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
