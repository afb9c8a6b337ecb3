"""Executing a plan: each step starts as soon as its own needs are done, all regions concurrently."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, assert_never

from builder.aws import Clients, call
from builder.deploy import progress
from builder.deploy.change_sets.artifacts import put_upload
from builder.deploy.change_sets.change_set import token
from builder.deploy.change_sets.steps import discard_plan, overtaken
from builder.deploy.delete.contents import observe_stack_contents
from builder.deploy.delete.delete import DeleteContext, delete_stack
from builder.deploy.delete.protections import check_unheld, observe_holds
from builder.deploy.desired import Deployment, bind_account
from builder.deploy.draft.draft import remedy
from builder.deploy.execute.deferred import make_deferred
from builder.deploy.execute.idle import until_idle
from builder.deploy.execute.preflight import Checked, check_plan, how_far
from builder.deploy.observe.operation import (
    DEADLINE_S,
    FirstCause,
    Settled,
    Watch,
    make_watches,
    observe_cause,
    tell_in_progress,
)
from builder.deploy.observe.stacks import (
    ObservedStack,
    observe_stack,
    remember_policy,
    remember_protected,
    unless_lagging,
)
from builder.deploy.plan.deletions import check_as_planned
from builder.deploy.plan.guards import allowed_names, tell_allowed
from builder.deploy.plan.handed_over import with_handovers, without_gone
from builder.deploy.plan.saved import TrustedInput, check_claim
from builder.deploy.progress import Work, run_in_order
from builder.deploy.promotion import Promotion
from builder.deploy.records import AnyStep, Deferred, Deletion, Plan, Protection, StackPolicy, Step, Upload
from builder.deploy.resources import remedy_for, remedy_for_denial
from builder.deploy.step_order import StepPlace, make_waits
from builder.errors import AwsError, BuilderError, Stopped
from builder.terms import Arn, Site, StackId, StackPlace


@dataclass(slots=True)
class _Run:
    """One execution under way."""

    plan: Plan
    trusted: TrustedInput
    clients: Clients
    emit: progress.Emit
    allow: Collection[str]
    stop: asyncio.Event
    watches: Mapping[Site, Watch]
    steps: Mapping[StepPlace, AnyStep | None]
    """The remaining steps of each stack, in order; None for a stack without any."""
    executing: Mapping[StepPlace, ObservedStack]
    """The stacks on which CloudFormation executes the step already."""
    first: StepPlace | None
    """The step that starts before all others: of two plans at once, one is refused before it has done anything."""
    first_started: asyncio.Event = field(default_factory=asyncio.Event)
    stopped_by: str = ""
    """The failure after which no more steps are started."""
    in_progress: dict[StackId, tuple[Site, Arn]] = field(default_factory=dict)
    """The stacks that CloudFormation works on now."""


_IMPORT_S = 1800.0
"""An import changes nothing; but its handler may call a region that does not answer."""
Before = Callable[[], Coroutine[Any, Any, None]]


async def execute_plan(  # noqa: PLR0913 - three of them have defaults that suit most
    plan: Plan,
    trusted: TrustedInput,
    clients: Clients,
    emit: progress.Emit,
    *,
    allow: Collection[str] = (),
    stop: asyncio.Event | None = None,
    in_detail: bool = False,
    before: Before | None = None,
) -> tuple[progress.Outcome, ...]:
    """Execute exactly the plan's change sets and return each stack's outcome, in the plan's order.

    `trusted` is what the plan has to follow from; `in_detail` also emits the resources that CloudFormation works on,
    which takes a few more calls. `before` runs once all is checked, before the first step; what it raises ends the
    execution. Once `stop` is set no more steps are started, and running ones are followed to their end; a failure sets
    it. Raises, before anything ran, Stopped if any step is not as it was reviewed, or is not allowed; BadInput if the
    plan does not follow from the assembly.
    """
    trusted = replace(trusted, deployment=bind_account(trusted.deployment, plan.account))
    plan = await without_gone(plan, trusted.deployment, clients)
    trusted = await with_handovers(plan, trusted, clients, emit)
    plan = check_claim(plan, trusted)
    checked, permissions = await check_plan(plan, trusted, clients, allow)
    tell_allowed(permissions, emit)
    run = _Run(
        plan=plan,
        trusted=trusted,
        clients=clients,
        emit=emit,
        allow=allowed_names(permissions),
        stop=stop or asyncio.Event(),
        watches=make_watches(_ids(plan), clients, emit),
        steps={
            StepPlace(stack.stack, place): step for stack in checked for place, step in enumerate(stack.left or (None,))
        },
        executing={StepPlace(stack.stack, 0): stack.running for stack in checked if stack.running is not None},
        first=_first_to_start(checked),
    )
    emit(progress.RunBegun(what="execute", stacks=tuple(stack.stack for stack in checked)))
    if before is not None:
        await before()
    if run.first is None:
        run.first_started.set()
    observer = asyncio.ensure_future(tell_in_progress(run.in_progress, clients, emit)) if in_detail else None
    try:
        return await _execute_stacks(run)
    finally:
        if observer:
            observer.cancel()


def _first_to_start(checked: tuple[Checked, ...]) -> StepPlace | None:
    """Return the step that starts before all others: that of a stack without needs, if no step was started before."""
    if not all(stack.untouched for stack in checked):
        return None
    # Not an upload: two plans at once may both do it, with the same result.
    uploads = {stack.stack for stack in checked if isinstance(stack.left[0], Upload)}
    planned = {stack.stack for stack in checked} - uploads
    first = (stack for stack in checked if stack.stack in planned and planned.isdisjoint(stack.left[0].needs))
    return next((StepPlace(stack.stack, 0) for stack in first), None)


def _ids(plan: Plan) -> dict[StackPlace, StackId]:
    return {StackPlace(step.site, step.name): step.stack for step in plan.work if not isinstance(step, Upload)}


async def _execute_stacks(run: _Run) -> tuple[progress.Outcome, ...]:
    """Execute all remaining steps; return each stack's outcome: of its first step not done, else of its last."""
    started = {*run.executing, *(at for at, step in run.steps.items() if step is None)}
    work = Work(partial(_execute_stack, run), partial(_cancel, run), progress.is_done, started)
    # It comes first, also where all steps are stopped before it began.
    at_first = sorted(run.steps, key=lambda at: at != run.first)
    ends = await run_in_order(at_first, make_waits(run.steps), work, run.stop)
    outcomes: dict[StackId, progress.Outcome] = {}
    for at in run.steps:
        if progress.is_done(outcomes.setdefault(at.stack, ends[at])):
            outcomes[at.stack] = ends[at]
    return tuple(outcomes.values())


