"""Change sets that wait on a stack: those of others, which executing a step deletes with it, and a plan's own."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from builder.aws import Clients, call, pages, together
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.observe.stacks import (
    ObservedStack,
    SiteView,
    is_absence,
    observe_stack,
    of_deployment,
    remember_deleted,
    unless_lagging,
)
from builder.deploy.plan.change_set import (
    IN_MAKING,
    PendingChangeSet,
    change_set_name,
    delete,
    is_alike,
    is_deploys_own,
    plan_of,
)
from builder.deploy.records import PendingReview, Plan, Step
from builder.errors import AwsError
from builder.terms import Arn, Site, StackId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ChangeSetSummaryTypeDef


IDLE = frozenset({"AVAILABLE", "UNAVAILABLE", "OBSOLETE"})
"""The ExecutionStatus of a change set that nobody executes or has executed."""
_UNDER_WAY_S = 60


async def observe_change_sets(
    clients: Clients, stack: StackId, site: Site, stack_arn: Arn, holds: Arn | None = None
) -> "list[ChangeSetSummaryTypeDef]":
    """Return every change set that a stack has, over all pages; none where there is no such stack.

    `holds` is one that is known to be there: a listing without it is asked for again, for LAG_S. Those that this
    process has deleted are gone, whatever a listing shows, as are those that it shows as deleted, with nested stacks.
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

    def lacks_it(found: "list[ChangeSetSummaryTypeDef]") -> bool:
        listed_or_gone = {one["ChangeSetId"] for one in found} | clients.memory.deleted_change_sets
        return holds is not None and holds not in listed_or_gone

    return await unless_lagging(listed, lacks_it)


def reviews_of_others(
    step: Step, assembly: str, standing: "Iterable[ChangeSetSummaryTypeDef]"
) -> tuple[PendingReview, ...]:
    """Return those that somebody may be reviewing: not the step's own, not the same as it, and not a `deploy`'s."""
    return tuple(
        PendingReview(
            stack=step.stack,
            change_set=Arn(one["ChangeSetId"]),
            created=one["CreationTime"].isoformat(),
            allow=f"{step.stack}/{one['ChangeSetName']}",
        )
        for one in standing
        if one["ChangeSetId"] != step.change_set
        and one["ExecutionStatus"] == "AVAILABLE"
        and not is_alike(one.get("Description", ""), assembly, step.stack, step.template_sha256)
        and not is_deploys_own(one.get("Description", ""))
    )


@dataclass(frozen=True, slots=True)
class OlderChangeSet:
    """A change set that an earlier plan of the same deployment left, and nobody executed."""

    stack: StackId
    site: Site
    change_set: Arn
    stack_arn: Arn
    plan: str
    """The id of its plan."""
    created: datetime


def older_of_ours(
    deployment: str, step: Step, standing: "Iterable[ChangeSetSummaryTypeDef]"
) -> tuple[OlderChangeSet, ...]:
    """Return the change sets on a step's stack that earlier plans of the deployment left.

    A plan that may be under way elsewhere is let alone: one that is younger than a minute, by AWS's clock, or has a
    change set that is still being made or is executed.
    """
    standing = tuple(standing)
    own = next((one["CreationTime"] for one in standing if one["ChangeSetId"] == step.change_set), None)
    if own is None:
        return ()
    return tuple(
        OlderChangeSet(
            stack=step.stack,
            site=step.site,
            change_set=Arn(one["ChangeSetId"]),
            stack_arn=step.stack_arn,
            plan=plan_of(one.get("Description", "")),
            created=one["CreationTime"],
        )
        for one in standing
        if one["ChangeSetId"] != step.change_set
        and one["ExecutionStatus"] in {"AVAILABLE", "OBSOLETE"}
        and is_of(deployment, one)
        and (own - one["CreationTime"]).total_seconds() >= _UNDER_WAY_S
    )


def busy_plans(standing: "Iterable[ChangeSetSummaryTypeDef]") -> frozenset[str]:
    """Return the ids of the plans of which a change set is being made or executed."""
    busy = (one for one in standing if one["Status"] in IN_MAKING or one["ExecutionStatus"] == "EXECUTE_IN_PROGRESS")
    return frozenset(plan_of(one.get("Description", "")) for one in busy)


async def is_under_review_by(deployment: str, clients: Clients, stack: ObservedStack) -> bool:
    """Return whether there are change sets that wait on a stack, all made by plans of the deployment."""
    waiting = await observe_change_sets(clients, StackId(f"{stack.region}/{stack.name}"), stack.site, stack.arn)
    return bool(waiting) and all(is_of(deployment, one) for one in waiting)


