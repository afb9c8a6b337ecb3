"""What each stack needs, and which change sets a plan consists of; pure.

`decide` is total over every status: it compares what a stack should be with what is deployed. `make_draft` calls it for
every stack and returns the change sets: those that can be created now, and the others with what they may show.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType

from builder.assembly.components import OutputOf
from builder.assembly.manifest import ParameterValue
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.draft.adoption import check_adoptable
from builder.deploy.draft.creation import after_others, changes_unseen, is_made
from builder.deploy.draft.dependants import wait_for_makers, wait_for_names
from builder.deploy.draft.parts import other_parameters, policies_of, protections_of, stack_parts
from builder.deploy.draft.records import Adopt, DecidedStack, Decision, DraftPlan, Keep, NeedsChangeSet, Rebuild
from builder.deploy.handovers.transfers import (
    NO_TRANSFER,
    Transfer,
)
from builder.deploy.observe.deployment import ObservedDeployment, may_nest, taken
from builder.deploy.observe.stacks import ObservedStack, is_ours
from builder.deploy.records import PlanOptions
from builder.errors import Stopped, gathered
from builder.graph import closure, make_order
from builder.template import Comparison, compare_template, read_template
from builder.terms import Operation, StackId

_LEFT_BY_FAILURE = frozenset({"CREATE_FAILED", "UPDATE_FAILED"})


def decide(
    deployment: Deployment,
    desired: DesiredStack,
    observed: ObservedStack | None,
    template: object,
    *,
    unrolled: bool = False,
) -> Decision:
    """Return what the stack needs.

    `template` is GetTemplate's answer for an observed stack, None where nothing is deployed. No operation runs on the
    stack: the caller has waited for it. `unrolled` is whether failures of the stack are never rolled back: the next
    update continues from where it failed.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
    Raises Stopped for a stack that belongs to somebody else for good, or in a status that takes no change set.
    """
    if observed is None or observed.facts.operation is Operation.CREATE:
        check_previous(desired, {})
        return NeedsChangeSet("CREATE")
    if not is_ours(observed, deployment.name):
        check_adoptable(desired, observed, template, deployment.name)
        return Adopt()
    if unrolled and observed.status in _LEFT_BY_FAILURE:
        check_previous(desired, observed.parameters)
        return NeedsChangeSet("UPDATE")
    match observed.facts.operation:
        case Operation.UPDATE:
            check_previous(desired, observed.parameters)
            return _compare(desired, observed, template)
        case Operation.REBUILD:
            check_previous(desired, {})
            return Rebuild()
        case Operation.WAIT | Operation.RECOVER | Operation.REFUSE:
            reason = f": {observed.status_reason}" if observed.status_reason else ""
            raise Stopped(
                where=desired.id,
                what=f"the stack is in {observed.status} and cannot take a change set{reason}",
                next_step=remedy(observed),
            )


def _compare(desired: DesiredStack, observed: ObservedStack, template: object) -> NeedsChangeSet | Keep:
    """Return what the stack needs to become as desired, as far as templates, parameters and tags show."""
    comparison = compare_template(desired.template, template)
    if comparison is Comparison.DIFFERENT or other_parameters(desired, observed) or desired.tags != observed.tags:
        return NeedsChangeSet("UPDATE")
    # Only a change set shows whether a nested stack's template has changed.
    unseen = may_nest(desired.template) or changes_unseen(read_template(desired.template, desired.id))
    if comparison is Comparison.NOT_KNOWN or unseen:
        return NeedsChangeSet("UPDATE", certain=False)
    return Keep()


def check_previous(desired: DesiredStack, previous: Mapping[str, str]) -> None:
    """Raise Stopped if a parameter keeps a value that the stack does not have, or if there is no stack."""
    if lacking := sorted(desired.previous - previous.keys()):
        names = ", ".join(lacking)
        raise Stopped(
            where=desired.id,
            what=f"parameter {names} is to keep its previous value, and the stack {desired.name} has none"
            + ("" if previous else ": it does not stand, or is created anew"),
            next_step=f"give {names} a value; `previous` is for a stack that has it",
        )


def remedy(stack: ObservedStack) -> str:
    """Return the command that remedies the stack's status, and its effect; empty where planning again does.

    Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html (status codes) and
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
    """
    match stack.facts.operation:
        case Operation.RECOVER:
            return "python -m builder plan --recover    shows what it would roll back, and asks; so does deploy"
        case Operation.REFUSE if stack.status == "DELETE_FAILED":
            return "python -m builder destroy    finishes the deletion, and that of the whole deployment"
        case Operation.REFUSE:
            # CloudFormation documents no way out of this status: it takes neither a rollback nor a change set.
            return (
                f"aws cloudformation describe-stack-events --region {stack.region} --stack-name {stack.name}"
                "    names what could not be imported: put that right and ask AWS Support to bring the stack back,"
                " or python -m builder destroy"
            )
        case Operation.WAIT:
            return "the same command again    waits for the operation's end"
        case Operation.CREATE | Operation.UPDATE | Operation.REBUILD:
            return ""


def make_draft(
    deployment: Deployment,
    deployed: ObservedDeployment,
    options: PlanOptions = PlanOptions(),
    empty: Collection[StackId] = (),
    transfers: Mapping[StackId, Transfer] = MappingProxyType({}),
) -> DraftPlan:
    """Return what has to be done to each stack; with REVERT_DRIFT also where only CloudFormation can tell.

    `empty` are stacks whose change sets turned out to be empty; `transfers` the data that stacks import and release.
    Raises Stopped, with every reason, where a person has to act on a stack first.
    """
    decided = _after_releases(_decide_all(deployment, deployed, options, empty, transfers), transfers)
    new_stacks = frozenset(stack.desired.id for stack in decided if is_made(stack.decision))
    parts = [
        part
        for stack in decided
        for part in stack_parts(
            after_others(stack, new_stacks), deployed, new_stacks, transfers.get(stack.desired.id, NO_TRANSFER)
        )
    ]
    return DraftPlan(
        now=tuple(part for part in parts if not part.is_deferred),
        later=tuple(part for part in parts if part.is_deferred),
        failed_creations=tuple(
            (stack.desired, deployed.stacks[stack.desired.id])
            for stack in decided
            if isinstance(stack.decision, Rebuild)
        ),
        places={stack.id: (stack.site, stack.name) for stack in (*deployment.stacks, *deployment.left_out)},
        protections=tuple(
            protection for stack in decided for protection in protections_of(stack.desired, stack.decision, deployed)
        ),
        policies=tuple(
            policy
            for stack in decided
            for policy in policies_of(stack, deployed, transfers.get(stack.desired.id, NO_TRANSFER))
        ),
    )


def _after_releases(
    decided: tuple[DecidedStack, ...], transfers: Mapping[StackId, Transfer]
) -> tuple[DecidedStack, ...]:
    """Defer each stack whose import needs another stack's release.

    Raises Stopped where the releasing stack needs the importing one.
    """
    needs = {stack.desired.id: stack.desired.needs for stack in decided}
    ordered = []
    for stack in decided:
        stack_id = stack.desired.id
        # Data that two stacks have is changed after one has released it: else they would revert each other's changes.
        twice = (name for name, transfer in transfers.items() if stack_id in transfer.releases.values())
        sources = tuple(dict.fromkeys((*transfers.get(stack_id, NO_TRANSFER).sources.values(), *twice)))
        for source in sources:
            if stack_id in closure(needs, source):
                raise Stopped(
                    where=stack_id,
                    what=f"imports data that {source} releases, and {source} needs it",
                    next_step=f"take out of {source} what needs {stack_id}, deploy that, and put it back after that",
                )
        does = "imports" if transfers.get(stack_id, NO_TRANSFER).imports else "changes"
        because = tuple(f"{does} data after {source} has released it" for source in sources)
        desired = replace(stack.desired, needs=tuple(dict.fromkeys((*stack.desired.needs, *sources))))
        ordered.append(replace(stack, desired=desired, because=(*stack.because, *because)))
    return tuple(ordered)


def _decide_all(
    deployment: Deployment,
    deployed: ObservedDeployment,
    options: PlanOptions,
    empty: Collection[StackId],
    transfers: Mapping[StackId, Transfer],
) -> tuple[DecidedStack, ...]:
    """Decide about every stack, after those whose values it takes; return the decisions in the assembly's order."""
    stacks = {stack.id: stack for stack in deployment.stacks}
    decided: dict[StackId, DecidedStack] = {}
    faults = []
    for stack_id in make_order({stack.id: stack.needs for stack in deployment.stacks}):
        stay = {
            name: deployed.stacks[name] for name, stack in decided.items() if isinstance(stack.decision, Keep | Adopt)
        }
        desired = _bind(stacks[stack_id], stay)
        observed = deployed.stacks.get(stack_id)
        try:
            unrolled = stack_id in options.unrolled
            decision = decide(deployment, desired, observed, deployed.templates.get(stack_id), unrolled=unrolled)
        except Stopped as fault:
            transfer, is_leaving = transfers.get(stack_id, NO_TRANSFER), stack_id in deployment.leaving
            faults.append(_with_data(fault, observed, transfer, is_leaving=is_leaving))
            continue
        if isinstance(decision, Adopt):
            decided[stack_id] = DecidedStack(desired=desired, decision=decision)
            continue
        # Values of other stacks may change, and no template shows a change made by hand.
        if isinstance(decision, Keep) and (desired.sources or options.deployment_mode == "REVERT_DRIFT"):
            decision = NeedsChangeSet("UPDATE", certain=False)
        if stack_id in empty:
            decision = Keep()
        because = (f"takes an output of {', '.join(desired.sources)}",) if desired.sources else ()
        decided_stack = DecidedStack(desired=desired, decision=decision, because=because)
        decided[stack_id] = wait_for_makers(decided_stack, deployment, decided, deployed)
    if faults:
        raise gathered(faults)
    decided = wait_for_names(decided, deployed)
    return tuple(decided[stack.id] for stack in deployment.stacks)


