"""Planning: every change set of every region is made before anything is executed; nothing here executes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from builder.aws import Clients, together
from builder.deploy.change_sets.artifacts import (
    check_bootstraps,
    find_artifacts,
    place_templates,
    uploads_for,
    with_bucket,
)
from builder.deploy.change_sets.change_set import (
    ChangeSetRequest,
    OlderChangeSet,
    PendingChangeSet,
    busy_plans,
    check_mode,
    console_link,
    create_change_set,
    delete_change_set,
    observe_change_sets,
    older_of_ours,
    reviews_of_others,
)
from builder.deploy.change_sets.review import rate_risk, read_findings, review
from builder.deploy.change_sets.steps import discard_change_sets, is_as_found, overtaken
from builder.deploy.desired import MASK, Deployment, bind_account
from builder.deploy.draft.adoption import check_only_tags, no_tags
from builder.deploy.draft.creation import DraftStep
from builder.deploy.draft.draft import DraftPlan, make_draft
from builder.deploy.draft.expected import with_lost
from builder.deploy.draft.parts import no_echo_parameters, without_secrets, without_values
from builder.deploy.handovers.handovers import Handovers, observe_handovers
from builder.deploy.handovers.transfers import check_transfer, with_transfer
from builder.deploy.observe.deployment import observe_deployment
from builder.deploy.observe.stacks import observe_stack
from builder.deploy.plan.both_ways import both_ways_hits
from builder.deploy.plan.deletions import plan_failed_creation, plan_orphans
from builder.deploy.plan.exports import missing_exports, put_importers_first, told_missing, without_made
from builder.deploy.plan.guards import guard_hits
from builder.deploy.plan.policies import check_policies, foretell, opened
from builder.deploy.plan.skipped import check_without
from builder.deploy.progress import Emit, Planned, Planning, RunBegun, Unchanged
from builder.deploy.promotion import Promotion
from builder.deploy.records import (
    PLAN_VERSION,
    Deferred,
    Deletion,
    Origin,
    Orphan,
    PendingReview,
    Plan,
    PlanOptions,
    Protection,
    StackPolicy,
    Step,
)
from builder.errors import AwsError, BuilderError, Stopped
from builder.terms import Arn, Region, StackId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ChangeSetSummaryTypeDef


Lint = Callable[[str, Region], tuple[str, ...]]
"""What a linter has to say of a template in a region, a line each."""


@dataclass(frozen=True, slots=True)
class PlanId:
    """What tells one plan from every other."""

    id: str
    at: str
    """ISO time in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What is asked of planning beside the assembly."""

    options: PlanOptions = PlanOptions()
    remove_orphans: bool = False
    lint: Lint | None = None
    """Is asked about templates that the assembly does not have."""
    promotion: Promotion | None = None
    """The promotion that is under way: its table goes from stack to stack."""
    replaced: Callable[[str], None] | None = None
    """Is told of each older plan whose change sets on the same stacks are deleted then; None leaves them."""


_Made = tuple[Step | None, tuple[PendingReview, ...]]
"""The step of a change set, None if that was empty, and what waits for somebody's review on the same stack."""


@dataclass(frozen=True, slots=True)
class _Planner:
    """What every step of one planning run is made with."""

    origin: Origin
    deployment: Deployment
    clients: Clients
    emit: Emit
    lint: Lint | None
    replaces: bool
    """Whether change sets of older plans go."""
    asked: list[PendingChangeSet] = field(default_factory=list)
    """Every change set of this run that CloudFormation accepted."""
    older: list[OlderChangeSet] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)
    """The ids of plans that are under way elsewhere."""


