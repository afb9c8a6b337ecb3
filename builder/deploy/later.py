"""What forces a change set to be made later than its plan: something it looks at that the same plan makes; pure.

CloudFormation fetches SSM values, checks names and runs macros while it makes a change set, and refuses names that are
taken. What it only needs when the change set is executed, an export for instance, is a need and no more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from builder.assembly.bound import Bound
from builder.assembly.manifest import Entry
from builder.assembly.uses import NAMED, Made, Use, Way
from builder.deploy.decide import Change, Decision, Keep
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.expected import expect_changes
from builder.deploy.look import Look
from builder.deploy.template import read_deployed, read_template
from builder.errors import Stopped
from builder.resource_types.by_hand import ARN_FORMATS
from builder.resource_types.schemas import name_property
from builder.terms import StackId

_WORDS: Mapping[Way, str] = {
    Way.SSM_VALUE: "reads the SSM parameter {}, which {} makes",
    Way.NAME_TYPE: "is given the name {}, which {} makes",
    Way.MACRO: "is transformed by the macro {}, which {} makes",
    Way.TEMPLATE: "takes templates from the bucket {}, which {} makes",
    Way.OUTPUT: "reads the output {}, which {} makes",
}
_FUNCTIONS: Mapping[Way, str] = {Way.OUTPUT: "Fn::GetStackOutput"}
"""What stands in a template where no parameter does."""
_STAYS = frozenset({"Retain", "RetainExceptOnCreate"})
_Name = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A stack with what is to be done about it, and why not at once."""

    desired: DesiredStack
    decision: Decision
    because: tuple[str, ...] = ()
    """Why its change set can only be made later; empty if it can be made now."""
    moved: frozenset[str] = frozenset()
    """Its parameters whose values come out otherwise, though their texts stay."""


def wait_for_makers(one: Decided, deployment: Deployment, before: Mapping[StackId, Decided], look: Look) -> Decided:
    """Return what is to be done about a stack, later where what it looks at is made or changed by the stacks `before`.

    Such a stack may change though its template and parameters stay: it is asked.
    """
    uses = [use for use in deployment.uses if use.stack == one.desired.id and use.way.forces_later]
    forcing = [(use, made) for use in uses for made in use.makers if _makes(before.get(made.stack), made, use, look)]
    if not forcing:
        return one
    decision = Change("UPDATE", certain=False) if isinstance(one.decision, Keep) else one.decision
    moved = {use.parameter or _FUNCTIONS.get(use.way, "") for use, _ in forcing} - {""}
    because = [_WORDS[use.way].format(use.name, made.stack) for use, made in forcing]
    return replace(one, decision=decision, because=(*one.because, *because), moved=one.moved | moved)


def _makes(maker: Decided | None, made: Made, use: Use, look: Look) -> bool:
    """Return whether a stack makes the thing in this plan, or may change it."""
    if maker is None or isinstance(maker.decision, Keep):
        return False
    observed = look.stacks.get(made.stack)
    if maker.decision != Change("UPDATE") or observed is None or maker.because or use.way is Way.OUTPUT:
        return True
    desired = maker.desired
    others = [name for name, value in desired.parameters.items() if value != observed.parameters.get(name)]
    changes = expect_changes(
        read_deployed(look.templates.get(made.stack), made.stack),
        read_template(desired.template, made.stack),
        others,
        tags=desired.tags != observed.tags,
    )
    return any(change.logical_id == made.logical_id and change.action != "Remove" for change in changes)


def wait_for_names(decided: Mapping[StackId, Decided], look: Look) -> dict[StackId, Decided]:
    """Return the decisions, later for each stack that takes a name which another one of them gives up.

    Early validation refuses a change set that creates what is there already.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
    Raises Stopped where the stack that gives the name up needs the one that takes it.
    """
    given = {key: one.desired.id for one in decided.values() for key in _given_up(one, look)}
    found = dict(decided)
    for stack, one in decided.items() if given else ():
        if isinstance(one.decision, Keep):
            continue
        old = set(_deployed_names(one, look))
        for key, maker in ((key, given[key]) for key in _names(one.desired) if key in given and key not in old):
            if maker == stack:
                continue
            if stack in _reached(found, maker):
                raise Stopped(
                    where=stack,
                    what=f"takes the name {key[-1]}, which {maker} gives up, and {maker} needs it",
                    next_step="a plan in which the one gives it up, and after that a plan in which the other takes it",
                )
            because = f"takes the name {key[-1]}, which {maker} gives up"
            needs = tuple(dict.fromkeys((*found[stack].desired.needs, maker)))
            found[stack] = replace(
                found[stack],
                desired=replace(found[stack].desired, needs=needs),
                because=(*found[stack].because, because),
            )
    return found


def _reached(decided: Mapping[StackId, Decided], start: StackId) -> set[StackId]:
    found: set[StackId] = set()
    left = [start]
    while left:
        one = left.pop()
        more = [need for need in decided[one].desired.needs if need in decided and need not in found]
        found.update(more)
        left += more
    return found


def _given_up(one: Decided, look: Look) -> Iterator[_Name]:
    if one.decision not in {Change("UPDATE"), Change("UPDATE", certain=False)}:
        return
    stays = set(_names(one.desired))
    for key, body in _deployed_names(one, look).items():
        if key not in stays and body.get("DeletionPolicy") not in _STAYS:
            yield key


def _deployed_names(one: Decided, look: Look) -> dict[_Name, Mapping[str, object]]:
    observed = look.stacks.get(one.desired.id)
    if observed is None or one.desired.id not in look.templates:
        return {}
    template = read_deployed(look.templates[one.desired.id], one.desired.id)
    return _names_in(one.desired, template, observed.parameters)


def _names(desired: DesiredStack) -> dict[_Name, Mapping[str, object]]:
    values = {name: value for name, value in desired.parameters.items() if isinstance(value, str)}
    return _names_in(desired, read_template(desired.template, desired.id), values)


def _names_in(
    stack: DesiredStack, template: Mapping[str, object], values: Mapping[str, str]
) -> dict[_Name, Mapping[str, object]]:
    """Return the resources of a template by the names that no two of them can have at once."""
    entry = Entry(id=stack.id, region=stack.region, name=stack.name, template="", sha256="", parameters=values)
    bound = Bound(entry, "", template)
    found: dict[_Name, Mapping[str, object]] = {}
    for _, body in bound.resources():
        type_name = str(body.get("Type"))
        form, properties = ARN_FORMATS.get(type_name), body.get("Properties")
        named = name_property(type_name) if type_name in NAMED else ""
        name = bound.text(properties[named]) if named and isinstance(properties, dict) and named in properties else None
        name = name or bound.name_of(body)
        if name:
            # A table's name is its region's, though its replicas have it in others.
            everywhere = form is not None and form.service in {"iam", "s3"}
            found[form.service if form else type_name, None if everywhere else stack.site, name] = body
    return found


def moving(deployment: Deployment, stack: StackId) -> frozenset[str]:
    """Return what a stack is given whose value other stacks of its assembly may change, though its text stays."""
    uses = [use for use in deployment.uses if use.stack == stack and use.way.forces_later and use.makers]
    return frozenset(use.parameter or _FUNCTIONS.get(use.way, "") for use in uses) - {""}
