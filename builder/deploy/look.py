"""What stands before anything is planned: account, stacks, templates, strays; reads only."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from builder.aws import Clients, together
from builder.deploy.desired import Deployment
from builder.deploy.observe import (
    ObservedStack,
    RegionView,
    observe_account,
    observe_stack,
    observe_template,
    of_deployment,
)
from builder.deploy.progress import Emit, Waiting
from builder.errors import BadInput
from builder.terms import AccountId, Operation, StackId


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a deployment in all its regions."""

    account: AccountId
    stacks: Mapping[StackId, ObservedStack]
    templates: Mapping[StackId, object]
    """As `observe_template` returns them; only of stacks that hold resources."""
    orphans: tuple[str, ...]


async def look_around(deployment: Deployment, clients: Clients, emit: Emit) -> Look:
    """Return what stands, once no operation runs on any of the deployment's stacks.

    Raises BadInput where the credentials are of another account than dr.yaml pins.
    """
    asked_account = asyncio.create_task(observe_account(clients, deployment.regions[0]))
    by_region = await together(RegionView(clients, region).every_stack() for region in deployment.regions)
    account = await asked_account
    if deployment.account not in {None, account}:
        raise BadInput(
            where=deployment.name,
            what=f"belongs in account {deployment.account}, and the credentials are of account {account}",
            next_step="python -m builder --profile NAME ...    takes other credentials",
        )
    found = {(stack.region, stack.name): stack for stacks in by_region for stack in stacks}
    wanted = {(stack.region, stack.name): stack.id for stack in deployment.stacks}
    stacks = await together(
        _settled(clients, stack, wanted[key], emit) for key, stack in found.items() if key in wanted
    )
    standing = {wanted[stack.region, stack.name]: stack for stack in stacks if stack is not None}
    deployed = {stack_id: stack for stack_id, stack in standing.items() if stack.facts.exists}
    templates = await together(observe_template(clients, stack) for stack in deployed.values())
    return Look(
        account=account,
        stacks=standing,
        templates=dict(zip(deployed, templates, strict=True)),
        orphans=tuple(
            f"{stack.region}/{stack.name}"
            for stack in of_deployment(tuple(found.values()), deployment.name)
            if (stack.region, stack.name) not in wanted
        ),
    )


async def _settled(clients: Clients, stack: ObservedStack, stack_id: StackId, emit: Emit) -> ObservedStack | None:
    """Wait for another's operation to end; return the stack after it, None if it was deleted meanwhile."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    now: ObservedStack | None = stack
    while now is not None and now.facts.operation is Operation.WAIT:
        emit(Waiting(stack=stack_id, status=now.status))
        await asyncio.sleep(clients.tempo.stacks.wait_s(loop.time() - started))
        now = await observe_stack(clients, stack.region, stack.name)
    return now
