"""The stacks of a region as AWS shows them, read again where a read contradicts what is known; nothing is changed.

Last comes the owner of a stack: the deployment, somebody else, or nobody yet.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar

from builder.aws import Clients, StackSighting, call, pages, together
from builder.deploy.desired import TAG_DEPLOYMENT, TAG_FLEET
from builder.errors import AwsError, Stopped
from builder.template import same_policy
from builder.terms import STATUSES, AccountId, Arn, LogicalId, Region, Site, StackName, StackPlace, StatusFacts

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef


R = TypeVar("R")
# How long a read may lag behind what CloudFormation has just confirmed, and how often to read meanwhile.
LAG_S = 10.0
READ_AGAIN_S = 1.0
# Statuses that precede the good end of the same operation.
_ON_THE_WAY = frozenset(
    {"REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}
    | {"IMPORT_IN_PROGRESS"}
)
# Statuses of a deleted or retained resource: the stack no longer holds it.
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
    """The result of the last drift detection."""
    notification_arns: tuple[str, ...] = ()
    """The SNS topics that get its events."""
    rollback_triggers: tuple[str, ...] = ()
    """The alarms that roll back an operation on it."""
    exports: Mapping[str, str] = field(default_factory=dict)
    """The output of each exported name."""
    parent: Arn | None = None
    """The stack that has it as a resource."""
    deletes_creations: bool = False
    """Whether a rollback of its last operation deletes what that created, also where a policy retains it: the option
    RetainExceptOnCreate."""

    @property
    def region(self) -> Region:
        """The region it is in."""
        return self.site.region

    @property
    def account(self) -> AccountId:
        """The account it is in, from its ARN."""
        return AccountId(self.arn.split(":")[4])

    @property
    def facts(self) -> StatusFacts:
        """The meaning of the stack's status. Raises Stopped for an unknown status, which may mean anything."""
        known = STATUSES.get(self.status)
        if known is None:
            raise Stopped(
                where=f"{self.region}/{self.name}",
                what=f"the stack is in {self.status}, a status that this builder does not know",
                next_step=f"aws cloudformation describe-stacks --region {self.region} --stack-name {self.name}",
            )
        return known

    @property
    def may_hold(self) -> bool:
        """Whether it may hold resources: an unknown status rules nothing out."""
        return self.status not in STATUSES or self.facts.exists


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedResource:
    """One resource of a stack as ListStackResources shows it."""

    logical_id: LogicalId
    type: str
    physical_id: str
    """Empty where it was never created."""
    status: str
    reason: str
    """Why it is in that status, where CloudFormation shows a reason."""


class Located(Protocol):
    """What it takes to call AWS about a stack, whether or not more of it is known."""

    @property
    def site(self) -> Site:
        """The site it is in."""

    @property
    def region(self) -> Region:
        """The region it is in."""

    @property
    def name(self) -> StackName:
        """Its name."""

    @property
    def arn(self) -> Arn:
        """Its ARN."""


