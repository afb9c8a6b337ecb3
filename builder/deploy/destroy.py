"""Taking a deployment down: found by its tag, in reverse order, emptied on both sides, nothing else touched."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from builder.aws import Clients, together
from builder.deploy.outcome import Broke, Cancelled, Done, Outcome
from builder.deploy.permission import allowed_names
from builder.deploy.progress import Begun, Emit, Finished, FirstFailure, NotStarted
from builder.deploy.take_down import Demolition, Standing, check_removable, quiesce, take_down
from builder.deploy.watch import Watch, make_watches
from builder.errors import BuilderError
from builder.terms import Arn, Place, Site, StackId


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What is to be removed, and how."""

    standing: tuple[Standing, ...]
    needs: Mapping[StackId, tuple[StackId, ...]]
    """By stack, what has to stay for as long as the stack is there."""
    allow: Collection[str] = ()
    """Names the stacks whose termination protection is lifted, as guards do."""


@dataclass(slots=True)
class _Run:
    clients: Clients
    emit: Emit
    run_id: str
    allow: Collection[str]
    watches: Mapping[Site, Watch]
    ends: Mapping[Arn, asyncio.Future[Outcome]]
    dependants: Mapping[StackId, list[Standing]]
    """By what they need."""


def make_needs(
    standing: tuple[Standing, ...], known: Mapping[StackId, tuple[StackId, ...]]
) -> dict[StackId, tuple[StackId, ...]]:
    """Return what each stack needs: as an assembly knows it, else every stack that was created before it.

    What imports another's output was created after it, and CloudFormation deletes no stack whose output is in use.
    """
    by_age = sorted(standing, key=lambda one: one.stack.created)
    needs = {}
    for place, one in enumerate(by_age):
        older = tuple(other.id for other in by_age[:place] if other.id != one.id)
        needs[one.id] = known.get(one.id, older)
    return needs


async def destroy(removal: Removal, clients: Clients, run_id: str, emit: Emit) -> tuple[Outcome, ...]:
    """Delete the stacks and all they hold; return each one's outcome.

    A stack goes when all that need it are gone. Replication is stopped everywhere before any bucket is emptied.
    Raises Stopped, before anything is changed, where a stack has termination protection that may not be lifted, or
    where nothing tells whether what would be emptied is to stay.
    """
    standing, needs = removal.standing, removal.needs
    allowed = allowed_names(check_removable(standing, removal.allow))
    loop = asyncio.get_running_loop()
    ids = {Place(one.stack.site, one.stack.name): one.id for one in standing}
    run = _Run(
        clients,
        emit,
        run_id,
        allowed,
        make_watches(ids, clients, emit, known={one.stack.arn: one.stack.status for one in standing}),
        {one.stack.arn: loop.create_future() for one in standing},
        {need: [one for one in standing if need in needs.get(one.id, ())] for need in {one.id for one in standing}},
    )
    emit(Begun(what="destroy", stacks=tuple(dict.fromkeys(one.id for one in standing))))
    await together(quiesce(one, clients) for one in standing)
    return tuple(await asyncio.gather(*(_take_down(run, one) for one in standing)))


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
    work = Demolition(run.clients, run.emit, run.watches[one.stack.site], run.run_id, run.allow)
    return await take_down(work, one)