async def make_plan(
    deployment: Deployment, clients: Clients, plan_id: PlanId, emit: Emit, wish: PlanRequest = PlanRequest()
) -> Plan:
    """Return the plan, its change sets standing in CloudFormation for review.

    Raises Stopped, with every reason, where a stack needs a person first; Failed where a change set could not be
    made. Then, and when it is cancelled, all that this run made is deleted again.
    """
    look = await observe_deployment(deployment, clients, emit, is_moved=wish.promotion is not None)
    deployment = bind_account(deployment, look.account)
    await check_bootstraps(deployment, look.account, clients)
    options = with_bucket(wish.options, deployment)
    check_mode(deployment, look.templates, options)
    handed = await observe_handovers(deployment, look, clients, wish.promotion)
    deployment, look = handed.deployment, handed.deployed
    draft = make_draft(deployment, look, options, transfers=handed.transfers)
    emit(RunBegun(what="plan", stacks=tuple(part.desired.id for part in draft.now)))
    origin = Origin(
        deployment=deployment.name,
        assembly=deployment.digest,
        plan=plan_id.id,
        options=options,
        account=look.account,
    )
    planner = _Planner(origin, deployment, clients, emit, wish.lint, replaces=wish.replaced is not None)
    failed_creations = await together(
        plan_failed_creation(stack, observed, clients) for stack, observed in draft.failed_creations
    )
    try:
        draft, results = await _make_steps(planner, handed, draft)
        orphans = await plan_orphans(look.orphans, clients, draft.stacks, handed, every=wish.remove_orphans)
        work = await put_importers_first(
            [
                *(without_made(step, deployment, look.account) for step, _ in results if step is not None),
                *(_defer(planner, part, draft) for part in draft.later),
            ],
            deployment,
            look,
            clients,
        )
        artifacts = await find_artifacts(deployment, look.account, work, clients)
        work = tuple(_after(one, uploads_for(deployment, one.stack, artifacts)) for one in work)
        made = tuple(one for one in work if isinstance(one, Step))
        in_force = {stack: policy for stack, policy in look.policies.items() if stack not in opened(draft.policies)}
        check_policies(made, in_force)
        deferred = tuple(foretell(one, in_force.get(one.stack)) for one in work if isinstance(one, Deferred))
        pending = tuple(review for _, reviews in results for review in reviews)
        await check_without(deployment, work, clients)
        contested = await both_ways_hits(deployment, look.stacks, work, look.account, clients)
        if wish.replaced is not None:
            pending = await _replace(planner, wish.replaced, pending)
    except (BuilderError, asyncio.CancelledError):
        await asyncio.shield(discard_change_sets(planner.asked, clients))
        raise
    deletions = (*failed_creations, *(one for one in orphans if isinstance(one, Deletion)))
    left_alone = tuple(one for one in orphans if isinstance(one, Orphan))
    return Plan(
        version=PLAN_VERSION,
        id=plan_id.id,
        at=plan_id.at,
        account=look.account,
        deployment=deployment.name,
        assembly=deployment.digest,
        steps=made,
        deferred=deferred,
        deletions=deletions,
        protections=draft.protections,
        policies=draft.policies,
        artifacts=artifacts,
        unchanged=_unchanged(deployment, (*made, *deferred, *draft.policies, *draft.protections)),
        orphans=left_alone,
        guards=(
            *guard_hits((*made, *deferred), deletions, left_alone, draft.protections, draft.policies),
            *contested,
        ),
        pending=pending,
        left_out=tuple(stack.id for stack in deployment.left_out),
        options=options,
    )


