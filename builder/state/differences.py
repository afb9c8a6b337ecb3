"""Drift and parity at once: what is away from its templates, and what the regions differ in."""

import asyncio

from builder.aws import Clients
from builder.deploy.desired import Deployment
from builder.deploy.nested import inside
from builder.deploy.observe import ObservedStack, SiteView, of_deployment
from builder.errors import AwsError
from builder.state.drift import observe_drift
from builder.state.parity import find_disparities
from builder.state.part import Part
from builder.state.records import Differences, DriftedStack
from builder.state.settings import observe_settings
from builder.terms import Site


async def find_differences(deployment: Deployment, clients: Clients) -> Differences:
    """Return every stack of the deployment with its drift, and every setting that the regions differ in.

    A region that does not answer is told as such, and keeps nothing from being found in the others.
    """
    part, hurried = Part(), clients.hurried()
    listed = await asyncio.gather(
        *(part.ask(site.region, observe_stacks(clients, hurried, site)) for site in deployment.sites)
    )
    answering = {site: found for site, found in zip(deployment.sites, listed, strict=True) if found is not None}
    every = tuple(stack for found in answering.values() for stack in found)
    stacks = of_deployment(every, deployment.name)
    # Of a stack that has others nested in it CloudFormation detects its own drift alone.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html
    detected = (*stacks, *inside(stacks, every))
    drifted, settings = await asyncio.gather(
        observe_drift(clients, detected),
        observe_settings(deployment, tuple(answering), stacks, clients, part),
    )
    seen = {(stack.site, stack.name) for stack in stacks}
    absent = tuple(
        DriftedStack(region=stack.site.region, name=stack.name, status="ABSENT")
        for stack in deployment.stacks
        if stack.site in answering and (stack.site, stack.name) not in seen
    )
    unread = (*part.silent, *part.refused)
    return Differences(
        stacks=(*drifted, *absent),
        disparities=find_disparities(settings),
        silent=unread,
        is_deployed=bool(stacks) or len(answering) < len(deployment.sites),
    )


async def observe_stacks(clients: Clients, hurried: Clients, site: Site) -> tuple[ObservedStack, ...]:
    """Return the stacks of a site; it is given up soon where nobody is there, not where it is busy."""
    try:
        return await SiteView(hurried, site).every_stack()
    except AwsError as error:
        if not error.answered:
            raise
        return await SiteView(clients, site).every_stack()
