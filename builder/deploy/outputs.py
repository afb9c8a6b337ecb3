"""The deployment's public outputs, read from the stacks that hold them."""

from collections.abc import Mapping

from builder.aws import Clients, together
from builder.deploy.desired import Deployment
from builder.deploy.observe import SiteView, of_deployment
from builder.errors import Failed


async def observe_outputs(deployment: Deployment, clients: Clients) -> Mapping[str, str]:
    """Return every public output by name, in the manifest's order. Raises Failed if a stack or output is missing."""
    sites = dict.fromkeys(deployment.stack(stack_id).site for stack_id, _ in deployment.outputs.values())
    by_site = await together(SiteView(clients, site).every_stack() for site in sites)
    ours = {
        (stack.site, stack.name): stack.outputs for found in by_site for stack in of_deployment(found, deployment.name)
    }
    standing = {stack.id: ours.get((stack.site, stack.name), {}) for stack in deployment.stacks}
    outputs = {}
    for name, (stack_id, output) in deployment.outputs.items():
        if output not in standing[stack_id]:
            raise Failed(
                where=f"{deployment.name}: {name}",
                what=f"is the output {output} of {stack_id}, which is not deployed",
                next_step="python -m builder deploy",
            )
        outputs[name] = standing[stack_id][output]
    return outputs
