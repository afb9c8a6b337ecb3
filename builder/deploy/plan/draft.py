"""What each stack needs, and which change sets a plan consists of; pure.

`decide` is total over every status, from what a stack should be and what stands. `make_draft` asks it of every stack
and tells which change sets that makes, which of them can be made now, and what the others may show.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from builder.assembly.components import OutputOf
from builder.assembly.manifest import ParameterValue
from builder.deploy.desired import MASK, TAG_DEPLOYMENT, Deployment, DesiredStack
from builder.deploy.observe.deployment import ObservedDeployment, may_nest, taken
from builder.deploy.observe.stacks import ObservedStack, is_ours
from builder.deploy.plan.adoption import adopted, check_adoptable, to_come
from builder.deploy.plan.creation import (
    DraftStep,
    after_others,
    awaited,
    changes_unseen,
    is_made,
    make_creations,
    with_transforms,
)
from builder.deploy.plan.dependants import (
    Adopt,
    DecidedStack,
    Decision,
    Keep,
    NeedsChangeSet,
    Rebuild,
    wait_for_makers,
    wait_for_names,
)
from builder.deploy.plan.expected import expect_changes, lost_between
from builder.deploy.plan.sequence import Ends, make_sequence
from builder.deploy.records import Adoption, FoundStack, PlanOptions, Protection, ResourceChange, StackPolicy
from builder.errors import Stopped, gathered
from builder.graph import make_order
from builder.template import Comparison, compare_template, read_deployed, read_template, same_policy
from builder.terms import Operation, Site, StackId, StackName

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

    `template` is what GetTemplate shows of an observed stack, None where nothing is deployed. A stack with an
    operation under way is waited for before this is asked. `unrolled` says that the stack's failures are never rolled
    back: it is updated from where one left it.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
    Raises Stopped for a stack that is another's for good, or in a status that takes no change set.
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
    """Return what the stack needs to become as desired, as far as templates, parameters and tags tell."""
    comparison = compare_template(desired.template, template)
    if comparison is Comparison.DIFFERENT or other_parameters(desired, observed) or desired.tags != observed.tags:
        return NeedsChangeSet("UPDATE")
    # What a nested stack's template holds by now, only a change set can tell.
    unseen = may_nest(desired.template) or changes_unseen(read_template(desired.template, desired.id))
    if comparison is Comparison.NOT_KNOWN or unseen:
        return NeedsChangeSet("UPDATE", certain=False)
    return Keep()


def other_parameters(desired: DesiredStack, observed: ObservedStack) -> bool:
    """Return whether the stack is to be given other parameters than it has."""
    parameters = desired.parameters_over(observed.parameters)
    if parameters == observed.parameters:
        return False
    # DescribeStacks shows those that were left to the template's default as well.
    defaults = read_template(desired.template, desired.id).defaults
    return {**defaults, **parameters} != observed.parameters


def check_previous(desired: DesiredStack, standing: Mapping[str, str]) -> None:
    """Raise Stopped where a parameter is to keep a value, and the stack has none of that name or does not stand."""
    if lacking := sorted(desired.previous - standing.keys()):
        names = ", ".join(lacking)
        raise Stopped(
            where=desired.id,
            what=f"parameter {names} is to keep its previous value, and the stack {desired.name} has none"
            + ("" if standing else ": it does not stand, or is created anew"),
            next_step=f"give {names} a value; `previous` is for a stack that has it",
        )


def remedy(stack: ObservedStack) -> str:
    """Return the command that leads on, and what it does; empty where planning anew does.

    Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html (status codes) and
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
    """
    match stack.facts.operation:
        case Operation.RECOVER:
            return "python -m builder plan --recover    shows what it would roll back, and asks; so does deploy"
        case Operation.REFUSE if stack.status == "DELETE_FAILED":
            return "python -m builder destroy    finishes the deletion, and that of the whole deployment"
        case Operation.REFUSE:
            # CloudFormation documents no way back from here: neither a rollback nor a change set is taken.
            return (
                f"aws cloudformation describe-stack-events --region {stack.region} --stack-name {stack.name}"
                "    names what could not be imported: put that right and ask AWS Support to bring the stack back,"
                " or python -m builder destroy"
            )
        case Operation.WAIT:
            return "the same command again    waits for the operation's end"
        case Operation.CREATE | Operation.UPDATE | Operation.REBUILD:
            return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPlan:
    """A plan before anything is asked of AWS for it."""

    now: tuple[DraftStep, ...]
    later: tuple[DraftStep, ...]
    failed_creations: tuple[tuple[DesiredStack, ObservedStack], ...]
    """What is left of failed creations, to be deleted first."""
    places: Mapping[StackId, tuple[Site, StackName]]
    protections: tuple[Protection, ...] = ()
    policies: tuple[StackPolicy, ...] = ()

    @property
    def stacks(self) -> tuple[StackId, ...]:
        """Every stack that the plan does something with."""
        made = (part.desired.id for part in (*self.now, *self.later))
        ids = (*made, *(step.stack for step in self.policies), *(step.stack for step in self.protections))
        return tuple(dict.fromkeys(ids))


def make_draft(
    deployment: Deployment,
    look: ObservedDeployment,
    options: PlanOptions = PlanOptions(),
    empty: Collection[StackId] = (),
) -> DraftPlan:
    """Return what has to be done about each stack; to put drift right, also where only CloudFormation can tell.

    `empty` are stacks of which CloudFormation has told by an empty change set that nothing changes.
    Raises Stopped, with every reason, where one needs a person first.
    """
    decided = _decide_all(deployment, look, options, empty)
    coming = frozenset(one.desired.id for one in decided if is_made(one.decision))
    parts = [part for one in decided for part in _parts(after_others(one, coming), look, coming)]
    return DraftPlan(
        now=tuple(part for part in parts if not part.because),
        later=tuple(part for part in parts if part.because),
        failed_creations=tuple(
            (one.desired, look.stacks[one.desired.id]) for one in decided if isinstance(one.decision, Rebuild)
        ),
        places={stack.id: (stack.site, stack.name) for stack in (*deployment.stacks, *deployment.left_out)},
        protections=tuple(protection for one in decided for protection in _protection(one.desired, one.decision, look)),
        policies=tuple(policy for one in decided for policy in _policy(one.desired, one.decision, look)),
    )


def _decide_all(
    deployment: Deployment, look: ObservedDeployment, options: PlanOptions, empty: Collection[StackId]
) -> tuple[DecidedStack, ...]:
    """Decide about every stack after those that it takes something of; in the assembly's order."""
    desired = {stack.id: stack for stack in deployment.stacks}
    decided: dict[StackId, DecidedStack] = {}
    faults = []
    for stack_id in make_order({stack.id: stack.needs for stack in deployment.stacks}):
        stands = {name: look.stacks[name] for name, one in decided.items() if isinstance(one.decision, Keep | Adopt)}
        stack = _bind(desired[stack_id], stands)
        observed = look.stacks.get(stack_id)
        try:
            unrolled = stack_id in options.unrolled
            decision = decide(deployment, stack, observed, look.templates.get(stack_id), unrolled=unrolled)
        except Stopped as fault:
            faults.append(fault)
            continue
        if isinstance(decision, Adopt):
            decided[stack_id] = DecidedStack(desired=stack, decision=decision)
            continue
        # What it takes from another stack may come out otherwise, and what was changed by hand no template tells.
        if isinstance(decision, Keep) and (stack.sources or options.deployment_mode == "REVERT_DRIFT"):
            decision = NeedsChangeSet("UPDATE", certain=False)
        if stack_id in empty:
            decision = Keep()
        because = (f"takes an output of {', '.join(stack.sources)}",) if stack.sources else ()
        one = DecidedStack(desired=stack, decision=decision, because=because)
        decided[stack_id] = wait_for_makers(one, deployment, decided, look)
    if faults:
        raise gathered(faults)
    decided = wait_for_names(decided, look)
    return tuple(decided[stack.id] for stack in deployment.stacks)


