"""A change set as CloudFormation shows it: every page of it, its findings, and the change sets of nested stacks.

First its changes: records of CloudFormation's answers. Then `review`, which alone reads a change set. It also reads
the change sets of nested stacks, to any depth; a nested stack that is deleted has no change set, so its resources are
read. A nested change has the path to its resource as its logical id, `Child/Orders`.
"""

import asyncio
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, call, pages, together
from builder.deploy.change_sets.change_set import IN_MAKING, PendingChangeSet, delete_change_set, is_no_change
from builder.deploy.observe.nested import Content, NestedStack, Prover, observe_contents
from builder.deploy.observe.stacks import LAG_S, once_there, unless_lagging
from builder.deploy.records import PropertyChange, ResourceChange, Risk
from builder.deploy.resources import HOLDERS, Seen
from builder.deploy.resources.holder import Properties
from builder.deploy.resources.public_access import define, newly_public
from builder.errors import AwsError, Failed
from builder.resource_types import NESTED_STACK
from builder.resource_types.facts import at_stake
from builder.resource_types.fate import POLICY_ATTRIBUTES, default_policy
from builder.terms import Arn, LogicalId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import (
        ChangeTypeDef,
        DescribeChangeSetOutputTypeDef,
        ResourceChangeDetailTypeDef,
        ResourceChangeTypeDef,
    )


# Every value of these fields that this project knows. Any other value is a guard hit.
ACTIONS = frozenset({"Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual"})
REPLACEMENTS = frozenset({"True", "False", "Conditional"})
POLICY_ACTIONS = frozenset(
    {"Delete", "Retain", "Snapshot", "ReplaceAndDelete", "ReplaceAndRetain", "ReplaceAndSnapshot"}
)
# How much of a resource each policy keeps.
_KEEPS = {"Delete": 0, "Snapshot": 1, "RetainExceptOnCreate": 2, "Retain": 2}
NOT_SHOWN = {
    name: f"perhaps its {name}: CloudFormation does not show it before and after" for name in POLICY_ATTRIBUTES
}
"""What a change may lose by a policy whose values before and after are not shown."""


def rate_risk(changes: Iterable[ResourceChange]) -> Risk:
    """Return the greatest risk of the changes; a possible replacement counts as a replacement."""
    changes = tuple(changes)
    if any(change.is_removed or change.action not in ACTIONS for change in changes):
        return "remove"
    if any(change.is_replaced for change in changes):
        return "replace"
    return "create" if changes and all(change.action == "Add" for change in changes) else "update"


def read_change(change: "ChangeTypeDef", above: str = "") -> ResourceChange:
    """Return the change of one resource; a row of another kind has a loss, so that a guard stops it.

    `above` is the path of the nested stack whose change set it is in, `Child/`; empty for the outermost.
    """
    if "ResourceChange" not in change:
        kind = str(change.get("Type", "?"))
        return ResourceChange(
            action=kind, logical_id=LogicalId(f"{above}?"), type=kind, losses=(_not_known("kind of change", kind),)
        )
    return _resource(change["ResourceChange"], above)


def after_properties(change: "ResourceChangeTypeDef") -> Properties:
    """Return a resource's properties after the change, as far as the change set shows them."""
    return _context(change.get("AfterContext")) or {}


def lost_policies(type_name: str, policies: Iterable[tuple[str, str, str]]) -> tuple[str, ...]:
    """Return what a resource may lose by policies that keep less than before; each has a name, before and after.

    An absent policy is given by its default. Empty for a resource that holds nothing worth keeping.
    """
    lost = "all that is in it" if type_name == NESTED_STACK else at_stake(type_name)
    if not lost:
        return ()
    return tuple(
        f"its {name} {before}, which becomes {after}: what removes or replaces it later takes {lost} with it"
        for name, before, after in policies
        if _KEEPS.get(before, 2) > _KEEPS.get(after, 0)
    )


