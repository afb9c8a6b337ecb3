"""What of a plan hangs on something else, and what is decided of a stack for that.

On what the same plan makes: change sets that are made later, and exports that others import. And on regions that are
skipped: nothing is done that hangs on one, and nothing whose needs are unsure.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from builder.assembly.bound import bind_stack
from builder.assembly.manifest import ParameterValue
from builder.assembly.uses import NAMED, Maker, Use, Way
from builder.aws import Clients, together
from builder.deploy.desired import Deployment, DesiredStack
from builder.deploy.observe.capture import observe_importers
from builder.deploy.observe.deployment import ObservedDeployment
from builder.deploy.observe.stacks import ObservedStack
from builder.deploy.plan.expected import expect_changes
from builder.deploy.records import Deferred, ResourceChange, Step
from builder.deploy.resources import HOLDERS, regions_of
from builder.deploy.resources.holder import nowhere_else
from builder.errors import BuilderError, LeftBehind, Stopped, gathered
from builder.graph import closure
from builder.resource_types.facts import ARN_FORMATS, control_plane_of, name_property
from builder.template import Template, at, names_in, properties_of, read_deployed, read_template
from builder.terms import AccountId, Site, StackId


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


@dataclass(frozen=True, slots=True)
class Adopt:
    """The stack stands and is not the deployment's: it is given the deployment's tags, and stays as it is else."""


Decision = NeedsChangeSet | Rebuild | Keep | Adopt
_WORDS: Mapping[Way, str] = {
    Way.SSM_VALUE: "reads the SSM parameter {}, which {} makes",
    Way.NAME_TYPE: "is given the name {}, which {} makes",
    Way.MACRO: "is transformed by the macro {}, which {} makes",
    Way.TEMPLATE: "takes templates from the bucket {}, which {} makes",
    Way.OUTPUT: "reads the output {}, which {} makes",
}
"""The ways in which a change set can only be made once what it takes is there, and as it will be; in words.

