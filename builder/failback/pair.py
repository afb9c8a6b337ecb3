"""Two regions of a deployment: the health of their services, the hold as clients reach it, the tables and buckets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from botocore.credentials import Credentials

from builder import client
from builder.assembly.components import Components, OutputOf, choose
from builder.aws import Clients, observe_account, pages, together
from builder.deploy.desired import Deployment
from builder.deploy.observe.deployment import Outputs, check_account, observe_every_output, observe_system
from builder.deploy.observe.objects import BucketPlace
from builder.errors import BadInput
from builder.failback.buckets import BucketPair
from builder.failback.hold import HoldPlaces
from builder.failback.records import FailbackWay, RegionProblem
from builder.failback.tables import TablePair, faults_of, observe_replica
from builder.resource_types import FUNCTION
from builder.state.observe import WITHIN_S, PartialAnswers, RegionContext, observe_function
from builder.state.records import UrlState
from builder.terms import AccountId, Endpoint, Region, StackId

_SKIPPED = "is left out by --skip-region: nothing was compared"
_WELL = 200
_TRIES = 3
_LIMIT_S = 10.0
"""How long a region may take to show the hold. A function that nobody has called for a while has to start first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientView:
    """A system as its clients know it."""

    deployment: str
    regions: tuple[Region, ...]
    """All regions in the order that clients prefer them, the primary first."""
    endpoints: Mapping[Region, Endpoint]
    health: str
    """The path below each URL that says whether the service is healthy."""
    account: AccountId
    """The account of the credentials."""

    @property
    def primary(self) -> Region:
        """The region that clients go to without a hold."""
        return self.regions[0]

    @property
    def skipped(self) -> Mapping[Region, str]:
        """The regions that no call is made to, each with the reason."""
        return {region: _SKIPPED for region in self.regions if region not in self.endpoints}

    def check(self, region: Region, where: str) -> Region:
        """Return the region. Raises BadInput unless it is one of the system's; `where` is the option that names it."""
        if region not in self.regions:
            known = ", ".join(self.regions)
            raise BadInput(where=f"{where} {region}", what=f"is no region of {self.deployment}; they are {known}")
        return region


