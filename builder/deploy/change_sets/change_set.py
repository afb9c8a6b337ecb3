"""Change sets: created, addressed by ARN, listed, recognized, deleted; nothing here executes one.

`review` reads what they change. A waiting change set's name and Description tell who made it: a person for review, an
older plan, a `deploy`.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from builder.assembly.assets import REGION
from builder.assembly.manifest import UsePreviousValue
from builder.aws import Clients, call, pages
from builder.deploy.change_sets.artifacts import ObjectPlace, bucket_for, put_object
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.observe.deployment import may_nest
from builder.deploy.observe.stacks import ObservedStack, is_absence, once_there, remember_created, unless_lagging
from builder.deploy.records import ChangeSetType, Origin, PendingReview, PlanOptions, Step
from builder.errors import AwsError, BadInput, Failed
from builder.terms import Arn, Site, StackId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_cloudformation.literals import CapabilityType
    from mypy_boto3_cloudformation.type_defs import ChangeSetSummaryTypeDef, ParameterTypeDef, ResourceToImportTypeDef


_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_MAKING_S = 300.0
IN_MAKING = frozenset({"CREATE_PENDING", "CREATE_IN_PROGRESS"})
"""The Status of a change set that CloudFormation is still creating."""


@dataclass(frozen=True, slots=True)
class PendingChangeSet:
    """A change set that CloudFormation has accepted, created or still in creation."""

    stack: StackId
    site: Site
    change_set: Arn
    stack_arn: Arn
    nested: bool = False
    """Whether it was created with `IncludeNestedStacks`: its deletion, and that of the nested ones with it, takes a
    while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSetRequest:
    """The arguments of CreateChangeSet."""

    desired: DesiredStack
    """The stack, with the value of every parameter."""
    type: ChangeSetType
    part: int = 1
    adopts: bool = False
    """Whether it keeps the deployed template, and the stack's role and mode."""
    imports: "tuple[ResourceToImportTypeDef, ...]" = ()
    """The resources that a change set of type IMPORT imports."""

    def name(self, origin: Origin) -> str:
        """Return the change set's name: the same each time that the same plan asks for it."""
        return change_set_name(origin.deployment, origin.plan, self.part)


def change_set_name(deployment: str, plan_id: str, part: int) -> str:
    """Return the name of a plan's change set; the several change sets of one stack have different names."""
    return f"{deployment}-{plan_id}" + (f"-{part}" if part > 1 else "")


def token(plan_id: str, stack: StackId, what: str) -> str:
    """Return a client token: the same for the same plan, stack and purpose; CloudFormation takes 128 characters."""
    return hashlib.sha256(f"{plan_id} {stack} {what}".encode()).hexdigest()


async def create_change_set(
    clients: Clients, origin: Origin, request: ChangeSetRequest, *, afresh: bool = False
) -> PendingChangeSet:
    """Call CreateChangeSet for a stack; CloudFormation is still creating the change set when this returns.

    With `afresh` an existing one of the same name is deleted and created again: AWS does not show all of its inputs.
    Raises BadInput for a template that is too large to send.
    """
    desired, name = request.desired, request.name(origin)
    options = options_of(request, origin.options)
    # AWS takes the option for no other mode or type; there `check_mode` has refused stacks with nested ones.
    nested = looks_inside(request.type, options, desired)
    client = clients.of(desired.site).cloudformation(desired.region)
    description = describe(origin, desired.id, desired.sha256)
    try:
        answer = await call(
            desired.id,
            client.create_change_set,
            StackName=desired.name,
            ChangeSetName=name,
            ChangeSetType=request.type,
            Parameters=_parameters(desired),
            Capabilities=cast("list[CapabilityType]", list(desired.capabilities)),
            Tags=[{"Key": key, "Value": value} for key, value in desired.tags.items()],
            Description=description,
            ClientToken=token(origin.plan, desired.id, f"create {request.part}"),
            **_imports(request),
            **(await place_template(clients, desired, origin) if not request.adopts else _PREVIOUS),
            **_optional(options, nested=nested),
        )
    except AwsError as error:
        if error.code != "AlreadyExistsException":
            raise
        # boto3 repeats a request whose answer was lost: continue if the existing change set is ours.
        shown = await once_there(
            lambda: call(desired.id, client.describe_change_set, ChangeSetName=name, StackName=desired.name)
        )
        if shown.get("Description") != description:
            raise
        pending = PendingChangeSet(desired.id, desired.site, Arn(shown["ChangeSetId"]), Arn(shown["StackId"]), nested)
        if afresh and shown.get("ExecutionStatus") not in {"EXECUTE_IN_PROGRESS", "EXECUTE_COMPLETE"}:
            await delete_change_set(clients, pending)
            return await create_change_set(clients, origin, request)
    else:
        pending = PendingChangeSet(desired.id, desired.site, Arn(answer["Id"]), Arn(answer["StackId"]), nested)
    remember_created(clients, desired.site, desired.name, pending.stack_arn)
    return pending


