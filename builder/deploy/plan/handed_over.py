"""A saved plan beside what has changed hands since it was made, read from AWS once more."""

from dataclasses import replace

from builder.aws import Clients, together
from builder.deploy.desired import Deployment
from builder.deploy.handovers.handovers import as_deployed, observe_handovers
from builder.deploy.observe.deployment import observe_deployment
from builder.deploy.observe.stacks import observe_stack, observe_template
from builder.deploy.plan.saved import TrustedInput, narrowed
from builder.deploy.progress import Emit
from builder.deploy.records import Plan
from builder.template import as_shown
from builder.terms import StackId


async def without_gone(plan: Plan, deployment: Deployment, clients: Clients) -> Plan:
    """Return the plan without what it does to stacks before it deletes them, where their deletion has begun by now.

    Nothing of it can be seen any more. A stack that the assembly has is not among them.
    """
    known = {stack.id for stack in deployment.stacks}
    others = {(step.site, step.name): step.stack for step in plan.changing if step.stack not in known}
    deletions = [one for one in plan.deletions if (one.site, one.name) in others]
    seen = await together(observe_stack(clients, one.site, one.stack_arn) for one in deletions)
    gone = {
        others[one.site, one.name]
        for one, stack in zip(deletions, seen, strict=True)
        if stack is None or stack.status.startswith("DELETE_")
    }
    if not gone:
        return plan

    def needs(of: tuple[StackId, ...]) -> tuple[StackId, ...]:
        return tuple(need for need in of if need not in gone)

    return replace(
        plan,
        steps=tuple(replace(one, needs=needs(one.needs)) for one in plan.steps if one.stack not in gone),
        deferred=tuple(
            replace(one, desired=replace(one.desired, needs=needs(one.needs)))
            for one in plan.deferred
            if one.stack not in gone
        ),
        policies=tuple(replace(one, needs=needs(one.needs)) for one in plan.policies if one.stack not in gone),
        protections=tuple(replace(one, needs=needs(one.needs)) for one in plan.protections if one.stack not in gone),
        deletions=tuple(replace(one, needs=needs(one.needs)) for one in plan.deletions),
    )


async def with_handovers(plan: Plan, trusted: TrustedInput, clients: Clients, emit: Emit) -> TrustedInput:
    """Return what an execution knows by itself, with what changes hands in the plan, read from AWS once more.

    A stack that the assembly no longer has and that has let go of its data by now stays as it is.
    """
    known = {stack.id for stack in trusted.deployment.stacks}
    others = [step for step in plan.change_sets if step.stack not in known]
    if trusted.promotion is None and not any(stack.existing for stack in trusted.deployment.stacks):
        return trusted
    if not others and not any(step.type == "IMPORT" for step in plan.change_sets):
        return trusted
    deployment = narrowed(plan, trusted.deployment)
    look = await observe_deployment(deployment, clients, emit, is_moved=trusted.promotion is not None)
    handed = await observe_handovers(deployment, look, clients, trusted.promotion)
    wanted = {(step.site, step.name): step.stack for step in others}
    named = {stack.id for stack in handed.deployment.stacks}
    done = [stack for stack in handed.deployed.orphans if wanted.get((stack.site, stack.name), "") not in {"", *named}]
    templates = await together(observe_template(clients, stack) for stack in done)
    stay = tuple(
        as_deployed(wanted[stack.site, stack.name], stack, as_shown(template))
        for stack, template in zip(done, templates, strict=True)
    )
    leaving = (*handed.deployment.leaving, *(stack.id for stack in stay))
    deployment = replace(handed.deployment, stacks=(*handed.deployment.stacks, *stay), leaving=leaving)
    return replace(trusted, deployment=deployment, transfers=handed.transfers)
