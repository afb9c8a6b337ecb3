"""One region of one account within a deadline: what does not answer is a line, and hides nothing else."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from builder.aws import Clients, together
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.observe.deployment import inside
from builder.deploy.observe.stacks import ObservedStack, SiteView, observe_resources, observe_template, of_deployment
from builder.deploy.resources import regions_of
from builder.state import observe
from builder.state.observe import PartialAnswers, RegionContext
from builder.state.records import SiteState, StackState, Status
from builder.template import Comparison, compare_template, properties_of, read_template
from builder.terms import Region, Site, StackName

WITHIN_S = 4.5
"""How long a region may take; it does not wait for the other ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveOptions:
    """How is asked."""

    clients: Clients
    now: datetime
    endpoint: str | None = None
    """Where function URLs are reached instead of by their own names."""


async def observe_site(deployment: Deployment, site: Site, options: ObserveOptions) -> SiteState:
    """Return how one region stands; it takes no longer than the deadline, and raises nothing of AWS's."""
    part, role = PartialAnswers(within_s=WITHIN_S), _role(deployment, site.region)
    clients, region = options.clients.of(site), site.region
    listed = await part.ask(region, SiteView(options.clients, site).every_stack())
    if listed is None:
        silent, refused = tuple(part.silent), tuple(part.refused)
        return SiteState(region=region, account=site.account, role=role, silent=silent, refused=refused, is_seen=False)
    ours = of_deployment(listed, deployment.name)
    wanted = {stack.name: stack for stack in deployment.stacks if stack.site == site}
    nested = inside(ours, listed)
    standing = [stack for stack in (*ours, *nested) if stack.may_hold]
    shown = [(stack, None if stack.parent else wanted.get(stack.name)) for stack in (*ours, *nested)]
    context = RegionContext(
        clients=clients,
        region=region,
        now=options.now,
        endpoint=options.endpoint,
        health=_health(deployment, region, {stack.name: stack.outputs for stack in ours}),
        until=part.until,
    )
    named = await part.each((f"{region}/{stack.name}", _resources(options.clients, stack)) for stack in standing)
    by_type = [resource for resources in named for resource in resources]
    tables = dict.fromkeys((*_named(by_type, *observe.TABLES), *copied_tables(deployment, region)))
    stacks, replicas, buckets, functions = await asyncio.gather(
        part.each((f"{region}/{stack.name}", _stack(options.clients, stack, entry)) for stack, entry in shown),
        part.each((f"{region}: {name}", observe.find_replica(context, name)) for name in tables),
        part.each(
            (f"{region}: {name}", observe.observe_bucket(context, name)) for name in _named(by_type, observe.BUCKET)
        ),
        part.each(
            (f"{region}: {name}", observe.observe_function(context, name)) for name in _named(by_type, observe.FUNCTION)
        ),
    )
    seen = {stack.name for stack in ours}
    absent = tuple(StackState(name=name, status="ABSENT", template="") for name in wanted if name not in seen)
    return SiteState(
        region=region,
        account=site.account,
        role=role,
        stacks=(*stacks, *absent),
        replicas=replicas,
        buckets=buckets,
        functions=functions,
        silent=tuple(part.silent),
        refused=tuple(part.refused),
    )


def copied_tables(deployment: Deployment, region: Region) -> tuple[str, ...]:
    """Return the tables that a region holds a copy of, by the assembly: their stack's region may be the lost one."""
    tables = [component.table for component in deployment.components.values() if component.table]
    said = [table.name for table in tables if isinstance(table.name, str) and region in table.regions]
    return tuple(dict.fromkeys((*said, *_copies(deployment, region))))


def _copies(deployment: Deployment, region: Region) -> Iterator[str]:
    for stack in deployment.stacks:
        template = read_template(stack.template, stack.id)
        binding = template.bind(stack.values)
        for table in template.resources(*observe.TABLES).values():
            name = binding.text(properties_of(table).get("TableName"))
            if name and region in regions_of(table):
                yield name


def _role(deployment: Deployment, region: Region) -> str:
    roles = deployment.roles
    if roles is None or region not in roles.regions:
        return ""
    return "primary" if region == roles.primary else "secondary"


def _health(deployment: Deployment, region: Region, outputs: Mapping[StackName, Mapping[str, str]]) -> dict[str, str]:
    """Return the path that says whether each function is well that is a component, by the host of its URL there."""
    places, found = deployment.places, dict[str, str]()
    for said in (component.function for component in deployment.components.values() if component.function):
        if region in said.url and (place := places.get(said.url[region].output[0])):
            url = outputs.get(place.name, {}).get(said.url[region].output[1], "")
            found[urlsplit(url).netloc] = said.health
    return found


async def _resources(clients: Clients, stack: ObservedStack) -> tuple[tuple[str, str], ...]:
    return tuple(
        (resource.type, resource.physical_id)
        for resource in await observe_resources(clients, stack)
        if resource.physical_id
    )


def _named(resources: Iterable[tuple[str, str]], *types: str) -> tuple[str, ...]:
    return tuple(name for kind, name in resources if kind in types)


async def _stack(clients: Clients, stack: ObservedStack, wanted: DesiredStack | None) -> StackState:
    # Of a nested stack nobody has a template at hand: its parent's says where it lies.
    template = "orphan" if stack.parent is None else ""
    if wanted is not None:
        template = (await _compare(clients, stack, wanted)).value
    return StackState(
        name=stack.name, status=stack.status, drift=stack.drift, last_change=stack.last_change, template=template
    )


async def _compare(clients: Clients, stack: ObservedStack, wanted: DesiredStack) -> Comparison:
    if not stack.may_hold:
        return Comparison.DIFFERENT
    return compare_template(wanted.template, await observe_template(clients, stack))


async def observe_sites(deployment: Deployment, options: ObserveOptions) -> Status:
    """Return how every region stands; none waits for another, and one that does not answer is told as such."""
    sites = await together(observe_site(deployment, site, options) for site in deployment.sites)
    return Status(deployment=deployment.name, sites=tuple(sites))
