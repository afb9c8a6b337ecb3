"""A change set as CloudFormation shows it: every page of it, its findings, and the change sets of nested stacks.

`review` is the one reader. Where stacks are nested in the stack it reads their change sets too, to any depth, and where
one goes with all that it holds, and so has no change set, what it holds. A change below has the path to it as its
logical id, `Child/Orders`.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, call, pages, together
from builder.deploy.observe.nested import Content, NestedStack, Prover, observe_contents
from builder.deploy.observe.stacks import LAG_S, once_there, unless_lagging
from builder.deploy.plan.change_set import IN_MAKING, PendingChangeSet, delete
from builder.deploy.plan.changes import after_properties, is_no_change, read_change
from builder.deploy.records import ResourceChange
from builder.errors import AwsError, Failed
from builder.resource_types import NESTED_STACK
from builder.terms import Arn

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ChangeTypeDef, DescribeChangeSetOutputTypeDef


# How CloudFormation says that the change set of a nested stack is why this one could not be made.
_BY_CHILD = re.compile(r"Nested change set (arn:\S+) was not successfully created")


@dataclass(frozen=True, slots=True)
class Child:
    """The change set of a nested stack, made with that of its root, by which alone it is executed and deleted."""

    path: str
    """`Child/Grandchild`."""
    change_set: Arn
    stack_arn: Arn


@dataclass(frozen=True, slots=True)
class ReviewedChangeSet:
    """What a change set shows, every page read, with all that those of nested stacks show."""

    changes: tuple[ResourceChange, ...]
    children: tuple[Child, ...] = ()
    idle: bool = False
    """It lists nested stacks only, and each of them is shown to stay as it is."""
    reason: str = ""
    """What CloudFormation says of its status."""


async def review(clients: Clients, asked: PendingChangeSet) -> ReviewedChangeSet | None:
    """Wait until a change set is made and return it; None, and the change set deleted, if it has no changes.

    Raises Failed, with CloudFormation's reason, for one that could not be made.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html
    """
    first = await _made(clients, asked)
    reason = first.get("StatusReason", "")
    if is_no_change(first["Status"], reason):
        await delete(clients, asked)
        return None
    if first["Status"] != "CREATE_COMPLETE":
        raise Failed(
            where=asked.stack,
            what="\n  ".join(["the change set could not be made: " + reason, *await _causes(clients, asked, reason)]),
        )
    level = await _read_level(clients, asked, first)
    return replace(level, idle=level.idle and bool(level.changes), reason=reason)


async def _read_level(
    clients: Clients, asked: PendingChangeSet, first: "DescribeChangeSetOutputTypeDef", above: str = ""
) -> ReviewedChangeSet:
    """Return the changes of a change set that is made, of which `first` is the first page, and of those below it."""
    rows = await _every_change(clients, asked, first, values=True)
    if "[WARN]" in first.get("StatusReason", ""):
        rows = _completed(rows, await _every_change(clients, asked, first, values=False))
    levels = await together(_read_row(clients, asked, row, above) for row in rows)
    return ReviewedChangeSet(
        changes=tuple(change for level in levels for change in level.changes),
        children=tuple(child for level in levels for child in level.children),
        idle=all(level.idle for level in levels),
    )


async def _read_row(clients: Clients, asked: PendingChangeSet, row: "ChangeTypeDef", above: str) -> ReviewedChangeSet:
    """Return one row, and of a nested stack what happens inside it."""
    change = read_change(row, above)
    if change.type != NESTED_STACK or "ResourceChange" not in row:
        return ReviewedChangeSet((change,))
    said = row["ResourceChange"]
    stack, change_set = Arn(change.physical_id or ""), said.get("ChangeSetId")
    prover, after = Prover(clients, asked.site), after_properties(said)
    below = ReviewedChangeSet(())
    if change_set:
        below = await _read_child(clients, asked, Child(change.logical_id, Arn(change_set), stack))
        if below.idle and below.changes:
            # Of stacks below it that stay; but its outputs may change, which no row tells.
            below = replace(below, idle=not await prover.doubt(stack, after))
    elif change.action == "Modify" and change.replacement != "True":
        doubt = await prover.doubt(stack, after)
        below = ReviewedChangeSet((), idle=not doubt)
        if doubt:
            unseen = f"perhaps what it holds: it has no change set of its own, and {doubt}"
            change = replace(change, losses=(*change.losses, unseen))
    going = await _going(clients, asked, change)
    idle = below.idle and change.action == "Modify" and not going and not change.losses
    return ReviewedChangeSet((change, *below.changes, *going), below.children, idle)


async def _read_child(clients: Clients, asked: PendingChangeSet, child: Child) -> ReviewedChangeSet:
    """Return a nested stack's change set; idle where it has no changes, which is no error of a nested one."""
    own = PendingChangeSet(asked.stack, asked.site, child.change_set, child.stack_arn)
    first = await _made(clients, own, at_once=True)
    reason = first.get("StatusReason", "")
    if is_no_change(first["Status"], reason):
        return ReviewedChangeSet((), idle=True)
    if first["Status"] != "CREATE_COMPLETE":
        raise Failed(
            where=f"{asked.stack}/{child.path}",
            what=f"the change set of the nested stack is {first['Status']}: {reason or 'no reason given'}",
        )
    level = await _read_level(clients, own, first, f"{child.path}/")
    return replace(level, children=(child, *level.children), idle=level.idle and bool(level.changes))


