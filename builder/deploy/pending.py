"""Change sets that wait on a stack: those of others, which executing a step would delete with it, and a plan's own."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from builder.aws import Clients, pages
from builder.deploy.change_set import change_set_name
from builder.deploy.description import is_alike, is_deploys_own, plan_of
from builder.deploy.observe import ObservedStack, is_absence, unless_lagging
from builder.deploy.records import PendingReview, Step
from builder.errors import AwsError
from builder.terms import Arn, Site, StackId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_cloudformation.type_defs import ChangeSetSummaryTypeDef


IDLE = frozenset({"AVAILABLE", "UNAVAILABLE", "OBSOLETE"})
"""The ExecutionStatus of a change set that nobody executes or has executed."""
_MAKING = frozenset({"CREATE_PENDING", "CREATE_IN_PROGRESS"})
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
        found: list[ChangeSetSummaryTypeDef] = []
        try:
            async for page in pages(stack, client.list_change_sets, StackName=stack_arn):
                found += page["Summaries"]
        except AwsError as error:
            if not is_absence(error):
                raise
        gone = clients.memory.deleted_change_sets
        return [one for one in found if one["ChangeSetId"] not in gone and one.get("Status") != "DELETE_COMPLETE"]

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
    busy = (one for one in standing if one["Status"] in _MAKING or one["ExecutionStatus"] == "EXECUTE_IN_PROGRESS")
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
