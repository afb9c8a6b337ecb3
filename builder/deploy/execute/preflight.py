"""Checks before anything runs: every change set is as reviewed, no stack has moved, everything is allowed."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from builder.aws import Clients, observe_account, together
from builder.deploy.change_sets.artifacts import check_artifacts, check_same, observe_object, place_of
from builder.deploy.change_sets.change_set import is_alike, observe_change_sets, reviews_of_others
from builder.deploy.change_sets.steps import is_as_found, overtaken, steps_executed, steps_executed_by_same_plan
from builder.deploy.draft.draft import remedy
from builder.deploy.observe.deployment import check_reach
from builder.deploy.observe.stacks import ObservedStack, observe_policy, observe_stack, unless_lagging
from builder.deploy.plan.both_ways import both_ways_hits
from builder.deploy.plan.guards import Permission, check_allowed
from builder.deploy.plan.independence import check_independent
from builder.deploy.plan.judgement import (
    JudgementContext,
    check_done,
    judge_guards,
    judge_needs,
    judge_settings,
    judge_stack,
    observe_context,
)
from builder.deploy.plan.saved import TrustedInput, narrowed
from builder.deploy.records import (
    PLAN_AGAIN,
    Deferred,
    Deletion,
    GuardHit,
    PendingReview,
    Plan,
    Protection,
    StackPolicy,
    Step,
    Upload,
)
from builder.deploy.step_order import StackSteps, make_stack_steps
from builder.errors import BadInput, Stopped
from builder.template import same_policy
from builder.terms import AccountId, Operation, StackId


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """How far a stack has come, read only from AWS; so an execution is resumed by starting it again."""

    stack: StackId
    left: StackSteps
    """The remaining steps."""
    running: ObservedStack | None = None
    """The stack, if its first step runs already: as our change set, or as an equal one of another plan."""
    untouched: bool = False
    """Whether none of the plan's steps was executed on it yet."""
    pending: tuple[PendingReview, ...] = ()


async def check_plan(
    plan: Plan, trusted: TrustedInput, clients: Clients, allow: Collection[str] = ()
) -> tuple[tuple[Checked, ...], tuple[Permission, ...]]:
    """Return how far every stack of the plan has come, and what each `allow` permits.

    A plan from a file is judged anew (`judgement.py`), and the judged steps are returned; this run's own plan was read
    from AWS by this run.
    Raises Stopped, before anything ran, naming every step that cannot be executed as it was reviewed, or if something
    is not allowed; BadInput if the credentials are of an account other than the plan's.
    """
    stack_steps = make_stack_steps(plan)
    if not stack_steps:
        return (), ()
    # Both run concurrently. Another account's credentials show no stack, so a wrong account is reported first.
    account, looked = await asyncio.gather(
        observe_account(clients, next(iter(stack_steps.values()))[0].region),
        _check_and_judge_all(plan, trusted, stack_steps, clients),
        return_exceptions=True,
    )
    if isinstance(account, str) and account != plan.account:
        raise BadInput(
            where=plan.deployment,
            what=f"the plan is for account {plan.account}, and the credentials are of account {account}",
        )
    if isinstance(account, str):
        sites = (step.site for steps in stack_steps.values() for step in steps)
        check_reach(plan.deployment, sites, AccountId(account), clients)
    if isinstance(looked, BaseException):
        raise looked
    if isinstance(account, BaseException):
        raise account
    checked, guards = looked
    permissions = check_allowed(
        guards,
        (review for stack in checked for review in stack.pending),
        allow,
        shown={*(hit.allow for hit in plan.guards), *(review.allow for review in plan.pending)},
    )
    return checked, permissions


