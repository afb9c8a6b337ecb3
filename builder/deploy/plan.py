"""Planning: every change set of every region is made before anything is executed; nothing here executes."""

import asyncio
from dataclasses import dataclass, field

from builder.aws import Clients, call, together
from builder.deploy.change_set import Asked, ask, console_link, read_findings, review
from builder.deploy.changes import rate_risk
from builder.deploy.decide import Change, decide
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.discard import discard_asked
from builder.deploy.look import Look, look_around
from builder.deploy.observe import ObservedStack
from builder.deploy.progress import Emit, Planned, Planning, Unchanged
from builder.deploy.records import PLAN_VERSION, Found, PendingReview, Plan, Step
from builder.errors import BuilderError, Stopped, gathered
from builder.terms import Arn


@dataclass(frozen=True, slots=True)
class Seal:
    """What tells one plan from every other."""

    id: str
    at: str
    """ISO time in UTC."""


@dataclass(frozen=True, slots=True)
class _Planner:
    """What every step of one planning run is made with."""

    deployment: Deployment
    clients: Clients
    seal: Seal
    emit: Emit
    asked: list[Asked] = field(default_factory=list)
    """Every change set of this run that CloudFormation accepted."""


async def make_plan(deployment: Deployment, clients: Clients, seal: Seal, emit: Emit) -> Plan:
    """Return the plan, its change sets standing in CloudFormation for review.

    Raises Stopped, with every reason, where a stack needs a person first; Failed where a change set could not be
    made. Then, and when it is cancelled, all that this run made is deleted again.
    """
    look = await look_around(deployment, clients, emit)
    changes = _decide_all(deployment, look)
    planner = _Planner(deployment, clients, seal, emit)
    try:
        made = await together(
            _make_step(planner, stack, change, look.stacks.get(stack.id)) for stack, change in changes
        )
        steps = tuple(step for step in made if step is not None)
        pending = await _pending_reviews(steps, clients)
    except (BuilderError, asyncio.CancelledError):
        await asyncio.shield(discard_asked(planner.asked, clients))
        raise
    planned = {step.stack for step in steps}
    return Plan(
        version=PLAN_VERSION,
        id=seal.id,
        at=seal.at,
        account=look.account,
        deployment=deployment.name,
        assembly=deployment.digest,
        steps=steps,
        unchanged=tuple(stack.id for stack in deployment.stacks if stack.id not in planned),
        orphans=look.orphans,
        pending=pending,
    )


def _decide_all(deployment: Deployment, look: Look) -> list[tuple[DesiredStack, Change]]:
    changes, faults = [], []
    for stack in deployment.stacks:
        try:
            decision = decide(deployment, stack, look.stacks.get(stack.id), look.templates.get(stack.id))
        except Stopped as fault:
            faults.append(fault)
        else:
            if isinstance(decision, Change):
                changes.append((stack, decision))
    if faults:
        raise gathered(faults)
    return changes


async def _make_step(
    planner: _Planner, desired: DesiredStack, change: Change, observed: ObservedStack | None
) -> Step | None:
    clients, emit = planner.clients, planner.emit
    emit(Planning(stack=desired.id, type=change.type))
    asked = await ask(clients, planner.deployment, desired, planner.seal.id, change.type)
    planner.asked.append(asked)
    reviewed = await review(clients, asked)
    if reviewed is None:
        emit(Unchanged(stack=desired.id))
        return None
    emit(Planned(stack=desired.id, changes=len(reviewed.changes)))
    return Step(
        stack=desired.id,
        region=desired.region,
        name=desired.name,
        type=change.type,
        change_set=asked.change_set,
        stack_arn=asked.stack_arn,
        template_sha256=desired.sha256,
        parameters={name: str(value) for name, value in desired.parameters.items()},
        needs=desired.needs,
        found=_found(observed),
        risk=rate_risk(reviewed.changes),
        console=console_link(asked),
        changes=reviewed.changes,
        findings=await read_findings(clients, asked),
        termination_protection=desired.termination_protection,
    )


def _found(observed: ObservedStack | None) -> Found:
    if observed is None:
        return Found()
    return Found(status=observed.status, stack_id=observed.arn, last_change=observed.last_change)


async def _pending_reviews(steps: tuple[Step, ...], clients: Clients) -> tuple[PendingReview, ...]:
    """Name what waits for review on the same stacks: executing a step deletes the stack's other change sets."""
    found = await together(_others(step, clients) for step in steps if step.found.status is not None)
    return tuple(review for reviews in found for review in reviews)


async def _others(step: Step, clients: Clients) -> list[PendingReview]:
    client = clients.cloudformation(step.region)

    def every_page() -> list[PendingReview]:
        return [
            PendingReview(
                stack=step.stack,
                change_set=Arn(summary["ChangeSetId"]),
                created=summary["CreationTime"].isoformat(),
            )
            for page in client.get_paginator("list_change_sets").paginate(StackName=step.stack_arn)
            for summary in page["Summaries"]
            if summary["ChangeSetId"] != step.change_set and summary["ExecutionStatus"] == "AVAILABLE"
        ]

    return await call(step.stack, every_page)
