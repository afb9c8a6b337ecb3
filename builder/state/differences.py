"""Drift and parity at once: what is away from its templates, and what the regions differ in."""

import asyncio

from builder.aws import Clients, together
from builder.deploy.desired import Deployment
from builder.deploy.observe import SiteView, of_deployment
from builder.state.drift import observe_drift
from builder.state.parity import find_disparities
from builder.state.records import Disparity, DriftedStack
from builder.state.settings import observe_settings


async def find_differences(
    deployment: Deployment, clients: Clients
) -> tuple[tuple[DriftedStack, ...], tuple[Disparity, ...]]:
    """Return every stack of the deployment with its drift, and every setting that the regions differ in."""
    listed = await together(SiteView(clients, site).every_stack() for site in deployment.sites)
    stacks = of_deployment(tuple(stack for stacks in listed for stack in stacks), deployment.name)
    drifted, settings = await asyncio.gather(
        observe_drift(clients, stacks), observe_settings(deployment, stacks, clients)
    )
    return drifted, find_disparities(settings)