def _with_data(fault: Stopped, observed: ObservedStack | None, transfer: Transfer, *, is_leaving: bool) -> Stopped:
    """Return the refusal of a stack that is to release or import data, with how the data is kept.

    For an orphan that `is_leaving`, none of our commands recovers anything.
    Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html (RetainResources),
    API_RollbackStack and API_ContinueUpdateRollback
    """
    if observed is None or not (transfer.releases or transfer.imports):
        return fault
    of_stack = f"--region {observed.region} --stack-name {observed.name}"
    names = " ".join(transfer.releases)
    match observed.facts.operation, observed.status:
        case Operation.REFUSE, "DELETE_FAILED" if names:
            helps = f"aws cloudformation delete-stack {of_stack} --retain-resources {names}    ends the deletion and "
            helps += f"keeps {names} with all that is in it; then plan again"
        case Operation.REFUSE, "DELETE_FAILED":
            helps = (
                f"aws cloudformation delete-stack {of_stack}    ends the deletion: what is to be imported is not in it"
            )
        case Operation.RECOVER, "UPDATE_FAILED" if is_leaving:
            helps = (
                f"aws cloudformation rollback-stack {of_stack}    brings it to where data can leave it; then plan again"
            )
        case Operation.RECOVER, _ if is_leaving:
            helps = f"aws cloudformation continue-update-rollback {of_stack}    brings it to where data can leave it; "
            helps += "then plan again"
        case Operation.REBUILD, _ if is_leaving:
            what = f"the stack is in {observed.status} and takes nothing but its deletion, which would take {names} too"
            helps = f"deletion protection of {names}, and then aws cloudformation delete-stack {of_stack}    ends in "
            helps += "DELETE_FAILED with the data as it is; plan again tells how it goes on from there"
            return Stopped(where=fault.where, what=what, next_step=helps)
        case _:
            return fault
    return Stopped(where=fault.where, what=fault.what, next_step=helps)


def _bind(desired: DesiredStack, sources: Mapping[StackId, ObservedStack]) -> DesiredStack:
    """Return the stack with the value of every parameter that is an output of an unchanged stack."""

    def known(value: ParameterValue) -> ParameterValue:
        if isinstance(value, OutputOf) and (source := sources.get(value.output[0])):
            _, output = value.output
            return taken(source.outputs[output], value, desired.id) if output in source.outputs else value
        return value

    return replace(desired, parameters={name: known(value) for name, value in desired.parameters.items()})
