"""All regions of a deployment, asked side by side."""

from builder.aws import together
from builder.deploy.desired import Deployment
from builder.state.records import Status
from builder.state.site import Asking, observe_site


async def observe_status(deployment: Deployment, asking: Asking) -> Status:
    """Return how every region stands; none waits for another, and one that does not answer is told as such."""
    sites = await together(observe_site(deployment, site, asking) for site in deployment.sites)
    return Status(deployment=deployment.name, sites=tuple(sites))