_PREVIOUS: dict[str, Any] = {"UsePreviousTemplate": True}


def _imports(request: ChangeSetRequest) -> dict[str, Any]:
    return {"ResourcesToImport": list(request.imports)} if request.imports else {}


def options_of(request: ChangeSetRequest, options: PlanOptions) -> PlanOptions:
    """Return the options of a change set: an adoption keeps the stack's own, an import has the mode AWS requires."""
    if request.adopts:
        return PlanOptions(by=options.by)
    if request.type == "IMPORT":
        # The stack's own role stays: an import takes no other.
        return replace(options, deployment_mode="STANDARD", import_existing=False, role_arn=None)
    return options


def looks_inside(type_: ChangeSetType, options: PlanOptions, desired: DesiredStack) -> bool:
    """Return whether a change set includes those of nested stacks."""
    return type_ != "IMPORT" and options.deployment_mode != "REVERT_DRIFT" and may_nest(desired.template)


def _parameters(desired: DesiredStack) -> "list[ParameterTypeDef]":
    return [
        {"ParameterKey": name, "UsePreviousValue": True}
        if isinstance(value, UsePreviousValue)
        else {"ParameterKey": name, "ParameterValue": str(value)}
        for name, value in desired.parameters.items()
    ]


def _optional(options: PlanOptions, *, nested: bool) -> dict[str, Any]:
    """Return the parameters of the call that only some options or templates need."""
    optional: dict[str, Any] = {"IncludeNestedStacks": True} if nested else {}
    if options.role_arn:
        optional["RoleARN"] = options.role_arn
    if options.import_existing:
        optional["ImportExistingResources"] = True
    match options.deployment_mode:
        case "EXPRESS":
            optional["DeploymentConfig"] = {"Mode": "EXPRESS", "DisableRollback": False}
        case "REVERT_DRIFT":
            optional["DeploymentMode"] = "REVERT_DRIFT"
        case "STANDARD":
            pass
    return optional


async def delete_change_set(clients: Clients, pending: PendingChangeSet) -> None:
    """Delete a change set of our own. Ignore one that does not exist; wait for one that is still being created.

    One with nested stacks is deleted later than CloudFormation confirms, together with the children's change sets and
    with children that hold nothing else: this returns when it is deleted. Raises Failed where that does not happen.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html
    """
    client, loop = clients.of(pending.site).cloudformation(pending.site.region), asyncio.get_running_loop()
    started = loop.time()
    while True:
        try:
            await call(pending.stack, client.delete_change_set, ChangeSetName=pending.change_set)
        except AwsError as error:
            if error.code == "InvalidChangeSetStatus" and loop.time() - started < _MAKING_S:
                await asyncio.sleep(clients.tempo.change_sets.wait_s(loop.time() - started))
                continue
            if error.code != "ChangeSetNotFound":
                raise
        break
    clients.memory.deleted_change_sets.add(pending.change_set)
    if pending.nested:
        await _until_gone(clients, pending)


async def _until_gone(clients: Clients, pending: PendingChangeSet) -> None:
    client, loop = clients.of(pending.site).cloudformation(pending.site.region), asyncio.get_running_loop()
    started, status = loop.time(), ""
    while loop.time() - started < _MAKING_S and status != "DELETE_FAILED":
        try:
            answer = await call(pending.stack, client.describe_change_set, ChangeSetName=pending.change_set)
        except AwsError as error:
            if error.code == "ChangeSetNotFound":
                return
            raise
        status = answer["Status"]
        if status == "DELETE_COMPLETE":
            return
        await asyncio.sleep(clients.tempo.change_sets.pace.every_s)
    raise Failed(
        where=pending.stack,
        what=f"its change set {pending.change_set}, which has those of nested stacks with it, was to be deleted "
        f"and is {status}",
        next_step=f"aws cloudformation delete-change-set --region {pending.site.region} "
        f"--change-set-name {pending.change_set}",
    )


def console_link(pending: PendingChangeSet) -> str:
    """Return the address of the console page on which people review the change set."""
    domain = _CONSOLES.get(pending.change_set.split(":")[1], _CONSOLES["aws"])
    return (
        f"https://{pending.site.region}.{domain}/cloudformation/home?region={pending.site.region}#/stacks/changesets/changes"
        f"?stackId={quote(pending.stack_arn, safe='')}&changeSetId={quote(pending.change_set, safe='')}"
    )


