"""What a claimed plan will do to each stack, judged anew from what is deployed and from the assembly.

In this order: the deployed stacks and templates are read; `parts_from` gives the change sets from them to the assembly;
each change set of the plan is read as AWS shows it, and compared (`expected`); later creations and deletions are put
together anew. So the guards that follow are of what will happen, not of what a file says.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from builder.assembly.components import OutputOf
from builder.aws import Clients, call, together
from builder.deploy.change_sets.change_set import (
    ChangeSetRequest,
    PendingChangeSet,
    change_set_name,
    looks_inside,
    options_of,
)
from builder.deploy.change_sets.review import rate_risk, review
from builder.deploy.desired import MASK, TAG_DEPLOYMENT, Deployment, DesiredStack
from builder.deploy.draft.adoption import beyond_tags
from builder.deploy.draft.dependants import moving
from builder.deploy.draft.draft import check_previous, decide
from builder.deploy.draft.expected import ExpectedChangeSet, ShownChangeSet, differences, read_shown, with_lost
from builder.deploy.draft.parts import no_echo_parameters, parts_from, without_secrets
from builder.deploy.draft.records import DraftStep, Keep, NeedsChangeSet
from builder.deploy.handovers.transfers import NO_TRANSFER, Transfer, check_transfer, with_transfer
from builder.deploy.observe.deployment import observe_other_regions
from builder.deploy.observe.stacks import (
    LAG_S,
    READ_AGAIN_S,
    ObservedStack,
    SiteView,
    is_ours,
    observe_policy,
    observe_stack,
    observe_template,
    of_deployment,
    once_there,
)
from builder.deploy.plan.deletions import check_failed_creation, observe_held
from builder.deploy.plan.guards import guard_hits
from builder.deploy.plan.policies import check_policies, opened
from builder.deploy.records import (
    PLAN_AGAIN,
    AnyStep,
    Deferred,
    Deletion,
    GuardHit,
    Orphan,
    Plan,
    Protection,
    ResourceChange,
    StackPolicy,
    Step,
)
from builder.deploy.step_order import StackSteps
from builder.errors import AwsError, BuilderError, Stopped, gathered
from builder.resource_types import GLOBAL_TABLE
from builder.template import same_policy
from builder.terms import Operation, StackId, StackPlace


@dataclass(frozen=True, slots=True)
class JudgementContext:
    """What a plan is judged by: the assembly and what AWS shows, not the plan's file."""

    plan: Plan
    deployment: Deployment
    """The assembly's, without the regions that the plan skips."""
    deployed: Mapping[StackPlace, ObservedStack]
    clients: Clients
    transfers: Mapping[StackId, Transfer] = field(default_factory=dict)
    """The data that stacks import and release."""

    def transfer(self, stack: StackId) -> Transfer:
        """Return the data that a stack imports and releases."""
        return self.transfers.get(stack, NO_TRANSFER)

    def stack(self, desired: DesiredStack) -> ObservedStack | None:
        """Return a stack as deployed; None where it is not."""
        return self.deployed.get(StackPlace(desired.site, desired.name))


@dataclass(frozen=True, slots=True)
class JudgedStack:
    """The remaining steps of one stack, from AWS and the assembly."""

    steps: StackSteps
    guards: tuple[GuardHit, ...] = ()
    """Guard hits that no change set shows."""


async def observe_context(
    plan: Plan, deployment: Deployment, clients: Clients, transfers: Mapping[StackId, Transfer] = MappingProxyType({})
) -> JudgementContext:
    """Read every stack in the deployment's regions; return them as the context of the judgement."""
    by_site = await together(SiteView(clients, site).every_stack() for site in deployment.sites)
    deployed = {StackPlace(stack.site, stack.name): stack for stacks in by_site for stack in stacks}
    return JudgementContext(plan, deployment, deployed, clients, transfers)


