"""Imports: existing resources that a stack takes in, and which stack lists which resource.

The emulator knows change sets of type IMPORT, but neither the types that hold data here nor all that AWS refuses: a
role that the stack does not have, a stack that is not settled, properties that the type does not have. What is imported
is not compared with its template; only the stack's tags are put on it. DescribeStackResources finds the stack by what
it holds, and GetTemplateSummary says by which properties a resource is imported.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceIdentifierSummary.html
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from typing import Any
from xml.etree import ElementTree as ET

from builder.local.adapter.cloudformation.requests import (
    Action,
    ChangeSet,
    Params,
    Stack,
    add_element,
    edit_reply,
    find_change_set,
    find_stack,
    parameter,
    stack_of,
    tag,
    validation_error,
)
from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.handlers import ADD_TAGS, CHECK_IMPORT, PhysicalResource, Properties, Reply

Entry = Mapping[str, Any]
"""A member of ResourcesToImport: its type, its logical id, its identifier."""
Import = Callable[[Mapping[str, str]], PhysicalResource]
FindOwner = Callable[[Sequence[Entry]], str | None]

_CFN = "ministack.services.cloudformation"
_IMPORT = "IMPORT"
_ROLE = "RoleARN"
# Names of one kind in a region, whatever type they are imported as.
_SAME_NAMES = {
    "AWS::DynamoDB::GlobalTable": "AWS::DynamoDB::Table",
    "AWS::DynamoDB::Table": "AWS::DynamoDB::GlobalTable",
}

_executing: ContextVar[ChangeSet | None] = ContextVar("executing", default=None)
"""The change set that is executed; what is started in the background inherits it."""


def install(handlers: MutableMapping[str, Any], actions: MutableMapping[str, Action]) -> None:
    """Check imports when their change set is created and executed, and find the owner of a physical id."""
    replace(f"{_CFN}.changesets:_import_owner", _make_find_owner)
    replace(f"{_CFN}.changesets:_import_resources_async", lambda import_all: _make_import_all(handlers, import_all))
    replace(f"{_CFN}.stacks:_validation_errors", _make_validate)
    for kind, handler in handlers.items():
        if "import" in handler:
            handler["import"] = _make_import(kind, handler)
    actions["CreateChangeSet"] = _make_create(actions["CreateChangeSet"])
    actions["ExecuteChangeSet"] = _make_execute(actions["ExecuteChangeSet"])
    actions["DescribeStackResources"] = _make_describe(actions["DescribeStackResources"])
    actions["GetTemplateSummary"] = edit_reply(actions["GetTemplateSummary"], _show_identifiers)


def executed_change_set() -> ChangeSet | None:
    """Return the change set in whose execution this is called, or None."""
    return _executing.get()


# -- a change set


def _make_create(handle: Action) -> Action:
    """Return the creation, which refuses another role and other tags; of a new stack, any.

    The emulator looks at tags, but takes a stack in review for one that has them.
    """

    def create(params: Params) -> Reply:
        if parameter(params, "ChangeSetType") != _IMPORT:
            return handle(params)
        stack = find_stack(parameter(params, "StackName"))
        existing: Stack = {} if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS" else stack
        changed = {
            "RoleArn": parameter(params, _ROLE) not in ("", existing.get(_ROLE)),
            "Tags": _given_tags(params) not in ({}, _by_key(existing.get("Tags"))),
        }
        if any(changed.values()):
            listed = ", ".join(name for name, is_changed in changed.items() if is_changed)
            return validation_error(f"As part of the import operation, you cannot modify or add [{listed}]")
        if others := _reordered(existing, _template(params)):
            return validation_error(
                f"You have modified resources [{', '.join(others)}] in your template that are not being imported. "
                "Update, create or delete operations cannot be executed during import operations."
            )
        return handle(params)

    return create


def _reordered(stack: Stack, template: Mapping[str, Any]) -> list[str]:
    """Return the resources of a stack that wait for others than before: the emulator sees no change in that.

    Source: https://github.com/aws/aws-cdk-cli/issues/1575
    """
    before, after = (holder.get("Resources") or {} for holder in (stack.get("_template") or {}, template))
    both = sorted(before.keys() & after.keys())
    return [name for name in both if before[name].get("DependsOn") != after[name].get("DependsOn")]


def _template(params: Params) -> Mapping[str, Any]:
    """Return the template of a request, or {} where it brings none, or none that can be read."""
    body, _ = touch(f"{_CFN}.helpers:_resolve_template")(params)
    try:
        template: Mapping[str, Any] = touch(f"{_CFN}.engine:_parse_template")(body) if body else {}
    except Exception:  # noqa: BLE001  whatever the emulator's parser raises: the action refuses it in its own words
        return {}
    return template


def _given_tags(params: Params) -> dict[str, str]:
    return _by_key(touch(f"{_CFN}.helpers:_extract_members")(params, "Tags"))


def _by_key(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in tags or []}


def _make_find_owner(find: FindOwner) -> FindOwner:
    """Return the search for a stack that has what is to be imported, a table under either of its types."""

    def find_owner(entries: Sequence[Entry]) -> str | None:
        twins = [
            {**entry, "ResourceType": _SAME_NAMES[entry["ResourceType"]]}
            for entry in entries
            if entry["ResourceType"] in _SAME_NAMES
        ]
        return find(entries) or find(twins)

    return find_owner


# -- its execution


def _make_execute(handle: Action) -> Action:
    def execute(params: Params) -> Reply:
        token = _executing.set(find_change_set(params))
        try:
            return handle(params)
        finally:
            _executing.reset(token)

    return execute


def _make_import(kind: str, handler: Mapping[str, Any]) -> Import:
    """Return the import of a type, which checks the properties that the template gives the resource."""
    import_unchecked: Import = handler["import"]

    def import_checked(identifier: Mapping[str, str]) -> PhysicalResource:
        change_set = _executing.get()
        for logical_id, props in _definitions(change_set, kind, identifier):
            if CHECK_IMPORT in handler:
                handler[CHECK_IMPORT](logical_id, props)
        resource = import_unchecked(identifier)
        if change_set is not None and change_set["ChangeSetType"] != _IMPORT:
            _add_tags(handler, resource[0], stack_of(change_set))
        return resource

    return import_checked


def _definitions(
    change_set: ChangeSet | None, kind: str, identifier: Mapping[str, str]
) -> Iterator[tuple[str, Properties]]:
    """Yield the logical id and the properties under which a change set imports what has the identifier."""
    if change_set is None:
        return
    stack, template = stack_of(change_set), change_set["_template"]
    names = {entry["LogicalResourceId"]: entry["ResourceIdentifier"] for entry in change_set["_resources_to_import"]}
    resolve = touch(f"{_CFN}.changesets:_resolve_props_for_diff")
    resolved = resolve(template, change_set["_resolved_params"], stack["StackName"], stack["StackId"])["Resources"]
    for logical_id, imported in {**names, **change_set["_import_existing"]}.items():
        if imported == identifier and resolved[logical_id]["Type"] == kind:
            yield logical_id, resolved[logical_id]["Properties"]


def _make_validate(find_errors: Callable[..., list[tuple[str, ...]]]) -> Callable[..., list[tuple[str, ...]]]:
    """Return the early validation, which finds no conflict in the name of what a change set takes in."""

    def find_own_errors(*arguments: Any) -> list[tuple[str, ...]]:  # noqa: ANN401  the emulator's own
        imported = (_executing.get() or {}).get("_import_existing", {})
        errors = find_errors(*arguments)
        return [error for error in errors if not (error[0] in imported and error[2] == "NAME_CONFLICT_VALIDATION")]

    return find_own_errors


def _make_import_all(
    handlers: Mapping[str, Any], import_all: Callable[..., Awaitable[None]]
) -> Callable[..., Awaitable[None]]:
    async def import_and_tag(change_set: ChangeSet, stack: Stack, is_new: bool) -> None:  # noqa: FBT001  the emulator's own
        await import_all(change_set, stack, is_new)
        if stack["StackStatus"] == "IMPORT_COMPLETE":
            for entry in change_set["_resources_to_import"]:
                resource = stack["_resources"][entry["LogicalResourceId"]]
                _add_tags(handlers[entry["ResourceType"]], resource["PhysicalResourceId"], stack)

    return import_and_tag


def _add_tags(handler: Mapping[str, Any], physical_id: str, stack: Stack) -> None:
    if ADD_TAGS in handler and stack.get("Tags"):
        handler[ADD_TAGS](physical_id, _by_key(stack["Tags"]))


# -- what is shown


def _make_describe(handle: Action) -> Action:
    """Return DescribeStackResources, which finds the stack by the physical id of anything in it, in its region."""

    def describe(params: Params) -> Reply:
        name, physical_id = parameter(params, "StackName"), parameter(params, "PhysicalResourceId")
        if bool(name) == bool(physical_id):
            # AWS's wording is unverified.
            return validation_error("Either StackName or PhysicalResourceId must be specified, but not both.")
        if name:
            return handle(params)
        stack = _find_holder(physical_id)
        if stack is None:
            return validation_error(f"Stack for {physical_id} does not exist")
        rest = {key: value for key, value in params.items() if key != "PhysicalResourceId"}
        return handle({**rest, "StackName": [stack["StackId"]]})

    return describe


def _find_holder(physical_id: str) -> Stack | None:
    for stack in touch(f"{_CFN}:_stacks").values():
        resources = stack.get("_resources", {}).values()
        if stack["StackStatus"] != "DELETE_COMPLETE" and any(
            resource.get("PhysicalResourceId") == physical_id for resource in resources
        ):
            holder: Stack = stack
            return holder
    return None


def _show_identifiers(params: Params, root: ET.Element) -> None:
    """Add by which properties each resource of the template is imported, by type."""
    result = root.find(tag("GetTemplateSummaryResult"))
    stack = find_stack(parameter(params, "StackName")) or {}
    template = _template(params) or stack.get("_template") or {}
    lookups = touch(f"{_CFN}.changesets:_IMPORT_LOOKUPS")
    by_type: dict[str, list[str]] = {}
    for logical_id, resource in (template.get("Resources") or {}).items():
        if resource.get("Type") in lookups:
            by_type.setdefault(resource["Type"], []).append(logical_id)
    if result is None or not by_type:
        return
    summaries = add_element(result, "ResourceIdentifierSummaries")
    for kind, logical_ids in sorted(by_type.items()):
        summary = add_element(summaries, "member")
        add_element(summary, "ResourceType", kind)
        for name, values in (("LogicalResourceIds", logical_ids), ("ResourceIdentifiers", lookups[kind][0])):
            listed = add_element(summary, name)
            for value in values:
                add_element(listed, "member", value)