def _cancel(run: _Run, at: StepPlace, need: StepPlace | None) -> progress.Cancelled:
    """Return the cancellation of the stack's further steps; emit why, unless the step before has done so."""
    because = f"{need.stack}, which it needs, is not done" if need else run.stopped_by or "interrupted"
    if need is None or need.stack != at.stack:
        run.emit(progress.NotStarted(stack=at.stack, because=because))
    return progress.Cancelled(at.stack, because=because, interrupted=run.stop.is_set() and not run.stopped_by)


async def _execute_stack(run: _Run, at: StepPlace, _before: Mapping[StepPlace, progress.Outcome]) -> progress.Outcome:
    """Execute the next step on the stack, once the first step has started, and emit its outcome."""
    if at != run.first and not isinstance(run.steps[at], Upload) and not run.first_started.is_set():
        await run.first_started.wait()
        if run.stop.is_set():
            return _cancel(run, at, None)
    step = run.steps[at]
    try:
        outcome = (
            await _execute_step(run, step, run.executing.get(at))
            if step
            else progress.Done(at.stack, "executed before")
        )
    except BuilderError as error:
        run.emit(progress.FirstFailure(stack=at.stack, resource="", reason=error.what))
        helps = error.next_step or remedy_for_denial(error.what)
        outcome = progress.StackFailed(at.stack, status="", resource="", reason=error.what, next_step=helps)
    finally:
        if not isinstance(step, Upload):
            run.first_started.set()
    match outcome:
        case progress.Done():
            if StepPlace(at.stack, at.place + 1) not in run.steps:
                run.emit(progress.Finished(stack=at.stack, status=outcome.status))
            return outcome
        case progress.StackFailed():
            run.stopped_by = run.stopped_by or f"{at.stack} failed"
        case progress.Superseded():
            run.stopped_by = run.stopped_by or f"{at.stack} was superseded"
        case progress.ReviewRequired():
            run.stopped_by = run.stopped_by or f"{at.stack} waits for review"
            run.emit(progress.NotStarted(stack=at.stack, because="its change set waits for review"))
    run.stop.set()
    return outcome


