"""Change sets: asked for, read to their last page, addressed by ARN, deleted; nothing here executes one.

`review` is the one reader. Where stacks are nested in the stack it reads their change sets too, to any depth, and where
one goes with all that it holds, and so has no change set, what it holds. A change below has the path to it as its
logical id, `Child/Orders`.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote

from builder.aws import Clients, call, pages, together
from builder.deploy.artifact import place_template
from builder.deploy.changes import after_properties, is_no_change, read_change
from builder.deploy.description import describe
from builder.deploy.desired import DesiredStack
from builder.deploy.nested import NESTED, Content, NestedStack, Prover, may_nest, observe_contents
from builder.deploy.observe import LAG_S, once_there, remember_created, unless_lagging
from builder.deploy.records import Options, Origin, ResourceChange
from builder.errors import AwsError, Failed
from builder.terms import Arn, Site, StackId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.literals import CapabilityType
    from mypy_boto3_cloudformation.type_defs import ChangeTypeDef, DescribeChangeSetOutputTypeDef

_BUSY = frozenset({"CREATE_PENDING", "CREATE_IN_PROGRESS"})
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_MAKING_S = 300.0
# How CloudFormation says that the change set of a nested stack is why this one could not be made.
_BY_CHILD = re.compile(r"Nested change set (arn:\S+) was not successfully created")


@dataclass(frozen=True, slots=True)
class Asked:
    """A change set that CloudFormation has accepted, made already or not."""

    stack: StackId
    site: Site
    change_set: Arn
    stack_arn: Arn
    nested: bool = False
    """It was asked for with the stacks nested in its own: its deletion takes a while, and theirs with it."""


@dataclass(frozen=True, slots=True)
class Child:
    """The change set of a nested stack, made with that of its root, by which alone it is executed and deleted."""

    path: str
    """`Child/Grandchild`."""
    change_set: Arn
    stack_arn: Arn


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A change set as it stands, every page read, and those of nested stacks with it."""

    status: str
    execution_status: str
    reason: str
    description: str
    changes: tuple[ResourceChange, ...]
    children: tuple[Child, ...] = ()
    idle: bool = False
    """It lists nested stacks only, and each of them is shown to stay as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a change set is asked for with."""

    desired: DesiredStack
    """Every parameter known."""
    type: Literal["CREATE", "UPDATE"]
    part: int = 1

    def name(self, origin: Origin) -> str:
        """Return the change set's name, the same each time the same plan asks for it."""
        return change_set_name(origin.deployment, origin.plan, self.part)


def change_set_name(deployment: str, plan_id: str, part: int) -> str:
    """Return the name of a plan's change set; of one stack's several, each has its own."""
    return f"{deployment}-{plan_id}" + (f"-{part}" if part > 1 else "")


def token(plan_id: str, stack: StackId, what: str) -> str:
    """Return a client token: the same for the same plan, stack and purpose; CloudFormation takes 128 characters."""
    return hashlib.sha256(f"{plan_id} {stack} {what}".encode()).hexdigest()


async def ask(clients: Clients, origin: Origin, request: Request, *, afresh: bool = False) -> Asked:
    """Ask CloudFormation for a stack's change set; it is not made yet when this returns.

    `afresh` has one of its name that is there already made again: AWS does not show all that it was asked for with.
    Raises BadInput for a template that is too large to hand over.
    """
    desired, name = request.desired, request.name(origin)
    # AWS takes it for no other mode; `check_mode` has refused stacks with nested ones there.
    nested = origin.options.deployment_mode != "REVERT_DRIFT" and may_nest(desired.template)
    client = clients.of(desired.site).cloudformation(desired.region)
    description = describe(origin, desired.id, desired.sha256)
    try:
        answer = await call(
            desired.id,
            client.create_change_set,
            StackName=desired.name,
            ChangeSetName=name,
            ChangeSetType=request.type,
            Parameters=[{"ParameterKey": k, "ParameterValue": str(v)} for k, v in desired.parameters.items()],
            Capabilities=cast("list[CapabilityType]", list(desired.capabilities)),
            Tags=[{"Key": key, "Value": value} for key, value in desired.tags.items()],
            Description=description,
            ClientToken=token(origin.plan, desired.id, f"create {request.part}"),
            **await place_template(clients, desired, origin.options.artifacts_bucket),
            **_optional(origin.options, nested=nested),
        )
    except AwsError as error:
        if error.code != "AlreadyExistsException":
            raise
        # The answer to our own request was lost and boto3 sent it again: go on if what stands there is ours.
        found = await once_there(
            lambda: call(desired.id, client.describe_change_set, ChangeSetName=name, StackName=desired.name)
        )
        if found.get("Description") != description:
            raise
        asked = Asked(desired.id, desired.site, Arn(found["ChangeSetId"]), Arn(found["StackId"]), nested)
        if afresh and found.get("ExecutionStatus") not in {"EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"}:
            await delete(clients, asked)
            return await ask(clients, origin, request)
    else:
        asked = Asked(desired.id, desired.site, Arn(answer["Id"]), Arn(answer["StackId"]), nested)
    remember_created(clients, desired.site, desired.name, asked.stack_arn)
    return asked


