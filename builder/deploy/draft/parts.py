"""The change sets of one stack, and its settings: from what is deployed to the assembly; pure.

First a stack's change sets (`stack_parts`, or `parts_from` for an existing plan), then its policy and its termination
protection, then each kind of change set: an adoption, an import, updates.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from builder.deploy.desired import MASK, TAG_DEPLOYMENT, DesiredStack
from builder.deploy.draft.adoption import adopted, check_adoptable, to_come
from builder.deploy.draft.creation import awaited, is_made, make_creations, with_transforms
from builder.deploy.draft.expected import expect_changes, lost_between
from builder.deploy.draft.records import Adopt, DecidedStack, Decision, DraftStep, Keep, NeedsChangeSet, Rebuild
from builder.deploy.draft.sequence import Ends, make_sequence
from builder.deploy.handovers.transfers import (
    NO_TRANSFER,
    Transfer,
    created,
    expect_imports,
    make_empty,
    make_import,
    make_release,
    with_transfer,
)
from builder.deploy.observe.deployment import ObservedDeployment
from builder.deploy.observe.stacks import ObservedStack, is_ours
from builder.deploy.records import Adoption, FoundStack, Protection, ResourceChange, StackPolicy
from builder.errors import Stopped
from builder.template import (
    Comparison,
    Template,
    compare_template,
    read_deployed,
    read_template,
    same_policy,
)
from builder.terms import Operation, StackId


def other_parameters(desired: DesiredStack, observed: ObservedStack) -> bool:
    """Return whether the stack is to get parameters other than the deployed ones."""
    parameters = desired.parameters_over(observed.parameters)
    if parameters == observed.parameters:
        return False
    # DescribeStacks also shows parameters that have the template's default.
    defaults = read_template(desired.template, desired.id).defaults
    return {**defaults, **parameters} != observed.parameters


def parts_from(  # noqa: PLR0913, PLR0917 - all that a stack's change sets hang on
    desired: DesiredStack,
    observed: ObservedStack | None,
    template: object,
    left: int,
    moved: frozenset[str],
    transfer: Transfer = NO_TRANSFER,
) -> tuple[DraftStep, ...]:
    """Return the change sets that lead from what is deployed to the assembly, each with the most it may show.

    `template` is GetTemplate's answer; None where nothing is deployed, or where that is deleted first. `left` is their
    expected number: where the first one's template seems deployed already, that one may be done or not.
    `moved` are the parameters whose values other stacks of the assembly may have changed.
    Raises Stopped for a deployed template that cannot be read, and where their number differs.
    """
    deployment = desired.tags[TAG_DEPLOYMENT]
    if observed is not None and observed.facts.exists and not is_ours(observed, deployment):
        check_adoptable(desired, observed, template, deployment)
        parts: tuple[DraftStep, ...] = (_adoption(desired, observed, template),)
    elif _is_import_needed(transfer, template, desired.id):
        parts = tuple(_imports(_made_later(desired, moved), observed, template, transfer))
    elif observed is None or not observed.facts.exists or observed.facts.operation is Operation.REBUILD:
        others = desired.interim.until if desired.interim and left > 1 else ()
        parts = tuple(make_creations(desired, _found_stack(observed), "", others, foretold=True))
    else:
        parts = tuple(_updates(_made_later(desired, moved), observed, template, transfer))
    if len(parts) == left + 1 and compare_template(parts[0].desired.template, template) is not Comparison.DIFFERENT:
        parts = parts[1:]
    if len(parts) != left:
        raise Stopped(
            where=desired.id,
            what=f"from what stands to the assembly it takes {len(parts)} change sets, and the plan has {left} left",
            next_step="python -m builder plan    makes a new plan from what stands now",
        )
    return parts


def _is_import_needed(transfer: Transfer, template: object, where: StackId) -> bool:
    """Return whether a stack has not imported its data yet."""
    there = {} if template is None else read_deployed(template, where).resources()
    return bool(transfer.imports) and there.keys().isdisjoint(transfer.imports)


def _made_later(desired: DesiredStack, moved: frozenset[str]) -> DecidedStack:
    return DecidedStack(desired=desired, decision=NeedsChangeSet("UPDATE"), because=("it is made later",), moved=moved)


def no_echo_parameters(desired: DesiredStack) -> frozenset[str]:
    """Return the names of the stack's given parameters whose values AWS hides."""
    return read_template(desired.template, desired.id).no_echo & desired.parameters.keys()


def without_secrets(desired: DesiredStack) -> DesiredStack:
    """Return the stack for a file: without NoEcho values, and without a template that may have one as a default."""
    hidden = read_template(desired.template, desired.id).no_echo
    parameters = {name: MASK if name in hidden else value for name, value in desired.parameters.items()}
    return replace(desired, template="" if hidden else desired.template, parameters=parameters, nested={})