def _bind(desired: DesiredStack, stands: Mapping[StackId, ObservedStack]) -> DesiredStack:
    """Return the stack with every parameter that is the output of a stack that stays as it is."""

    def known(value: ParameterValue) -> ParameterValue:
        if isinstance(value, OutputOf) and (source := stands.get(value.output[0])):
            _, output = value.output
            return taken(source.outputs[output], value, desired.id) if output in source.outputs else value
        return value

    return replace(desired, parameters={name: known(value) for name, value in desired.parameters.items()})


def parts_from(
    desired: DesiredStack, observed: ObservedStack | None, deployed: object, left: int, moved: frozenset[str]
) -> tuple[DraftStep, ...]:
    """Return the change sets that lead from what stands to the assembly, each with the most it may show.

    `deployed` is as GetTemplate answers; None where nothing stands, or what stands is deleted first. `left` is how many
    there are to be: the first may be done or not where its template is deployed already, as far as that is shown.
    `moved` are the parameters whose values other stacks of the assembly may have changed.
    Raises Stopped for a deployed template that cannot be read, and where it takes another number of them.
    """
    deployment = desired.tags[TAG_DEPLOYMENT]
    if observed is not None and observed.facts.exists and not is_ours(observed, deployment):
        check_adoptable(desired, observed, deployed, deployment)
        parts: tuple[DraftStep, ...] = (_adoption(desired, observed, deployed),)
    elif observed is None or not observed.facts.exists or observed.facts.operation is Operation.REBUILD:
        others = desired.interim.until if desired.interim and left > 1 else ()
        parts = tuple(make_creations(desired, _found(observed), "", others, foretold=True))
    else:
        one = DecidedStack(
            desired=desired, decision=NeedsChangeSet("UPDATE"), because=("it is made later",), moved=moved
        )
        parts = tuple(_updates(one, observed, deployed))
    if len(parts) == left + 1 and compare_template(parts[0].desired.template, deployed) is not Comparison.DIFFERENT:
        parts = parts[1:]
    if len(parts) != left:
        raise Stopped(
            where=desired.id,
            what=f"from what stands to the assembly it takes {len(parts)} change sets, and the plan has {left} left",
            next_step="python -m builder plan    makes a new plan from what stands now",
        )
    return parts