async def _make_steps(planner: _Planner, handed: Handovers, draft: DraftPlan) -> tuple[DraftPlan, list[_Made]]:
    """Make every change set that can be made; return what was made, and the outline that is left then.

    Where one of which nobody could tell turns out empty, its stack stays as it is: what waited for that is made too.
    """
    made: dict[tuple[StackId, int], _Made] = {}
    empty: set[StackId] = set()
    needed: set[StackId] = set()
    while True:
        fresh = [part for part in draft.now if (part.desired.id, part.number) not in made]
        later = [part for part in draft.later if part.desired.id not in needed]
        kept = await together(_is_needed(planner, part) for part in later)
        results = await together(_make_step(planner, part) for part in fresh)
        made |= {(part.desired.id, part.number): one for part, one in zip(fresh, results, strict=True)}
        needed |= {part.desired.id for part, is_needed in zip(later, kept, strict=True) if is_needed}
        told = {part.desired.id for part in fresh if made[part.desired.id, part.number][0] is None} - needed
        told |= {part.desired.id for part, is_needed in zip(later, kept, strict=True) if not is_needed}
        if not told or not draft.later:
            return draft, [made[part.desired.id, part.number] for part in draft.now]
        empty |= told
        draft = make_draft(handed.deployment, handed.deployed, planner.origin.options, empty, handed.transfers)


def _unchanged(
    deployment: Deployment, work: tuple[Step | Deferred | Protection | StackPolicy, ...]
) -> tuple[StackId, ...]:
    touched = {one.stack for one in work}
    return tuple(stack.id for stack in deployment.stacks if stack.id not in touched)


async def _is_needed(planner: _Planner, part: DraftStep) -> bool:
    """Return whether a part changes anything; where only hidden values may tell, a change set that is dropped says so.

    AWS shows to nobody what those values are now, so without it every plan would have something to do.
    """
    if not part.hidden or part.type == "CREATE" or part.derived or part.number > 1:
        return True
    request = ChangeSetRequest(desired=part.desired, type=part.type, part=part.number)
    await _place_templates(planner, part)
    asked = await create_change_set(planner.clients, planner.origin, request)
    planner.asked.append(asked)
    reviewed = await review(planner.clients, asked)
    if reviewed is not None:
        await discard_change_sets([asked], planner.clients)
    if reviewed is None or (reviewed.idle and part.only_nested):
        planner.emit(Unchanged(stack=part.desired.id))
        return False
    return True


async def _make_step(planner: _Planner, part: DraftStep) -> _Made:
    """Make a part's change set; return its step, and what waits for somebody's review on the same stack.

    Raises Stopped where somebody else's operation on the stack came in between.
    """
    clients, emit, desired = planner.clients, planner.emit, part.desired
    emit(Planning(stack=desired.id, type=part.type))
    asked = None
    await _place_templates(planner, part)
    try:
        adopts = part.adoption is not None
        request = ChangeSetRequest(
            desired=desired, type=part.type, part=part.number, adopts=adopts, imports=part.targets
        )
        asked = await create_change_set(clients, planner.origin, request)
        planner.asked.append(asked)
        step, there = await asyncio.gather(make_step(clients, asked, part), _standing(clients, asked, part))
    except AwsError as error:
        if moved := await _moved(clients, part, asked):
            raise moved from error
        raise
    if step is None:
        emit(Unchanged(stack=desired.id))
        return None, ()
    emit(Planned(stack=desired.id, changes=len(step.changes)))
    if planner.replaces:
        planner.older.extend(older_of_ours(planner.origin.deployment, step, there))
        planner.busy.update(busy_plans(there))
    return step, reviews_of_others(step, planner.origin.assembly, there)


def _after(step: Step | Deferred, uploads: tuple[StackId, ...]) -> Step | Deferred:
    needs = (*step.needs, *uploads)
    if isinstance(step, Deferred):
        return replace(step, desired=replace(step.desired, needs=needs))
    return replace(step, needs=needs)


async def _place_templates(planner: _Planner, part: DraftStep) -> None:
    await place_templates(planner.deployment, planner.origin.account, part.desired, planner.clients, planner.emit)


