"""Change sets of others that wait on a plan's stacks: executing a step would delete them with it."""

from typing import TYPE_CHECKING

from builder.aws import Clients, call
from builder.deploy.description import is_alike, is_deploys_own
from builder.deploy.records import PendingReview, Step
from builder.errors import AwsError
from builder.terms import Arn, Site, StackId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_cloudformation.type_defs import ChangeSetSummaryTypeDef


async def observe_change_sets(
    clients: Clients, stack: StackId, site: Site, stack_arn: Arn
) -> "list[ChangeSetSummaryTypeDef]":
    """Return every change set that a stack has, over all pages; none where there is no such stack."""
    client = clients.of(site).cloudformation(site.region)

    def every_page() -> "list[ChangeSetSummaryTypeDef]":
        pages = client.get_paginator("list_change_sets").paginate(StackName=stack_arn)
        return [summary for page in pages for summary in page["Summaries"]]

    try:
        return await call(stack, every_page)
    except AwsError as error:
        if "does not exist" in error.what:
            return []
        raise


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