async def _execute_step(run: _Run, step: AnyStep, executing: ObservedStack | None) -> progress.Outcome:
    match step:
        case Deletion():
            return await _delete(run, step)
        case Protection():
            return await _protect(run, step)
        case StackPolicy():
            return await _set_policy(run, step)
        case Upload():
            return await _upload(run, step)
        case Step() | Deferred() if executing is not None:
            return await _until_settled(run, step, executing.arn, executing.change_set)
        case Step():
            return await _execute_reviewed(run, step)
        case Deferred():
            made = await make_deferred(run.plan, run.trusted, step, run.clients, run.allow, run.emit)
            run.first_started.set()
            if made is None:
                return progress.Done(step.stack, "unchanged")
            return await _execute_reviewed(run, made) if isinstance(made, Step) else made
    assert_never(step)


async def _execute_reviewed(run: _Run, step: Step) -> progress.Outcome:
    if not await until_idle(step, run.clients, run.emit, run.stop):
        return _cancel(run, StepPlace(step.stack, 0), None)
    run.emit(progress.Started(stack=step.stack, what=step.type))
    try:
        change_set = await execute_change_set(run.plan, step, run.clients)
    except Stopped as error:
        run.emit(progress.StepSuperseded(stack=step.stack, by=error.what))
        return progress.Superseded(step.stack, by=error.what, next_step=error.next_step)
    run.first_started.set()
    return await _until_settled(run, step, step.stack_arn, change_set)


async def _until_settled(run: _Run, step: Step | Deferred, stack_arn: Arn, change_set: Arn | None) -> progress.Outcome:
    run.in_progress[step.stack] = (step.site, stack_arn)
    deadline_s = _IMPORT_S if step.type == "IMPORT" else DEADLINE_S
    try:
        stack = await run.watches[step.site].until(stack_arn, _settled(change_set), deadline_s)
    finally:
        del run.in_progress[step.stack]
    if not (stack.facts.good and stack.facts.exists):
        return await _broke(run, step, stack)
    return progress.Done(step.stack, stack.status)


async def _upload(run: _Run, upload: Upload) -> progress.Outcome:
    """Put code into its bucket. A repetition changes nothing, so no record of it is needed."""
    run.emit(progress.Started(stack=upload.stack, what="UPLOAD"))
    await put_upload(run.trusted.deployment, upload, run.plan.account, run.clients)
    return progress.Done(upload.stack, "uploaded")


async def _protect(run: _Run, protection: Protection) -> progress.Outcome:
    """Set or lift termination protection. A repetition changes nothing, so no record of it is needed."""
    run.first_started.set()
    run.emit(progress.Started(stack=protection.stack, what="PROTECT" if protection.protect else "UNPROTECT"))
    await call(
        protection.stack,
        run.clients.of(protection.site).cloudformation(protection.region).update_termination_protection,
        StackName=protection.found.stack_id or protection.name,
        EnableTerminationProtection=protection.protect,
    )
    remember_protected(run.clients, protection.site, protection.name, protected=protection.protect)
    return progress.Done(protection.stack, "protected" if protection.protect else "not protected any more")


async def _set_policy(run: _Run, step: StackPolicy) -> progress.Outcome:
    """Set a stack policy. A repetition changes nothing, so no record of it is needed."""
    run.first_started.set()
    run.emit(progress.Started(stack=step.stack, what="SET POLICY"))
    await call(
        step.stack,
        run.clients.of(step.site).cloudformation(step.region).set_stack_policy,
        StackName=step.found.stack_id or step.name,
        StackPolicyBody=step.policy,
    )
    remember_policy(run.clients, step.site, step.name, step.policy)
    return progress.Done(step.stack, "policy set")


def _settled(change_set: Arn | None) -> Settled:
    """Return the condition that ends the wait: this change set with a settled status, which no stale read shows."""

    def check(stack: ObservedStack) -> bool:
        executed = stack.change_set == change_set and stack.facts.exists
        return stack.status == "DELETE_COMPLETE" or (stack.facts.settled and executed)

    return check


