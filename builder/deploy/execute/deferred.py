"""The change set of a deferred step: created once all its needs are done, and compared with the plan."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from builder.assembly.components import OutputOf
from builder.aws import Clients
from builder.deploy import progress
from builder.deploy.change_sets.artifacts import place_templates
from builder.deploy.change_sets.change_set import ChangeSetRequest, create_change_set
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.draft.dependants import moving
from builder.deploy.draft.expected import beyond
from builder.deploy.draft.parts import no_echo_parameters, parts_from
from builder.deploy.draft.records import DraftStep
from builder.deploy.handovers.transfers import NO_TRANSFER, Transfer
from builder.deploy.observe.deployment import taken
from builder.deploy.observe.stacks import observe_policy, observe_stack, observe_template, unless_lagging
from builder.deploy.plan.guards import guard_hits
from builder.deploy.plan.judgement import check_made, observe_context
from builder.deploy.plan.policies import denials
from builder.deploy.plan.saved import TrustedInput, narrowed
from builder.deploy.plan.step import review_step
from builder.deploy.records import Deferred, Plan, Step
from builder.errors import Failed, Stopped

if TYPE_CHECKING:
    from builder.terms import StackId


async def make_deferred(  # noqa: PLR0913, PLR0917 - as execute_plan
    plan: Plan,
    trusted: TrustedInput,
    deferred: Deferred,
    clients: Clients,
    allow: Collection[str],
    emit: progress.Emit,
) -> Step | progress.ReviewRequired | None:
    """Create the change set and return its step; ReviewRequired, and keep it, if it shows more than expected.

    None if it is empty. It is created from the assembly and the deployed stacks, never from the plan's file, under a
    name that follows from the plan: after a crash the existing one is used.
    """
    deployment = narrowed(plan, trusted.deployment)
    part = await _next_part(plan, deployment, deferred, clients, trusted.transfers.get(deferred.stack, NO_TRANSFER))
    expected = deferred.changes if trusted.is_own else part.expected
    part = replace(part, desired=await _with_values(deployment, part.desired, clients), number=deferred.part)
    # Whichever command made the plan: a change set that has to stay waits for review, as one of `plan` does.
    origin = replace(plan.origin, options=replace(plan.options, by="plan"))
    request = ChangeSetRequest(desired=part.desired, type=part.type, part=part.number, imports=part.targets)
    await place_templates(deployment, plan.account, part.desired, clients, emit)
    afresh = not trusted.is_own and bool(no_echo_parameters(part.desired))
    pending = await create_change_set(clients, origin, request, afresh=afresh)
    step = await review_step(clients, pending, part)
    if step is None:
        return None
    if not trusted.is_own:
        # Its name and its Description are no secret: somebody else may have created it.
        await check_made(await observe_context(plan, deployment, clients, trusted.transfers), step, part)
    unseen = (
        *beyond(expected, step.changes),
        *(f"{hit.allow}: {hit.why}" for hit in guard_hits([step]) if hit.allow not in allow),
        *(f"the stack policy denies {line}" for line in await _denied(deployment, step, clients)),
    )
    return progress.ReviewRequired(deferred.stack, step, unseen) if unseen else step


async def _denied(deployment: Deployment, step: Step, clients: Clients) -> tuple[str, ...]:
    """Return what the stack's current policy denies of a change set that was just created."""
    if step.type == "CREATE" or deployment.stack(step.stack).stack_policy is None:
        return ()
    stack = await observe_stack(clients, step.site, step.stack_arn)
    return () if stack is None else denials(step.changes, await observe_policy(clients, stack))


async def _next_part(
    plan: Plan, deployment: Deployment, deferred: Deferred, clients: Clients, transfer: Transfer
) -> DraftStep:
    """Return the next change set of the stack as it is deployed now.

    Raises Stopped where the number of remaining change sets differs from the plan's: somebody else changed the stack.
    """
    left = sum(step.stack == deferred.stack and step.part >= deferred.part for step in plan.change_sets)
    desired = deployment.stack(deferred.stack)

    async def read() -> DraftStep | Stopped:
        stack = await observe_stack(clients, desired.site, desired.name)
        exists = stack is not None and stack.facts.exists
        template = await observe_template(clients, stack) if stack is not None and exists else None
        try:
            return parts_from(desired, stack, template, left, moving(deployment, desired.id), transfer)[0]
        except Stopped as refusal:
            return refusal

    # A read may lag behind the change set before this one.
    part = await unless_lagging(read, lambda part: isinstance(part, Stopped))
    if isinstance(part, Stopped):
        raise part
    return part


async def _with_values(deployment: Deployment, desired: DesiredStack, clients: Clients) -> DesiredStack:
    """Return the stack with every parameter known. Raises Failed for a missing output."""
    places = {stack.id: stack for stack in (*deployment.stacks, *deployment.left_out)}
    outputs: dict[StackId, Mapping[str, str]] = {}
    for source in desired.sources:
        stack = await observe_stack(clients, places[source].site, places[source].name)
        outputs[source] = stack.outputs if stack else {}
    parameters = dict(desired.parameters)
    for parameter, value in desired.parameters.items():
        if isinstance(value, OutputOf):
            stack_id, output = value.output
            if output not in outputs[stack_id]:
                raise Failed(
                    where=desired.id,
                    what=f"parameter {parameter} is the output {output} of {stack_id}, which has none of that name",
                )
            parameters[parameter] = taken(outputs[stack_id][output], value, desired.id)
    return replace(desired, parameters=parameters)