An export or a dynamic reference that is missing makes a change set all the same, and fails its execution.
Unverified for Fn::GetStackOutput, of which no document says it.
"""
_FUNCTIONS: Mapping[Way, str] = {Way.OUTPUT: "Fn::GetStackOutput"}
"""What stands in a template where no parameter does."""
_STAYS = frozenset({"Retain", "RetainExceptOnCreate"})
_Name = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedStack:
    """A stack with what is to be done about it, and why not at once."""

    desired: DesiredStack
    decision: Decision
    because: tuple[str, ...] = ()
    """Why its change set can only be made later; empty if it can be made now."""
    moved: frozenset[str] = frozenset()
    """Its parameters whose values come out otherwise, though their texts stay."""


def wait_for_makers(
    one: DecidedStack, deployment: Deployment, before: Mapping[StackId, DecidedStack], look: ObservedDeployment
) -> DecidedStack:
    """Return what is to be done about a stack, later where what it looks at is made or changed by the stacks `before`.

    Such a stack may change though its template and parameters stay: it is asked.
    """
    uses = [use for use in deployment.uses if use.stack == one.desired.id and use.way in _WORDS]
    forcing = [(use, made) for use in uses for made in use.makers if _makes(before.get(made.stack), made, use, look)]
    if not forcing:
        return one
    decision = NeedsChangeSet("UPDATE", certain=False) if isinstance(one.decision, Keep) else one.decision
    moved = {use.parameter or _FUNCTIONS.get(use.way, "") for use, _ in forcing} - {""}
    because = [_WORDS[use.way].format(use.name, made.stack) for use, made in forcing]
    return replace(one, decision=decision, because=(*one.because, *because), moved=one.moved | moved)


def _makes(maker: DecidedStack | None, made: Maker, use: Use, look: ObservedDeployment) -> bool:
    """Return whether a stack makes the thing in this plan, or may change it."""
    if maker is None or isinstance(maker.decision, Keep | Adopt):
        return False
    observed = look.stacks.get(made.stack)
    if maker.decision != NeedsChangeSet("UPDATE") or observed is None or maker.because or use.way is Way.OUTPUT:
        return True
    desired = maker.desired
    others = other_values(desired, observed)
    changes = expect_changes(
        read_deployed(look.templates.get(made.stack), made.stack),
        read_template(desired.template, made.stack),
        others,
        tags=desired.tags != observed.tags,
    )
    return any(change.logical_id == made.logical_id and change.action != "Remove" for change in changes)


def other_values(desired: DesiredStack, observed: ObservedStack) -> list[str]:
    """Return the parameters whose values change, or may: those that wait for an output."""
    given = desired.parameters_over(observed.parameters)
    return [name for name, value in given.items() if value != observed.parameters.get(name)]


def wait_for_names(decided: Mapping[StackId, DecidedStack], look: ObservedDeployment) -> dict[StackId, DecidedStack]:
    """Return the decisions, later for each stack that takes a name which another one of them gives up.

    Early validation refuses a change set that creates what is there already.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
    Raises Stopped where the stack that gives the name up needs the one that takes it.
    """
    given = {key: one.desired.id for one in decided.values() for key in _given_up(one, look)}
    found = dict(decided)
    for stack, one in decided.items() if given else ():
        if isinstance(one.decision, Keep | Adopt):
            continue
        old = set(_deployed_names(one, look))
        for key, maker in ((key, given[key]) for key in _names(one.desired) if key in given and key not in old):
            if maker == stack:
                continue
            if stack in closure({name: each.desired.needs for name, each in found.items()}, maker):
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


def _given_up(one: DecidedStack, look: ObservedDeployment) -> Iterator[_Name]:
    if one.decision not in {NeedsChangeSet("UPDATE"), NeedsChangeSet("UPDATE", certain=False)}:
        return
    stays = set(_names(one.desired))
    for key, body in _deployed_names(one, look).items():
        if key not in stays and body.get("DeletionPolicy") not in _STAYS:
            yield key


def _deployed_names(one: DecidedStack, look: ObservedDeployment) -> dict[_Name, Mapping[str, object]]:
    observed = look.stacks.get(one.desired.id)
    if observed is None or one.desired.id not in look.templates:
        return {}
    template = read_deployed(look.templates[one.desired.id], one.desired.id)
    return _names_in(one.desired, template, observed.parameters)


def _names(desired: DesiredStack) -> dict[_Name, Mapping[str, object]]:
    return _names_in(desired, read_template(desired.template, desired.id), desired.parameters)


def _names_in(
    stack: DesiredStack, template: Template, values: Mapping[str, ParameterValue]
) -> dict[_Name, Mapping[str, object]]:
    """Return the resources of a template by the names that no two of them can have at once."""
    bound = bind_stack(template, stack.name, stack.region, values)
    found: dict[_Name, Mapping[str, object]] = {}
    for _, body in bound.resources():
        type_name = str(body.get("Type"))
        form, named = ARN_FORMATS.get(type_name), name_property(type_name) if type_name in NAMED else ""
        name = bound.text(properties_of(body).get(named)) or bound.name_of(body)
        if name:
            # A table's name is its region's, though its replicas have it in others.
            everywhere = form is not None and form.service in {"iam", "s3"}
            found[form.service if form else type_name, None if everywhere else stack.site, name] = body
    return found


def moving(deployment: Deployment, stack: StackId) -> frozenset[str]:
    """Return what a stack is given whose value other stacks of its assembly may change, though its text stays."""
    uses = [use for use in deployment.uses if use.stack == stack and use.way in _WORDS and use.makers]
    return frozenset(use.parameter or _FUNCTIONS.get(use.way, "") for use in uses) - {""}


_MISSING = re.compile(r"No export named ([^\s,;\]]+)")
_TWO_PLANS = "one plan that adds what is wanted and moves the importers, and after that one that removes the old export"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """An export that an update changes or removes."""

    stack: StackId
    site: Site
    name: str
    verb: str
    """`changes` or `removes`."""
    is_certain: bool
    """Whether it surely does, or only may."""


def missing_exports(reason: str) -> tuple[str, ...]:
    """Return the exports that a change set was made without, from its reason.

    That it was made without them is no sign of rows that were left out, though both are told by a [WARN].
    """
    return tuple(dict.fromkeys(_MISSING.findall(reason)))


def told_missing(export: str) -> str:
    """Return what a finding says of an export that is not there."""
    return f"WARN no export named {export}: it has to be there when this is executed"


def without_made(step: Step, deployment: Deployment, account: AccountId) -> Step:
    """Return the step without findings about exports that stacks make which it needs."""
    made = {
        told_missing(_in_account(use.name, account))
        for use in deployment.uses
        if use.stack == step.stack and use.way is Way.EXPORT and use.makers
    }
    return replace(step, findings=tuple(one for one in step.findings if one not in made))


async def put_importers_first(
    work: Sequence[Step | Deferred], deployment: Deployment, look: ObservedDeployment, clients: Clients
) -> tuple[Step | Deferred, ...]:
    """Return the work, each update that changes or removes an export after those that give up importing it.

    What only may change is told in the findings: CloudFormation rolls back what comes to that.
    Raises Stopped, naming each export, where somebody goes on importing it or nothing tells that they do not.
    """
    changes = [(one, change) for one in work for change in _changes(one, deployment, look)]
    users = await together(observe_importers(clients, change.site, change.stack, change.name) for _, change in changes)
    adopted = {one.stack for one in work if isinstance(one, Step) and one.adoption is not None}
    # Of several change sets of a stack what the last one waits for is none of the first one's.
    more: dict[StackId, set[StackId]] = {one.stack: set() for one in work}
    needs: dict[StackId, set[StackId]] = {one.stack: set(one.needs) for one in work}
    # What is adopted goes on as it is.
    updated = {stack: waits for stack, waits in needs.items() if stack not in adopted}
    faults: list[BuilderError] = []
    told: dict[StackId, list[str]] = {}
    for (one, change), names in zip(changes, users, strict=True):
        for name in names:
            if not change.is_certain:
                told.setdefault(one.stack, []).append(
                    f"WARN export {change.name} may change, which {name} imports: CloudFormation would refuse that"
                )
                continue
            first = _gives_it_up(name, change, deployment, look.account, updated)
            if isinstance(first, Stopped):
                faults.append(first)
            else:
                needs[one.stack].add(first)
                more[one.stack].add(first)
    if faults:
        raise gathered(faults)
    return tuple(_changed(one, more[one.stack], told.get(one.stack, ())) for one in work)


def _changed(one: Step | Deferred, needs: Collection[StackId], findings: Sequence[str]) -> Step | Deferred:
    more = tuple(sorted(set(needs) - set(one.needs)))
    findings = (*one.findings, *dict.fromkeys(findings))
    if isinstance(one, Step):
        return replace(one, needs=(*one.needs, *more), findings=findings)
    return replace(one, desired=replace(one.desired, needs=(*one.needs, *more)), findings=findings)


def _gives_it_up(
    importer: str, change: _Change, deployment: Deployment, account: AccountId, needs: Mapping[StackId, set[StackId]]
) -> StackId | Stopped:
    """Return the stack that has to be updated first, or why no order helps; `needs` are those of updated stacks."""
    what = f"{change.verb} the export {change.name}, which {importer} imports"
    ours = next((one for one in deployment.stacks if one.site == change.site and one.name == importer), None)
    # A nested stack is named <the outer one>-<logical id>-<letters and digits>.
    outer = [one.id for one in deployment.stacks if one.site == change.site and importer.startswith(f"{one.name}-")]
    if ours is None and outer:
        nested = f"{what}; that stack seems to be nested in {outer[0]}, and no order within one plan is known to help"
        return Stopped(where=change.stack, what=nested, next_step=_TWO_PLANS)
    if ours is None:
        return Stopped(
            where=change.stack,
            what=f"{what}; that stack is not this plan's",
            next_step="aws cloudformation list-imports    tells who imports an export; they have to give it up first",
        )
    goes_on = any(
        use.stack == ours.id and use.way is Way.EXPORT and _in_account(use.name, account) == change.name
        for use in deployment.uses
    )
    if goes_on or ours.id not in needs:
        return Stopped(where=change.stack, what=f"{what} and goes on importing", next_step=_TWO_PLANS)
    if change.stack in closure(needs, ours.id):
        return Stopped(where=change.stack, what=f"{what} until it takes something new of it", next_step=_TWO_PLANS)
    return ours.id


def _changes(one: Step | Deferred, deployment: Deployment, look: ObservedDeployment) -> Iterator[_Change]:
    observed = look.stacks.get(one.stack)
    adopts = isinstance(one, Step) and one.adoption is not None
    if observed is None or not observed.exports or one.type != "UPDATE" or adopts:
        return
    desired = deployment.stack(one.stack)
    deployed = read_deployed(look.templates.get(one.stack), one.stack).section("Outputs")
    wanted = read_template(desired.template, one.stack).section("Outputs")
    by_name = dict(_named(desired, look.account))
    moved = set(other_values(desired, observed))
    for name, key in observed.exports.items():
        before = deployed.get(key)
        same = at(before, "Export") == at(wanted, key, "Export")
        same = same and moved.isdisjoint(names_in(at(before, "Export")))
        now = by_name.get(name) or (key if same and before else None)
        if now is None:
            yield _Change(stack=one.stack, site=one.site, name=name, verb="removes", is_certain=True)
            continue
        certain = _value_changes(at(before, "Value"), at(wanted, now, "Value"), moved, one.changes)
        if certain is not None and at(wanted, now, "Value") != observed.outputs.get(key):
            yield _Change(stack=one.stack, site=one.site, name=name, verb="changes", is_certain=certain)


def _value_changes(before: object, after: object, moved: set[str], changes: Sequence[ResourceChange]) -> bool | None:
    """Return whether an output's value surely changes; False where it may, None where it stays."""
    if before != after:
        return isinstance(after, str)
    replaced: dict[str, ResourceChange] = {change.logical_id: change for change in changes if change.is_replaced}
    found = [replaced[name] for name in names_in(after) if name in replaced]
    if any(change.replacement == "True" for change in found):
        return True
    return False if found or not moved.isdisjoint(names_in(after)) else None