async def observe_clients_view(deployment: Deployment, clients: Clients, component: str | None) -> ClientView:
    """Return the system as clients know it, by its only function or by the function component of this name.

    Raises BadInput for a deployment without secondaries, and for another account than dr.yaml pins. Raises Failed if an
    output is missing. Raises AwsError.
    """
    named = () if component is None else (component,)
    components = choose(deployment.components, named, f"--component {component}")
    functions = {name: part for name, part in components.items() if part.function}
    if component is not None and component not in functions:
        raise BadInput(where=f"--component {component}", what="is no function, by which clients come")
    system = await observe_system(replace(deployment, components=functions), clients)
    if not system.secondaries:
        raise BadInput(where=system.name, what=f"has no secondary beside {system.primary} to come back from")
    regions = (system.primary, *system.secondaries)
    account = await observe_account(clients, next(iter(system.endpoints)))
    check_account(deployment.name, deployment.account, account)
    return ClientView(
        deployment=system.name,
        regions=regions,
        endpoints=system.endpoints,
        health=system.health,
        account=account,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSighting:
    """The health of the service in a region."""

    region: Region
    url: UrlState | None = None
    """The answer of the URL to a GET of the health path; None if the URL was not found."""
    problem: str = ""
    """Why the service is not healthy, or not known to be; empty if it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """How services are observed."""

    clients: Clients
    now: datetime
    endpoint: str | None
    """Where to connect instead of to the function URLs' own hosts."""


async def observe_services(view: ClientView, options: ServiceOptions) -> dict[Region, ServiceSighting]:
    """Return the health of the service in every region. It has the time limit of `status`, and raises no AwsError.

    A service that is not healthy is observed again, since a function that nobody has called for a while has to start.
    """
    seen = {region: ServiceSighting(region=region, problem=view.skipped.get(region, "")) for region in view.regions}
    regions = list(view.endpoints)
    for _ in range(_TRIES):
        sightings = await together(_observe_service(view, region, options) for region in regions)
        seen |= {sighting.region: sighting for sighting in sightings}
        regions = [sighting.region for sighting in sightings if sighting.problem]
        if not regions:
            break
    return seen


async def _observe_service(view: ClientView, region: Region, options: ServiceOptions) -> ServiceSighting:
    part, endpoint = PartialAnswers(within_s=WITHIN_S), view.endpoints[region]
    host = urlsplit(endpoint.url).netloc
    context = RegionContext(
        clients=options.clients.of(endpoint.stack.site),
        region=region,
        now=options.now,
        endpoint=options.endpoint,
        health={host: view.health},
        until=part.until,
    )
    names = await part.ask(region, _functions_of(context, endpoint)) or ()
    functions = await part.each((f"{region}: {name}", observe_function(context, name)) for name in names)
    urls = (url for function in functions for url in function.urls if urlsplit(url.url).netloc == host)
    url, lines = next(urls, None), (*part.silent, *part.refused)
    if url is None:
        reason = f": {lines[0]}" if lines else f" in {endpoint.stack.name}"
        return ServiceSighting(region=region, problem=f"the function behind {endpoint.url} was not seen{reason}")
    if url.answer == _WELL:
        return ServiceSighting(region=region, url=url)
    reason = url.problem if url.answer is None else f"answers {url.answer}, where {_WELL} is well"
    return ServiceSighting(region=region, url=url, problem=f"{url.url.rstrip('/')}{url.path}: {reason}")


async def _functions_of(context: RegionContext, endpoint: Endpoint) -> tuple[str, ...]:
    where = f"{context.region}: {endpoint.stack.name}"
    list_resources = context.clients.cloudformation(context.region).list_stack_resources
    listed = [
        resource
        async for page in pages(where, list_resources, StackName=endpoint.stack.name)
        for resource in page["StackResourceSummaries"]
    ]
    functions = (resource for resource in listed if resource["ResourceType"] == FUNCTION)
    return tuple(name for resource in functions if (name := resource.get("PhysicalResourceId")))


def make_places(
    view: ClientView,
    services: Mapping[Region, ServiceSighting],
    credentials: Credentials | None,
    endpoint: str | None,
    target: str,
) -> HoldPlaces:
    """Return the hold with its regions. Requests are signed unless every URL is known to have AuthType NONE."""
    urls = tuple(client.RegionUrl(region, view.endpoints[region].url) for region in view.endpoints)
    auths = {service.url.auth if service.url else "" for service in services.values()}
    signing = None if auths == {"NONE"} else credentials
    item = client.ReplicatedHold(urls, credentials=signing, endpoint=endpoint, target=target, limit_s=_LIMIT_S)
    return HoldPlaces(item=item, regions=view.regions, target=target, unreachable=view.skipped)


def problems_of(way: FailbackWay, services: Mapping[Region, ServiceSighting]) -> tuple[RegionProblem, ...]:
    """Return why a service in one of the two regions is not healthy, or not known to be."""
    return tuple(
        RegionProblem(region=region, what=services[region].problem)
        for region in dict.fromkeys((way.target, way.source))
        if services[region].problem
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPair:
    """The tables and buckets of two regions that are compared."""

    tables: tuple[TablePair, ...]
    buckets: tuple[BucketPair, ...]
    problems: tuple[RegionProblem, ...]
    """Why tables do not replicate as they should."""
    notes: tuple[str, ...]
    """Why components are not compared."""


async def observe_pair(deployment: Deployment, clients: Clients, view: ClientView, way: FailbackWay) -> RegionPair:
    """Return the tables and buckets of both regions. Raises AwsError, and Failed if an output is missing."""
    needed = {
        f"{name}: {place}": of
        for name, component in deployment.components.items()
        for place, of in component.outputs.items()
        if component.table or (component.bucket and place.startswith("bucket.names."))
    }
    places = {place: of.output for place, of in needed.items()}
    outputs = await observe_every_output(replace(deployment, outputs=places), clients) if places else Outputs(values={})
    outputs.check()
    known = {of.output: outputs.values[place] for place, of in needed.items() if place in outputs.values}

    def place(of: OutputOf) -> BucketPlace:
        site = deployment.stack(of.output[0]).site
        return BucketPlace(site=site, name=known[of.output], owner=site.account or view.account)

    buckets, of_buckets = _bucket_pairs(deployment.components, way, place)
    tables, of_tables = await _table_pairs(deployment.components, clients, view, way, known)
    problems = tuple(
        problem
        for pair in tables
        for replica, other in ((pair.target, way.source), (pair.source, way.target))
        for problem in faults_of(replica, other)
    )
    return RegionPair(tables=tables, buckets=buckets, problems=problems, notes=(*of_tables, *of_buckets))


def _bucket_pairs(
    components: Components, way: FailbackWay, place: Callable[[OutputOf], BucketPlace]
) -> tuple[tuple[BucketPair, ...], tuple[str, ...]]:
    pairs, notes = [], []
    for name, component in components.items():
        bucket = component.bucket
        if bucket is None:
            continue
        ways = {(way.source, way.target), (way.target, way.source)}.intersection(bucket.replication)
        if not ways or not bucket.names.keys() >= {way.source, way.target}:
            notes.append(f"{name}: not compared, nothing of it replicates between {way.source} and {way.target}")
            continue
        pair = BucketPair(
            component=name,
            source=place(bucket.names[way.source]),
            target=place(bucket.names[way.target]),
            comes_over=(way.source, way.target) in ways,
        )
        pairs.append(pair)
    return tuple(pairs), tuple(notes)


async def _table_pairs(
    components: Components,
    clients: Clients,
    view: ClientView,
    way: FailbackWay,
    known: Mapping[tuple[StackId, str], str],
) -> tuple[tuple[TablePair, ...], tuple[str, ...]]:
    notes, named = [], {}
    for name, component in components.items():
        table = component.table
        if table is None:
            continue
        if {way.source, way.target} <= set(table.regions):
            named[name] = known[table.name.output] if isinstance(table.name, OutputOf) else table.name
        else:
            notes.append(f"{name}: not compared, it is not in both {way.source} and {way.target}")

    async def pair(component: str, table: str) -> TablePair:
        sites = (view.endpoints[region].stack.site for region in (way.source, way.target))
        source, target = await together(observe_replica(clients, site, table) for site in sites)
        return TablePair(component=component, source=source, target=target)

    return tuple(await together(pair(component, table) for component, table in named.items())), tuple(notes)
