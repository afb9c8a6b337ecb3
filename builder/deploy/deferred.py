"""A deferred change set, made when what it needs is done; it goes on only if it shows what was expected of it."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from builder.assembly.manifest import OutputOf
from builder.aws import Clients
from builder.deploy.change_set import Request, ask
from builder.deploy.desired import DesiredStack
from builder.deploy.expected import beyond
from builder.deploy.guards import trips
from builder.deploy.observe import observe_stack
from builder.deploy.outcome import Deviated
from builder.deploy.outline import Part
from builder.deploy.plan import make_step
from builder.deploy.records import Deferred, Plan, Step
from builder.errors import Failed

if TYPE_CHECKING:
    from builder.terms import StackId


async def make_deferred(
    plan: Plan, deferred: Deferred, clients: Clients, allow: Collection[str]
) -> Step | Deviated | None:
    """Return the step of the change set, made now; Deviated, and left for review, if it shows more than expected.

    None if it turned out to change nothing. The same plan asks for it by the same name, so after a crash what was made
    already is taken up.
    """
    desired = await _bound(deferred, clients)
    part = Part(desired=desired, type=deferred.type, number=deferred.part, found=deferred.found)
    # Whatever command made the plan: if it has to be left, it is somebody's review.
    origin = replace(plan.origin, options=replace(plan.options, by="plan"))
    asked = await ask(clients, origin, Request(desired=desired, type=deferred.type, part=deferred.part))
    step = await make_step(clients, asked, part)
    if step is None:
        return None
    unseen = (
        *beyond(deferred.changes, step.changes),
        *(f"{trip.allow}: {trip.why}" for trip in trips([step]) if trip.allow not in allow),
    )
    return Deviated(deferred.stack, step, unseen) if unseen else step


async def _bound(deferred: Deferred, clients: Clients) -> DesiredStack:
    """Return the stack with every parameter known. Raises Failed for an output that is not there."""
    outputs: dict[StackId, Mapping[str, str]] = {}
    for source, (site, name) in deferred.sources.items():
        stack = await observe_stack(clients, site, name)
        outputs[source] = stack.outputs if stack else {}
    parameters: dict[str, str | OutputOf] = dict(deferred.desired.parameters)
    for parameter, value in deferred.desired.parameters.items():
        if isinstance(value, OutputOf):
            stack_id, output = value.output
            if output not in outputs[stack_id]:
                raise Failed(
                    where=deferred.stack,
                    what=f"parameter {parameter} is the output {output} of {stack_id}, which has none of that name",
                )
            parameters[parameter] = outputs[stack_id][output]
    return replace(deferred.desired, parameters=parameters)
