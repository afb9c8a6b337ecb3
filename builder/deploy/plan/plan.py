"""Planning: every change set of every region is created before anything is executed; nothing here executes.

`make_plan` is the whole story: read what is deployed, draft what has to be done, create the change sets, order them,
check them. Its parts follow in that order.
"""

import asyncio
from collections.abc import Callable, Sequence
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
    create_change_set,
    delete_change_set,
    observe_change_sets,
    older_of_ours,
    reviews_of_others,
)
from builder.deploy.change_sets.review import rate_risk, review
from builder.deploy.change_sets.steps import discard_change_sets, is_as_found, overtaken
from builder.deploy.desired import Deployment, bind_account
from builder.deploy.draft.draft import make_draft
from builder.deploy.draft.parts import without_secrets
from builder.deploy.draft.records import DraftPlan, DraftStep
from builder.deploy.handovers.handovers import Handovers, observe_handovers
from builder.deploy.observe.deployment import ObservedDeployment, observe_deployment
from builder.deploy.observe.stacks import observe_stack
from builder.deploy.plan.both_ways import both_ways_hits
from builder.deploy.plan.deletions import plan_failed_creation, plan_orphans
from builder.deploy.plan.exports import put_importers_first, without_made
from builder.deploy.plan.guards import guard_hits
from builder.deploy.plan.independence import check_independent
from builder.deploy.plan.policies import check_policies, foretell, opened
from builder.deploy.plan.step import review_step
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
    PostponedStack,
    Step,
    Upload,
)
from builder.errors import AwsError, BuilderError, Stopped
from builder.terms import Arn, Region, StackId

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ChangeSetSummaryTypeDef


Lint = Callable[[str, Region], tuple[str, ...]]
"""Return a linter's findings for a template in a region, a line each."""


@dataclass(frozen=True, slots=True)
class PlanId:
    """A plan's id and time, which no other plan has."""

    id: str
    at: str
    """ISO time in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What a plan is made for, besides the assembly."""

    options: PlanOptions = PlanOptions()
    remove_orphans: bool = False
    lint: Lint | None = None
    """Called for templates that the assembly does not have."""
    promotion: Promotion | None = None
    """The promotion that is under way: its table moves from stack to stack."""
    postponed: tuple[PostponedStack, ...] = ()
    """The stacks that the deployment leaves out because their work depends on a skipped region."""
    replaced: Callable[[str], None] | None = None
    """Called for each older plan whose change sets on the same stacks are deleted; None keeps them."""


async def make_plan(
    deployment: Deployment, clients: Clients, plan_id: PlanId, emit: Emit, request: PlanRequest = PlanRequest()
) -> Plan:
    """Return the plan; its change sets wait in CloudFormation for review.

    Raises Stopped, with every reason, where a person has to act on a stack first; Failed where a change set could not
    be created. Then, and when it is cancelled, everything that this run created is deleted again.
    """
    deployed = await observe_deployment(deployment, clients, emit, is_moved=request.promotion is not None)
    deployment = bind_account(deployment, deployed.account)
    await check_bootstraps(deployment, deployed.account, clients)
    options = with_bucket(request.options, deployment)
    check_mode(deployment, deployed.templates, options)
    handovers = await observe_handovers(
        deployment, deployed, clients, request.promotion, import_existing=options.import_existing
    )
    draft = make_draft(handovers.deployment, handovers.deployed, options, transfers=handovers.transfers)
    emit(RunBegun(what="plan", stacks=tuple(part.desired.id for part in draft.now)))
    origin = Origin(
        deployment=deployment.name,
        assembly=deployment.digest,
        plan=plan_id.id,
        options=options,
        account=deployed.account,
    )
    planner = _Planner(plan_id, origin, handovers, clients, emit, request)
    try:
        return await _make_from_draft(planner, draft)
    except (BuilderError, asyncio.CancelledError):
        await asyncio.shield(discard_change_sets(planner.created, clients))
        raise


