"""A read-only look at what exists: the deployment's stacks in a region."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from builder.aws import Clients, call, together
from builder.deploy.desired import TAG_DEPLOYMENT, TAG_FLEET
from builder.errors import AwsError
from builder.terms import STATUSES, AccountId, Arn, LogicalId, Region, Site, StackName, StatusFacts

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

# How long a read may lag behind what CloudFormation has just confirmed, and how often to look again until then.
LAG_S = 10.0
LOOK_S = 1.0
# A resource that is deleted, or that its stack has left behind: the stack does not hold it any more.
_NOT_HELD = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})
# StackSet-<name of the set>-<uuid>
_INSTANCE_NAME = re.compile(r"StackSet-.+-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedStack:
    """One stack as DescribeStacks shows it."""

    site: Site
    name: StackName
    arn: Arn
    status: str
    status_reason: str
    change_set: Arn | None
    """The change set that last ran, or in REVIEW_IN_PROGRESS one that waits: read it together with the status."""
    created: str
    last_change: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    outputs: Mapping[str, str]
    capabilities: tuple[str, ...]
    termination_protection: bool
    drift: str = "NOT_CHECKED"
    """As the last detection found it."""
    parent: Arn | None = None
    """The stack that has it as a resource."""

    @property
    def region(self) -> Region:
        """The region it stands in."""
        return self.site.region

    @property
    def account(self) -> AccountId:
        """The account it stands in, from its ARN."""
        return AccountId(self.arn.split(":")[4])

    @property
    def facts(self) -> StatusFacts:
        """What the stack's status means."""
        return STATUSES[self.status]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedResource:
    """One resource of a stack as ListStackResources shows it."""

    logical_id: LogicalId
    type: str
    physical_id: str
    """Empty where it never came into being."""
    status: str
    reason: str
    """Why it is in that status, where CloudFormation says so."""


class Located(Protocol):
    """A stack that can be asked for, whether or not all of it is known."""

    @property
    def site(self) -> Site:
        """Where it stands."""

    @property
    def region(self) -> Region:
        """The region it stands in."""

    @property
    def name(self) -> StackName:
        """Its name."""

    @property
    def arn(self) -> Arn:
        """Its ARN."""


class SiteView:
    """A look at one region of one account, by the way that costs fewer calls: its listing, or its stacks one by one."""

    def __init__(self, clients: Clients, site: Site) -> None:
        self._clients = clients
        self.site = site
        self._pages = 1

    async def every_stack(self) -> tuple[ObservedStack, ...]:
        """Return every stack of the site that is not deleted, of whatever deployment, over all pages."""
        return await self._listed(until=None)

    async def stacks(self, arns: Collection[Arn]) -> dict[Arn, ObservedStack]:
        """Return those of the stacks that there are or were, deleted ones included."""
        found = {}
        if len(arns) > self._pages:
            found = {stack.arn: stack for stack in await self._listed(until=arns) if stack.arn in arns}
        # A deleted stack is in no listing; by ARN it can be asked for.
        asked = await together(observe_stack(self._clients, self.site, arn) for arn in sorted(set(arns) - found.keys()))
        return found | {stack.arn: stack for stack in asked if stack is not None}

    async def _listed(self, until: Collection[Arn] | None) -> tuple[ObservedStack, ...]:
        """List page by page, to the end or until all that is looked for was found."""
        client = self._clients.of(self.site).cloudformation(self.site.region)

        def pages() -> tuple[ObservedStack, ...]:
            found: list[ObservedStack] = []
            self._pages = 0
            for page in client.get_paginator("describe_stacks").paginate():
                self._pages += 1
                found += [_observed(self.site, stack) for stack in page["Stacks"]]
                if until is not None and {stack.arn for stack in found}.issuperset(until):
                    break
            return tuple(found)

        return await call(self.site.region, pages)


async def observe_stack(clients: Clients, site: Site, name: str) -> ObservedStack | None:
    """Return one stack by name or ARN; by ARN also a deleted one. None if there is none."""
    client = clients.of(site).cloudformation(site.region)
    try:
        answer = await call(f"{site.region}/{name}", client.describe_stacks, StackName=name)
    except AwsError as error:
        # CloudFormation has no error code of its own for a stack that is not there.
        if error.code == "ValidationError" and "does not exist" in error.what:
            return None
        raise
    return _observed(site, answer["Stacks"][0])


async def observe_resources(clients: Clients, stack: Located) -> tuple[ObservedResource, ...]:
    """Return what stands in a stack, over all pages; what is deleted already, or was left behind, is not in it."""
    client = clients.of(stack.site).cloudformation(stack.region)

    def every_page() -> tuple[ObservedResource, ...]:
        return tuple(
            ObservedResource(
                logical_id=LogicalId(resource["LogicalResourceId"]),
                type=resource["ResourceType"],
                physical_id=resource.get("PhysicalResourceId", ""),
                status=resource["ResourceStatus"],
                reason=resource.get("ResourceStatusReason", ""),
            )
            for page in client.get_paginator("list_stack_resources").paginate(StackName=stack.arn)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceStatus"] not in _NOT_HELD
        )

    return await call(f"{stack.region}/{stack.name}", every_page)


async def observe_template(
    clients: Clients, stack: Located, stage: Literal["Original", "Processed"] = "Original"
) -> object:
    """Return the stack's template as it was sent: a text, or for a JSON template what botocore read it to.

    Its `Processed` stage is what transforms made of it, with the logical ids of the stack's resources.
    """
    client = clients.of(stack.site).cloudformation(stack.region)
    answer = await call(f"{stack.region}/{stack.name}", client.get_template, StackName=stack.arn, TemplateStage=stage)
    return answer["TemplateBody"]


def of_deployment(stacks: tuple[ObservedStack, ...], deployment: str) -> tuple[ObservedStack, ...]:
    """Return those of the stacks that carry the deployment's tag as their own.

    A stack's tags are passed on to the stacks nested in it, which are its business alone, and to the StackSets in it,
    and by them to the stack of every instance: those are the sets' own, whatever other tags they have.
    """
    return tuple(
        stack
        for stack in stacks
        if stack.tags.get(TAG_DEPLOYMENT) == deployment and stack.parent is None and not is_of_set(stack)
    )


def is_of_set(stack: ObservedStack) -> bool:
    """Return whether the stack is a StackSet's instance, by the tag of a fleet or the name that StackSets gives.

    One that was imported into a set has kept a name of its own: nothing in it tells.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html
    """
    return TAG_FLEET in stack.tags or _INSTANCE_NAME.fullmatch(stack.name) is not None


def _observed(site: Site, stack: "StackTypeDef") -> ObservedStack:
    changed = stack.get("LastUpdatedTime") or stack["CreationTime"]
    return ObservedStack(
        site=site,
        name=StackName(stack["StackName"]),
        arn=Arn(stack.get("StackId", "")),
        status=stack["StackStatus"],
        status_reason=stack.get("StackStatusReason", ""),
        change_set=Arn(stack["ChangeSetId"]) if stack.get("ChangeSetId") else None,
        created=stack["CreationTime"].isoformat(),
        last_change=changed.isoformat(),
        parameters={p["ParameterKey"]: p.get("ParameterValue", "") for p in stack.get("Parameters", [])},
        tags={tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])},
        outputs={output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        capabilities=tuple(stack.get("Capabilities", [])),
        termination_protection=stack.get("EnableTerminationProtection", False),
        drift=stack.get("DriftInformation", {}).get("StackDriftStatus", "NOT_CHECKED"),
        parent=Arn(stack["ParentId"]) if stack.get("ParentId") else None,
    )
