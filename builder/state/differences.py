"""Drift and parity at once: what differs from its template, and how regions differ from each other."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from builder.assembly.components import one_way_replications
from builder.aws import Clients, call, pages, together
from builder.deploy.desired import Deployment
from builder.deploy.observe.deployment import inside
from builder.deploy.observe.stacks import ObservedStack, SiteView, of_deployment, whose
from builder.errors import AwsError, BuilderError
from builder.state.observe import PartialAnswers
from builder.state.records import Differences, Disparity, DriftedResource, DriftedStack, PropertyDrift, Settings
from builder.state.settings import observe_settings
from builder.terms import Site

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackInstanceResourceDriftsSummaryTypeDef, StackResourceDriftTypeDef

    from builder.terms import Region


# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/detect-drift-stack.html
_DETECTABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-import-new-stack.html
    | {"IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)


async def observe_drift(clients: Clients, stacks: tuple[ObservedStack, ...]) -> tuple[DriftedStack, ...]:
    """Return the drift of each stack. A stack that cannot be read has the reason, and stops no other."""
    return tuple(await together(_observe(clients, stack) for stack in stacks))


async def _observe(clients: Clients, stack: ObservedStack) -> DriftedStack:
    if stack.status not in _DETECTABLE:
        return _unknown(stack, f"{stack.status} does not allow drift detection")
    try:
        status, reason = await _detect(clients, stack)
        resources = await _read(clients, stack)
    except BuilderError as error:
        return _unknown(stack, error.what)
    # Where detection failed for some resources, the others are still listed.
    problem = (reason or status) if status == "DETECTION_FAILED" else ""
    return DriftedStack(
        region=stack.region,
        name=stack.name,
        status="DRIFTED" if resources else "UNKNOWN" if problem else "IN_SYNC",
        resources=resources,
        problem=problem,
    )


def _unknown(stack: ObservedStack, problem: str) -> DriftedStack:
    return DriftedStack(region=stack.region, name=stack.name, status="UNKNOWN", problem=problem)


async def _detect(clients: Clients, stack: ObservedStack) -> tuple[str, str]:
    """Run a detection, and return its result and its reason."""
    client, where = clients.of(stack.site).cloudformation(stack.region), f"{stack.region}/{stack.name}"
    detection = await call(where, client.detect_stack_drift, StackName=stack.arn)

    async def read_status() -> tuple[str, str] | None:
        answer = await call(
            where,
            client.describe_stack_drift_detection_status,
            StackDriftDetectionId=detection["StackDriftDetectionId"],
        )
        if answer["DetectionStatus"] == "DETECTION_IN_PROGRESS":
            return None
        return answer["DetectionStatus"], answer.get("DetectionStatusReason", "")

    return await clients.tempo.stacks.until(read_status)


async def _read(clients: Clients, stack: ObservedStack) -> tuple[DriftedResource, ...]:
    """Return every resource that drifted, over all pages."""
    client, where = clients.of(stack.site).cloudformation(stack.region), f"{stack.region}/{stack.name}"
    drifted = pages(
        where,
        client.describe_stack_resource_drifts,
        StackName=stack.arn,
        StackResourceDriftStatusFilters=["MODIFIED", "DELETED"],
    )
    return tuple([read_drifted(drift) async for page in drifted for drift in page["StackResourceDrifts"]])


def read_drifted(drift: "StackResourceDriftTypeDef | StackInstanceResourceDriftsSummaryTypeDef") -> DriftedResource:
    """Return a drifted resource of a stack, or of a StackSet's instance."""
    return DriftedResource(
        logical_id=drift["LogicalResourceId"],
        type=drift["ResourceType"],
        physical_id=drift.get("PhysicalResourceId", ""),
        status=drift["StackResourceDriftStatus"],
        properties=tuple(
            PropertyDrift(
                path=difference["PropertyPath"],
                kind=difference["DifferenceType"],
                expected=difference["ExpectedValue"],
                actual=difference["ActualValue"],
            )
            for difference in drift.get("PropertyDifferences", [])
        ),
    )