async def judge_stack(context: JudgementContext, steps: StackSteps) -> JudgedStack | None:
    """Return the stack's steps as AWS shows them; None if one of its change sets was deleted.

    Raises Stopped, with every reason, where a step does not follow from the assembly.
    """
    desired = next((stack for stack in context.deployment.stacks if stack.id == steps[0].stack), None)
    deletions = tuple([await _judge_deletion(context, step, desired) for step in steps if isinstance(step, Deletion)])
    settings: StackSteps = tuple(step for step in steps if isinstance(step, StackPolicy | Protection))
    policy = await _deployed_policy(context, desired, steps) if not deletions else None
    settings = tuple(_judge_setting(step, policy) for step in settings)
    change_sets = tuple(step for step in steps if isinstance(step, Step | Deferred))
    if desired is None or not change_sets:
        return JudgedStack((*deletions, *settings))
    observed = None if deletions else context.stack(desired)
    try:
        template = await _template_of(observed, context.clients)
        moved, transfer = moving(context.deployment, desired.id), context.transfer(desired.id)
        parts = parts_from(desired, observed, template, len(change_sets), moved, transfer)
        judged = [
            await _judge_change_set(context, step, part, later=step is not change_sets[0] or bool(deletions))
            for step, part in zip(change_sets, parts, strict=True)
        ]
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return None
        raise
    is_open = desired.id in opened(step for step in settings if isinstance(step, StackPolicy))
    in_force = {} if is_open else {desired.id: policy}
    check_policies((step for step in judged if isinstance(step, Step)), in_force)
    hidden = [hit for step in judged if isinstance(step, Step) and not step.adoption for hit in _hidden(step, desired)]
    first = tuple(step for step in settings if isinstance(step, StackPolicy) and step.opens)
    rest = tuple(step for step in settings if step not in first)
    return JudgedStack((*deletions, *first, *judged, *rest), tuple(hidden))


async def judge_needs(
    context: JudgementContext, stack_steps: Mapping[StackId, StackSteps], done: Collection[StackId]
) -> tuple[GuardHit, ...]:
    """Return a guard hit for every needed stack that differs from the assembly and that the plan does not change."""
    needed = dict.fromkeys(need for steps in stack_steps.values() for step in steps for need in step.needs)
    known = {stack.id: stack for stack in context.deployment.stacks}
    open_needs = [need for need in needed if need in known and need not in stack_steps and need not in done]
    hits = await together(_judge_need(context, known[need]) for need in open_needs)
    return tuple(hit for hit in hits if hit is not None)


async def check_done(context: JudgementContext, done: Collection[StackId]) -> None:
    """Raise Stopped unless every executed stack matches the assembly.

    Only an ARN in the plan's file, or a Description, shows that change sets of the plan were executed: others may have
    been.
    """
    known = {stack.id: stack for stack in context.deployment.stacks}
    await together(_check_done(context, known[stack]) for stack in done if stack in known)


async def judge_guards(context: JudgementContext, stack_steps: Mapping[StackId, StackSteps]) -> tuple[GuardHit, ...]:
    """Return every guard hit of the remaining steps."""
    steps = tuple(step for steps in stack_steps.values() for step in steps)
    changing = tuple(step for step in steps if isinstance(step, Step | Deferred))
    deletions = tuple(step for step in steps if isinstance(step, Deletion))
    protections = tuple(step for step in steps if isinstance(step, Protection))
    adds = any(change.action == "Add" and change.type == GLOBAL_TABLE for step in changing for change in step.changes)
    orphans = await _orphans(context, {deletion.stack_arn for deletion in deletions}) if adds else ()
    policies = tuple(step for step in steps if isinstance(step, StackPolicy))
    return guard_hits(changing, deletions, orphans, protections, policies)


async def check_made(context: JudgementContext, step: Step, part: DraftStep) -> None:
    """Raise Stopped unless a change set with the plan's name, whoever created it, is the part's."""
    # It has just been created, or found: a read may lag behind that.
    shown = await once_there(lambda: _observe_change_set(context, step, part))
    if faults := (*differences(*shown), *_imports(context, part, step.changes)):
        raise _refused(step, faults)


