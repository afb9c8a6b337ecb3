"""What a stack needs, total over every status, from what it should be and what stands; and what is deleted first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from builder.aws import Clients, together
from builder.deploy.desired import TAG_DEPLOYMENT, Deployment, DesiredStack
from builder.deploy.observe.nested import may_nest, observe_contents
from builder.deploy.observe.stacks import ObservedStack
from builder.deploy.records import Deletion, FoundStack, Orphan, StackResource
from builder.errors import Stopped
from builder.resource_types.facts import at_stake, holds_data
from builder.template import Comparison, Template, compare_template, read_template
from builder.terms import Operation, StackId

_LEFT_BY_FAILURE = frozenset({"CREATE_FAILED", "UPDATE_FAILED"})


@dataclass(frozen=True, slots=True)
class NeedsChangeSet:
    """The stack needs a change set of this type."""

    type: Literal["CREATE", "UPDATE"]
    certain: bool = True
    """False where only CloudFormation can tell whether anything changes: the change set may turn out empty."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """What is left of a failed creation has to go first; then the stack needs a change set of type CREATE."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The stack is as it should be."""


Decision = NeedsChangeSet | Rebuild | Keep


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
    Raises Stopped for a stack that is another's, or in a status that takes no change set.
    """
    if observed is None or observed.facts.operation is Operation.CREATE:
        check_previous(desired, {})
        return NeedsChangeSet("CREATE")
    if observed.tags.get(TAG_DEPLOYMENT) != deployment.name:
        raise Stopped(
            where=desired.id,
            what=f"a stack named {observed.name} is there already and is not this deployment's",
            next_step="python -m builder plan --env SUFFIX    makes other names",
        )
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


def changes_unseen(template: Template) -> bool:
    """Return whether a stack may change while its template, its parameters and its tags stay as they are.

    The value of a parameter that is kept in SSM is fetched anew by each change set, while DescribeStacks and the
    manifest have its name; a macro, AWS::Include and SAM make something of the template each time. What
    AWS::LanguageExtensions makes follows from the text alone.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
    """
    macros = [one for one in template.transforms if one != "AWS::LanguageExtensions"]
    return bool(template.from_ssm or macros) or template.calls("Fn::Transform")


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


async def plan_orphans(
    orphans: tuple[ObservedStack, ...], clients: Clients, needs: tuple[StackId, ...] | None
) -> tuple[Orphan | Deletion, ...]:
    """Return the orphans with what stands in them, to be deleted once all that they may serve is done.

    `needs` are the stacks that the plan works on; None where orphans are left alone. They come the one created last
    first, and go in that order: what needs another was created after it.
    """
    held = await together(observe_held(stack, clients) for stack in orphans)
    ids = [StackId(f"{stack.region}/{stack.name}") for stack in orphans]
    if needs is None:
        return tuple(
            Orphan(stack=name, region=stack.region, resources=resources, account=stack.site.account)
            for name, stack, resources in zip(ids, orphans, held, strict=True)
        )
    return tuple(
        _deletion(name, stack, resources, "the assembly no longer has it", (*needs, *ids[:place]))
        for place, (name, stack, resources) in enumerate(zip(ids, orphans, held, strict=True))
    )


async def plan_failed_creation(desired: DesiredStack, observed: ObservedStack, clients: Clients) -> Deletion:
    """Return the deletion of what a failed creation left. Raises Stopped where any of it holds data."""
    resources = await observe_held(observed, clients)
    check_failed_creation(desired, observed, resources)
    return _deletion(desired.id, observed, resources, f"its creation ended in {observed.status}", ())


def check_failed_creation(desired: DesiredStack, observed: ObservedStack, resources: tuple[StackResource, ...]) -> None:
    """Raise Stopped where what is left of a failed creation holds data."""
    kept = [one for one in resources if holds_data(one.type)]
    if kept:
        told = "".join(f"\n  {one.logical_id} ({one.type}): {at_stake(one.type)}" for one in kept)
        raise Stopped(
            where=desired.id,
            what=f"the stack is in {observed.status}, takes nothing but its deletion, and still holds{told}",
            next_step="python -m builder destroy    deletes the deployment with all its data",
        )


async def observe_held(stack: ObservedStack, clients: Clients) -> tuple[StackResource, ...]:
    """Return the resources that stand in a stack, and in those nested in it."""
    return tuple(
        StackResource(logical_id=one.path, type=one.type, policy_action=one.fate)
        for one in await observe_contents(clients, stack)
    )


def _deletion(
    name: StackId,
    stack: ObservedStack,
    resources: tuple[StackResource, ...],
    because: str,
    needs: tuple[StackId, ...],
) -> Deletion:
    return Deletion(
        stack=name,
        region=stack.region,
        name=stack.name,
        stack_arn=stack.arn,
        because=because,
        needs=needs,
        found=FoundStack(status=stack.status, stack_id=stack.arn, last_change=stack.last_change),
        resources=resources,
        account=stack.site.account,
        protected=stack.termination_protection,
    )