def describe(origin: Origin, stack: StackId, template_sha256: str) -> str:
    """Return a change set's Description; CloudFormation takes 1,024 characters."""
    facts = {
        "plan": origin.plan,
        "by": origin.options.by,
        "assembly": origin.assembly,
        "stack": stack,
        "template": template_sha256,
    }
    return json.dumps(facts, separators=(",", ":"))


def is_alike(description: str, assembly: str, stack: StackId, template_sha256: str) -> bool:
    """Return whether a Description names the same assembly, stack and template, whoever made the change set."""
    expected = {"assembly": assembly, "stack": stack, "template": template_sha256}
    facts = _read(description)
    return {**facts, **expected} == facts


def is_deploys_own(description: str) -> bool:
    """Return whether a `deploy` made the change set: then nobody reviews it, and a later `deploy` deletes it."""
    return _read(description).get("by") == "deploy"


def plan_of(description: str) -> str:
    """Return the id of the plan that a Description names; empty where it names none."""
    return str(_read(description).get("plan", ""))


def assembly_of(description: str) -> str:
    """Return the digest of the assembly that a Description names; empty where it names none."""
    return str(_read(description).get("assembly", ""))


def template_of(description: str) -> str:
    """Return the SHA-256 of the template that a Description names; empty where it names none."""
    return str(_read(description).get("template", ""))


def _read(description: str) -> dict[str, Any]:
    try:
        facts = json.loads(description)
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
INLINE_BYTES = 51_200
BUCKET_BYTES = 1_048_576


async def place_template(clients: Clients, desired: DesiredStack, origin: Origin) -> dict[str, Any]:
    """Return the template as CreateChangeSet takes it; put it into the bucket first where it is too large to send.

    Its key is its digest, so a later template cannot overwrite a reviewed one.
    Raises BadInput for a template that is too large.
    """
    template, bucket = desired.template.encode(), origin.options.artifacts_bucket
    if len(template) <= INLINE_BYTES:
        return {"TemplateBody": desired.template}
    if len(template) > BUCKET_BYTES:
        raise BadInput(
            where=desired.id,
            what=f"the template has {len(template):,} bytes; CloudFormation takes {BUCKET_BYTES:,} at most",
        )
    if bucket is None:
        raise BadInput(
            where=desired.id,
            what=f"the template has {len(template):,} bytes; CloudFormation takes {INLINE_BYTES:,} with the request",
            next_step=f"--artifacts-bucket NAME-{REGION}    hands it over through a bucket in each region",
        )
    name, key = bucket_for(bucket, desired.site, origin.account), f"{desired.sha256}.yaml"
    await put_object(clients, ObjectPlace(desired.site, name, key, desired.account or origin.account), template)
    # boto3 knows every partition's host names; the signature is of no use here.
    client = clients.of(desired.site).s3(desired.region)
    signed = client.generate_presigned_url("get_object", Params={"Bucket": name, "Key": key})
    return {"TemplateURL": signed.partition("?")[0]}


# CloudFormation's reasons for an empty change set. Other texts exist for templates with transforms, so a change
# set that failed with another reason is a failure, never "no changes".
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html
_NO_CHANGES = ("The submitted information didn't contain changes.", "No updates are to be performed.")


def is_no_change(status: str, reason: str) -> bool:
    """Return whether a change set ended without changes; an output-only edit is a change though it lists none."""
    return status == "FAILED" and reason.startswith(_NO_CHANGES)


IDLE = frozenset({"AVAILABLE", "UNAVAILABLE", "OBSOLETE"})
"""The ExecutionStatus of a change set that nobody executes or has executed."""
_UNDER_WAY_S = 60


async def observe_change_sets(
    clients: Clients, stack: StackId, site: Site, stack_arn: Arn, holds: Arn | None = None
) -> "list[ChangeSetSummaryTypeDef]":
    """Return every change set of a stack, over all pages; none where the stack does not exist.

    A listing without `holds`, a change set known to exist, is read again, for LAG_S. A change set is left out if this
    process deleted it, whatever the listing shows, or if the listing shows it as deleted (as it does with nested
    stacks).
    """
    client = clients.of(site).cloudformation(site.region)

    async def listed() -> "list[ChangeSetSummaryTypeDef]":
        gone = clients.memory.deleted_change_sets
        try:
            return [
                change_set
                async for page in pages(stack, client.list_change_sets, StackName=stack_arn)
                for change_set in page["Summaries"]
                if change_set["ChangeSetId"] not in gone and change_set.get("Status") != "DELETE_COMPLETE"
            ]
        except AwsError as error:
            if not is_absence(error):
                raise
            return []

    def lacks_it(summaries: "list[ChangeSetSummaryTypeDef]") -> bool:
        listed_or_gone = {summary["ChangeSetId"] for summary in summaries} | clients.memory.deleted_change_sets
        return holds is not None and holds not in listed_or_gone

    return await unless_lagging(listed, lacks_it)