def _hides(desired: DesiredStack) -> str:
    hidden = sorted(no_echo_parameters(desired))
    return f"AWS shows to nobody the value of {', '.join(hidden)}, so it is made when it is executed" if hidden else ""


def stack_parts(
    stack: DecidedStack, deployed: ObservedDeployment, new_stacks: Collection[StackId], transfer: Transfer
) -> Iterator[DraftStep]:
    """Yield the change sets that a stack needs; `new_stacks` are those that the plan creates."""
    desired = stack.desired
    others = awaited(desired, new_stacks) if is_made(stack.decision) else ()
    observed = deployed.stacks.get(desired.id)
    found = _found_stack(observed)
    waits = "; ".join(stack.because) or _hides(desired)
    match stack.decision:
        case Keep():
            return
        case Adopt() if observed is not None:
            adoption = _adoption(desired, observed, deployed.templates[desired.id])
            if desired.stack_policy is not None and not same_policy(
                desired.stack_policy, deployed.policies[desired.id]
            ):
                to_be = adoption.adoption.to_come if adoption.adoption is not None else ()
                adoption = replace(adoption, adoption=Adoption(to_come=(*to_be, "stack policy")))
            yield adoption
        case NeedsChangeSet() if transfer.imports:
            yield from _imports(stack, observed, deployed.templates.get(desired.id), transfer)
        case Rebuild() if transfer.imports:
            for part in _imports(stack, None, None, transfer):
                yield replace(part, found=found, because=part.because or _REBUILT)
        case NeedsChangeSet("UPDATE") if observed is not None:
            yield from _updates(stack, observed, deployed.templates.get(desired.id), transfer)
        case Rebuild():
            because = waits or _REBUILT
            yield from make_creations(desired, found, because, others, foretold=True)
        case _:
            yield from make_creations(desired, found, waits, others, foretold=bool(waits))


_REBUILT = "what is left of its failed creation is deleted first"


def _adoption(desired: DesiredStack, observed: ObservedStack, template: object) -> DraftStep:
    return DraftStep(
        desired=adopted(desired, observed, template),
        type="UPDATE",
        found=_found_stack(observed),
        secret=bool(read_deployed(template, desired.id).no_echo),
        adoption=to_come(desired, observed, template),
    )


def protections_of(desired: DesiredStack, decision: Decision, deployed: ObservedDeployment) -> Iterator[Protection]:
    """Yield the change of a stack's termination protection, if it needs one; a recreated stack has none."""
    observed = _stack_that_stays(desired, decision, deployed)
    protected = observed is not None and observed.termination_protection
    if desired.termination_protection in {None, protected} or isinstance(decision, Adopt):
        return
    yield Protection(
        stack=desired.id,
        region=desired.region,
        name=desired.name,
        protect=not protected,
        needs=desired.needs,
        found=_found_stack(observed),
        account=desired.account,
    )


def policies_of(stack: DecidedStack, deployed: ObservedDeployment, transfer: Transfer) -> Iterator[StackPolicy]:
    """Yield the changes of a stack's policy, if it needs any; a recreated stack has none.

    A policy that denies that data leaves the stack is opened before the release, and restored after it.
    """
    desired, decision = stack.desired, stack.decision
    observed = _stack_that_stays(desired, decision, deployed)
    old_policy = deployed.policies.get(desired.id) if observed is not None else None
    opens = transfer.policy is not None
    new_policy = desired.stack_policy or transfer.policy
    step = StackPolicy(
        stack=desired.id,
        region=desired.region,
        name=desired.name,
        policy=transfer.opened,
        standing=transfer.policy,
        needs=desired.needs,
        found=_found_stack(observed),
        account=desired.account,
        opens=True,
    )
    if opens:
        yield step
    if new_policy is None or isinstance(decision, Adopt) or (not opens and same_policy(new_policy, old_policy)):
        return
    yield replace(step, policy=new_policy, standing=transfer.opened if opens else old_policy, opens=False)


def _stack_that_stays(desired: DesiredStack, decision: Decision, deployed: ObservedDeployment) -> ObservedStack | None:
    """Return the stack as deployed; None where it is created again."""
    is_new = isinstance(decision, Rebuild) or decision == NeedsChangeSet("CREATE")
    return None if is_new else deployed.stacks.get(desired.id)