def _optional(options: Options, *, nested: bool) -> dict[str, Any]:
    """Return what is said only where somebody asked for it, or the template does."""
    said: dict[str, Any] = {"IncludeNestedStacks": True} if nested else {}
    if options.role_arn:
        said["RoleARN"] = options.role_arn
    if options.import_existing:
        said["ImportExistingResources"] = True
    match options.deployment_mode:
        case "EXPRESS":
            said["DeploymentConfig"] = {"Mode": "EXPRESS", "DisableRollback": False}
        case "REVERT_DRIFT":
            said["DeploymentMode"] = "REVERT_DRIFT"
        case "STANDARD":
            pass
    return said


async def review(clients: Clients, asked: Asked) -> Reviewed | None:
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
    return Reviewed(
        first["Status"],
        first["ExecutionStatus"],
        reason,
        first.get("Description", ""),
        level.changes,
        level.children,
        level.idle and bool(level.changes),
    )


@dataclass(frozen=True, slots=True)
class _Level:
    """What one change set shows, with all that is below it."""

    changes: tuple[ResourceChange, ...]
    children: tuple[Child, ...] = ()
    idle: bool = False


async def _read_level(
    clients: Clients, asked: Asked, first: "DescribeChangeSetOutputTypeDef", above: str = ""
) -> _Level:
    """Return the changes of a change set that is made, of which `first` is the first page, and of those below it."""
    rows = await _every_change(clients, asked, first, values=True)
    if "[WARN]" in first.get("StatusReason", ""):
        rows = _completed(rows, await _every_change(clients, asked, first, values=False))
    levels = await together(_read_row(clients, asked, row, above) for row in rows)
    return _Level(
        changes=tuple(change for level in levels for change in level.changes),
        children=tuple(child for level in levels for child in level.children),
        idle=all(level.idle for level in levels),
    )


async def _read_row(clients: Clients, asked: Asked, row: "ChangeTypeDef", above: str) -> _Level:
    """Return one row, and of a nested stack what happens inside it."""
    change = read_change(row, above)
    if change.type != NESTED or "ResourceChange" not in row:
        return _Level((change,))
    said = row["ResourceChange"]
    stack, change_set = Arn(change.physical_id or ""), said.get("ChangeSetId")
    prover, after = Prover(clients, asked.site), after_properties(said)
    below = _Level(())
    if change_set:
        below = await _read_child(clients, asked, Child(change.logical_id, Arn(change_set), stack))
        if below.idle and below.changes:
            # Of stacks below it that stay; but its outputs may change, which no row tells.
            below = replace(below, idle=not await prover.doubt(stack, after))
    elif change.action == "Modify" and change.replacement != "True":
        doubt = await prover.doubt(stack, after)
        below = _Level((), idle=not doubt)
        if doubt:
            unseen = f"perhaps what it holds: it has no change set of its own, and {doubt}"
            change = replace(change, losses=(*change.losses, unseen))
    going = await _going(clients, asked, change)
    idle = below.idle and change.action == "Modify" and not going and not change.losses
    return _Level((change, *below.changes, *going), below.children, idle)


async def _read_child(clients: Clients, asked: Asked, child: Child) -> _Level:
    """Return a nested stack's change set; idle where it has no changes, which is no error of a nested one."""
    own = Asked(asked.stack, asked.site, child.change_set, child.stack_arn)
    first = await _made(clients, own, at_once=True)
    reason = first.get("StatusReason", "")
    if is_no_change(first["Status"], reason):
        return _Level((), idle=True)
    if first["Status"] != "CREATE_COMPLETE":
        raise Failed(
            where=f"{asked.stack}/{child.path}",
            what=f"the change set of the nested stack is {first['Status']}: {reason or 'no reason given'}",
        )
    level = await _read_level(clients, own, first, f"{child.path}/")
    return replace(level, children=(child, *level.children), idle=level.idle and bool(level.changes))


