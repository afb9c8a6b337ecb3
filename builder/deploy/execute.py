"""Executing a plan: each step starts as soon as its own needs are done, all regions side by side."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from builder.aws import Clients, call
from builder.deploy.cause import observe_cause
from builder.deploy.events import FirstCause
from builder.deploy.observe import ObservedStack, RegionView
from builder.deploy.preflight import Checked, Standing, check_plan, was_executed
from builder.deploy.progress import Emit, FirstFailure, NotStarted, Started, Status
from builder.deploy.records import Broke, Cancelled, Done, Outcome, Overtaken, Plan, Step
from builder.deploy.start import execute_step, execution_token
from builder.deploy.watch import Settled, Watch
from builder.errors import BuilderError, Stopped
from builder.terms import Arn, Region, StackId

# Longer than any operation of the resources at hand; a global table's first replica takes minutes.
DEADLINE_S = 6 * 3600.0


@dataclass(slots=True)
class Brake:
    """What a person pulls to have nothing more started; what runs goes on."""

    pulled: bool = False


@dataclass(slots=True)
class _Run:
    """One execution under way."""

    plan: Plan
    clients: Clients
    emit: Emit
    brake: Brake
    watches: Mapping[Region, Watch]
    ends: dict[StackId, asyncio.Future[Outcome]]
    claimed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the first step has been started: of two plans at once, one is told before it has done anything."""
    stopped_by: str = ""
    """Why nothing more is started."""


async def execute_plan(
    plan: Plan, clients: Clients, emit: Emit, *, allow: Collection[str] = (), brake: Brake | None = None
) -> tuple[Outcome, ...]:
    """Execute exactly the plan's change sets and return each step's outcome, in the plan's order.

    Raises Stopped before anything ran, if any step is not as it was reviewed.
    """
    checked = await check_plan(plan, clients, allow)
    loop = asyncio.get_running_loop()
    run = _Run(
        plan=plan,
        clients=clients,
        emit=emit,
        brake=brake or Brake(),
        watches=_make_watches(plan, clients, emit),
        ends={step.stack: loop.create_future() for step in plan.steps},
    )
    claim = _first_to_start(checked)
    if claim is None:
        run.claimed.set()
    return tuple(await asyncio.gather(*(_carry_out(run, one, first=one is claim) for one in checked)))


def _first_to_start(checked: tuple[Checked, ...]) -> Checked | None:
    """Return the step whose start claims the plan: the first that needs nothing, if none was started before."""
    if any(one.standing is not Standing.READY for one in checked):
        return None
    planned = {one.step.stack for one in checked}
    return next((one for one in checked if not planned.intersection(one.step.needs)), None)


def _make_watches(plan: Plan, clients: Clients, emit: Emit) -> dict[Region, Watch]:
    ids = {step.stack_arn: step.stack for step in plan.steps}
    last: dict[StackId, str] = {}

    def seen(stack: ObservedStack) -> None:
        stack_id = ids[stack.arn]
        if last.get(stack_id) != stack.status:
            last[stack_id] = stack.status
            emit(Status(stack=stack_id, status=stack.status))

    regions = dict.fromkeys(step.region for step in plan.steps)
    return {region: Watch(RegionView(clients, region), clients.tempo.stacks, seen) for region in regions}


async def _carry_out(run: _Run, one: Checked, *, first: bool) -> Outcome:
    try:
        outcome = await _outcome(run, one, first=first)
    finally:
        run.claimed.set()
    match outcome:
        case Broke(stack=stack):
            run.stopped_by = run.stopped_by or f"{stack} failed"
        case Overtaken(stack=stack):
            run.stopped_by = run.stopped_by or f"{stack} was moved by somebody else"
        case Cancelled(stack=stack, because=because):
            run.emit(NotStarted(stack=stack, because=because))
        case Done():
            pass
    run.ends[one.step.stack].set_result(outcome)
    return outcome


async def _outcome(run: _Run, one: Checked, *, first: bool) -> Outcome:
    step = one.step
    if one.standing is Standing.DONE:
        return Done(step.stack, "executed before")
    change_set = one.change_set
    if one.standing is Standing.READY:
        if not first:
            await run.claimed.wait()
        if obstacle := await _obstacle(run, step):
            return Cancelled(step.stack, because=obstacle)
        run.emit(Started(stack=step.stack, what=step.type))
        try:
            change_set = await execute_step(run.plan, step, run.clients)
        except Stopped as error:
            run.emit(FirstFailure(stack=step.stack, resource="", reason=error.what))
            return Overtaken(step.stack, by=error.what, next_step=error.next_step)
        except BuilderError as error:
            return _told(run, step, error)
        run.claimed.set()
    try:
        return await _end(run, step, change_set)
    except BuilderError as error:
        return _told(run, step, error)


async def _obstacle(run: _Run, step: Step) -> str:
    """Wait for the step's needs; return why it must not start, or an empty text."""
    for need in step.needs:
        # A need that is no step of the plan is unchanged: it stands.
        if need in run.ends and not isinstance(await run.ends[need], Done):
            return f"{need}, which it needs, is not done"
    return "interrupted" if run.brake.pulled else run.stopped_by


async def _end(run: _Run, step: Step, change_set: Arn) -> Outcome:
    stack = await run.watches[step.region].until(step.stack_arn, _settled(step, change_set), DEADLINE_S)
    if not (stack.facts.good and stack.facts.exists):
        return await _broke(run, step, stack)
    if stack.termination_protection != step.termination_protection:
        await call(
            step.stack,
            run.clients.cloudformation(step.region).update_termination_protection,
            StackName=step.stack_arn,
            EnableTerminationProtection=step.termination_protection,
        )
    return Done(step.stack, stack.status)


def _settled(step: Step, change_set: Arn) -> Settled:
    """Return what ends the wait: this change set and a settled status, both at once, so no stale read can."""

    def check(stack: ObservedStack) -> bool:
        return stack.status == "DELETE_COMPLETE" or (stack.facts.settled and was_executed(step, stack, change_set))

    return check


async def _broke(run: _Run, step: Step, stack: ObservedStack) -> Broke:
    cause = await observe_cause(run.clients, stack, execution_token(run.plan, step))
    cause = cause or FirstCause(resource="", reason=stack.status_reason or "no reason given")
    run.emit(FirstFailure(stack=step.stack, resource=cause.resource, reason=cause.reason))
    return Broke(step.stack, status=stack.status, resource=cause.resource, reason=cause.reason)


def _told(run: _Run, step: Step, error: BuilderError) -> Broke:
    run.emit(FirstFailure(stack=step.stack, resource="", reason=error.what))
    return Broke(step.stack, status="", resource="", reason=error.what, next_step=error.next_step)