def changed_policies(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield each policy that differs between two versions of a resource: its name, before and after."""
    for name in POLICY_ATTRIBUTES:
        was, will = before.get(name), after.get(name)
        if was != will:
            yield name, str(was or default_policy(name, before)), str(will or default_policy(name, after))


def _resource(change: "ResourceChangeTypeDef", above: str) -> ResourceChange:
    properties = dict.fromkeys(_property(detail) for detail in change.get("Details", []) if "Target" in detail)
    type_name = change["ResourceType"]
    holder = HOLDERS.get(type_name)
    modified = holder if change["Action"] == "Modify" else None
    seen = _seen(change)
    shown = [side for side in (seen.before, seen.after) if side is not None] if holder else []
    return ResourceChange(
        action=change["Action"],
        logical_id=LogicalId(f"{above}{change['LogicalResourceId']}"),
        type=type_name,
        physical_id=change.get("PhysicalResourceId"),
        replacement=change.get("Replacement"),
        policy_action=change.get("PolicyAction"),
        scope=tuple(change.get("Scope", [])),
        losses=(
            *(modified.losses(seen) if modified else ()),
            *(_policies(change) if change["Action"] == "Modify" else ()),
            *_unknown(change),
        ),
        warnings=modified.warnings(seen) if modified else (),
        opens=newly_public(change["ResourceType"], seen.before, seen.after),
        definition=define(seen.after) if change["Action"] in {"Add", "Import"} else "",
        # The same property is listed once as a static and once as a dynamic change.
        properties=tuple(properties),
        regions=tuple(dict.fromkeys(region for side in shown if holder for region in holder.regions(side))),
    )


def _policies(change: "ResourceChangeTypeDef") -> tuple[str, ...]:
    """Return what may be lost by changes of a resource's DeletionPolicy and UpdateReplacePolicy."""
    type_name, seen = change["ResourceType"], _seen(change)
    before, after = ({"Type": type_name, "Properties": properties or {}} for properties in (seen.before, seen.after))
    targets = [detail["Target"] for detail in change.get("Details", []) if "Target" in detail]
    known, unknown = [], []
    for target in targets:
        name = target.get("Attribute", "")
        if name not in POLICY_ATTRIBUTES:
            continue
        if "BeforeValue" in target or "AfterValue" in target:
            was, will = (
                str(value or default_policy(name, resource))
                for value, resource in ((target.get("BeforeValue"), before), (target.get("AfterValue"), after))
            )
            known.append((name, was, will))
        else:
            unknown.append(name)
    shown = {name for name, _, _ in known}
    hidden = {name for name in (*unknown, *change.get("Scope", [])) if name in POLICY_ATTRIBUTES} - shown
    if not at_stake(type_name) and type_name != NESTED_STACK:
        return ()
    return (
        *lost_policies(type_name, dict.fromkeys(known)),
        *(NOT_SHOWN[name] for name in sorted(hidden)),
    )


def _unknown(change: "ResourceChangeTypeDef") -> Iterator[str]:
    """Yield a loss for each of AWS's values that this project does not know: its effect is unknown."""
    if change["Action"] not in ACTIONS:
        yield _not_known("Action", change["Action"])
    if change.get("Replacement", "False") not in REPLACEMENTS:
        yield _not_known("Replacement", str(change.get("Replacement")))
    if change.get("PolicyAction", "Delete") not in POLICY_ACTIONS:
        yield _not_known("PolicyAction", str(change.get("PolicyAction")))


def _not_known(what: str, value: str) -> str:
    return f"perhaps all of it: CloudFormation says {what} {value}, which this builder does not know"


def _seen(change: "ResourceChangeTypeDef") -> Seen:
    names = [detail["Target"].get("Name") for detail in change.get("Details", []) if "Target" in detail]
    return Seen(
        before=_context(change.get("BeforeContext")),
        after=_context(change.get("AfterContext")),
        touched=frozenset(name for name in names if name) if names else None,
    )


def _context(text: str | None) -> Properties | None:
    """Return the properties in a context, which CloudFormation gives as JSON text."""
    try:
        context = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    properties = context.get("Properties") if isinstance(context, dict) else None
    return properties if isinstance(properties, dict) else None


# Other sources of a value that only the execution shows, such as an SSM parameter, are changes of their own.
_OF_RESOURCES = frozenset({"ResourceAttribute", "ResourceReference"})


def _followed(detail: "ResourceChangeDetailTypeDef") -> str:
    """Return the resource that a property depends on, where only the execution shows its value."""
    is_known = detail.get("Evaluation") != "Dynamic" or detail.get("ChangeSource") not in _OF_RESOURCES
    return "" if is_known else detail.get("CausingEntity", "").partition(".")[0]


def _property(detail: "ResourceChangeDetailTypeDef") -> PropertyChange:
    target = detail["Target"]
    named = ".".join(part for part in (target.get("Attribute"), target.get("Name")) if part)
    return PropertyChange(
        path=target.get("Path") or named,
        before=target.get("BeforeValue"),
        after=target.get("AfterValue"),
        recreation=target.get("RequiresRecreation", "Never"),
        follows=_followed(detail),
    )


# CloudFormation's reason where the change set of a nested stack could not be created.
_BY_CHILD = re.compile(r"Nested change set (arn:\S+) was not successfully created")


@dataclass(frozen=True, slots=True)
class Child:
    """The change set of a nested stack, created, executed and deleted only with that of its root."""

    path: str
    """`Child/Grandchild`."""
    change_set: Arn
    stack_arn: Arn


@dataclass(frozen=True, slots=True)
class ReviewedChangeSet:
    """What a change set shows, over all pages, with the change sets of its nested stacks."""

    changes: tuple[ResourceChange, ...]
    children: tuple[Child, ...] = ()
    idle: bool = False
    """Whether it lists only nested stacks, and shows that none of them changes."""
    reason: str = ""
    """CloudFormation's reason for its status."""


async def review(clients: Clients, pending: PendingChangeSet) -> ReviewedChangeSet | None:
    """Wait until a change set is created, and return it; delete it and return None if it has no changes.

    Raises Failed, with CloudFormation's reason, if it could not be created.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html
    """
    first = await _wait_until_made(clients, pending)
    reason = first.get("StatusReason", "")
    if is_no_change(first["Status"], reason):
        await delete_change_set(clients, pending)
        return None
    if first["Status"] != "CREATE_COMPLETE":
        raise Failed(
            where=pending.stack,
            what="\n  ".join(["the change set could not be made: " + reason, *await _causes(clients, pending, reason)]),
        )
    level = await _read_level(clients, pending, first)
    return replace(level, idle=level.idle and bool(level.changes), reason=reason)


async def _read_level(
    clients: Clients, pending: PendingChangeSet, first: "DescribeChangeSetOutputTypeDef", above: str = ""
) -> ReviewedChangeSet:
    """Return the changes of a created change set, whose first page is `first`, and of those nested in it."""
    rows = await _every_change(clients, pending, first, values=True)
    if "[WARN]" in first.get("StatusReason", ""):
        rows = _completed(rows, await _every_change(clients, pending, first, values=False))
    levels = await together(_read_row(clients, pending, row, above) for row in rows)
    return ReviewedChangeSet(
        changes=tuple(change for level in levels for change in level.changes),
        children=tuple(child for level in levels for child in level.children),
        idle=all(level.idle for level in levels),
    )


async def _read_row(clients: Clients, pending: PendingChangeSet, row: "ChangeTypeDef", above: str) -> ReviewedChangeSet:
    """Return one row, and the changes inside it if it is a nested stack."""
    change = read_change(row, above)
    if change.type != NESTED_STACK or "ResourceChange" not in row:
        return ReviewedChangeSet((change,))
    shown = row["ResourceChange"]
    stack, change_set = Arn(change.physical_id or ""), shown.get("ChangeSetId")
    prover, after = Prover(clients, pending.site), after_properties(shown)
    below = ReviewedChangeSet(())
    if change_set:
        below = await _read_child(clients, pending, Child(change.logical_id, Arn(change_set), stack))
        if below.idle and below.changes:
            # It lists only stacks that do not change; its outputs may still change, which no row shows.
            below = replace(below, idle=not await prover.doubt(stack, after))
    elif change.action == "Modify" and change.replacement != "True":
        doubt = await prover.doubt(stack, after)
        below = ReviewedChangeSet((), idle=not doubt)
        if doubt:
            unseen = f"perhaps what it holds: it has no change set of its own, and {doubt}"
            change = replace(change, losses=(*change.losses, unseen))
    going = await _going(clients, pending, change)
    idle = below.idle and change.action == "Modify" and not going and not change.losses
    return ReviewedChangeSet((change, *below.changes, *going), below.children, idle)


async def _read_child(clients: Clients, pending: PendingChangeSet, child: Child) -> ReviewedChangeSet:
    """Return a nested stack's change set; it is idle if it has no changes, which is no error for a nested one."""
    own = PendingChangeSet(pending.stack, pending.site, child.change_set, child.stack_arn)
    first = await _wait_until_made(clients, own, at_once=True)
    reason = first.get("StatusReason", "")
    if is_no_change(first["Status"], reason):
        return ReviewedChangeSet((), idle=True)
    if first["Status"] != "CREATE_COMPLETE":
        raise Failed(
            where=f"{pending.stack}/{child.path}",
            what=f"the change set of the nested stack is {first['Status']}: {reason or 'no reason given'}",
        )
    level = await _read_level(clients, own, first, f"{child.path}/")
    return replace(level, children=(child, *level.children), idle=level.idle and bool(level.changes))


async def _going(clients: Clients, pending: PendingChangeSet, change: ResourceChange) -> tuple[ResourceChange, ...]:
    """Return the resources deleted with a removed or replaced nested stack, which no change set shows."""
    fate, replaced = change.policy_action or "Delete", change.is_replaced
    if change.action in {"Add", "Import", "SyncWithActual"} or (change.action == "Modify" and not replaced):
        return ()
    if not change.physical_id:
        return ()
    kept = fate.removeprefix("ReplaceAnd")
    contents = await observe_contents(
        clients,
        NestedStack(pending.site, Arn(change.physical_id)),
        f"{change.logical_id}/",
        fate=kept if kept in {"Delete", "Retain", "Snapshot"} else None,
    )
    return tuple(_as_change(change, content) for content in contents)


def _as_change(stack: ResourceChange, content: Content) -> ResourceChange:
    """Return the change of a resource inside a nested stack that is removed, replaced, or changed in an unknown way."""
    action, replacement, fate = "Remove", None, content.fate
    if stack.action != "Remove" and stack.replacement == "Conditional":
        action, replacement, fate = "Modify", "Conditional", f"ReplaceAnd{fate}" if fate else None
    elif stack.action not in {"Remove", "Modify"}:
        action = "Dynamic"
    return ResourceChange(
        action=action,
        logical_id=content.path,
        type=content.type,
        physical_id=content.physical_id,
        replacement=replacement,
        policy_action=fate,
        regions=content.regions,
    )


async def _causes(clients: Clients, pending: PendingChangeSet, reason: str) -> tuple[str, ...]:
    """Return the causes of a failed change set beyond its own reason: early validation, and nested stacks' reasons."""
    lines = list(await read_findings(clients, pending))
    for arn in dict.fromkeys(_BY_CHILD.findall(reason)):
        own = PendingChangeSet(pending.stack, pending.site, Arn(arn.rstrip(".:,")), pending.stack_arn)
        client = clients.of(pending.site).cloudformation(pending.site.region)
        child = await call(pending.stack, client.describe_change_set, ChangeSetName=own.change_set)
        child_reason = child.get("StatusReason", "no reason given")
        lines += [
            f"{child.get('StackName', 'a nested stack')}: {child_reason}",
            *await _causes(clients, own, child_reason),
        ]
    return tuple(lines)


async def _wait_until_made(
    clients: Clients, pending: PendingChangeSet, *, at_once: bool = False
) -> "DescribeChangeSetOutputTypeDef":
    """Wait until CloudFormation has created the change set or given up; return the first page.

    Nested ones are complete once their root is: they are read `at_once`, before any wait.
    """
    client, loop = clients.of(pending.site).cloudformation(pending.site.region), asyncio.get_running_loop()
    began = loop.time()

    async def read_first() -> "DescribeChangeSetOutputTypeDef | None":
        try:
            first = await call(
                pending.stack, client.describe_change_set, ChangeSetName=pending.change_set, IncludePropertyValues=True
            )
        except AwsError as error:
            # A read may lag behind the creation that CloudFormation has just confirmed.
            if error.code != "ChangeSetNotFound" or loop.time() - began > LAG_S:
                raise
            return None
        return first if first["Status"] not in IN_MAKING else None

    if at_once and (made := await read_first()) is not None:
        return made
    return await clients.tempo.change_sets.until(read_first)


async def read_findings(clients: Clients, pending: PendingChangeSet, children: Iterable[Child] = ()) -> tuple[str, ...]:
    """Return early validation's findings, a line each: errors of a failed change set, or warnings of a created one.

    Findings in nested change sets name resources by their paths.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
    """
    nested = ((replace(pending, change_set=child.change_set), f"{child.path}/") for child in children)
    findings = await together(_findings(clients, change_set, above) for change_set, above in ((pending, ""), *nested))
    return tuple(line for lines in findings for line in lines)


async def _findings(clients: Clients, pending: PendingChangeSet, above: str) -> tuple[str, ...]:
    client = clients.of(pending.site).cloudformation(pending.site.region)

    async def every_page() -> list[Any]:
        shown = pages(pending.stack, client.describe_events, ChangeSetName=pending.change_set)
        return [event async for page in shown for event in page["OperationEvents"]]

    return tuple(
        " ".join(
            part
            for part in (
                event.get("ValidationFailureMode", "FAIL"),
                f"{above}{event.get('LogicalResourceId', '')}",
                event.get("ValidationPath", ""),
                event.get("ValidationStatusReason", ""),
            )
            if part
        )
        for event in await once_there(every_page)
        if event.get("EventType") == "VALIDATION_ERROR"
    )


async def _every_change(
    clients: Clients, pending: PendingChangeSet, first: "DescribeChangeSetOutputTypeDef", *, values: bool
) -> "list[ChangeTypeDef]":
    """Return the changes of a created change set; `first` is its first page with values."""
    client = clients.of(pending.site).cloudformation(pending.site.region)

    async def page_of(more: dict[str, str]) -> "DescribeChangeSetOutputTypeDef":
        # A lagging page, of before it was created, shows fewer changes and another status.
        return await unless_lagging(
            lambda: once_there(
                lambda: call(
                    pending.stack,
                    client.describe_change_set,
                    ChangeSetName=pending.change_set,
                    IncludePropertyValues=values,
                    **more,
                )
            ),
            lambda page: page["Status"] != first["Status"],
        )

    page = first if values else await page_of({})
    changes = list(page.get("Changes", []))
    while more := page.get("NextToken"):
        page = await page_of({"NextToken": more})
        changes += page.get("Changes", [])
    return changes


def _completed(with_values: "list[ChangeTypeDef]", without: "list[ChangeTypeDef]") -> "list[ChangeTypeDef]":
    """Add the changes that the listing with values leaves out; only a [WARN] in the reason says that there are any."""
    shown = {_name(row) for row in with_values}
    return [*with_values, *(row for row in without if _name(row) not in shown)]


def _name(row: "ChangeTypeDef") -> str:
    return row.get("ResourceChange", {}).get("LogicalResourceId", "?")