@dataclass(frozen=True, slots=True)
class _Planner:
    """What one planning run works with, and what it has created so far."""

    plan_id: PlanId
    origin: Origin
    handovers: Handovers
    clients: Clients
    emit: Emit
    request: PlanRequest
    created: list[PendingChangeSet] = field(default_factory=list)
    """Every change set of this run that CloudFormation accepted."""
    older: list[OlderChangeSet] = field(default_factory=list)
    """Change sets of older plans on the same stacks, where they are to be replaced."""
    busy: set[str] = field(default_factory=set)
    """The ids of plans that other runs execute or create now."""

    @property
    def deployment(self) -> Deployment:
        """The deployment, with the orphans that release data."""
        return self.handovers.deployment

    @property
    def deployed(self) -> ObservedDeployment:
        """What is deployed of the deployment."""
        return self.handovers.deployed


@dataclass(frozen=True, slots=True)
class _MadeChangeSet:
    """The result of creating a change set of the draft."""

    step: Step | None
    """None if it was empty."""
    reviews: tuple[PendingReview, ...] = ()
    """The change sets that wait for somebody's review on the same stack."""


async def _make_from_draft(planner: _Planner, draft: DraftPlan) -> Plan:
    """Create the change sets of a draft, and return the plan of what they show."""
    deployment, deployed, clients = planner.deployment, planner.deployed, planner.clients
    failed_creations = await together(
        plan_failed_creation(stack, observed, clients) for stack, observed in draft.failed_creations
    )
    draft, made = await _make_change_sets(planner, draft)
    orphans = await plan_orphans(
        deployed.orphans, clients, draft.stacks, planner.handovers, every=planner.request.remove_orphans
    )
    work, artifacts = await _order_work(planner, draft, made)
    work = _apply_policies(planner, draft, work)
    await check_independent(deployment, work, clients)
    contested = await both_ways_hits(deployment, deployed.stacks, work, deployed.account, clients)
    pending = await _replace_older_plans(planner, made)
    plan = Plan(
        version=PLAN_VERSION,
        id=planner.plan_id.id,
        at=planner.plan_id.at,
        account=deployed.account,
        deployment=deployment.name,
        assembly=deployment.digest,
        steps=tuple(step for step in work if isinstance(step, Step)),
        deferred=tuple(step for step in work if isinstance(step, Deferred)),
        deletions=(*failed_creations, *(orphan for orphan in orphans if isinstance(orphan, Deletion))),
        protections=draft.protections,
        policies=draft.policies,
        artifacts=artifacts,
        orphans=tuple(orphan for orphan in orphans if isinstance(orphan, Orphan)),
        pending=pending,
        left_out=tuple(stack.id for stack in deployment.left_out if stack.region in deployment.skipped),
        postponed=planner.request.postponed,
        options=planner.origin.options,
    )
    hits = guard_hits(plan.change_sets, plan.deletions, plan.orphans, plan.protections, plan.policies)
    changed = {step.stack for step in plan.changing}
    unchanged = tuple(stack.id for stack in deployment.stacks if stack.id not in changed)
    return replace(plan, unchanged=unchanged, guards=(*hits, *contested))


