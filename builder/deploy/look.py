"""What stands before anything is planned: account, stacks, templates, strays; reads only."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from builder.aws import Clients, together
from builder.deploy.desired import Deployment
from builder.deploy.elsewhere import observe_elsewhere
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
from builder.terms import AccountId, Operation, Region, StackId, StackName


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a deployment in all its regions."""

    account: AccountId
    stacks: Mapping[StackId, ObservedStack]
    templates: Mapping[StackId, object]
    """As `observe_template` returns them; only of stacks that hold resources."""
    orphans: tuple[ObservedStack, ...]
    """Stacks of this deployment that the assembly no longer has, the one created last first."""


async def look_around(deployment: Deployment, clients: Clients, emit: Emit) -> Look:
    """Return what stands, once no operation runs on any of the deployment's stacks.

    Raises BadInput where the credentials are of another account than dr.yaml pins.
    """
    by_region = await together(RegionView(clients, region).every_stack() for region in deployment.regions)
    seen = tuple(stack for stacks in by_region for stack in stacks)
    account = await _account(deployment, seen, clients)
    wanted = {(stack.region, stack.name): stack.id for stack in deployment.stacks}
    stacks = await together(
        _settled(clients, stack, wanted[stack.region, stack.name], emit)
        for stack in seen
        if (stack.region, stack.name) in wanted
    )
    standing = {wanted[stack.region, stack.name]: stack for stack in stacks if stack is not None}
    deployed = {stack_id: stack for stack_id, stack in standing.items() if stack.facts.exists}
    templates = dict(
        zip(deployed, await together(observe_template(clients, stack) for stack in deployed.values()), strict=True)
    )
    seen += await observe_elsewhere(deployment, seen, templates, clients)
    return Look(
        account=account,
        stacks=standing,
        templates=templates,
        orphans=_orphans(of_deployment(seen, deployment.name), wanted),
    )


def _orphans(
    ours: Iterable[ObservedStack], wanted: Mapping[tuple[Region, StackName], StackId]
) -> tuple[ObservedStack, ...]:
    strays = [stack for stack in ours if (stack.region, stack.name) not in wanted]
    return tuple(sorted(strays, key=lambda stack: stack.created, reverse=True))


async def _account(deployment: Deployment, seen: tuple[ObservedStack, ...], clients: Clients) -> AccountId:
    """Return the account of the credentials: a stack's ARN tells it too, without a call."""
    account = seen[0].account if seen else await observe_account(clients, deployment.regions[0])
    if deployment.account not in {None, account}:
        raise BadInput(
            where=deployment.name,
            what=f"belongs in account {deployment.account}, and the credentials are of account {account}",
            next_step="python -m builder --profile NAME ...    takes other credentials",
        )
    return account


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