async def _going(clients: Clients, asked: Asked, change: ResourceChange) -> tuple[ResourceChange, ...]:
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


async def _causes(clients: Clients, asked: Asked, reason: str) -> tuple[str, ...]:
    """Return why a change set failed beyond what it says itself: early validation, and nested stacks' own reasons."""
    lines = list(await read_findings(clients, asked))
    for arn in dict.fromkeys(_BY_CHILD.findall(reason)):
        own = Asked(asked.stack, asked.site, Arn(arn.rstrip(".:,")), asked.stack_arn)
        client = clients.of(asked.site).cloudformation(asked.site.region)
        child = await call(asked.stack, client.describe_change_set, ChangeSetName=own.change_set)
        said = child.get("StatusReason", "no reason given")
        lines += [f"{child.get('StackName', 'a nested stack')}: {said}", *await _causes(clients, own, said)]
    return tuple(lines)


async def _made(clients: Clients, asked: Asked, *, at_once: bool = False) -> "DescribeChangeSetOutputTypeDef":
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
        return first if first["Status"] not in _BUSY else None

    if at_once and (made := await look()) is not None:
        return made
    return await clients.tempo.change_sets.until(look)


async def read_findings(clients: Clients, asked: Asked, children: Iterable[Child] = ()) -> tuple[str, ...]:
    """Return what early validation found, one line each: of a failed change set, or warnings of a good one.

    Of nested ones it names the resources by their paths.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
    """
    own = [(asked, ""), *((replace(asked, change_set=one.change_set), f"{one.path}/") for one in children)]
    found = await together(_findings(clients, one, above) for one, above in own)
    return tuple(line for lines in found for line in lines)


async def _findings(clients: Clients, asked: Asked, above: str) -> tuple[str, ...]:
    client = clients.of(asked.site).cloudformation(asked.site.region)

    async def every_page() -> list[Any]:
        found: list[Any] = []
        async for page in pages(asked.stack, client.describe_events, ChangeSetName=asked.change_set):
            found += page["OperationEvents"]
        return found

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


async def delete(clients: Clients, asked: Asked) -> None:
    """Delete one change set of our own; one that is gone already is fine, one still being made is waited for.

    With nested stacks CloudFormation deletes it later than it says, and with it those of the children, and children
    that only waited for it: this returns when it is gone. Raises Failed where that does not come about.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html
    """
    client, loop = clients.of(asked.site).cloudformation(asked.site.region), asyncio.get_running_loop()
    started = loop.time()
    while True:
        try:
            await call(asked.stack, client.delete_change_set, ChangeSetName=asked.change_set)
        except AwsError as error:
            if error.code == "InvalidChangeSetStatus" and loop.time() - started < _MAKING_S:
                await asyncio.sleep(clients.tempo.change_sets.wait_s(loop.time() - started))
                continue
            if error.code != "ChangeSetNotFound":
                raise
        break
    clients.memory.deleted_change_sets.add(asked.change_set)
    if asked.nested:
        await _until_gone(clients, asked)


async def _until_gone(clients: Clients, asked: Asked) -> None:
    client, loop = clients.of(asked.site).cloudformation(asked.site.region), asyncio.get_running_loop()
    started, status = loop.time(), ""
    while loop.time() - started < _MAKING_S and status != "DELETE_FAILED":
        try:
            found = await call(asked.stack, client.describe_change_set, ChangeSetName=asked.change_set)
        except AwsError as error:
            if error.code == "ChangeSetNotFound":
                return
            raise
        status = found["Status"]
        if status == "DELETE_COMPLETE":
            return
        await asyncio.sleep(clients.tempo.change_sets.pace.every_s)
    raise Failed(
        where=asked.stack,
        what=f"its change set {asked.change_set}, which has those of nested stacks with it, was to be deleted "
        f"and is {status}",
        next_step=f"aws cloudformation delete-change-set --region {asked.site.region} "
        f"--change-set-name {asked.change_set}",
    )


def console_link(asked: Asked) -> str:
    """Return where people review the change set."""
    domain = _CONSOLES.get(asked.change_set.split(":")[1], _CONSOLES["aws"])
    return (
        f"https://{asked.site.region}.{domain}/cloudformation/home?region={asked.site.region}#/stacks/changesets/changes"
        f"?stackId={quote(asked.stack_arn, safe='')}&changeSetId={quote(asked.change_set, safe='')}"
    )


async def _every_change(
    clients: Clients, asked: Asked, first: "DescribeChangeSetOutputTypeDef", *, values: bool
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