def no_echo_parameters(desired: DesiredStack) -> frozenset[str]:
    """Return the stack's parameters whose values AWS shows to nobody, of those that are given."""
    return read_template(desired.template, desired.id).no_echo & desired.parameters.keys()


def without_secrets(desired: DesiredStack) -> DesiredStack:
    """Return the stack as files show it: without NoEcho values, and without a template that may have one as default."""
    hidden = read_template(desired.template, desired.id).no_echo
    parameters = {name: MASK if name in hidden else value for name, value in desired.parameters.items()}
    return replace(desired, template="" if hidden else desired.template, parameters=parameters, nested={})


def _hides(desired: DesiredStack) -> str:
    hidden = sorted(no_echo_parameters(desired))
    return f"AWS shows to nobody the value of {', '.join(hidden)}, so it is made when it is executed" if hidden else ""


def _parts(one: DecidedStack, look: ObservedDeployment, coming: Collection[StackId]) -> Iterator[DraftStep]:
    desired = one.desired
    others = awaited(desired, coming) if is_made(one.decision) else ()
    observed = look.stacks.get(desired.id)
    found = _found(observed)
    waits = "; ".join(one.because) or _hides(desired)
    match one.decision:
        case Keep():
            return
        case Adopt() if observed is not None:
            adoption = _adoption(desired, observed, look.templates[desired.id])
            if desired.stack_policy is not None and not same_policy(desired.stack_policy, look.policies[desired.id]):
                to_be = adoption.adoption.to_come if adoption.adoption is not None else ()
                adoption = replace(adoption, adoption=Adoption(to_come=(*to_be, "stack policy")))
            yield adoption
        case NeedsChangeSet("UPDATE") if observed is not None:
            yield from _updates(one, observed, look.templates.get(desired.id))
        case Rebuild():
            because = waits or "what is left of its failed creation is deleted first"
            yield from make_creations(desired, found, because, others, foretold=True)
        case _:
            yield from make_creations(desired, found, waits, others, foretold=bool(waits))


def _adoption(desired: DesiredStack, observed: ObservedStack, deployed: object) -> DraftStep:
    return DraftStep(
        desired=adopted(desired, observed, deployed),
        type="UPDATE",
        found=_found(observed),
        secret=bool(read_deployed(deployed, desired.id).no_echo),
        adoption=to_come(desired, observed, deployed),
    )


