"""Which stacks wait for others in the same plan, and why; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from builder.assembly.bound import bind_stack
from builder.assembly.manifest import ParameterValue
from builder.assembly.uses import NAMED, Maker, Use, Way
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.draft.expected import expect_changes
from builder.deploy.draft.records import Adopt, DecidedStack, Keep, NeedsChangeSet
from builder.deploy.observe.deployment import ObservedDeployment
from builder.deploy.observe.stacks import ObservedStack
from builder.errors import Stopped
from builder.graph import closure
from builder.resource_types.facts import ARN_FORMATS, name_property
from builder.resource_types.fate import fate_on_deletion
from builder.template import Template, properties_of, read_deployed, read_template
from builder.terms import StackId

_WORDS: Mapping[Way, str] = {
    Way.SSM_VALUE: "reads the SSM parameter {}, which {} makes",
    Way.NAME_TYPE: "is given the name {}, which {} makes",
    Way.MACRO: "is transformed by the macro {}, which {} makes",
    Way.TEMPLATE: "takes templates from the bucket {}, which {} makes",
    Way.OUTPUT: "reads the output {}, which {} makes",
}
"""Why a change set can only be created once what it uses exists and has its final value, by the way of use.

A change set with a missing export or dynamic reference is created, but its execution fails.
*Unverified* for Fn::GetStackOutput, which no document describes so."""
_FUNCTIONS: Mapping[Way, str] = {Way.OUTPUT: "Fn::GetStackOutput"}
"""The function in a template, for uses without a parameter."""
_Name = tuple[object, ...]


def wait_for_makers(
    stack: DecidedStack, deployment: Deployment, before: Mapping[StackId, DecidedStack], deployed: ObservedDeployment
) -> DecidedStack:
    """Return the decision about a stack; it waits if one of the stacks `before` creates or changes what it uses.

    A waiting stack may change though its template and parameters do not: only a change set shows that.
    """
    uses = [use for use in deployment.uses if use.stack == stack.desired.id and use.way in _WORDS]
    forcing = [
        (use, made) for use in uses for made in use.makers if _makes(before.get(made.stack), made, use, deployed)
    ]
    if not forcing:
        return stack
    decision = NeedsChangeSet("UPDATE", certain=False) if isinstance(stack.decision, Keep) else stack.decision
    moved = {use.parameter or _FUNCTIONS.get(use.way, "") for use, _ in forcing} - {""}
    because = [_WORDS[use.way].format(use.name, made.stack) for use, made in forcing]
    return replace(stack, decision=decision, because=(*stack.because, *because), moved=stack.moved | moved)


def _makes(maker: DecidedStack | None, made: Maker, use: Use, deployed: ObservedDeployment) -> bool:
    """Return whether a stack creates what is used in this plan, or may change it."""
    if maker is None or isinstance(maker.decision, Keep | Adopt):
        return False
    observed = deployed.stacks.get(made.stack)
    if maker.decision != NeedsChangeSet("UPDATE") or observed is None or maker.is_deferred or use.way is Way.OUTPUT:
        return True
    desired = maker.desired
    others = other_values(desired, observed)
    changes = expect_changes(
        read_deployed(deployed.templates.get(made.stack), made.stack),
        read_template(desired.template, made.stack),
        others,
        tags=desired.tags != observed.tags,
    )
    return any(change.logical_id == made.logical_id and change.action != "Remove" for change in changes)


def other_values(desired: DesiredStack, observed: ObservedStack) -> list[str]:
    """Return the parameters whose values change or may change, as those that wait for an output."""
    given = desired.parameters_over(observed.parameters)
    return [name for name, value in given.items() if value != observed.parameters.get(name)]


def wait_for_names(
    decided: Mapping[StackId, DecidedStack], deployed: ObservedDeployment
) -> dict[StackId, DecidedStack]:
    """Return the decisions; a stack that uses a resource name waits for the stack that frees it.

    Early validation refuses a change set that creates a resource whose name exists.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
    Raises Stopped where the stack that frees the name needs the one that uses it.
    """
    given = {key: stack.desired.id for stack in decided.values() for key in _released_names(stack, deployed)}
    waiting = dict(decided)
    for stack_id, stack in decided.items() if given else ():
        if isinstance(stack.decision, Keep | Adopt):
            continue
        old = set(_deployed_names(stack, deployed))
        for key, maker in ((key, given[key]) for key in _names(stack.desired) if key in given and key not in old):
            if maker == stack_id:
                continue
            if stack_id in closure({name: other.desired.needs for name, other in waiting.items()}, maker):
                raise Stopped(
                    where=stack_id,
                    what=f"takes the name {key[-1]}, which {maker} gives up, and {maker} needs it",
                    next_step="a plan in which the one gives it up, and after that a plan in which the other takes it",
                )
            because = f"takes the name {key[-1]}, which {maker} gives up"
            needs = tuple(dict.fromkeys((*waiting[stack_id].desired.needs, maker)))
            waiting[stack_id] = replace(
                waiting[stack_id],
                desired=replace(waiting[stack_id].desired, needs=needs),
                because=(*waiting[stack_id].because, because),
            )
    return waiting


def _released_names(stack: DecidedStack, deployed: ObservedDeployment) -> Iterator[_Name]:
    if stack.decision not in {NeedsChangeSet("UPDATE"), NeedsChangeSet("UPDATE", certain=False)}:
        return
    stays = set(_names(stack.desired))
    for key, body in _deployed_names(stack, deployed).items():
        if key not in stays and fate_on_deletion(body) != "Retain":
            yield key


def _deployed_names(stack: DecidedStack, deployed: ObservedDeployment) -> dict[_Name, Mapping[str, object]]:
    observed = deployed.stacks.get(stack.desired.id)
    if observed is None or stack.desired.id not in deployed.templates:
        return {}
    template = read_deployed(deployed.templates[stack.desired.id], stack.desired.id)
    return _names_in(stack.desired, template, observed.parameters)


def _names(desired: DesiredStack) -> dict[_Name, Mapping[str, object]]:
    return _names_in(desired, read_template(desired.template, desired.id), desired.parameters)


def _names_in(
    stack: DesiredStack, template: Template, values: Mapping[str, ParameterValue]
) -> dict[_Name, Mapping[str, object]]:
    """Return the resources of a template, as far as known, by the names that only one resource can have at a time."""
    bound = bind_stack(template, stack.name, stack.region, values)
    names: dict[_Name, Mapping[str, object]] = {}
    for _, body in bound.resources():
        type_name = str(body.get("Type"))
        form, named = ARN_FORMATS.get(type_name), name_property(type_name) if type_name in NAMED else ""
        name = bound.text(properties_of(body).get(named)) or bound.name_of(body)
        if name:
            # A table's name is unique in its region, though its replicas have it in others.
            everywhere = form is not None and form.service in {"iam", "s3"}
            names[form.service if form else type_name, None if everywhere else stack.site, name] = bound.binding.value(
                body
            )
    return names


def moving(deployment: Deployment, stack: StackId) -> frozenset[str]:
    """Return a stack's parameters whose values other stacks of its assembly may change while their texts do not."""
    uses = [use for use in deployment.uses if use.stack == stack and use.way in _WORDS and use.makers]
    return frozenset(use.parameter or _FUNCTIONS.get(use.way, "") for use in uses) - {""}
