"""Taking a deployment down: found by its tag, in reverse order, emptied on both sides, nothing else touched."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from builder.aws import Clients, together
from builder.deploy.desired import TAG_STACK
from builder.deploy.observe import ObservedStack, RegionView, of_deployment
from builder.deploy.outcome import Broke, Cancelled, Done, Outcome
from builder.deploy.progress import Emit, FirstFailure, NotStarted, Status
from builder.deploy.take_down import Demolition, Standing, observe_standing, quiesce, take_down
from builder.deploy.watch import Watch
from builder.errors import BuilderError
from builder.terms import Region, StackId

Needs = Mapping[StackId, tuple[StackId, ...]]


@dataclass(slots=True)
class _Run:
    clients: Clients
    emit: Emit
    run_id: str
    watches: Mapping[Region, Watch]
    ends: dict[StackId, asyncio.Future[Outcome]]


async def find_standing(deployment: str, regions: tuple[Region, ...], clients: Clients) -> tuple[Standing, ...]:
    """Return every stack that carries the deployment's tag in these regions, whether an assembly has it or not."""
    by_region = await together(RegionView(clients, region).every_stack() for region in regions)
    stacks = [stack for found in by_region for stack in of_deployment(found, deployment)]
    return tuple(await together(observe_standing(_stack_id(stack), stack, clients) for stack in stacks))


async def destroy(
    standing: tuple[Standing, ...], needs: Needs, clients: Clients, run_id: str, emit: Emit
) -> tuple[Outcome, ...]:
    """Delete these stacks and all they hold; return each one's outcome.

    A stack goes when all that need it are gone. Replication is stopped everywhere before any bucket is emptied.
    """
    loop = asyncio.get_running_loop()
    run = _Run(
        clients,
        emit,
        run_id,
        _make_watches(standing, clients, emit),
        {one.id: loop.create_future() for one in standing},
    )
    await together(quiesce(one, clients) for one in standing)
    return tuple(await asyncio.gather(*(_take_down(run, one, _dependants(one.id, needs)) for one in standing)))


def _dependants(stack: StackId, needs: Needs) -> tuple[StackId, ...]:
    return tuple(other for other, needed in needs.items() if stack in needed)


def _stack_id(stack: ObservedStack) -> StackId:
    return StackId(stack.tags.get(TAG_STACK, f"{stack.region}/{stack.name}"))


def _make_watches(standing: tuple[Standing, ...], clients: Clients, emit: Emit) -> dict[Region, Watch]:
    ids = {one.stack.arn: one.id for one in standing}
    last: dict[StackId, str] = {one.id: one.stack.status for one in standing}

    def seen(stack: ObservedStack) -> None:
        stack_id = ids[stack.arn]
        if last[stack_id] != stack.status:
            last[stack_id] = stack.status
            emit(Status(stack=stack_id, status=stack.status))

    regions = {one.stack.region for one in standing}
    return {region: Watch(RegionView(clients, region), clients.tempo.stacks, seen) for region in regions}


async def _take_down(run: _Run, one: Standing, dependants: tuple[StackId, ...]) -> Outcome:
    try:
        outcome = await _outcome(run, one, dependants)
    except BuilderError as error:
        run.emit(FirstFailure(stack=one.id, resource="", reason=error.what))
        outcome = Broke(one.id, status="", resource="", reason=error.what, next_step=error.next_step)
    if isinstance(outcome, Cancelled):
        run.emit(NotStarted(stack=one.id, because=outcome.because))
    run.ends[one.id].set_result(outcome)
    return outcome


async def _outcome(run: _Run, one: Standing, dependants: tuple[StackId, ...]) -> Outcome:
    for other in dependants:
        if other in run.ends and not isinstance(await run.ends[other], Done):
            return Cancelled(one.id, because=f"{other}, which needs it, is still there")
    return await take_down(Demolition(run.clients, run.emit, run.watches[one.stack.region], run.run_id), one)