async def _check_and_judge_all(
    plan: Plan, trusted: TrustedInput, stack_steps: Mapping[StackId, StackSteps], clients: Clients
) -> tuple[tuple[Checked, ...], tuple[GuardHit, ...]]:
    """Return how far each stack has come, and the guard hits of the remaining steps."""
    if trusted.is_own:
        checked = tuple(await together(_check_stack(plan, steps, clients) for steps in stack_steps.values()))
        unfinished = {stack.stack for stack in checked if stack.left}
        await check_artifacts(plan, trusted.deployment, unfinished, clients)
        return checked, tuple(hit for hit in plan.guards if hit.stack in unfinished)
    deployment = narrowed(plan, trusted.deployment)
    context = await observe_context(plan, deployment, clients, trusted.transfers)
    checks = await together(_check_and_judge(context, steps) for steps in stack_steps.values())
    checked = tuple(stack for stack, _ in checks)
    left = {stack.stack: stack.left for stack in checked if stack.left}
    done = {stack.stack for stack in checked if not stack.left}
    await check_artifacts(plan, deployment, left, clients)
    work = [step for steps in left.values() for step in steps if isinstance(step, Step | Deferred)]
    await check_done(context, done)
    await check_independent(deployment, work, clients)
    deployed = {stack.id: observed for stack in deployment.stacks if (observed := context.stack(stack)) is not None}
    guards = (
        *await judge_guards(context, left),
        *await judge_needs(context, left, done),
        *await both_ways_hits(deployment, deployed, work, plan.account, clients),
    )
    if trusted.more_guards:
        steps = tuple(step for step in work if isinstance(step, Step))
        deferred = tuple(step for step in work if isinstance(step, Deferred))
        judged = replace(plan, steps=steps, deferred=deferred, guards=())
        guards += await trusted.more_guards(judged, deployment, clients)
    return checked, (*guards, *(hit for _, guard_hits in checks for hit in guard_hits))


async def _check_and_judge(context: JudgementContext, steps: StackSteps) -> tuple[Checked, tuple[GuardHit, ...]]:
    """Return how far a stack has come, its remaining steps, and guards that are not about a change.

    A running step is not started again; the steps after it are judged when they are created.
    """
    while True:
        checked = await _check_stack(context.plan, steps, context.clients)
        if checked.running and any(isinstance(step, Step) for step in checked.left[1:]):
            # CloudFormation deletes a stack's other change sets when it executes one: the later one is not the plan's.
            raise overtaken(checked.stack, None, "a change set of another part is executed, and a later one is there")
        if checked.running:
            return replace(checked, left=await judge_settings(context, checked.left)), ()
        if not checked.left or isinstance(checked.left[0], Upload):
            return checked, ()
        if judged := await judge_stack(context, checked.left):
            return replace(checked, left=judged.steps), judged.guards


async def _check_stack(plan: Plan, steps: StackSteps, clients: Clients, *, is_under_way: bool = False) -> Checked:
    """Read a stack until it is known how far it has come. `is_under_way` is whether earlier steps are done."""
    checked = await unless_lagging(
        lambda: _check_next_step(plan, steps, clients, is_under_way=is_under_way),
        lambda checked: isinstance(checked, Stopped),
    )
    if isinstance(checked, Stopped):
        raise checked
    if checked.running or checked.untouched or not checked.left:
        return checked
    return await _check_stack(plan, checked.left, clients, is_under_way=True)


async def _check_next_step(plan: Plan, steps: StackSteps, clients: Clients, *, is_under_way: bool) -> Checked | Stopped:
    """Return how far the steps have come, or the refusal; a later read may show another state."""
    match steps[0]:
        case Step() as step:
            return await _check_step(plan, step, steps, clients)
        case Deferred() as deferred:
            return await _check_deferred(plan, deferred, steps, clients, is_under_way=is_under_way)
        case Deletion() as deletion:
            return await _check_deletion(plan, deletion, steps, clients)
        case Protection() as protection:
            return await _check_protection(protection, steps, clients, is_under_way=is_under_way)
        case StackPolicy() as policy:
            return await _check_policy(plan, policy, steps, clients, is_under_way=is_under_way)
        case Upload() as upload:
            observed = await observe_object(clients, place_of(upload, plan.account))
            if observed is not None:
                check_same(place_of(upload, plan.account), observed, upload.sha256)
            return Checked(stack=upload.stack, left=() if observed else steps, untouched=observed is None)


async def _check_step(plan: Plan, step: Step, steps: StackSteps, clients: Clients) -> Checked | Stopped:
    waiting = await observe_change_sets(clients, step.stack, step.site, step.stack_arn)
    own = next((change_set for change_set in waiting if change_set["ChangeSetId"] == step.change_set), None)
    if own is not None and own["ExecutionStatus"] == "AVAILABLE":
        # CloudFormation makes a change set OBSOLETE when its stack moves: an AVAILABLE one is as it was reviewed.
        if not is_alike(own.get("Description", ""), plan.assembly, step.stack, step.template_sha256):
            raise overtaken(step.stack, None, "its change set was made from another template")
        pending = reviews_of_others(step, plan.assembly, waiting)
        return Checked(stack=step.stack, left=steps, untouched=True, pending=pending)
    stack = await observe_stack(clients, step.site, step.stack_arn)
    if stack is not None and (done := await how_far(plan, steps, stack, clients)):
        return done
    if own is not None and own["ExecutionStatus"] == "OBSOLETE":
        raise overtaken(step.stack, stack, "its change set is OBSOLETE")
    what = "its change set is gone" if own is None else "its change set never got ready"
    return overtaken(step.stack, stack, what)