async def _going(clients: Clients, asked: PendingChangeSet, change: ResourceChange) -> tuple[ResourceChange, ...]:
    """Return what becomes of all that a nested stack holds which goes, or may: no change set tells that."""
    fate, replaced = change.policy_action or "Delete", change.is_replaced
    if change.action in {"Add", "Import", "SyncWithActual"} or (change.action == "Modify" and not replaced):
        return ()
    if not change.physical_id:
        return ()
    kept = fate.removeprefix("ReplaceAnd")
    contents = await observe_contents(
        clients,
        NestedStack(asked.site, Arn(change.physical_id)),
        f"{change.logical_id}/",
        fate=kept if kept in {"Delete", "Retain", "Snapshot"} else None,
    )
    return tuple(_as_change(change, one) for one in contents)


def _as_change(stack: ResourceChange, content: Content) -> ResourceChange:
    """Return what becomes of a resource inside a nested stack that is removed, replaced, or nobody knows what."""
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


async def _causes(clients: Clients, asked: PendingChangeSet, reason: str) -> tuple[str, ...]:
    """Return why a change set failed beyond what it says itself: early validation, and nested stacks' own reasons."""
    lines = list(await read_findings(clients, asked))
    for arn in dict.fromkeys(_BY_CHILD.findall(reason)):
        own = PendingChangeSet(asked.stack, asked.site, Arn(arn.rstrip(".:,")), asked.stack_arn)
        client = clients.of(asked.site).cloudformation(asked.site.region)
        child = await call(asked.stack, client.describe_change_set, ChangeSetName=own.change_set)
        said = child.get("StatusReason", "no reason given")
        lines += [f"{child.get('StackName', 'a nested stack')}: {said}", *await _causes(clients, own, said)]
    return tuple(lines)


async def _made(
    clients: Clients, asked: PendingChangeSet, *, at_once: bool = False
) -> "DescribeChangeSetOutputTypeDef":
    """Look until CloudFormation has made the change set or given up; return the first page.

    Nested ones are made by the time their root is: they are looked at `at_once`.
    """
    client, loop = clients.of(asked.site).cloudformation(asked.site.region), asyncio.get_running_loop()
    began = loop.time()

    async def look() -> "DescribeChangeSetOutputTypeDef | None":
        try:
            first = await call(
                asked.stack, client.describe_change_set, ChangeSetName=asked.change_set, IncludePropertyValues=True
            )
        except AwsError as error:
            # A read may lag behind the creation that CloudFormation has just confirmed.
            if error.code != "ChangeSetNotFound" or loop.time() - began > LAG_S:
                raise
            return None
        return first if first["Status"] not in IN_MAKING else None

    if at_once and (made := await look()) is not None:
        return made
    return await clients.tempo.change_sets.until(look)


async def read_findings(clients: Clients, asked: PendingChangeSet, children: Iterable[Child] = ()) -> tuple[str, ...]:
    """Return what early validation found, one line each: of a failed change set, or warnings of a good one.

    Of nested ones it names the resources by their paths.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
    """
    own = [(asked, ""), *((replace(asked, change_set=one.change_set), f"{one.path}/") for one in children)]
    found = await together(_findings(clients, one, above) for one, above in own)
    return tuple(line for lines in found for line in lines)


async def _findings(clients: Clients, asked: PendingChangeSet, above: str) -> tuple[str, ...]:
    client = clients.of(asked.site).cloudformation(asked.site.region)

    async def every_page() -> list[Any]:
        shown = pages(asked.stack, client.describe_events, ChangeSetName=asked.change_set)
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
    clients: Clients, asked: PendingChangeSet, first: "DescribeChangeSetOutputTypeDef", *, values: bool
) -> "list[ChangeTypeDef]":
    """Return what a change set that is made changes; `first` is its first page with values."""
    client = clients.of(asked.site).cloudformation(asked.site.region)

    async def page_of(more: dict[str, str]) -> "DescribeChangeSetOutputTypeDef":
        # A page of before it was made shows less of it, and says so by its status.
        return await unless_lagging(
            lambda: once_there(
                lambda: call(
                    asked.stack,
                    client.describe_change_set,
                    ChangeSetName=asked.change_set,
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
    """Add what CloudFormation left out of the listing with values; it says so only by a [WARN] in the reason."""
    shown = {_name(row) for row in with_values}
    return [*with_values, *(row for row in without if _name(row) not in shown)]


def _name(row: "ChangeTypeDef") -> str:
    return row.get("ResourceChange", {}).get("LogicalResourceId", "?")
