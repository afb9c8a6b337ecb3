"""The deployment's public outputs, read from the stacks that hold them."""

from collections.abc import Mapping

from builder.aws import Clients, together
from builder.deploy.desired import TAG_DEPLOYMENT, Deployment
from builder.deploy.observe import observe_stack
from builder.errors import Failed


async def observe_outputs(deployment: Deployment, clients: Clients) -> Mapping[str, str]:
    """Return every public output by name, in the manifest's order. Raises Failed if a stack or output is missing."""
    holders = dict.fromkeys(stack for stack, _ in deployment.outputs.values())
    wanted = [deployment.stack(stack_id) for stack_id in holders]
    found = await together(observe_stack(clients, stack.site, stack.name) for stack in wanted)
    standing = {
        stack.id: observed.outputs
        for stack, observed in zip(wanted, found, strict=True)
        if observed is not None and observed.tags.get(TAG_DEPLOYMENT) == deployment.name
    }
    outputs = {}
    for name, (stack_id, output) in deployment.outputs.items():
        if output not in standing.get(stack_id, {}):
            raise Failed(
                where=f"{deployment.name}: {name}",
                what=f"is the output {output} of {stack_id}, which is not deployed",
                next_step="python -m builder deploy",
            )
        outputs[name] = standing[stack_id][output]
    return outputs