async def _make_change_sets(planner: _Planner, draft: DraftPlan) -> tuple[DraftPlan, list[_MadeChangeSet]]:
    """Create every change set that can be created now; return the steps and the remaining draft.

    Where one of uncertain need is empty, its stack is unchanged: then the change sets that waited for it are created
    too.
    """
    made: dict[tuple[StackId, int], _MadeChangeSet] = {}
    unchanged: set[StackId] = set()
    needed: set[StackId] = set()
    while True:
        fresh = [part for part in draft.now if _key(part) not in made]
        later = [part for part in draft.later if part.desired.id not in needed]
        are_needed = await together(_is_needed(planner, part) for part in later)
        results = await together(_make_change_set(planner, part) for part in fresh)
        made |= {_key(part): result for part, result in zip(fresh, results, strict=True)}
        needed |= {part.desired.id for part, is_needed in zip(later, are_needed, strict=True) if is_needed}
        empty = {part.desired.id for part in fresh if made[_key(part)].step is None} - needed
        empty |= {part.desired.id for part, is_needed in zip(later, are_needed, strict=True) if not is_needed}
        if not empty or not draft.later:
            return draft, [made[_key(part)] for part in draft.now]
        unchanged |= empty
        draft = make_draft(
            planner.deployment, planner.deployed, planner.origin.options, unchanged, planner.handovers.transfers
        )


def _key(part: DraftStep) -> tuple[StackId, int]:
    return part.desired.id, part.number


async def _is_needed(planner: _Planner, part: DraftStep) -> bool:
    """Return whether a step changes anything. For hidden values, create a change set, delete it and look.

    AWS hides the deployed values, so without that change set every plan would have something to do.
    """
    if not part.hidden or part.type == "CREATE" or part.derived or part.number > 1:
        return True
    request = ChangeSetRequest(desired=part.desired, type=part.type, part=part.number)
    await _place_templates(planner, part)
    pending = await create_change_set(planner.clients, planner.origin, request)
    planner.created.append(pending)
    reviewed = await review(planner.clients, pending)
    if reviewed is not None:
        await discard_change_sets([pending], planner.clients)
    if reviewed is None or (reviewed.idle and part.only_nested):
        planner.emit(Unchanged(stack=part.desired.id))
        return False
    return True


async def _make_change_set(planner: _Planner, part: DraftStep) -> _MadeChangeSet:
    """Create the change set of a part; return its step, and what waits for somebody's review on the same stack.

    Raises Stopped if somebody else's operation on the stack came in between.
    """
    clients, emit, desired = planner.clients, planner.emit, part.desired
    emit(Planning(stack=desired.id, type=part.type))
    pending = None
    await _place_templates(planner, part)
    try:
        adopts = part.adoption is not None
        request = ChangeSetRequest(
            desired=desired, type=part.type, part=part.number, adopts=adopts, imports=part.targets
        )
        pending = await create_change_set(clients, planner.origin, request)
        planner.created.append(pending)
        step, summaries = await asyncio.gather(
            review_step(clients, pending, part), _observe_change_sets(clients, pending, part)
        )
    except AwsError as error:
        if moved := await _observe_move(clients, part, pending):
            raise moved from error
        raise
    if step is None:
        emit(Unchanged(stack=desired.id))
        return _MadeChangeSet(None)
    emit(Planned(stack=desired.id, changes=len(step.changes)))
    if planner.request.replaced is not None:
        planner.older.extend(older_of_ours(planner.origin.deployment, step, summaries))
        planner.busy.update(busy_plans(summaries))
    return _MadeChangeSet(step, reviews_of_others(step, planner.origin.assembly, summaries))


async def _place_templates(planner: _Planner, part: DraftStep) -> None:
    await place_templates(planner.deployment, planner.origin.account, part.desired, planner.clients, planner.emit)


async def _observe_change_sets(
    clients: Clients, pending: PendingChangeSet, part: DraftStep
) -> "list[ChangeSetSummaryTypeDef]":
    """Return the change sets on the stack; none where this one created the stack, which then has no others."""
    if part.found.status is None:
        return []
    return await observe_change_sets(clients, pending.stack, pending.site, pending.stack_arn, holds=pending.change_set)