async def _replace(
    planner: _Planner, told: Callable[[str], None], pending: tuple[PendingReview, ...]
) -> tuple[PendingReview, ...]:
    """Say which older plans of the deployment this one replaces, delete their change sets, and return what waits on."""
    older = [one for one in planner.older if one.plan not in planner.busy]
    first = {one.plan: one.created for one in sorted(older, key=lambda one: one.created, reverse=True)}
    for plan_id, created in sorted(first.items(), key=lambda item: item[1]):
        stacks = ", ".join(dict.fromkeys(one.stack for one in older if one.plan == plan_id))
        told(f"replaces plan {plan_id} of {created.isoformat(timespec='seconds')}: {stacks}")
    await together(
        delete_change_set(planner.clients, PendingChangeSet(one.stack, one.site, one.change_set, one.stack_arn))
        for one in older
    )
    gone = {one.change_set for one in older}
    return tuple(review for review in pending if review.change_set not in gone)


async def _standing(clients: Clients, asked: PendingChangeSet, part: DraftStep) -> "list[ChangeSetSummaryTypeDef]":
    """Return the change sets on the stack; on one that the request has just brought into being there are no others."""
    if part.found.status is None:
        return []
    return await observe_change_sets(clients, asked.stack, asked.site, asked.stack_arn, holds=asked.change_set)


async def _moved(clients: Clients, part: DraftStep, asked: PendingChangeSet | None) -> Stopped | None:
    """Return the refusal if the stack is not as it was found, or lost the change set that was asked for."""
    desired = part.desired
    stack = await observe_stack(clients, desired.site, desired.name)
    if not is_as_found(part.found, stack):
        now = stack.status if stack is not None else "gone"
        return overtaken(desired.id, stack, f"the stack was moved while it was planned, and is {now} now")
    holds = asked.change_set if asked is not None else None
    there = await observe_change_sets(clients, desired.id, desired.site, Arn(desired.name), holds=holds)
    if asked is not None and asked.change_set not in {one["ChangeSetId"] for one in there}:
        return overtaken(desired.id, stack, "its change set was deleted while it was planned")
    return None


async def make_step(clients: Clients, asked: PendingChangeSet, part: DraftStep) -> Step | None:
    """Return the step of a change set that was asked for, once it is made; None if it turned out to change nothing.

    CloudFormation lists nested stacks whether or not they change: one that lists nothing else is dropped.
    """
    desired, hidden = part.desired, no_echo_parameters(part.desired)
    reviewed = await review(clients, asked)
    if part.adoption is not None:
        if reviewed is None:
            raise no_tags(desired, await observe_stack(clients, desired.site, desired.name))
        check_only_tags(desired.id, reviewed.changes)
    is_import = part.type == "IMPORT"
    if reviewed is not None or is_import:
        check_transfer(desired.id, part.transfer, reviewed.changes if reviewed else (), is_import=is_import)
    if reviewed is None:
        return None
    if reviewed.idle and part.only_nested:
        await delete_change_set(clients, asked)
        return None
    changes = with_transfer(with_lost(reviewed.changes, part.lost), part.transfer)
    return Step(
        stack=desired.id,
        region=desired.region,
        name=desired.name,
        type=part.type,
        change_set=asked.change_set,
        stack_arn=asked.stack_arn,
        template_sha256=desired.sha256,
        parameters={
            name: MASK if name in hidden else str(value)
            for name, value in desired.parameters.items()
            if name not in desired.previous
        },
        needs=desired.needs,
        found=part.found,
        risk=rate_risk(changes),
        console=console_link(asked),
        changes=without_values(changes) if part.secret else changes,
        findings=(
            *await read_findings(clients, asked, reviewed.children),
            *(told_missing(export) for export in missing_exports(reviewed.reason)),
        ),
        part=part.number,
        account=desired.account,
        nested=asked.nested,
        adoption=part.adoption,
    )


def _defer(planner: _Planner, part: DraftStep, draft: DraftPlan) -> Deferred:
    return Deferred(
        desired=without_secrets(part.desired),
        type=part.type,
        because=part.because,
        part=part.number,
        sources={stack: draft.places[stack] for stack in part.desired.sources},
        changes=part.expected,
        risk=rate_risk(part.expected),
        found=part.found,
        findings=planner.lint(part.desired.template, part.desired.region) if planner.lint and part.derived else (),
    )
