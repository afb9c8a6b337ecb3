"""What is drilled: a deployment's sides, as its components and its functions tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlsplit

from botocore.credentials import Credentials

from builder import client
from builder.aws import Clients, call, observe_caller, pages, together
from builder.errors import BadInput, Failed
from builder.resource_types import FUNCTION
from builder.terms import AccountId, Arn, Endpoint, Region, Site, System, counted

_GONE = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})


@dataclass(frozen=True, slots=True)
class Function:
    """The function behind a URL: what a fault is made on."""

    site: Site
    name: str
    arn: Arn

    @property
    def region(self) -> Region:
        """Where it is."""
        return self.site.region

    @property
    def where(self) -> str:
        """Its place and name, for errors."""
        return f"{self.region}: {self.name}"


@dataclass(frozen=True, slots=True)
class Side:
    """One region, and what of the system stands in it."""

    function: Function
    url: str
    bucket: str | None
    """None where no bucket of the region takes part in replication."""
    signs: bool
    """Whether the URL takes signed requests only."""

    @property
    def site(self) -> Site:
        """Where it is, and in which account."""
        return self.function.site

    @property
    def region(self) -> Region:
        """Where it is."""
        return self.site.region

    @property
    def needed_bucket(self) -> str:
        """Its bucket. Raises BadInput where it has none."""
        if self.bucket is None:
            raise BadInput(where=self.region, what="has no bucket that is a component of the deployment")
        return self.bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A deployment as a drill sees it."""

    deployment: str
    account: AccountId
    by: Arn
    """Who drills: the ARN of the caller's credentials."""
    table: str | None
    """The name of the table that replicates; None where the deployment has no table."""
    health: str = "/health"
    """The path below each URL that says whether the service there is well."""
    primary: Side
    secondaries: tuple[Side, ...]
    """At least one; the first is the one that clients go over to."""
    copies: tuple[tuple[Region, Region], ...] = ()
    """Each direction in which objects are replicated: from, to."""
    alarms: Mapping[Region, tuple[str, ...]] = field(default_factory=dict)
    """The alarms that tell how each region serves, by name."""
    replication_alarms: Mapping[Region, tuple[str, ...]] = field(default_factory=dict)
    """Those of each region that tell how far copies are behind."""

    @property
    def sides(self) -> tuple[Side, ...]:
        """All of them, the primary first."""
        return self.primary, *self.secondaries

    @property
    def secondary(self) -> Side:
        """The secondary that clients go over to."""
        return self.secondaries[0]

    @property
    def clients_sides(self) -> tuple[Side, Side]:
        """The two that the drill's clients know, in the order that they are asked in; the rest is only watched."""
        return self.primary, self.secondaries[0]

    @property
    def needed_table(self) -> str:
        """Its table. Raises BadInput where it has none."""
        if self.table is None:
            raise BadInput(where=self.deployment, what="has no table that is a component of it")
        return self.table

    def side(self, region: Region) -> Side:
        """Return the side in a region; StopIteration if there is none."""
        return next(side for side in self.sides if side.region == region)

    def towards(self, region: Region) -> Self:
        """Return the same target with this secondary first. Raises BadInput for a region that is none."""
        chosen = [side for side in self.secondaries if side.region == region]
        if not chosen:
            known = ", ".join(side.region for side in self.secondaries)
            raise BadInput(where=f"--to {region}", what=f"is not a secondary of {self.deployment}: {known}")
        others = (side for side in self.secondaries if side.region != region)
        return replace(self, secondaries=(*chosen, *others))


async def observe_target(system: System, clients: Clients) -> Target:
    """Return the target. Raises BadInput for a system without secondaries, or with a region that nobody can call."""
    regions = (system.primary, *system.secondaries)
    if not system.secondaries:
        raise BadInput(where=system.name, what=f"has no secondary beside {system.primary}, so that nothing takes over")
    if deaf := [region for region in regions if region not in system.endpoints]:
        raise BadInput(where=system.name, what=f"has no function URL in {', '.join(deaf)}, by which it would be called")
    primary, *secondaries = await together(_observe_side(region, system, clients) for region in regions)
    caller = await observe_caller(clients, primary.region)
    return Target(
        deployment=system.name,
        account=caller.account,
        by=caller.arn,
        table=system.table,
        health=system.health,
        primary=primary,
        secondaries=tuple(secondaries),
        copies=system.copies,
        alarms=system.alarms,
        replication_alarms=system.replication_alarms,
    )