class SiteView:
    """The stacks of one region of one account, read with as few calls as possible: in a listing, or one by one."""

    def __init__(self, clients: Clients, site: Site) -> None:
        self._clients = clients
        self.site = site
        self._pages = 1

    async def every_stack(self) -> tuple[ObservedStack, ...]:
        """Return every stack of the site that is not deleted, of any deployment, over all pages.

        A listing that contradicts what is known is read again for LAG_S.
        """
        listed = await unless_lagging(
            lambda: self._listed(until=None), lambda listed: bool(_contradicted(self._clients, self.site, listed))
        )
        for place in _contradicted(self._clients, self.site, listed):
            del self._clients.memory.stacks[place]  # somebody else's doing after all
        return listed

    async def stacks(self, arns: Collection[Arn]) -> dict[Arn, ObservedStack]:
        """Return those of the stacks that exist or once existed, deleted ones included, as one read shows them."""
        observed = {}
        if len(arns) > self._pages:
            observed = {stack.arn: stack for stack in await self._listed(until=arns) if stack.arn in arns}
        # A deleted stack is in no listing; it can be read by ARN.
        answers = await together(
            _read_stack(self._clients, self.site, arn) for arn in sorted(set(arns) - observed.keys())
        )
        return observed | {stack.arn: stack for stack in answers if stack is not None}

    def remember(self, stack: ObservedStack) -> None:
        """Judge later reads of the stack by this state, which a wait has read."""
        remember(self._clients, stack)

    def is_contradicted(self, stack: ObservedStack) -> bool:
        """Return whether a read is older than what was already observed."""
        known = self._clients.memory.stacks.get(StackPlace(self.site, stack.name))
        return known is not None and known.arn == stack.arn and contradicts(known, stack)

    async def _listed(self, until: Collection[Arn] | None) -> tuple[ObservedStack, ...]:
        """List page by page, to the end or until every stack of `until` is listed."""
        client = self._clients.of(self.site).cloudformation(self.site.region)
        observed: list[ObservedStack] = []
        count = 0
        async for page in pages(self.site.region, client.describe_stacks):
            count += 1
            observed += [_observed(self.site, stack) for stack in page["Stacks"]]
            if until is not None and {stack.arn for stack in observed}.issuperset(until):
                break
        self._pages = count
        return tuple(observed)


async def observe_stack(clients: Clients, site: Site, name: str) -> ObservedStack | None:
    """Return a stack by name or ARN; by ARN also a deleted one. None where it does not exist.

    A read that contradicts what is known is repeated for LAG_S.
    """
    place = StackPlace(site, name_in(Arn(name)) if name.startswith("arn:") else StackName(name))
    known = clients.memory.stacks.get(place)
    judged_by = known if known is not None and name in {place.name, known.arn} else None
    stack = await unless_lagging(
        lambda: _read_stack(clients, site, name),
        lambda read: judged_by is not None and contradicts(judged_by, read),
    )
    if stack is not None and stack.parent is None:
        remember(clients, stack)
    elif stack is None and judged_by is not None:
        clients.memory.stacks.pop(place, None)  # somebody else's doing after all
    return stack


async def unless_lagging(read: Callable[[], Awaitable[R]], is_contradicted: Callable[[R], bool]) -> R:
    """Return what a read shows; repeat a read that contradicts what is known, for at most LAG_S.

    This is the one rule for reads after writes: a contradiction that lasts longer is a change by somebody else.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        shown = await read()
        if not is_contradicted(shown) or loop.time() - began > LAG_S:
            return shown
        await asyncio.sleep(READ_AGAIN_S)


async def once_there(read: Callable[[], Awaitable[R]]) -> R:
    """Return what a read shows of something known to exist. Raises AwsError if it is missing for LAG_S."""
    refusals: list[AwsError] = []

    async def attempt() -> R | None:
        refusals.clear()
        try:
            return await read()
        except AwsError as error:
            if not is_absence(error):
                raise
            refusals.append(error)
            return None

    shown = await unless_lagging(attempt, lambda _: bool(refusals))
    if refusals:
        raise refusals[0]
    return shown  # type: ignore[return-value]  # None only where it was refused


def is_absence(error: AwsError) -> bool:
    """Return whether AWS answers that there is no such stack or change set.

    CloudFormation has no error code of its own for a missing stack.
    """
    return error.code == "ChangeSetNotFound" or (error.code == "ValidationError" and "does not exist" in error.what)


def remember(clients: Clients, stack: ObservedStack) -> None:
    """Judge later reads of the stack by this one."""
    place = StackPlace(stack.site, stack.name)
    before = clients.memory.stacks.get(place)
    clients.memory.stacks[place] = StackSighting(
        arn=stack.arn,
        status=stack.status,
        last_change=stack.last_change,
        protected=stack.termination_protection,
        policy=before.policy if before is not None and before.arn == stack.arn else None,
    )


def remember_created(clients: Clients, site: Site, name: StackName, arn: Arn) -> None:
    """Judge later reads by this stack, which CloudFormation has just confirmed to hold a change set."""
    known = clients.memory.stacks.get(StackPlace(site, name))
    if known is None or known.arn != arn:
        clients.memory.stacks[StackPlace(site, name)] = StackSighting(arn, "REVIEW_IN_PROGRESS", "")


def remember_protected(clients: Clients, site: Site, name: StackName, *, protected: bool) -> None:
    """Judge later reads by this termination protection, which CloudFormation has just confirmed to set or lift."""
    if known := clients.memory.stacks.get(StackPlace(site, name)):
        clients.memory.stacks[StackPlace(site, name)] = replace(known, protected=protected)


def remember_policy(clients: Clients, site: Site, name: StackName, policy: str | None) -> None:
    """Judge later reads by this stack policy, which CloudFormation has just confirmed to set."""
    if known := clients.memory.stacks.get(StackPlace(site, name)):
        clients.memory.stacks[StackPlace(site, name)] = replace(known, policy=policy)


def remember_deleted(clients: Clients, site: Site, name: StackName, arn: Arn) -> None:
    """Judge later reads by the deletion of a stack that never held anything, which CloudFormation deletes at once."""
    clients.memory.stacks[StackPlace(site, name)] = StackSighting(arn, "DELETE_COMPLETE", "")


def name_in(arn: Arn) -> StackName:
    """Return the stack's name, which is in its ARN."""
    return StackName(arn.split("/")[1])


