"""A deferred change set, made when what it needs is done; it goes on only if it shows what was expected of it."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from builder.assembly.components import OutputOf
from builder.aws import Clients
from builder.deploy.change_set import Request, ask
from builder.deploy.claim import Trusted, narrowed
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.expected import beyond
from builder.deploy.guards import trips
from builder.deploy.judgement import check_made, survey_ground
from builder.deploy.later import moving
from builder.deploy.observe import LAG_S, LOOK_S, observe_stack, observe_template
from builder.deploy.outcome import Deviated
from builder.deploy.outline import Part, no_echo_parameters, parts_from
from builder.deploy.outputs import taken
from builder.deploy.plan import make_step
from builder.deploy.records import Deferred, Plan, Step
from builder.errors import Failed, Stopped

if TYPE_CHECKING:
    from builder.terms import StackId


async def make_deferred(
    plan: Plan, trusted: Trusted, deferred: Deferred, clients: Clients, allow: Collection[str]
) -> Step | Deviated | None:
    """Return the step of the change set, made now; Deviated, and left for review, if it shows more than expected.

    None if it turned out to change nothing. What it is made of comes from the assembly and what stands, never from the
    plan's file. The same plan asks for it by the same name, so after a crash what was made already is taken up.
    """
    deployment = narrowed(plan, trusted.deployment)
    part = await _part_to_make(plan, deployment, deferred, clients)
    expected = deferred.changes if trusted.is_own else part.expected
    part = replace(part, desired=await _bound(deployment, part.desired, clients), number=deferred.part)
    # Whatever command made the plan: if it has to be left, it is somebody's review.
    origin = replace(plan.origin, options=replace(plan.options, by="plan"))
    request = Request(desired=part.desired, type=part.type, part=part.number)
    asked = await ask(clients, origin, request, afresh=not trusted.is_own and bool(no_echo_parameters(part.desired)))
    step = await make_step(clients, asked, part)
    if step is None:
        return None
    if not trusted.is_own:
        # Its name and its Description are no secret: somebody may have been there before.
        await check_made(await survey_ground(plan, deployment, clients), step, part)
    unseen = (
        *beyond(expected, step.changes),
        *(f"{trip.allow}: {trip.why}" for trip in trips([step]) if trip.allow not in allow),
    )
    return Deviated(deferred.stack, step, unseen) if unseen else step


async def _part_to_make(plan: Plan, deployment: Deployment, deferred: Deferred, clients: Clients) -> Part:
    """Return the change set that comes next on the stack, as it stands now.

    Raises Stopped where another number of change sets is left than the plan has: somebody else was at the stack.
    """
    change_sets: tuple[Step | Deferred, ...] = (*plan.steps, *plan.deferred)
    left = sum(one.stack == deferred.stack and one.part >= deferred.part for one in change_sets)
    desired = deployment.stack(deferred.stack)
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        stack = await observe_stack(clients, desired.site, desired.name)
        stands = stack is not None and stack.facts.exists
        template = await observe_template(clients, stack) if stack is not None and stands else None
        try:
            return parts_from(desired, stack, template, left, moving(deployment, desired.id))[0]
        except Stopped:
            # A read may lag behind the change set before this one.
            if loop.time() - started > LAG_S:
                raise
        await asyncio.sleep(LOOK_S)


async def _bound(deployment: Deployment, desired: DesiredStack, clients: Clients) -> DesiredStack:
    """Return the stack with every parameter known. Raises Failed for an output that is not there."""
    places = {stack.id: stack for stack in (*deployment.stacks, *deployment.left_out)}
    outputs: dict[StackId, Mapping[str, str]] = {}
    for source in desired.sources:
        stack = await observe_stack(clients, places[source].site, places[source].name)
        outputs[source] = stack.outputs if stack else {}
    parameters: dict[str, str | OutputOf] = dict(desired.parameters)
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