def _protection(desired: DesiredStack, decision: Decision, look: ObservedDeployment) -> Iterator[Protection]:
    """Yield what is to be done about a stack's termination protection; a stack that is made anew begins without."""
    observed = _going_on(desired, decision, look)
    protected = observed is not None and observed.termination_protection
    if desired.termination_protection in {None, protected} or isinstance(decision, Adopt):
        return
    yield Protection(
        stack=desired.id,
        region=desired.region,
        name=desired.name,
        protect=not protected,
        needs=desired.needs,
        found=_found(observed),
        account=desired.account,
    )


def _policy(desired: DesiredStack, decision: Decision, look: ObservedDeployment) -> Iterator[StackPolicy]:
    """Yield what is to be done about a stack's policy; a stack that is made anew begins without."""
    observed = _going_on(desired, decision, look)
    standing = look.policies.get(desired.id) if observed is not None else None
    if desired.stack_policy is None or same_policy(desired.stack_policy, standing) or isinstance(decision, Adopt):
        return
    yield StackPolicy(
        stack=desired.id,
        region=desired.region,
        name=desired.name,
        policy=desired.stack_policy,
        standing=standing,
        needs=desired.needs,
        found=_found(observed),
        account=desired.account,
    )


def _going_on(desired: DesiredStack, decision: Decision, look: ObservedDeployment) -> ObservedStack | None:
    """Return the stack as it stands; None where it is made anew."""
    is_new = isinstance(decision, Rebuild) or decision == NeedsChangeSet("CREATE")
    return None if is_new else look.stacks.get(desired.id)


def _updates(one: DecidedStack, observed: ObservedStack, deployed: object) -> Iterator[DraftStep]:
    desired, waits = one.desired, "; ".join(one.because) or _hides(one.desired)
    tags = desired.tags != observed.tags
    more_differs = tags or other_parameters(desired, observed)
    alike = not more_differs and compare_template(desired.template, deployed) is not Comparison.DIFFERENT
    updates = make_sequence(
        Ends(
            where=desired.id,
            deployed=deployed,
            desired=desired.template,
            values_before={**observed.parameters, "AWS::Region": observed.region},
            values_after={
                **desired.values,
                **{name: observed.parameters.get(name) for name in desired.previous},
                "AWS::Region": desired.region,
            },
            more_differs=more_differs,
        )
    )
    before = read_deployed(deployed, desired.id)
    # The first of several brings the parameters and tags too.
    values = [*_other_values(desired, observed), *one.moved]
    for number, update in enumerate(updates, start=1):
        after, because = read_template(update.template, desired.id), update.because or waits
        yield DraftStep(
            desired=desired if number == len(updates) else _between(desired, update.template),
            type="UPDATE",
            number=number,
            found=_found(observed),
            because=with_transforms(because, after),
            expected=expect_changes(before, after, values, tags=tags, nested=desired.nested) if because else (),
            hidden=len(updates) == 1 and waits != "" and waits == _hides(desired),
            derived=number < len(updates),
            secret=bool(before.no_echo or after.no_echo),
            only_nested=alike,
            lost=lost_between(before, after),
        )
        before, values, tags = after, [], False


def _between(desired: DesiredStack, template: str) -> DesiredStack:
    """Return the stack on its way: another template, and all else as it is desired."""
    return replace(desired, template=template, sha256=hashlib.sha256(template.encode()).hexdigest())


def _other_values(desired: DesiredStack, observed: ObservedStack) -> list[str]:
    """Return the parameters whose values change; one that waits for an output is expected to stay."""
    return [
        name
        for name, value in desired.parameters.items()
        if isinstance(value, str) and value != observed.parameters.get(name)
    ]


def _found(observed: ObservedStack | None) -> FoundStack:
    if observed is None:
        return FoundStack()
    return FoundStack(status=observed.status, stack_id=observed.arn, last_change=observed.last_change)


def without_values(changes: Iterable[ResourceChange]) -> tuple[ResourceChange, ...]:
    """Return the changes without the values of any property: of NoEcho parameters, some may have one in them.

    Which ones nobody can tell: AWS shows nobody the value before. *Unverified* whether a change set does.
    """
    return tuple(
        replace(
            change,
            definition="",
            properties=tuple(dict.fromkeys(replace(one, before=None, after=None) for one in change.properties)),
        )
        for change in changes
    )