def is_of(deployment: str, one: "ChangeSetSummaryTypeDef") -> bool:
    """Return whether a plan of the deployment made the change set: its name and its Description tell of one plan."""
    plan = plan_of(one.get("Description", ""))
    name, first = one["ChangeSetName"], change_set_name(deployment, plan, 1)
    return bool(plan) and (name == first or (name.startswith(f"{first}-") and name[len(first) + 1 :].isdigit()))


async def discard_plan(plan: Plan, clients: Clients, only: Collection[StackId] | None = None) -> None:
    """Delete the plan's change sets, and its new stacks that hold nothing; what is gone already is fine.

    `only` names the stacks to do it for; None for all.
    """
    await discard_asked(
        (
            PendingChangeSet(step.stack, step.site, step.change_set, step.stack_arn, step.nested)
            for step in plan.steps
            if only is None or step.stack in only
        ),
        clients,
    )


async def discard_all(deployment: Deployment, clients: Clients) -> tuple[StackId, ...]:
    """Delete every change set that plans of the deployment made and nobody executed, and new stacks that hold nothing.

    Returns the stack of each, one for each change set or empty stack. One that is being made or executed is let alone:
    somebody's plan is under way. What is another's stays, and the stack that it waits on.
    """
    by_site = await together(SiteView(clients, site).every_stack() for site in deployment.sites)
    names = {(place.site, place.name): stack for stack, place in deployment.places.items()}
    ours = of_deployment(tuple(stack for stacks in by_site for stack in stacks), deployment.name)
    bare = (
        stack
        for stacks in by_site
        for stack in stacks
        if stack.status == "REVIEW_IN_PROGRESS" and (stack.site, stack.name) in names and stack not in ours
    )
    found = await together(_discard_all(deployment.name, stack, clients) for stack in (*ours, *bare))
    return tuple(stack_id for ids in found for stack_id in ids)


async def _discard_all(deployment: str, stack: ObservedStack, clients: Clients) -> list[StackId]:
    name = StackId(f"{stack.region}/{stack.name}")
    waiting = await observe_change_sets(clients, name, stack.site, stack.arn)
    idle = [one for one in waiting if one["ExecutionStatus"] in IDLE and one["Status"] not in IN_MAKING]
    asked = [
        PendingChangeSet(name, stack.site, Arn(one["ChangeSetId"]), stack.arn, one.get("IncludeNestedStacks", False))
        for one in idle
        if is_of(deployment, one)
    ]
    for one in asked:
        await _discard(one, clients)
    if not waiting and stack.status == "REVIEW_IN_PROGRESS":
        await _drop(name, stack, clients)
        return [name]
    return [name for _ in asked]


async def discard_asked(asked: Iterable[PendingChangeSet], clients: Clients) -> None:
    """Do the same for change sets that may not be in a plan yet."""
    await together(_discard(one, clients) for one in asked)


async def _discard(asked: PendingChangeSet, clients: Clients) -> None:
    await delete(clients, asked)
    stack = await observe_stack(clients, asked.site, asked.stack_arn)
    if stack is None or stack.status != "REVIEW_IN_PROGRESS":
        return
    # Somebody else's review may wait on the same new stack: then it is theirs. A listing may lag behind our deletion.
    left = await observe_change_sets(clients, asked.stack, asked.site, asked.stack_arn)
    if all(one["ChangeSetId"] == asked.change_set for one in left):
        await _drop(asked.stack, stack, clients)


async def _drop(name: StackId, stack: ObservedStack, clients: Clients) -> None:
    client = clients.of(stack.site).cloudformation(stack.region)
    await call(name, client.delete_stack, StackName=stack.arn)
    remember_deleted(clients, stack.site, stack.name, stack.arn)


async def sweep(deployment: Deployment, plan: Plan, clients: Clients) -> None:
    """Delete the change sets of a `deploy` that broke off, on the stacks that this plan did not touch.

    On the others the execution has deleted them already.
    """
    touched = {step.stack for step in plan.steps}
    await together(_sweep(stack, clients) for stack in deployment.stacks if stack.id not in touched)


async def _sweep(stack: DesiredStack, clients: Clients) -> None:
    for one in await observe_change_sets(clients, stack.id, stack.site, Arn(stack.name)):
        # One that was executed stays: it tells what the stack came from.
        if one["ExecutionStatus"] == "AVAILABLE" and is_deploys_own(one.get("Description", "")):
            nested = one.get("IncludeNestedStacks", False)
            await delete(
                clients, PendingChangeSet(stack.id, stack.site, Arn(one["ChangeSetId"]), Arn(one["StackId"]), nested)
            )
