"""The target of a drill: a deployment's regions with the functions, URLs, table and buckets in them."""

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
    """The function behind a URL. Faults are made on the primary's."""

    site: Site
    name: str
    arn: Arn

    @property
    def region(self) -> Region:
        """The region of the function."""
        return self.site.region

    @property
    def where(self) -> str:
        """The region and name of the function, for errors."""
        return f"{self.region}: {self.name}"


@dataclass(frozen=True, slots=True)
class Side:
    """One region with what the system has in it."""

    function: Function
    url: str
    bucket: str | None
    """The bucket that takes part in replication, None if there is none."""
    signs: bool
    """Whether the URL takes signed requests only."""

    @property
    def site(self) -> Site:
        """The region and account of the side."""
        return self.function.site

    @property
    def region(self) -> Region:
        """The region of the side."""
        return self.site.region

    @property
    def needed_bucket(self) -> str:
        """The bucket of the side. Raises BadInput if it has none."""
        if self.bucket is None:
            raise BadInput(where=self.region, what="has no bucket that is a component of the deployment")
        return self.bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The deployment that is drilled."""

    deployment: str
    account: AccountId
    by: Arn
    """Who drills: the ARN of the caller's credentials."""
    table: str | None
    """The name of the table that replicates, None if the deployment has no table."""
    health: str = "/health"
    """The path below each URL that says whether the service is healthy."""
    primary: Side
    secondaries: tuple[Side, ...]
    """At least one. Clients fail over to the first."""
    copies: tuple[tuple[Region, Region], ...] = ()
    """Each direction in which objects are replicated: from, to."""
    alarms: Mapping[Region, tuple[str, ...]] = field(default_factory=dict)
    """The names of each region's alarms on its service."""
    replication_alarms: Mapping[Region, tuple[str, ...]] = field(default_factory=dict)
    """The names of each region's alarms on how far replication is behind."""

    @property
    def sides(self) -> tuple[Side, ...]:
        """All sides, the primary first."""
        return self.primary, *self.secondaries

    @property
    def secondary(self) -> Side:
        """The secondary that clients fail over to."""
        return self.secondaries[0]

    @property
    def clients_sides(self) -> tuple[Side, Side]:
        """The two sides that the drill's clients know, in order of preference. The others are only watched."""
        return self.primary, self.secondaries[0]

    @property
    def needed_table(self) -> str:
        """The table of the target. Raises BadInput if it has none."""
        if self.table is None:
            raise BadInput(where=self.deployment, what="has no table that is a component of it")
        return self.table

    def side(self, region: Region) -> Side:
        """Return the side in a region. Raises StopIteration if there is none."""
        return next(side for side in self.sides if side.region == region)

    def towards(self, region: Region) -> Self:
        """Return the same target with this secondary first. Raises BadInput for a region that is no secondary."""
        chosen = [side for side in self.secondaries if side.region == region]
        if not chosen:
            known = ", ".join(side.region for side in self.secondaries)
            raise BadInput(where=f"--to {region}", what=f"is not a secondary of {self.deployment}: {known}")
        others = (side for side in self.secondaries if side.region != region)
        return replace(self, secondaries=(*chosen, *others))


async def observe_target(system: System, clients: Clients) -> Target:
    """Return the target. Raises BadInput for a system without secondaries, or with a region without a function URL."""
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
    """Return the primary's function, without a call to any other region. Raises BadInput if it has no URL."""
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

    The function is the one in the stack that has this URL. If none has it, as with a domain of the user's own, it is
    the stack's only function. Raises Failed if the stack has several.
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
    """Return whether a resource in a stack's list exists. The list has deleted resources too."""
    return bool(resource.get("PhysicalResourceId")) and resource["ResourceStatus"] not in _GONE


async def _urls_of(site: Site, name: str, clients: Clients) -> dict[str, str]:
    """Return the URLs of a function, its aliases' included, each with its AuthType: `NONE` or `AWS_IAM`."""
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
    """Where to connect instead of to the URL's own host: the embedded AWS."""
    credentials: Credentials | None = None
    """The credentials that sign requests to URLs that need it."""
    limits: client.Limits = client.Limits()  # noqa: RUF009  frozen

    def regions(self, sides: Sequence[Side]) -> tuple[client.RegionUrl, ...]:
        """Return the sides as the failover client takes them."""
        return tuple(client.RegionUrl(side.region, side.url) for side in sides)

    def signing(self, sides: Sequence[Side]) -> Credentials | None:
        """Return the credentials that sign requests to these sides, None if no side needs any."""
        return self.credentials if any(side.signs for side in sides) else None
