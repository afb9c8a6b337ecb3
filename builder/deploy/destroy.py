"""Taking a deployment down: found by its tag, in reverse order, emptied on both sides, nothing else touched."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from builder.aws import Clients, together
from builder.deploy.desired import TAG_STACK
from builder.deploy.observe import ObservedStack, SiteView, of_deployment
from builder.deploy.outcome import Broke, Cancelled, Done, Outcome
from builder.deploy.progress import Begun, Emit, Finished, FirstFailure, NotStarted, Status
from builder.deploy.take_down import Demolition, Standing, observe_standing, quiesce, take_down
from builder.deploy.watch import Watch
from builder.errors import BuilderError
from builder.terms import Arn, Site, StackId

Needs = Mapping[StackId, tuple[StackId, ...]]


@dataclass(slots=True)
class _Run:
    clients: Clients
    emit: Emit
    run_id: str
    watches: Mapping[Site, Watch]
    ends: Mapping[Arn, asyncio.Future[Outcome]]
    dependants: Mapping[StackId, list[Standing]]
    """By what they need."""


async def find_standing(deployment: str, sites: tuple[Site, ...], clients: Clients) -> tuple[Standing, ...]:
    """Return every stack that carries the deployment's tag in these sites, whether an assembly has it or not."""
    by_site = await together(SiteView(clients, site).every_stack() for site in sites)
    stacks = [stack for found in by_site for stack in of_deployment(found, deployment)]
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
        {one.stack.arn: loop.create_future() for one in standing},
        {need: [one for one in standing if need in needs.get(one.id, ())] for need in {one.id for one in standing}},
    )
    emit(Begun(what="destroy", stacks=tuple(dict.fromkeys(one.id for one in standing))))
    await together(quiesce(one, clients) for one in standing)
    return tuple(await asyncio.gather(*(_take_down(run, one) for one in standing)))


def _stack_id(stack: ObservedStack) -> StackId:
    return StackId(stack.tags.get(TAG_STACK, f"{stack.region}/{stack.name}"))


def _make_watches(standing: tuple[Standing, ...], clients: Clients, emit: Emit) -> dict[Site, Watch]:
    ids = {one.stack.arn: one.id for one in standing}
    last = {one.stack.arn: one.stack.status for one in standing}

    def seen(stack: ObservedStack) -> None:
        if last[stack.arn] != stack.status:
            last[stack.arn] = stack.status
            emit(Status(stack=ids[stack.arn], status=stack.status))

    sites = {one.stack.site for one in standing}
    return {site: Watch(SiteView(clients, site), clients.tempo.stacks, seen) for site in sites}


async def _take_down(run: _Run, one: Standing) -> Outcome:
    try:
        outcome = await _outcome(run, one)
    except BuilderError as error:
        run.emit(FirstFailure(stack=one.id, resource="", reason=error.what))
        outcome = Broke(one.id, status="", resource="", reason=error.what, next_step=error.next_step)
    match outcome:
        case Cancelled(because=because):
            run.emit(NotStarted(stack=one.id, because=because))
        case Done(status=status):
            run.emit(Finished(stack=one.id, status=status))
    run.ends[one.stack.arn].set_result(outcome)
    return outcome


async def _outcome(run: _Run, one: Standing) -> Outcome:
    for other in run.dependants[one.id]:
        if not isinstance(await run.ends[other.stack.arn], Done):
            return Cancelled(one.id, because=f"{other.id}, which needs it, is still there")
    return await take_down(Demolition(run.clients, run.emit, run.watches[one.stack.site], run.run_id), one)