_NONE = "(none)"
_LEAST_ID = 8
"""The length of an id below which it may be in a text by chance."""


def find_disparities(seen: Iterable[Settings]) -> tuple[Disparity, ...]:
    """Return every setting that differs between regions, for each resource that more than one of them has.

    A region's own value, such as a parameter's, counts as its name: `primary` and `secondary` are both `${Role}`.
    """
    things: dict[str, list[Settings]] = {}
    for side in seen:
        things.setdefault(side.thing, []).append(side)
    return tuple(
        disparity for thing, sides in things.items() if len(sides) > 1 for disparity in _differing(thing, sides)
    )


def _differing(thing: str, sides: list[Settings]) -> Iterable[Disparity]:
    for setting in dict.fromkeys(name for side in sides for name in side.values):
        values: Mapping[Region, str] = {side.region: side.values.get(setting, _NONE) for side in sides}
        alike = {_in_all_words(values[side.region], side) for side in sides}
        if len(set(values.values())) > 1 and len(alike) > 1:
            yield Disparity(thing=thing, setting=setting, values=values)


def _in_all_words(value: str, side: Settings) -> str:
    word = next((name for name, own in side.own_words.items() if own == value), None)
    if word is not None:
        return f"${{{word}}}"
    # AWS chooses the ids of keys and networks, which may be part of an ARN or a policy: the longest is replaced first.
    for name, id_ in sorted(side.ids.items(), key=lambda named: (-len(named[1]), named[0])):
        if len(id_) >= _LEAST_ID:
            value = value.replace(id_, f"${{{name}}}")
    return value.replace(side.region, "${AWS::Region}")


async def find_differences(deployment: Deployment, clients: Clients) -> Differences:
    """Return every stack of the deployment with its drift, and every setting in which the regions differ.

    A region that does not answer is reported as such; the others are compared without it.
    """
    part, hurried = PartialAnswers(), clients.hurried()
    listed = await asyncio.gather(
        *(part.ask(site.region, observe_stacks(clients, hurried, site)) for site in deployment.sites)
    )
    answering = {site: stacks for site, stacks in zip(deployment.sites, listed, strict=True) if stacks is not None}
    every = tuple(stack for stacks in answering.values() for stack in stacks)
    stacks = of_deployment(every, deployment.name)
    # CloudFormation detects only a stack's own drift, not that of stacks nested in it.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
    detected = (*stacks, *inside(stacks, every))
    drifted, settings = await asyncio.gather(
        observe_drift(clients, detected),
        observe_settings(deployment, tuple(answering), stacks, clients, part),
    )
    seen = {(stack.site, stack.name) for stack in stacks}
    others = {(stack.site, stack.name) for stack in every if stack.may_hold and not whose(stack, deployment.name)}
    absent = tuple(
        DriftedStack(
            region=stack.site.region,
            name=stack.name,
            status="NOT_OURS_YET" if (stack.site, stack.name) in others else "ABSENT",
        )
        for stack in deployment.stacks
        if stack.site in answering and (stack.site, stack.name) not in seen
    )
    unread = (*part.silent, *part.refused)
    return Differences(
        stacks=(*drifted, *absent),
        disparities=find_disparities(settings),
        silent=unread,
        is_deployed=bool(stacks) or len(answering) < len(deployment.sites),
        one_way=one_way_replications(deployment.components),
    )


async def observe_stacks(clients: Clients, hurried: Clients, site: Site) -> tuple[ObservedStack, ...]:
    """Return the stacks of a site. It stops waiting soon where nothing answers, but not where the site is busy."""
    try:
        return await SiteView(hurried, site).every_stack()
    except AwsError as error:
        if not error.answered:
            raise
        return await SiteView(clients, site).every_stack()