async def observe_primary(system: System, clients: Clients) -> Function:
    """Return the primary's function alone, without a call to any other region. Raises BadInput where it has no URL."""
    if system.primary not in system.endpoints:
        raise BadInput(where=system.name, what=f"has no function URL in {system.primary}, so that no drill was there")
    function, _ = await _observe_function(system.endpoints[system.primary], clients)
    return function


async def _observe_side(region: Region, system: System, clients: Clients) -> Side:
    endpoint = system.endpoints[region]
    function, signs = await _observe_function(endpoint, clients)
    return Side(function=function, url=endpoint.url, bucket=system.buckets.get(region), signs=signs)


async def _observe_function(endpoint: Endpoint, clients: Clients) -> tuple[Function, bool]:
    """Return the function behind a URL, and whether the URL takes signed requests only.

    Of the stack's functions it is the one whose URL this is. Where the URL is none of theirs, a domain of the user's
    own for instance, it is the stack's only function.
    """
    service = endpoint.stack
    where, region = f"{service.site.region}: {service.name}", service.site.region
    cloudformation = clients.of(service.site).cloudformation(region)
    names = [
        resource["PhysicalResourceId"]
        async for page in pages(where, cloudformation.list_stack_resources, StackName=service.name)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == FUNCTION and _is_there(resource)
    ]
    urls_of_each = await together(_urls_of(service.site, name, clients) for name in names)
    behind = [
        (name, auth)
        for name, urls in zip(names, urls_of_each, strict=True)
        for url, auth in urls.items()
        if urlsplit(url).netloc == urlsplit(endpoint.url).netloc
    ]
    if not behind and len(names) == 1:
        behind = [(names[0], "NONE")]
    if not behind:
        held_there = f"holds {counted(len(names), 'function')}"
        raise Failed(where=where, what=f"{held_there}, and {endpoint.url} is a URL of none of them")
    name, auth = behind[0]
    functions = clients.of(service.site).functions(region)
    answer = await call(f"{region}: {name}", functions.get_function_configuration, FunctionName=name)
    return Function(service.site, name, Arn(answer["FunctionArn"])), auth == "AWS_IAM"


def _is_there(resource: Mapping[str, Any]) -> bool:
    """Return whether a resource that a stack lists is there: those it has deleted stay in its list."""
    return bool(resource.get("PhysicalResourceId")) and resource["ResourceStatus"] not in _GONE


async def _urls_of(site: Site, name: str, clients: Clients) -> dict[str, str]:
    """Return how each URL of a function, its aliases' included, wants requests, `NONE` or `AWS_IAM`."""
    functions = clients.of(site).functions(site.region)
    return {
        config["FunctionUrl"]: config["AuthType"]
        async for page in pages(f"{site.region}: {name}", functions.list_function_url_configs, FunctionName=name)
        for config in page["FunctionUrlConfigs"]
    }


@dataclass(frozen=True, slots=True)
class Access:
    """How function URLs are reached."""

    endpoint: str | None = None
    """Where to connect instead of the URL's own host: the embedded AWS."""
    credentials: Credentials | None = None
    """By whom requests are signed, where a URL wants that."""
    limits: client.Limits = client.Limits()  # noqa: RUF009  frozen

    def regions(self, sides: Sequence[Side]) -> tuple[client.RegionUrl, ...]:
        """Return the sides as a client knows them."""
        return tuple(client.RegionUrl(side.region, side.url) for side in sides)

    def signing(self, sides: Sequence[Side]) -> Credentials | None:
        """Return what requests to these sides are signed with, None for nothing."""
        return self.credentials if any(side.signs for side in sides) else None