async def _template_of(observed: ObservedStack | None, clients: Clients) -> object:
    return await observe_template(clients, observed) if observed is not None and observed.facts.exists else None


async def _deployed_policy(context: JudgementContext, desired: DesiredStack | None, steps: StackSteps) -> str | None:
    observed = context.stack(desired) if desired is not None else None
    if desired is None or observed is None or not observed.facts.exists:
        return None
    if desired.stack_policy is None and not any(isinstance(step, StackPolicy) for step in steps):
        return None
    return await observe_policy(context.clients, observed)


async def judge_settings(context: JudgementContext, steps: StackSteps) -> StackSteps:
    """Return the steps of a stack whose change set runs, with the deployed policy in them. Raises Stopped."""
    desired = next((stack for stack in context.deployment.stacks if steps and stack.id == steps[0].stack), None)
    policy = await _deployed_policy(context, desired, steps)
    return tuple(_judge_setting(step, policy) for step in steps)


def _judge_setting(step: AnyStep, deployed: str | None) -> AnyStep:
    if not isinstance(step, StackPolicy):
        return step
    if not any(same_policy(deployed, known) for known in (step.standing, step.policy)):
        what = "the stack policy that stands is neither the one that the plan replaces, nor the one that it sets"
        raise Stopped(where=step.stack, what=what, next_step=PLAN_AGAIN)
    # A policy that is set already replaces no other.
    return replace(step, standing=None if same_policy(deployed, step.policy) else deployed)


async def _judge_change_set(
    context: JudgementContext, step: Step | Deferred, part: DraftStep, *, later: bool
) -> Step | Deferred:
    if isinstance(step, Deferred):
        # Its order was judged already: the assembly's needs, and those that planning read from AWS.
        desired = replace(without_secrets(part.desired), needs=step.needs)
        risk = rate_risk(part.expected)
        return replace(step, desired=desired, type=part.type, changes=part.expected, risk=risk)
    if later:
        raise Stopped(where=step.stack, what="its change set has to be made later", next_step=PLAN_AGAIN)
    if step.template_sha256 != part.desired.sha256:
        # By the template, others' change sets that wait for a review differ from those equal to the step.
        raise _refused(step, ("the plan was made with another template than the assembly's",))
    shown, template, expected = await _observe_change_set(context, step, part)
    if faults := differences(shown, template, expected):
        raise _refused(step, faults)
    pending = PendingChangeSet(step.stack, step.site, step.change_set, step.stack_arn, nested=expected.nested)
    reviewed = await review(context.clients, pending)
    changes = with_transfer(with_lost(reviewed.changes, part.lost), part.transfer) if reviewed else ()
    check_transfer(step.stack, part.transfer, changes, is_import=part.type == "IMPORT")
    if faults := (*_imports(context, part, changes), *(beyond_tags(changes) if part.adoption is not None else ())):
        raise _refused(step, faults)
    hidden = no_echo_parameters(part.desired)
    return replace(
        step,
        type=part.type,
        template_sha256=part.desired.sha256,
        parameters={name: MASK if name in hidden else value for name, value in expected.parameters.items()},
        changes=changes,
        nested=expected.nested,
        risk=rate_risk(changes),
        adoption=part.adoption,
    )


def _imports(context: JudgementContext, part: DraftStep, changes: tuple[ResourceChange, ...]) -> tuple[str, ...]:
    """Return what a change set imports without being asked to.

    One of type IMPORT imports what its maker named, whatever the template states: where a step is one, its imports have
    been compared row by row.
    """
    if context.plan.options.import_existing or part.type == "IMPORT":
        return ()
    return tuple(
        f"it takes in {change.physical_id or 'what exists'} as {change.logical_id}"
        for change in changes
        if change.action == "Import"
    )


def _refused(step: Step, faults: tuple[str, ...]) -> Stopped:
    lines = "\n  ".join(faults)
    return Stopped(
        where=step.stack,
        what=f"its change set {step.change_set} is not what the assembly says:\n  {lines}\nIt was not executed",
        next_step=PLAN_AGAIN,
    )