async def _delete(run: _Run, deletion: Deletion) -> progress.Outcome:
    run.first_started.set()
    stack = await observe_stack(run.clients, deletion.site, deletion.stack_arn)
    if stack is None or stack.status == "DELETE_COMPLETE":
        return progress.Done(deletion.stack, "DELETE_COMPLETE")
    contents = await observe_holds(await observe_stack_contents(deletion.stack, stack, run.clients), run.clients)
    check_unheld(contents)
    await check_as_planned(deletion, stack, run.clients)
    work = DeleteContext(run.clients, run.emit, run.watches[deletion.site], run.plan.id, run.allow)
    return await delete_stack(work, contents)


async def _broke(run: _Run, step: Step | Deferred, stack: ObservedStack) -> progress.StackFailed:
    cause = await observe_cause(run.clients, stack, execution_token(run.plan, step.stack, step.part))
    cause = cause or FirstCause(resource="", reason=stack.status_reason or "no reason given")
    run.emit(progress.FirstFailure(stack=step.stack, resource=cause.resource, reason=cause.reason))
    known = remedy_for(cause.resource.partition("(")[2].rstrip(")"), cause.reason)
    helps = known or remedy(stack) or remedy_for_denial(cause.reason)
    return progress.StackFailed(step.stack, stack.status, cause.resource, cause.reason, next_step=helps)


# The answers to a request that is too late: after another's, or after its own first try.
_NOT_AVAILABLE = frozenset({"InvalidChangeSetStatus", "ChangeSetNotFound", "TokenAlreadyExistsException"})


def execution_token(plan: Plan, stack: StackId, part: int) -> str:
    """Return the token on every event of a change set's execution."""
    return token(plan.id, stack, f"execute {part}")


async def execute_change_set(plan: Plan, step: Step, clients: Clients) -> Arn:
    """Execute the step's change set; return the running one: its own, or an equal one of another plan.

    Raises Stopped, naming the winner, where somebody else changed the stack first.
    """
    try:
        await call(
            step.stack,
            clients.of(step.site).cloudformation(step.region).execute_change_set,
            ChangeSetName=step.change_set,
            ClientRequestToken=execution_token(plan, step.stack, step.part),
            DisableRollback=step.stack in plan.options.unrolled,
        )
    except AwsError as error:
        if error.code not in _NOT_AVAILABLE and not await _is_busy(step, clients):
            raise
        return await _who_runs(plan, step, clients, error)
    return step.change_set


async def _is_busy(step: Step, clients: Clients) -> bool:
    """Return whether an operation runs on the stack: ours, or the one that made AWS refuse ours."""
    stack = await observe_stack(clients, step.site, step.stack_arn)
    return stack is not None and not stack.facts.settled


async def _who_runs(plan: Plan, step: Step, clients: Clients, refusal: AwsError) -> Arn:
    """Return the running change set in place of the refused one, if it is the same.

    boto3 repeats a request whose answer was lost, and is refused because the change set runs already. Raises Stopped if
    the running change set is another's.
    """

    async def read() -> tuple[ObservedStack | None, Checked | None]:
        stack = await observe_stack(clients, step.site, step.stack_arn)
        return stack, None if stack is None else await how_far(plan, (step,), stack, clients)

    stack, ours = await unless_lagging(read, lambda shown: shown[1] is None)
    if stack is None or ours is None:
        raise overtaken(step.stack, stack, "another operation was faster") from refusal
    return stack.change_set or step.change_set


async def execute_unreviewed(  # noqa: PLR0913 - as execute_plan
    plan: Plan,
    deployment: Deployment,
    clients: Clients,
    emit: progress.Emit,
    *,
    allow: Collection[str] = (),
    stop: asyncio.Event | None = None,
    in_detail: bool = False,
    before: Before | None = None,
    promotion: Promotion | None = None,
) -> tuple[progress.Outcome, ...]:
    """Execute a `deploy`'s own plan and return each stack's outcome; delete the change sets that were not executed.

    `promotion` is the one under way. Raises what `execute_plan` raises, with all of the plan's change sets deleted.
    """
    trusted = TrustedInput(deployment=deployment, is_own=True, promotion=promotion)
    try:
        ended = await execute_plan(
            plan, trusted, clients, emit, allow=allow, stop=stop, in_detail=in_detail, before=before
        )
    except BuilderError:
        await discard_plan(plan, clients)
        raise
    unstarted = {outcome.stack for outcome in ended if isinstance(outcome, progress.Cancelled | progress.Superseded)}
    await discard_plan(plan, clients, only=unstarted)
    return ended
