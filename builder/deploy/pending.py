"""Change sets that wait on a stack: those of others, which executing a step would delete with it, and a plan's own."""

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


async def observe_change_sets(
    clients: Clients, stack: StackId, site: Site, stack_arn: Arn, holds: Arn | None = None
) -> "list[ChangeSetSummaryTypeDef]":
    """Return every change set that a stack has, over all pages; none where there is no such stack.

    `holds` is one that is known to be there: a listing without it is asked for again, for LAG_S. Those that this
    process has deleted are gone, whatever a listing shows.
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
        return [one for one in found if one["ChangeSetId"] not in clients.memory.deleted_change_sets]

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


async def is_under_review_by(deployment: str, clients: Clients, stack: ObservedStack) -> bool:
    """Return whether there are change sets that wait on a stack, all made by plans of the deployment."""
    waiting = await observe_change_sets(clients, StackId(f"{stack.region}/{stack.name}"), stack.site, stack.arn)
    return bool(waiting) and all(_is_of(deployment, one) for one in waiting)


def _is_of(deployment: str, one: "ChangeSetSummaryTypeDef") -> bool:
    plan = plan_of(one.get("Description", ""))
    return bool(plan) and one["ChangeSetName"] == change_set_name(deployment, plan, 1)