async def _observe_change_set(
    context: JudgementContext, step: Step, part: DraftStep
) -> tuple[ShownChangeSet, object, ExpectedChangeSet]:
    """Return a step's change set as AWS shows it, its template, and what both should be."""
    client = context.clients.of(step.site).cloudformation(step.region)
    template = await call(step.stack, client.get_template, ChangeSetName=step.change_set, TemplateStage="Original")
    answer = await call(step.stack, client.describe_change_set, ChangeSetName=step.change_set)
    return read_shown(answer), template["TemplateBody"], _expect_change_set(context, step, part)


def _expect_change_set(context: JudgementContext, step: Step, part: DraftStep) -> ExpectedChangeSet:
    desired = part.desired
    request = ChangeSetRequest(desired=desired, type=part.type, adopts=part.adoption is not None)
    options = options_of(request, context.plan.options)
    observed = context.stack(desired)
    return ExpectedChangeSet(
        name=change_set_name(context.plan.deployment, context.plan.id, step.part),
        stack_name=desired.name,
        stack_arn=observed.arn if observed is not None else step.stack_arn,
        template=desired.template,
        parameters=bind_parameters(context, desired),
        previous=desired.previous,
        tags=desired.tags,
        capabilities=frozenset(desired.capabilities),
        imports_existing=options.import_existing,
        mode=options.deployment_mode,
        nested=looks_inside(part.type, options, desired),
        notification_arns=frozenset(observed.notification_arns) if observed else frozenset(),
        rollback_triggers=frozenset(observed.rollback_triggers) if observed else frozenset(),
    )


def bind_parameters(context: JudgementContext, desired: DesiredStack) -> dict[str, str]:
    """Return the stack's parameters with deployed outputs as values. Raises Stopped for a missing output."""
    places = {stack.id: stack for stack in (*context.deployment.stacks, *context.deployment.left_out)}
    own = context.stack(desired)
    previous = own.parameters if own is not None else {}
    check_previous(desired, previous)
    values = {}
    for name, value in desired.parameters_over(previous).items():
        if not isinstance(value, OutputOf):
            values[name] = value
            continue
        source, output = value.output
        stack = context.stack(places[source])
        if stack is None or output not in stack.outputs:
            what = f"its parameter {name} is the output {output} of {source}, which does not stand"
            raise Stopped(where=desired.id, what=what, next_step=PLAN_AGAIN)
        values[name] = stack.outputs[output]
    return values


def _hidden(step: Step, desired: DesiredStack) -> list[GuardHit]:
    why = "its value is NoEcho: AWS shows to nobody whether the change set has the assembly's"
    names = sorted(no_echo_parameters(desired) & desired.parameters.keys())
    return [GuardHit(stack=step.stack, logical_id=name, why=why, allow=f"{step.stack}/{name}") for name in names]


async def _check_done(context: JudgementContext, desired: DesiredStack) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    while await _differs(context, desired) and not await _is_just_adopted(context, desired):
        # A read may lag behind the execution.
        if loop.time() - began > LAG_S:
            what = "a change set of the plan's was executed here, and the stack is not as the assembly says"
            raise Stopped(where=desired.id, what=what, next_step=PLAN_AGAIN)
        await asyncio.sleep(READ_AGAIN_S)
        context = await observe_context(context.plan, context.deployment, context.clients)


async def _is_just_adopted(context: JudgementContext, desired: DesiredStack) -> bool:
    """Return whether the last operation on a stack is its planned adoption, which changed only tags.

    The executed change set shows that: the adoption excuses no other difference from the assembly.
    """
    stack = context.stack(desired)
    if stack is None or stack.change_set is None or not is_ours(stack, context.plan.deployment):
        return False
    if not any(step.stack == desired.id and step.adoption is not None for step in context.plan.steps):
        return False
    executed = PendingChangeSet(desired.id, desired.site, stack.change_set, stack.arn)
    try:
        reviewed = await review(context.clients, executed)
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return False
        raise
    return reviewed is not None and not beyond_tags(reviewed.changes)