def reviews_of_others(
    step: Step, assembly: str, summaries: "Iterable[ChangeSetSummaryTypeDef]"
) -> tuple[PendingReview, ...]:
    """Return the change sets that may be under review: not the step's own, not one like it, and none of a `deploy`."""
    return tuple(
        PendingReview(
            stack=step.stack,
            change_set=Arn(summary["ChangeSetId"]),
            created=summary["CreationTime"].isoformat(),
            allow=f"{step.stack}/{summary['ChangeSetName']}",
        )
        for summary in summaries
        if summary["ChangeSetId"] != step.change_set
        and summary["ExecutionStatus"] == "AVAILABLE"
        and not is_alike(summary.get("Description", ""), assembly, step.stack, step.template_sha256)
        and not is_deploys_own(summary.get("Description", ""))
    )


@dataclass(frozen=True, slots=True)
class OlderChangeSet:
    """A change set that an earlier plan of the same deployment made and nobody executed."""

    stack: StackId
    site: Site
    change_set: Arn
    stack_arn: Arn
    plan: str
    """The id of its plan."""
    created: datetime


def older_of_ours(
    deployment: str, step: Step, summaries: "Iterable[ChangeSetSummaryTypeDef]"
) -> tuple[OlderChangeSet, ...]:
    """Return the change sets on a step's stack that earlier plans of the deployment made and nobody executed.

    One less than a minute older than the step's own, by AWS's clock, is left out: its plan may still run.
    """
    summaries = tuple(summaries)
    own = next((summary["CreationTime"] for summary in summaries if summary["ChangeSetId"] == step.change_set), None)
    if own is None:
        return ()
    return tuple(
        OlderChangeSet(
            stack=step.stack,
            site=step.site,
            change_set=Arn(summary["ChangeSetId"]),
            stack_arn=step.stack_arn,
            plan=plan_of(summary.get("Description", "")),
            created=summary["CreationTime"],
        )
        for summary in summaries
        if summary["ChangeSetId"] != step.change_set
        and summary["ExecutionStatus"] in {"AVAILABLE", "OBSOLETE"}
        and is_made_by(deployment, summary)
        and (own - summary["CreationTime"]).total_seconds() >= _UNDER_WAY_S
    )


def busy_plans(summaries: "Iterable[ChangeSetSummaryTypeDef]") -> frozenset[str]:
    """Return the ids of the plans with a change set that is being created or executed."""
    busy = (
        summary
        for summary in summaries
        if summary["Status"] in IN_MAKING or summary["ExecutionStatus"] == "EXECUTE_IN_PROGRESS"
    )
    return frozenset(plan_of(summary.get("Description", "")) for summary in busy)


async def is_under_review_by(deployment: str, clients: Clients, stack: ObservedStack) -> bool:
    """Return whether change sets wait on a stack, and plans of the deployment made all of them."""
    waiting = await observe_change_sets(clients, StackId(f"{stack.region}/{stack.name}"), stack.site, stack.arn)
    return bool(waiting) and all(is_made_by(deployment, summary) for summary in waiting)


def is_made_by(deployment: str, summary: "ChangeSetSummaryTypeDef") -> bool:
    """Return whether a plan of the deployment made the change set: its name and its Description name the same plan."""
    plan = plan_of(summary.get("Description", ""))
    name, first = summary["ChangeSetName"], change_set_name(deployment, plan, 1)
    return bool(plan) and (name == first or (name.startswith(f"{first}-") and name[len(first) + 1 :].isdigit()))


def check_mode(deployment: Deployment, deployed: Mapping[StackId, object], options: PlanOptions) -> None:
    """Raise BadInput unless AWS creates change sets in the mode of the options for all of these stacks.

    AWS creates no drift-aware change set for nested stacks, so its changes inside them could not be seen.
    """
    if options.deployment_mode != "REVERT_DRIFT":
        return
    nesting = [
        stack.id for stack in deployment.stacks if may_nest(stack.template) or may_nest(deployed.get(stack.id, {}))
    ]
    if nesting:
        raise BadInput(
            where="--deployment-mode REVERT_DRIFT",
            what=f"{', '.join(nesting)}: AWS makes no drift-aware change set for stacks with nested stacks, "
            "so nobody could see what it would do inside them",
            next_step="python -m builder drift    names what drifted, in nested stacks too",
        )
