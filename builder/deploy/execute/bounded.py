"""An execution with a time limit: imports beside a lost region come last, and are waited for only so long.

*Unverified* whether CloudFormation imports a table while a region of its replicas does not answer: its handler may
call every replica's region. Nothing depends on the import, since the data exists: it goes on alone, or is repeated.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from builder.deploy import progress
from builder.deploy.records import Plan
from builder.terms import StackId

BOUND_S = 300.0
"""An import takes half a minute where all regions answer."""
_Execution = Callable[[progress.Emit], Coroutine[Any, Any, tuple[progress.Outcome, ...]]]


def imports_of(plan: Plan) -> frozenset[StackId]:
    """Return the stacks of a plan that import data; pure."""
    return frozenset(step.stack for step in plan.change_sets if step.type == "IMPORT")


async def execute_bounded(
    execution: _Execution, imports: Collection[StackId], emit: progress.Emit, bound_s: float = BOUND_S
) -> tuple[progress.Outcome, ...]:
    """Execute a plan, but wait for imports beside a lost region at most `bound_s` seconds; return the outcomes.

    The time starts with the first import, when all else is done. An unfinished import is InProgress: CloudFormation
    goes on with it.
    """
    started, outcomes = asyncio.Event(), dict[StackId, progress.Outcome]()

    def watched(event: progress.Progress) -> None:
        emit(event)
        if isinstance(event, progress.Started) and event.stack in imports and event.what == "IMPORT":
            because = f"CloudFormation has not imported its data within {bound_s:g} s, and goes on with it"
            outcomes[event.stack] = progress.InProgress(event.stack, because=because)
            started.set()
        elif isinstance(event, progress.NotStarted):
            # A stack whose step failed has further steps that are not started.
            outcomes.setdefault(event.stack, progress.Cancelled(event.stack, because=event.because))
        elif (outcome := _outcome(event)) is not None:
            outcomes[outcome.stack] = outcome

    work = asyncio.ensure_future(execution(watched))
    timer = asyncio.ensure_future(_expire(started, bound_s))
    try:
        await asyncio.wait({work, timer}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
    finally:
        timer.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
    for outcome in outcomes.values():
        if isinstance(outcome, progress.InProgress):
            emit(progress.StepInProgress(stack=outcome.stack, because=outcome.because))
    for stack in sorted(set(imports) - outcomes.keys()):
        watched(progress.NotStarted(stack=stack, because=f"another import has not ended within {bound_s:g} s"))
    return tuple(outcomes.values())


def _outcome(event: progress.Progress) -> progress.Outcome | None:
    """Return the outcome of which an event is the last that is heard; None for any other event."""
    match event:
        case progress.Finished(stack=stack, status=status):
            return progress.Done(stack, status)
        case progress.FirstFailure(stack=stack, resource=resource, reason=reason):
            return progress.StackFailed(stack, status="", resource=resource, reason=reason)
        case progress.StepSuperseded(stack=stack, by=by):
            return progress.Superseded(stack, by=by)
        case _:
            return None


async def _expire(started: asyncio.Event, bound_s: float) -> None:
    await started.wait()
    await asyncio.sleep(bound_s)