def contradicts(known: StackSighting, read: ObservedStack | None) -> bool:
    """Return whether a read shows an older state of a stack than the known one; pure.

    A stack never returns to an earlier state: it is created before it is updated, an operation ends after it began, and
    a deleted stack does not come back under the same ARN. What may be a later change by somebody else, other than the
    stack's deletion, contradicts nothing.
    """
    if known.status == "DELETE_COMPLETE":
        return read is not None and read.arn == known.arn and read.status != known.status
    if read is None:
        return True
    if read.arn != known.arn or read.last_change != known.last_change:
        return read.last_change < known.last_change
    if known.status in STATUSES and STATUSES[known.status].good and read.status in _ON_THE_WAY:
        return True
    return known.protected is not None and read.termination_protection != known.protected


def _contradicted(clients: Clients, site: Site, listed: Collection[ObservedStack]) -> list[StackPlace]:
    """Return the known stacks of which a listing shows an older state."""
    by_name = {stack.name: stack for stack in listed}
    return [
        place
        for place, known in clients.memory.stacks.items()
        if place.site == site and contradicts(known, by_name.get(place.name))
    ]


async def _read_stack(clients: Clients, site: Site, name: str) -> ObservedStack | None:
    client = clients.of(site).cloudformation(site.region)
    try:
        answer = await call(f"{site.region}/{name}", client.describe_stacks, StackName=name)
    except AwsError as error:
        if is_absence(error):
            return None
        raise
    return _observed(site, answer["Stacks"][0])


async def observe_resources(clients: Clients, stack: Located) -> tuple[ObservedResource, ...]:
    """Return the resources of a stack, over all pages, without deleted or retained ones."""
    client = clients.of(stack.site).cloudformation(stack.region)

    async def every_page() -> tuple[ObservedResource, ...]:
        resources = [
            ObservedResource(
                logical_id=LogicalId(resource["LogicalResourceId"]),
                type=resource["ResourceType"],
                physical_id=resource.get("PhysicalResourceId", ""),
                status=resource["ResourceStatus"],
                reason=resource.get("ResourceStatusReason", ""),
            )
            async for page in pages(f"{stack.region}/{stack.name}", client.list_stack_resources, StackName=stack.arn)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceStatus"] not in _NOT_HELD
        ]
        return tuple(resources)

    return await once_there(every_page)