def _named(desired: DesiredStack, account: AccountId) -> Iterator[tuple[str, str]]:
    """Yield the name of each export that can be told, with the output's."""
    template = read_template(desired.template, desired.id)
    bound = bind_stack(template, desired.name, desired.region, desired.parameters)
    for key, output in template.section("Outputs").items():
        if name := bound.text(at(output, "Export", "Name")):
            yield _in_account(name, account), key


def _in_account(name: str, account: AccountId) -> str:
    return name.replace("${AWS::AccountId}", account)


_LATER = "python -m builder deploy    without --skip-region brings it up to date once the region answers again"


async def check_without(deployment: Deployment, work: Iterable[Step | Deferred], clients: Clients) -> None:
    """Return if all of the work can be done without the skipped regions.

    Raises LeftBehind, or Several, naming every change that hangs on one, and every need on a stack there that is not
    seen to be met in the surviving region.
    """
    if not deployment.skipped:
        return
    work = tuple(work)
    faults: list[BuilderError] = [fault for one in work for fault in _hanging(deployment, one)]
    left_out = {stack.id: stack for stack in deployment.left_out}
    needs: dict[tuple[Site, StackId], list[StackId]] = {}
    for one in sorted(work, key=lambda each: each.stack):
        for need in set(one.needs) & left_out.keys():
            needs.setdefault((one.site, need), []).append(one.stack)
    met = await together(_is_met(left_out[need], site, clients) for site, need in needs)
    faults += [
        LeftBehind(
            where=need,
            what=f"is left out, and what is needed of it by {', '.join(dict.fromkeys(stacks))} "
            f"is not to be seen in {site.region}",
            next_step=_LATER,
            stacks=dict.fromkeys(stacks),
        )
        for ((site, need), stacks), is_met in sorted(zip(needs.items(), met, strict=True), key=str)
        if not is_met
    ]
    if faults:
        raise gathered(faults)


