"""A saved plan and the data that has moved since it was made, read from AWS again."""

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
    """Return the plan without its other steps on stacks whose planned deletion has begun.

    AWS no longer shows anything of these steps. Only orphans are concerned, not stacks of the assembly.
    """
    known = {stack.id for stack in deployment.stacks}
    others = {(step.site, step.name): step.stack for step in plan.changing if step.stack not in known}
    deletions = [deletion for deletion in plan.deletions if (deletion.site, deletion.name) in others]
    seen = await together(observe_stack(clients, deletion.site, deletion.stack_arn) for deletion in deletions)
    gone = {
        others[deletion.site, deletion.name]
        for deletion, stack in zip(deletions, seen, strict=True)
        if stack is None or stack.status.startswith("DELETE_")
    }
    if not gone:
        return plan

    def needs(of: tuple[StackId, ...]) -> tuple[StackId, ...]:
        return tuple(need for need in of if need not in gone)

    return replace(
        plan,
        steps=tuple(replace(step, needs=needs(step.needs)) for step in plan.steps if step.stack not in gone),
        deferred=tuple(
            replace(deferred, desired=replace(deferred.desired, needs=needs(deferred.needs)))
            for deferred in plan.deferred
            if deferred.stack not in gone
        ),
        policies=tuple(
            replace(policy, needs=needs(policy.needs)) for policy in plan.policies if policy.stack not in gone
        ),
        protections=tuple(
            replace(protection, needs=needs(protection.needs))
            for protection in plan.protections
            if protection.stack not in gone
        ),
        deletions=tuple(replace(deletion, needs=needs(deletion.needs)) for deletion in plan.deletions),
    )


async def with_handovers(plan: Plan, trusted: TrustedInput, clients: Clients, emit: Emit) -> TrustedInput:
    """Return the trusted input with the plan's handovers, read from AWS again.

    An orphan that has released its data already keeps its template.
    """
    known = {stack.id for stack in trusted.deployment.stacks}
    others = [step for step in plan.change_sets if step.stack not in known]
    if trusted.promotion is None and not any(stack.existing for stack in trusted.deployment.stacks):
        return trusted
    if not others and not any(step.type == "IMPORT" for step in plan.change_sets):
        return trusted
    deployment = narrowed(plan, trusted.deployment)
    deployed = await observe_deployment(deployment, clients, emit, is_moved=trusted.promotion is not None)
    options = plan.options if trusted.is_own else trusted.options
    handovers = await observe_handovers(
        deployment, deployed, clients, trusted.promotion, import_existing=options.import_existing
    )
    planned = {(step.site, step.name): step.stack for step in others}
    named = {stack.id for stack in handovers.deployment.stacks}
    done = [
        stack for stack in handovers.deployed.orphans if planned.get((stack.site, stack.name), "") not in {"", *named}
    ]
    templates = await together(observe_template(clients, stack) for stack in done)
    stay = tuple(
        as_deployed(planned[stack.site, stack.name], stack, as_shown(template))
        for stack, template in zip(done, templates, strict=True)
    )
    leaving = (*handovers.deployment.leaving, *(stack.id for stack in stay))
    deployment = replace(handovers.deployment, stacks=(*handovers.deployment.stacks, *stay), leaving=leaving)
    return replace(trusted, deployment=deployment, transfers=handovers.transfers)
