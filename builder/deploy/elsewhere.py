"""Stacks of a deployment in regions that its assembly no longer has."""

from collections.abc import Iterable, Mapping
from typing import Any

from builder.aws import Clients, together
from builder.deploy.desired import Deployment
from builder.deploy.nested import may_nest
from builder.deploy.observe import ObservedStack, SiteView, of_deployment
from builder.deploy.resources import HOLDERS
from builder.deploy.template import properties_of, read_deployed, read_template, resources_of
from builder.errors import AwsError
from builder.terms import Region, Site, StackId

# What a region answers that the account has not opted in to.
NOT_OPEN = frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "OptInRequired"})


async def observe_elsewhere(
    deployment: Deployment,
    seen: tuple[ObservedStack, ...],
    templates: Mapping[StackId, object],
    clients: Clients,
    nested: Iterable[object] = (),
) -> tuple[ObservedStack, ...]:
    """Return the deployment's stacks in regions that the assembly does not name; mostly it takes no call to know.

    `seen` are the stacks of the regions that it names, `templates` those deployed, and `nested` those of the stacks
    nested in them: they name every region that their data is in. Where a stack whose data is in several regions is
    missing beside others that stand, as after a change of the primary region or after a first deployment that broke
    off, every region is asked.
    """
    deployed = [read_deployed(template, stack_id) for stack_id, template in templates.items()]
    deployed += [read_deployed(template, deployment.name) for template in nested]
    named = {region for template in deployed for region in _regions_of_data(template)}
    stands = any(stack.facts.exists for stack in of_deployment(seen, deployment.name))
    # What a template that is not deployed yet nests, nobody has read.
    missing = [
        stack
        for stack in deployment.stacks
        if stack.id not in templates
        and (may_nest(stack.template) or _regions_of_data(read_template(stack.template, stack.id)))
    ]
    moved = stands and missing
    regions = {*named, *(clients.regions() if moved else ())} - {*deployment.regions, *deployment.skipped}
    return await observe_tagged(deployment.name, tuple(sorted(regions)), clients)


async def observe_tagged(deployment: str, regions: tuple[Region, ...], clients: Clients) -> tuple[ObservedStack, ...]:
    """Return every stack that carries the deployment's tag in these regions; one that is not open to us has none."""
    by_region = await together(_every_stack(clients, region) for region in regions)
    return of_deployment(tuple(stack for stacks in by_region for stack in stacks), deployment)


async def _every_stack(clients: Clients, region: Region) -> tuple[ObservedStack, ...]:
    try:
        return await SiteView(clients, Site(None, region)).every_stack()
    except AwsError as error:
        if error.code in NOT_OPEN:
            return ()
        raise


def _regions_of_data(template: Mapping[str, Any]) -> set[Region]:
    return {
        Region(region)
        for resource in resources_of(template).values()
        if (holder := HOLDERS.get(str(resource.get("Type"))))
        for region in holder.regions(properties_of(resource))
    }