def _hanging(deployment: Deployment, work: Step | Deferred) -> Iterator[LeftBehind]:
    template = read_template(deployment.stack(work.stack).template, work.stack)
    for change in work.changes:
        # It changes nothing of what it imports, wherever that has copies.
        if change.action == "Import":
            continue
        plane = control_plane_of(change.type, work.region)
        if plane is not None and plane.region in deployment.skipped:
            what = f"{plane.name} is in {plane.region}, which is skipped"
            yield _stopped(work.stack, change, what)
        copies = {*change.regions, *regions_of(template.resource(change.logical_id))}
        for region in deployment.skipped:
            if region in copies:
                yield _stopped(work.stack, change, f"it has a replica in {region}, which is skipped")
        if _may_have_copies(change) and not copies:
            yield _stopped(work.stack, change, "where it has replicas its change set does not show")


def _stopped(stack: StackId, change: ResourceChange, what: str) -> LeftBehind:
    told = f"{change.type} cannot be changed now: {what}"
    return LeftBehind(where=f"{stack}/{change.logical_id}", what=told, next_step=_LATER, stacks=(stack,))


def _may_have_copies(change: ResourceChange) -> bool:
    """Return whether it is in a nested stack, whose template is not at hand, and may have copies elsewhere."""
    holder = HOLDERS.get(change.type)
    return "/" in change.logical_id and holder is not None and holder.regions is not nowhere_else


async def _is_met(need: DesiredStack, site: Site, clients: Clients) -> bool:
    """Look in a surviving region at what a stack that is left out makes there."""
    template = read_template(need.template, need.id)
    binding = template.bind(need.values)
    for resource in template.resources().values():
        holder = HOLDERS.get(str(resource.get("Type")))
        properties = properties_of(resource)
        if holder is None or holder.stands is None or site.region not in holder.regions(properties):
            continue
        name = binding.text(properties.get(name_property(str(resource.get("Type")))))
        if name and await holder.stands(clients.of(site), site.region, name):
            return True
    return False