async def _check_deferred(
    plan: Plan, deferred: Deferred, steps: StackSteps, clients: Clients, *, is_under_way: bool
) -> Checked | Stopped:
    stack = await observe_stack(clients, deferred.site, deferred.name)
    if stack is not None and (done := await how_far(plan, steps, stack, clients)):
        return done
    if is_under_way or is_as_found(deferred.found, stack):
        return Checked(stack=deferred.stack, left=steps, untouched=True)
    return overtaken(deferred.stack, stack, "its stack is not as it was planned for")


async def _check_deletion(plan: Plan, deletion: Deletion, steps: StackSteps, clients: Clients) -> Checked | Stopped:
    stack = await observe_stack(clients, deletion.site, deletion.stack_arn)
    if stack is None or stack.status == "DELETE_COMPLETE":
        return Checked(stack=deletion.stack, left=steps[1:])
    if stack.termination_protection and not deletion.protected:
        return overtaken(deletion.stack, stack, "the stack that was to be deleted is protected from that by now")
    # The plan's own earlier steps change the stack.
    own = tuple(step for step in plan.change_sets if (step.site, step.name) == (deletion.site, deletion.name))
    is_moved_by_plan = steps_executed(plan, own, stack) > 0
    if stack.status.startswith("DELETE_") or is_as_found(deletion.found, stack) or is_moved_by_plan:
        return Checked(stack=deletion.stack, left=steps, untouched=True)
    return overtaken(deletion.stack, stack, "the stack that was to be deleted has moved")


async def _check_protection(
    protection: Protection, steps: StackSteps, clients: Clients, *, is_under_way: bool
) -> Checked | Stopped:
    """Return whether the stack already has the planned termination protection, which only AWS shows."""
    stack = await observe_stack(clients, protection.site, protection.found.stack_id or protection.name)
    if stack is None or not stack.facts.exists:
        return overtaken(protection.stack, stack, "the stack is gone whose termination protection was to be changed")
    if stack.termination_protection == protection.protect:
        return Checked(stack=protection.stack, left=steps[1:])
    if is_under_way or is_as_found(protection.found, stack):
        return Checked(stack=protection.stack, left=steps, untouched=True)
    return overtaken(protection.stack, stack, "its stack is not as it was planned for")


async def _check_policy(
    plan: Plan, policy: StackPolicy, steps: StackSteps, clients: Clients, *, is_under_way: bool
) -> Checked | Stopped:
    """Return whether the stack already has the planned policy, which only AWS shows.

    A policy that was opened for change sets may be restored already: then the change sets show how far it has come.
    """
    stack = await observe_stack(clients, policy.site, policy.found.stack_id or policy.name)
    if stack is None or not stack.facts.exists:
        return overtaken(policy.stack, stack, "the stack is gone whose policy was to be set")
    if policy.opens and (done := await how_far(plan, steps, stack, clients)):
        return done
    deployed = await observe_policy(clients, stack)
    if same_policy(deployed, policy.policy):
        return Checked(stack=policy.stack, left=steps[1:])
    if same_policy(deployed, policy.standing) and (is_under_way or is_as_found(policy.found, stack)):
        return Checked(stack=policy.stack, left=steps, untouched=True)
    return overtaken(policy.stack, stack, "its stack, or the policy of that, is not as it was planned for")


async def how_far(plan: Plan, steps: StackSteps, stack: ObservedStack, clients: Clients) -> Checked | None:
    """Return how far an executed stack has come; None if its last change set is no step of the plan, nor equal to one.

    Raises Stopped if the execution failed.
    """
    executed = steps_executed(plan, steps, stack)
    if not executed and not isinstance(steps[0], Upload) and not is_as_found(steps[0].found, stack):
        executed = await steps_executed_by_same_plan(clients, plan, steps, stack)
    if not executed:
        return None
    name = steps[0].stack
    if stack.facts.operation is Operation.WAIT:
        return Checked(stack=name, left=steps[executed - 1 :], running=stack)
    if stack.facts.good:
        return Checked(stack=name, left=steps[executed:])
    raise Stopped(
        where=name,
        what=f"this plan's change set was executed and ended in {stack.status}; it cannot be executed again",
        next_step=remedy(stack) or PLAN_AGAIN,
    )