async def observe_template(
    clients: Clients, stack: Located, stage: Literal["Original", "Processed"] = "Original"
) -> object:
    """Return the stack's template as it was sent: a text, or botocore's parsed object for a JSON template.

    Its `Processed` stage is what transforms made of it, with the logical ids of the stack's resources.
    """
    client = clients.of(stack.site).cloudformation(stack.region)
    where = f"{stack.region}/{stack.name}"
    answer = await once_there(lambda: call(where, client.get_template, StackName=stack.arn, TemplateStage=stage))
    return answer["TemplateBody"]


async def observe_policy(clients: Clients, stack: Located) -> str | None:
    """Return the policy of a stack; None where none was ever set.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetStackPolicy.html
    """
    client = clients.of(stack.site).cloudformation(stack.region)
    where = f"{stack.region}/{stack.name}"
    known = clients.memory.stacks.get(StackPlace(stack.site, stack.name))
    confirmed = known.policy if known is not None and known.arn == stack.arn else None

    async def read() -> str | None:
        answer = await once_there(lambda: call(where, client.get_stack_policy, StackName=stack.arn))
        return answer.get("StackPolicyBody") or None

    policy = await unless_lagging(read, lambda shown: confirmed is not None and not same_policy(shown, confirmed))
    if confirmed is not None and not same_policy(policy, confirmed):
        remember_policy(clients, stack.site, stack.name, None)  # somebody else's doing after all
    return policy


def of_deployment(stacks: tuple[ObservedStack, ...], deployment: str) -> tuple[ObservedStack, ...]:
    """Return the stacks that carry the deployment's tag as their own.

    A stack passes its tags on to the stacks nested in it, which belong to it alone, and to the StackSets in it, which
    pass them on to the stack of every instance: such a stack belongs to its set, whatever other tags it has.
    """
    return tuple(
        stack
        for stack in stacks
        if stack.tags.get(TAG_DEPLOYMENT) == deployment and stack.parent is None and not is_of_set(stack)
    )


def is_of_set(stack: ObservedStack) -> bool:
    """Return whether the stack is a StackSet's instance, by the tag of a fleet or the name that StackSets gives.

    A stack that was imported into a set keeps its own name: nothing in it shows the set.
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
        exports={
            output["ExportName"]: output["OutputKey"] for output in stack.get("Outputs", []) if output.get("ExportName")
        },
        drift=stack.get("DriftInformation", {}).get("StackDriftStatus", "NOT_CHECKED"),
        notification_arns=tuple(stack.get("NotificationARNs", [])),
        rollback_triggers=tuple(
            trigger["Arn"] for trigger in stack.get("RollbackConfiguration", {}).get("RollbackTriggers", [])
        ),
        parent=Arn(stack["ParentId"]) if stack.get("ParentId") else None,
        deletes_creations=stack.get("RetainExceptOnCreate", False),
    )


def is_ours(stack: ObservedStack, deployment: str) -> bool:
    """Return whether a stack carries the deployment's tag."""
    return stack.tags.get(TAG_DEPLOYMENT) == deployment


def whose(stack: ObservedStack, deployment: str) -> str:
    """Return why a stack can't become the deployment's, in words that follow its name; empty where it can, or is.

    Only AWS's own services can set tags that begin with `aws:`, and none of them lets others update its stacks. With
    such tags Service Catalog, for one, names its provisioned product.
    Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html,
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html,
    https://docs.aws.amazon.com/servicecatalog/latest/adminguide/autotags.html
    """
    if is_ours(stack, deployment):
        return ""
    if stack.parent is not None:
        return f"is nested in {stack.parent}, and updated by that one alone"
    if is_of_set(stack):
        return "is an instance of a StackSet, and drifts from it where anybody else updates it"
    if other := stack.tags.get(TAG_DEPLOYMENT):
        return f"is of the deployment {other}, by its tag {TAG_DEPLOYMENT}"
    if services := sorted(name for name in stack.tags if name.startswith("aws:")):
        return f"is kept by a service of AWS, by its tags {', '.join(services)}"
    return ""
