"""Executing a plan: each step starts as soon as its own needs are done, all regions side by side."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from builder.aws import Clients, Pace, call
from builder.deploy.change_set import token
from builder.deploy.events import FirstCause, first_cause
from builder.deploy.observe import ObservedStack, observe_stack
from builder.deploy.preflight import Checked, Standing, check_plan, was_executed
from builder.deploy.progress import Emit, FirstFailure, NotStarted, Started, Status
from builder.deploy.records import Broke, Cancelled, Done, Outcome, Plan, Step
from builder.deploy.watch import Settled, Watch
from builder.errors import AwsError, BuilderError
from builder.terms import Region, StackId

# Longer than any operation of the resources at hand; a global table's first replica takes minutes.
DEADLINE_S = 6 * 3600.0
_PACE = Pace(fraction=0.08)


@dataclass(slots=True)
class _Run:
    """One execution under way."""

    plan: Plan
    clients: Clients
    emit: Emit
    watches: Mapping[Region, Watch]
    ends: dict[StackId, asyncio.Future[Outcome]]
    failed: StackId | None = None
    """The step that failed first; after it nothing more is started."""


async def execute_plan(plan: Plan, clients: Clients, emit: Emit) -> tuple[Outcome, ...]:
    """Execute exactly the plan's change sets and return each step's outcome, in the plan's order.

    Raises Stopped before anything ran, if any step is not as it was reviewed.
    """
    checked = await check_plan(plan, clients)
    loop = asyncio.get_running_loop()
    run = _Run(
        plan=plan,
        clients=clients,
        emit=emit,
        watches=_make_watches(plan, clients, emit),
        ends={step.stack: loop.create_future() for step in plan.steps},
    )
    return tuple(await asyncio.gather(*(_carry_out(run, one) for one in checked)))


def _make_watches(plan: Plan, clients: Clients, emit: Emit) -> dict[Region, Watch]:
    ids = {step.stack_arn: step.stack for step in plan.steps}
    last: dict[StackId, str] = {}

    def seen(stack: ObservedStack) -> None:
        stack_id = ids[stack.arn]
        if last.get(stack_id) != stack.status:
            last[stack_id] = stack.status
            emit(Status(stack=stack_id, status=stack.status))

    regions = dict.fromkeys(step.region for step in plan.steps)
    return {region: Watch(clients, region, _PACE, seen) for region in regions}


async def _carry_out(run: _Run, one: Checked) -> Outcome:
    outcome = await _outcome(run, one)
    if isinstance(outcome, Broke):
        run.failed = run.failed or outcome.stack
    if isinstance(outcome, Cancelled):
        run.emit(NotStarted(stack=outcome.stack, because=outcome.because))
    run.ends[one.step.stack].set_result(outcome)
    return outcome


async def _outcome(run: _Run, one: Checked) -> Outcome:
    step = one.step
    if one.standing is Standing.DONE:
        return Done(step.stack, "executed before")
    for need in step.needs:
        # A need that is no step of the plan is unchanged: it stands.
        if need in run.ends and not isinstance(await run.ends[need], Done):
            return Cancelled(step.stack, because=f"{need}, which it needs, is not done")
    if run.failed is not None:
        return Cancelled(step.stack, because=f"{run.failed} failed")
    try:
        if one.standing is Standing.READY:
            await _start(run, step)
        stack = await run.watches[step.region].until(step.stack_arn, _settled(step), DEADLINE_S)
        if not (stack.facts.good and stack.facts.exists):
            return await _broke(run, step, stack)
        await _protect(run, step, stack)
    except BuilderError as error:
        run.emit(FirstFailure(stack=step.stack, resource="", reason=error.what))
        return Broke(step.stack, status="", resource="", reason=error.what, next_step=error.next_step)
    return Done(step.stack, stack.status)


async def _start(run: _Run, step: Step) -> None:
    run.emit(Started(stack=step.stack, what=step.type))
    try:
        await call(
            step.stack,
            run.clients.cloudformation(step.region).execute_change_set,
            ChangeSetName=step.change_set,
            ClientRequestToken=_token(run.plan, step),
            DisableRollback=False,
        )
    except AwsError as error:
        # After a lost answer boto3 asks again, and is told that the change set runs: fine if it is ours that runs.
        if error.code not in {"InvalidChangeSetStatus", "ChangeSetNotFound"}:
            raise
        stack = await observe_stack(run.clients, step.region, step.stack_arn)
        if stack is None or not was_executed(step, stack):
            raise


def _settled(step: Step) -> Settled:
    """Return what ends the wait: this change set and a settled status, both at once, so no stale read can."""

    def check(stack: ObservedStack) -> bool:
        return stack.status == "DELETE_COMPLETE" or (stack.facts.settled and was_executed(step, stack))

    return check


async def _broke(run: _Run, step: Step, stack: ObservedStack) -> Broke:
    cause = await _find_cause(run, step) or FirstCause(resource="", reason=stack.status_reason or "no reason given")
    run.emit(FirstFailure(stack=step.stack, resource=cause.resource, reason=cause.reason))
    return Broke(step.stack, status=stack.status, resource=cause.resource, reason=cause.reason)


async def _find_cause(run: _Run, step: Step) -> FirstCause | None:
    client = run.clients.cloudformation(step.region)

    def events_of_this_operation() -> FirstCause | None:
        events = []
        for page in client.get_paginator("describe_stack_events").paginate(StackName=step.stack_arn):
            events += page["StackEvents"]
            # Newest first: a page without our token, after one with it, is the operation before ours.
            if not any(event.get("ClientRequestToken") == _token(run.plan, step) for event in page["StackEvents"]):
                break
        return first_cause(events, _token(run.plan, step))

    return await call(step.stack, events_of_this_operation)


async def _protect(run: _Run, step: Step, stack: ObservedStack) -> None:
    if stack.termination_protection != step.termination_protection:
        await call(
            step.stack,
            run.clients.cloudformation(step.region).update_termination_protection,
            StackName=step.stack_arn,
            EnableTerminationProtection=step.termination_protection,
        )


def _token(plan: Plan, step: Step) -> str:
    return token(plan.id, step.stack, "execute")