def _imports(
    stack: DecidedStack, observed: ObservedStack | None, template: object, transfer: Transfer
) -> Iterator[DraftStep]:
    """Yield the change set that imports data as it is, and those from there to the assembly."""
    waits, first = "; ".join(stack.because), 1
    base = observed
    if base is None or not base.facts.exists:
        empty = make_empty(stack.desired)
        added = expect_changes(Template(), read_template(empty.template, empty.id))
        yield DraftStep(desired=empty, type="CREATE", found=_found_stack(observed), expected=added, derived=True)
        base, template, first = created(empty), empty.template, 2
        transfer = replace(transfer, is_exact=True)
        waits = "; ".join((*stack.because, "its stack is created first"))
    made = make_import(stack.desired, base, template, transfer)
    yield DraftStep(
        desired=made,
        type="IMPORT",
        number=first,
        found=_found_stack(observed),
        because=waits,
        expected=expect_imports(transfer) if waits else (),
        derived=True,
        secret=bool(read_template(made.template, made.id).no_echo),
        transfer=transfer,
    )
    if transfer.is_only:
        return
    later = replace(stack, because=(*stack.because, "the data is imported first"))
    for part in _updates(later, base, made.template, NO_TRANSFER):
        yield replace(part, number=part.number + first, found=_found_stack(observed))


def _updates(stack: DecidedStack, observed: ObservedStack, template: object, transfer: Transfer) -> Iterator[DraftStep]:
    """Yield the updates to the assembly, and before them, if needed, the one that retains the released data."""
    release = make_release(stack.desired, observed, template, transfer) if transfer.releases else None
    if release is None:
        yield from _updates_from(stack, observed, template, transfer)
        return
    before, after = read_deployed(template, stack.desired.id), read_template(release.template, stack.desired.id)
    yield DraftStep(
        desired=release,
        type="UPDATE",
        found=_found_stack(observed),
        because="; ".join(stack.because),
        expected=expect_changes(before, after) if stack.is_deferred else (),
        derived=True,
        secret=bool(before.no_echo),
        lost=lost_between(before, after),
    )
    later = replace(stack, because=(*stack.because, "the data that leaves the stack is retained first"))
    for part in _updates_from(later, observed, release.template, transfer):
        yield replace(part, number=part.number + 1)


def _updates_from(
    stack: DecidedStack, observed: ObservedStack, template: object, transfer: Transfer
) -> Iterator[DraftStep]:
    desired, waits = stack.desired, "; ".join(stack.because) or _hides(stack.desired)
    tags = desired.tags != observed.tags
    more_differs = tags or other_parameters(desired, observed)
    alike = not more_differs and compare_template(desired.template, template) is not Comparison.DIFFERENT
    given: dict[str, str | None] = {**observed.parameters, "AWS::Region": observed.region}
    kept = {name: observed.parameters.get(name) for name in desired.previous}
    to_give = {**desired.values, **kept, "AWS::Region": desired.region}
    updates = make_sequence(
        Ends(
            where=desired.id,
            deployed=template,
            desired=desired.template,
            values_before=given,
            values_after=to_give,
            more_differs=more_differs,
        )
    )
    before = read_deployed(template, desired.id)
    # The first of several also changes parameters and tags.
    values = [*_other_values(desired, observed), *stack.moved]
    for number, update in enumerate(updates, start=1):
        after, because = read_template(update.template, desired.id), update.because or waits
        expected = expect_changes(before, after, values, tags=tags, nested=desired.nested, given=(given, to_give))
        yield DraftStep(
            desired=desired if number == len(updates) else _between(desired, update.template),
            type="UPDATE",
            number=number,
            found=_found_stack(observed),
            because=with_transforms(because, after),
            expected=with_transfer(expected, transfer, shown=False) if because else (),
            hidden=len(updates) == 1 and waits != "" and waits == _hides(desired),
            derived=number < len(updates),
            secret=bool(before.no_echo or after.no_echo),
            only_nested=alike,
            lost=lost_between(before, after),
            transfer=transfer,
        )
        before, values, tags, given = after, [], False, to_give


def _between(desired: DesiredStack, template: str) -> DesiredStack:
    """Return the desired stack with an intermediate template."""
    return replace(desired, template=template, sha256=hashlib.sha256(template.encode()).hexdigest())


def _other_values(desired: DesiredStack, observed: ObservedStack) -> list[str]:
    """Return the parameters whose values change; one that waits for an output is expected not to."""
    return [
        name
        for name, value in desired.parameters.items()
        if isinstance(value, str) and value != observed.parameters.get(name)
    ]


def _found_stack(observed: ObservedStack | None) -> FoundStack:
    if observed is None:
        return FoundStack()
    return FoundStack(status=observed.status, stack_id=observed.arn, last_change=observed.last_change)


def without_values(changes: Iterable[ResourceChange]) -> tuple[ResourceChange, ...]:
    """Return the changes without any property's values, in which NoEcho parameters may be.

    Nobody can tell in which ones: AWS hides the former value. *Unverified* whether a change set does.
    """
    return tuple(
        replace(
            change,
            definition="",
            properties=tuple(dict.fromkeys(replace(touched, before=None, after=None) for touched in change.properties)),
        )
        for change in changes
    )