async def _differs(context: JudgementContext, desired: DesiredStack) -> bool:
    """Return whether a stack differs from the assembly. Raises Stopped where that is unknown."""
    observed = context.stack(desired)
    template = await _template_of(observed, context.clients)
    parameters = bind_parameters(context, desired)
    decision = decide(context.deployment, replace(desired, parameters=parameters), observed, template)
    # Where only a change set could tell, AWS shows no difference.
    return not (isinstance(decision, Keep) or (isinstance(decision, NeedsChangeSet) and not decision.certain))


async def _judge_need(context: JudgementContext, desired: DesiredStack) -> GuardHit | None:
    try:
        differs = await _differs(context, desired)
    except BuilderError as error:
        what = f"is needed, and the plan leaves it out: {error.what}"
        raise Stopped(where=desired.id, what=what, next_step=PLAN_AGAIN) from error
    if not differs:
        return None
    why = "what needs it is executed, and it is neither in the plan nor as the assembly says"
    return GuardHit(stack=desired.id, logical_id="LeftOut", why=why, allow=f"{desired.id}/LeftOut")


async def _judge_deletion(context: JudgementContext, deletion: Deletion, desired: DesiredStack | None) -> Deletion:
    stack = await observe_stack(context.clients, deletion.site, deletion.stack_arn)
    if stack is None or stack.status == "DELETE_COMPLETE":
        return deletion
    ours = of_deployment((stack,), context.plan.deployment)
    faults = []
    if not ours:
        faults.append(f"the stack that is to be deleted does not carry {TAG_DEPLOYMENT}={context.plan.deployment}")
    if stack.arn != deletion.stack_arn or stack.name != deletion.name:
        faults.append(f"what is to be deleted is {stack.arn}")
    is_failed_creation = stack.facts.operation is Operation.REBUILD or stack.status.startswith("DELETE_")
    if desired is not None and not is_failed_creation:
        faults.append(f"the stack that is to be deleted is in the assembly, and in {stack.status}")
    if faults:
        raise gathered([Stopped(where=deletion.stack, what=fault, next_step=PLAN_AGAIN) for fault in faults])
    # The data that the plan's own change sets on the stack release.
    planned = {step.stack for step in context.plan.change_sets if (step.site, step.name) == (deletion.site, stack.name)}
    released = {name for stack_id in planned for name in context.transfer(stack_id).releases}
    resources = tuple(
        resource for resource in await observe_held(stack, context.clients) if resource.logical_id not in released
    )
    if desired is not None:
        check_failed_creation(desired, stack, resources)
    return replace(deletion, resources=resources, protected=stack.termination_protection)


async def _orphans(context: JudgementContext, deleted: Collection[str]) -> tuple[Orphan, ...]:
    """Return the orphans with their contents, except those that the plan deletes."""
    places = {
        StackPlace(stack.site, stack.name): stack.id
        for stack in (*context.deployment.stacks, *context.deployment.left_out)
    }
    seen = tuple(context.deployed.values())
    ours = {places[place]: stack for place, stack in context.deployed.items() if place in places and stack.facts.exists}
    templates = dict(
        zip(ours, await together(observe_template(context.clients, stack) for stack in ours.values()), strict=True)
    )
    seen += await observe_other_regions(context.deployment, seen, templates, context.clients)
    orphans = [
        stack
        for stack in of_deployment(seen, context.deployment.name)
        if StackPlace(stack.site, stack.name) not in places and stack.arn not in deleted
    ]
    held = await together(observe_held(stack, context.clients) for stack in orphans)
    return tuple(
        Orphan(
            stack=StackId(f"{stack.region}/{stack.name}"),
            region=stack.region,
            resources=resources,
            account=stack.site.account,
        )
        for stack, resources in zip(orphans, held, strict=True)
    )
