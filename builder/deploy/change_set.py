"""Change sets: asked for, read to their last page, addressed by ARN, deleted; nothing here executes one."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import quote

from builder.aws import Clients, call
from builder.deploy.artifact import place_template
from builder.deploy.changes import is_no_change, read_changes
from builder.deploy.description import describe
from builder.deploy.desired import DesiredStack
from builder.deploy.observe import LAG_S
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


@dataclass(frozen=True, slots=True)
class Asked:
    """A change set that CloudFormation has accepted, made already or not."""

    stack: StackId
    site: Site
    change_set: Arn
    stack_arn: Arn


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A change set as it stands, every page read."""

    status: str
    execution_status: str
    reason: str
    description: str
    changes: tuple[ResourceChange, ...]


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


async def ask(clients: Clients, origin: Origin, request: Request) -> Asked:
    """Ask CloudFormation for a stack's change set; it is not made yet when this returns.

    Raises BadInput for a template that is too large to hand over.
    """
    desired, name = request.desired, request.name(origin)
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
            **_optional(origin.options),
        )
    except AwsError as error:
        if error.code != "AlreadyExistsException":
            raise
        # The answer to our own request was lost and boto3 sent it again: go on if what stands there is ours.
        found = await call(desired.id, client.describe_change_set, ChangeSetName=name, StackName=desired.name)
        if found.get("Description") != description:
            raise
        return Asked(desired.id, desired.site, Arn(found["ChangeSetId"]), Arn(found["StackId"]))
    return Asked(desired.id, desired.site, Arn(answer["Id"]), Arn(answer["StackId"]))


def _optional(options: Options) -> dict[str, Any]:
    """Return what is said only where somebody asked for it."""
    said: dict[str, Any] = {}
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
    """
    first = await _made(clients, asked)
    reason = first.get("StatusReason", "")
    if is_no_change(first["Status"], reason):
        await delete(clients, asked)
        return None
    if first["Status"] != "CREATE_COMPLETE":
        findings = await read_findings(clients, asked)
        raise Failed(where=asked.stack, what="\n  ".join([f"the change set could not be made: {reason}", *findings]))
    changes = read_changes(await _every_change(clients, asked, first, values=True))
    if "[WARN]" in reason:
        changes = _completed(changes, read_changes(await _every_change(clients, asked, first, values=False)))
    return Reviewed(first["Status"], first["ExecutionStatus"], reason, first.get("Description", ""), changes)


async def _made(clients: Clients, asked: Asked) -> "DescribeChangeSetOutputTypeDef":
    """Look until CloudFormation has made the change set or given up; return the first page."""
    client, loop = clients.of(asked.site).cloudformation(asked.site.region), asyncio.get_running_loop()
    started = loop.time()
    while True:
        await asyncio.sleep(clients.tempo.change_sets.wait_s(loop.time() - started))
        try:
            first = await call(
                asked.stack, client.describe_change_set, ChangeSetName=asked.change_set, IncludePropertyValues=True
            )
        except AwsError as error:
            # A read may lag behind the creation that CloudFormation has just confirmed.
            if error.code != "ChangeSetNotFound" or loop.time() - started > LAG_S:
                raise
        else:
            if first["Status"] not in _BUSY:
                return first


async def read_findings(clients: Clients, asked: Asked) -> tuple[str, ...]:
    """Return what early validation found, one line each: of a failed change set, or warnings of a good one.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
    """
    client = clients.of(asked.site).cloudformation(asked.site.region)

    def every_page() -> list[Any]:
        pages = client.get_paginator("describe_events").paginate(ChangeSetName=asked.change_set)
        return [event for page in pages for event in page["OperationEvents"]]

    return tuple(
        " ".join(
            part
            for part in (
                event.get("ValidationFailureMode", "FAIL"),
                event.get("LogicalResourceId", ""),
                event.get("ValidationPath", ""),
                event.get("ValidationStatusReason", ""),
            )
            if part
        )
        for event in await call(asked.stack, every_page)
        if event.get("EventType") == "VALIDATION_ERROR"
    )


async def delete(clients: Clients, asked: Asked) -> None:
    """Delete one change set of our own; one that is gone already is fine, one still being made is waited for."""
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
        return


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
    client = clients.of(asked.site).cloudformation(asked.site.region)
    if not values:
        first = await call(asked.stack, client.describe_change_set, ChangeSetName=asked.change_set)
    changes, more = list(first.get("Changes", [])), first.get("NextToken")
    while more:
        page = await call(
            asked.stack,
            client.describe_change_set,
            ChangeSetName=asked.change_set,
            IncludePropertyValues=values,
            NextToken=more,
        )
        changes += page.get("Changes", [])
        more = page.get("NextToken")
    return changes


def _completed(
    with_values: tuple[ResourceChange, ...], without: tuple[ResourceChange, ...]
) -> tuple[ResourceChange, ...]:
    """Add what CloudFormation left out of the listing with values; it says so only by a [WARN] in the reason."""
    shown = {change.logical_id for change in with_values}
    return with_values + tuple(change for change in without if change.logical_id not in shown)
