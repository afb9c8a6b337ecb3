"""Stacks that others deployed: their adoption, the check that it only sets tags, and what the next plan changes; pure.

An adoption is an update with the deployed template and values, and with both sets of tags: CloudFormation passes tags
on to resources, and nothing else may change. The next plan changes what differs from the assembly.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html (Scope)
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Iterator

from builder.assembly.manifest import UsePreviousValue
from builder.deploy.desired import TAG_DEPLOYMENT, DesiredStack
from builder.deploy.observe.stacks import ObservedStack, is_ours, whose
from builder.deploy.records import PLAN_AGAIN, Adoption, GuardHit, ResourceChange
from builder.errors import Stopped
from builder.resource_types import NESTED_STACK, STACK_SET
from builder.template import Comparison, compare_template, read_deployed, read_template
from builder.terms import Operation, StackId

_OTHERWISE = "another `name` for it in dr.yaml, or --env SUFFIX where the environment is part of its name"
# The scope of a nested stack that is listed because of its parent: changes inside it have rows of their own.
_OF_NESTED = frozenset({"Properties", "Tags"})


def check_adoptable(desired: DesiredStack, observed: ObservedStack, template: object, deployment: str) -> None:
    """Raise Stopped unless a stack can be updated by this deployment and has no StackSets in it.

    The tags of a StackSet are its instances' too: adopting it would be an operation in all of their accounts.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
    """
    there = f"a stack named {observed.name} is there already"
    if why := whose(observed, deployment):
        raise Stopped(where=desired.id, what=f"{there}; it {why}", next_step=_OTHERWISE)
    if observed.facts.operation is not Operation.UPDATE:
        raise Stopped(
            where=desired.id,
            what=f"{there}, is not this deployment's, and in {observed.status} it cannot be adopted",
            next_step=f"aws cloudformation describe-stack-events --region {observed.region} "
            f"--stack-name {observed.name}    tells whoever deployed it why; or {_OTHERWISE}",
        )
    in_assembly = read_template(desired.template, desired.id).resources(STACK_SET)
    if sets := ", ".join({**read_deployed(template, desired.id).resources(STACK_SET), **in_assembly}):
        what = f"{there}, and with StackSets in it ({sets}) it is not adopted: their instances would be updated"
        raise Stopped(where=desired.id, what=what, next_step=_OTHERWISE)


def adopted(desired: DesiredStack, observed: ObservedStack, template: object) -> DesiredStack:
    """Return a stack after its adoption: as deployed, with the tags that the assembly gives it.

    The template is GetTemplate's: it is compared, and never sent.
    """
    text = template if isinstance(template, str) else json.dumps(template)
    return DesiredStack(
        id=desired.id,
        region=desired.region,
        name=desired.name,
        template=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        parameters={name: UsePreviousValue() for name in observed.parameters},
        capabilities=observed.capabilities,
        needs=desired.needs,
        tags={**observed.tags, **desired.tags},
        account=desired.account,
    )


def to_come(desired: DesiredStack, observed: ObservedStack, template: object) -> Adoption:
    """Return what differs between a stack and the assembly, and is changed by the plan after its adoption."""
    return Adoption(to_come=tuple(_to_come(desired, observed, template)))


def _to_come(desired: DesiredStack, observed: ObservedStack, template: object) -> Iterator[str]:
    if compare_template(desired.template, template) is Comparison.DIFFERENT:
        yield "template"
    given = {**read_deployed(template, desired.id).defaults, **desired.parameters_over(observed.parameters)}
    if given != observed.parameters:
        yield "parameters"
    if observed.tags.keys() - desired.tags.keys():
        yield "tags"
    if desired.termination_protection not in {None, observed.termination_protection}:
        yield "termination protection"


def beyond_tags(changes: Iterable[ResourceChange]) -> tuple[str, ...]:
    """Return what a change set shows besides tags that are passed on, one line each.

    A resource that takes an attribute of a tagged resource has no line: CloudFormation shows it as perhaps modified,
    but template, values and resources are unchanged, so the attribute is too.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html (Evaluation)
    """
    others = tuple(changes)
    quiet: set[str] = set()
    while more := {change.logical_id for change in others if _is_of_tags(change) or _follows(change, quiet)} - quiet:
        quiet |= more
    return tuple(
        f"{change.action} {change.logical_id} ({change.type}): {_shown(change)}"
        for change in others
        if change.logical_id not in quiet
    )


def _follows(change: ResourceChange, quiet: Collection[str]) -> bool:
    """Return whether a resource's changes besides its tags depend only on resources that do not change."""
    if change.action != "Modify" or change.is_replaced or change.losses or change.policy_action:
        return False
    if change.type == NESTED_STACK or not {"Properties", "Tags"}.issuperset(change.scope):
        return False
    parent = change.logical_id.rpartition("/")[0]
    taken = [touched.follows for touched in change.properties if "Tags" not in re.split("[/.]", touched.path)]
    return bool(taken) and all(name and f"{parent}/{name}".lstrip("/") in quiet for name in taken)


def _is_of_tags(change: ResourceChange) -> bool:
    if change.action != "Modify" or change.is_replaced or change.losses or change.policy_action:
        return False
    if change.type == NESTED_STACK:
        named = {part for touched in change.properties for part in re.split("[/.]", touched.path)}
        return _OF_NESTED.issuperset(change.scope) and named.isdisjoint({"TemplateURL", "Parameters"})
    return set(change.scope) == {"Tags"}


def _shown(change: ResourceChange) -> str:
    replaced = "replaced, " if change.is_replaced else ""
    return replaced + (", ".join(change.scope) or "no scope")


def check_only_tags(stack: StackId, changes: Iterable[ResourceChange]) -> None:
    """Raise Stopped unless an adoption's change set shows only tags."""
    if lines := beyond_tags(changes):
        shown = "\n  ".join(lines)
        raise Stopped(
            where=stack,
            what="its adoption would do more than hand on tags, with the template and the values that stand:"
            f"\n  {shown}",
            next_step="let whoever deployed it bring it to where an update with its own template changes nothing; "
            "python -m builder plan",
        )


def no_tags(desired: DesiredStack, observed: ObservedStack | None) -> Stopped:
    """Return the refusal of an adoption for which CloudFormation shows no changes."""
    if observed is None or is_ours(observed, desired.tags[TAG_DEPLOYMENT]):
        what = "the stack is gone" if observed is None else "somebody else adopted it"
        return Stopped(where=desired.id, what=f"{what} while it was planned", next_step=PLAN_AGAIN)
    return Stopped(
        where=desired.id,
        what="CloudFormation makes no change set of its adoption: it says that its tags change nothing",
        next_step=f"aws cloudformation update-stack --region {desired.region} --stack-name {desired.name} "
        "--use-previous-template --tags ...    gives it the tags; then plan again",
    )


def adoption_hit(stack: StackId) -> GuardHit:
    """Return the guard hit of a stack's adoption; its name is the stack's alone."""
    why = (
        "others deployed this stack; from its adoption on it is this deployment's: plans change it, and destroy "
        "deletes it with all that is in it"
    )
    return GuardHit(stack=stack, logical_id="", why=why, allow=stack)