async def _observe_move(clients: Clients, part: DraftStep, pending: PendingChangeSet | None) -> Stopped | None:
    """Return the refusal if the stack is not as it was observed, or lost the change set that this run created."""
    desired = part.desired
    stack = await observe_stack(clients, desired.site, desired.name)
    if not is_as_found(part.found, stack):
        now = stack.status if stack is not None else "gone"
        return overtaken(desired.id, stack, f"the stack was moved while it was planned, and is {now} now")
    holds = pending.change_set if pending is not None else None
    summaries = await observe_change_sets(clients, desired.id, desired.site, Arn(desired.name), holds=holds)
    if pending is not None and pending.change_set not in {summary["ChangeSetId"] for summary in summaries}:
        return overtaken(desired.id, stack, "its change set was deleted while it was planned")
    return None


async def _order_work(
    planner: _Planner, draft: DraftPlan, made: Sequence[_MadeChangeSet]
) -> tuple[tuple[Step | Deferred, ...], tuple[Upload, ...]]:
    """Return the change sets, created and deferred, each with all its needs; and the artifacts that they take.

    An update that changes an export needs the export's importers; what takes an upload needs the upload.
    """
    deployment, deployed, clients = planner.deployment, planner.deployed, planner.clients
    steps = (without_made(result.step, deployment, deployed.account) for result in made if result.step is not None)
    deferred = (_defer(planner, part, draft) for part in draft.later)
    work = await put_importers_first([*steps, *deferred], deployment, deployed, clients)
    artifacts = await find_artifacts(deployment, deployed.account, work, clients)
    return tuple(_after(step, uploads_for(deployment, step.stack, artifacts)) for step in work), artifacts


def _defer(planner: _Planner, part: DraftStep, draft: DraftPlan) -> Deferred:
    lint = planner.request.lint
    return Deferred(
        desired=without_secrets(part.desired),
        type=part.type,
        because=part.because,
        part=part.number,
        sources={stack: draft.places[stack] for stack in part.desired.sources},
        changes=part.expected,
        risk=rate_risk(part.expected),
        found=part.found,
        findings=lint(part.desired.template, part.desired.region) if lint and part.derived else (),
    )


def _after(step: Step | Deferred, uploads: tuple[StackId, ...]) -> Step | Deferred:
    needs = (*step.needs, *uploads)
    if isinstance(step, Deferred):
        return replace(step, desired=replace(step.desired, needs=needs))
    return replace(step, needs=needs)


def _apply_policies(
    planner: _Planner, draft: DraftPlan, work: tuple[Step | Deferred, ...]
) -> tuple[Step | Deferred, ...]:
    """Return the change sets, a deferred one with what its stack's policy may deny.

    Raises Stopped for a created one.
    """
    opens = opened(draft.policies)
    in_force = {stack: policy for stack, policy in planner.deployed.policies.items() if stack not in opens}
    check_policies((step for step in work if isinstance(step, Step)), in_force)
    return tuple(foretell(step, in_force.get(step.stack)) if isinstance(step, Deferred) else step for step in work)


async def _replace_older_plans(planner: _Planner, made: Sequence[_MadeChangeSet]) -> tuple[PendingReview, ...]:
    """Delete the change sets of older plans, if requested; return the pending reviews that remain."""
    pending = tuple(review for result in made for review in result.reviews)
    if planner.request.replaced is None:
        return pending
    older = [change_set for change_set in planner.older if change_set.plan not in planner.busy]
    first = {
        change_set.plan: change_set.created
        for change_set in sorted(older, key=lambda change_set: change_set.created, reverse=True)
    }
    for plan_id, created in sorted(first.items(), key=lambda item: item[1]):
        stacks = ", ".join(dict.fromkeys(change_set.stack for change_set in older if change_set.plan == plan_id))
        planner.request.replaced(f"replaces plan {plan_id} of {created.isoformat(timespec='seconds')}: {stacks}")
    await together(
        delete_change_set(
            planner.clients,
            PendingChangeSet(change_set.stack, change_set.site, change_set.change_set, change_set.stack_arn),
        )
        for change_set in older
    )
    gone = {change_set.change_set for change_set in older}
    return tuple(review for review in pending if review.change_set not in gone)
