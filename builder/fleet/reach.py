"""What a change set of StackSets means in each account and region, with remarks for a person; pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from builder.deploy.desired import MASK
from builder.deploy.draft.parts import without_values
from builder.deploy.draft.sequence import Ends, count_updates
from builder.deploy.records import ResourceChange
from builder.fleet.difference import find_changes, merge_changes, resolve_template
from builder.fleet.records import InstanceOverride, SetAction, SetPlan, StackInstance, TargetedSite
from builder.fleet.targets import ObservedSet, SetContext
from builder.resource_types import STACK_SET
from builder.template import Template, read_deployed, read_template
from builder.terms import Site, counted

IN_PROGRESS = frozenset({"PENDING", "RUNNING"})


FAILED_IMPORT = "FAILED_IMPORT"


def find_remarks(does: SetAction, context: SetContext) -> tuple[str, ...]:
    """Return the remarks, those about accounts first."""
    return (
        *context.targets.remarks,
        *(_of_properties(context.change) if does == "update" else ()),
        *(_of_body(context) if does == "update" else ()),
        *(_of_instances(does, context, context.observed) if context.observed else ()),
    )


def _of_properties(change: ResourceChange | None) -> Iterator[str]:
    """Yield remarks that no template shows: changed tags, and an operation that changes nothing in any stack."""
    names = _touched(change)
    if "Tags" in names or (change is not None and "Tags" in change.scope):
        yield "the tags of its stacks change, and of everything in them that takes tags"
    elif names and all(EFFECTS.get(name) in {"operation", "nothing"} for name in names):
        yield f"an operation for {', '.join(sorted(names))} goes through all of its stacks, none of which differs by it"


def _of_body(context: SetContext) -> Iterator[str]:
    body = context.definition.body
    if body is None:
        yield "its template lies in a bucket: what it changes in the stacks was not looked at"
        return
    if read_template(body, context.definition.stack_set.id).transforms:
        yield "its template has a transform: what that makes of it was not looked at"
    ends = context.observed and Ends(
        where=context.definition.stack_set.id,
        deployed=context.observed.body,
        desired=body,
        values_before=context.observed.parameters,
        values_after=context.definition.parameters,
    )
    steps = count_updates(ends) if ends else 1
    if steps > 1:
        yield (
            f"AWS takes this change in {steps} updates, one replica or index more or less at a time, another time to "
            "live over none, and would refuse it in each account: render and deploy them one by one"
        )


def _of_instances(does: SetAction, context: SetContext, observed: ObservedSet) -> Iterator[str]:
    instances = observed.instances
    if does == "create" and instances:
        because = "it is replaced" if context.change and context.change.is_replaced else "its creation failed before"
        yield f"{because}: CloudFormation makes it anew and deletes the {counted(len(instances), 'stack')} that it has"
    if not observed.overrides_known and (does == "update" or _new_overrides(does, context)):
        yield f"{counted(len(instances), 'instance')}: parameters of their own were not looked at; --overrides does"
    behind = sum(instance.status == "OUTDATED" for instance in instances)
    if behind and does == "update":
        are = "instance is" if behind == 1 else "instances are"
        yield f"{behind} {are} behind the set's template: the update changes more there than is shown"
    lost = _new_overrides(does, context).keys() - {instance.site for instance in instances}
    if lost:
        yield (
            f"{', '.join(sorted(f'{site.account} {site.region}' for site in lost))} has no stack, and its parameters "
            "change: CloudFormation would fail there; deploy once without that change"
        )
    yield from _of_states(instances)
    yield from _of_skipped(context)


def _of_skipped(context: SetContext) -> Iterator[str]:
    """Yield the accounts with instances that StackSets skip, without those that `targets` remarks on already."""
    accounts: dict[tuple[object, str], list[str]] = {}
    for skip in context.skipped():
        accounts.setdefault((skip.site.account, skip.because), []).append(skip.site.region)
    for (account, because), regions in accounts.items():
        if not any(remark.startswith(f"{account} is left out") for remark in context.targets.remarks):
            yield f"{account} is skipped in {', '.join(regions)}: {because}; what stands there stays as it is"


def _of_states(instances: tuple[StackInstance, ...]) -> Iterator[str]:
    in_progress = sum(instance.detailed_status in IN_PROGRESS for instance in instances)
    if in_progress:
        who = f"{in_progress} instances are in the hands of an operation that runs"
        yield f"{who}; python -m builder fleet status shows it"
    for instance in instances:
        where = f"{instance.site.account} {instance.site.region}"
        if instance.detailed_status == FAILED_IMPORT:
            yield f"{where} was not imported: {instance.reason or 'no reason given'}"
        elif instance.status == "INOPERABLE":
            yield (
                f"{where} is INOPERABLE, and no update reaches it: delete the instance "
                "with its stack retained, then the stack by hand"
            )


Effect = Literal["set", "stacks", "operation", "targets", "nothing"]
"""What the change of a set's property causes: a new set, an update of what is in its stacks, an operation through
all of them without a change, a comparison of targets and their parameters, or nothing by itself."""


_GROUPS = "StackInstancesGroup"


EFFECTS: Mapping[str, Effect] = {
    "StackSetName": "set",
    "PermissionModel": "set",
    "TemplateBody": "stacks",
    "TemplateURL": "stacks",
    "Parameters": "stacks",
    "Tags": "stacks",
    # CloudFormation calls UpdateStackSet for a changed role as for the properties below.
    "AdministrationRoleARN": "operation",
    "ExecutionRoleName": "operation",
    "Description": "operation",
    "AutoDeployment": "operation",
    "ManagedExecution": "operation",
    _GROUPS: "targets",
    "OperationPreferences": "nothing",
    "Capabilities": "nothing",
    "CallAs": "nothing",
}
"""Every property that a template can give a set. For a set whose template is in a bucket each causes an operation.

Source: UpdateHandler and Comparator of AWS::CloudFormation::StackSet, in
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-cloudformation"""


def plan_set(context: SetContext) -> SetPlan:
    """Return what the plan does to the set, and so in the accounts."""
    does = _decide_action(context)
    instances = context.observed.instances if context.observed else ()
    deleted = _deleted_sites(does, context)
    leaving = [instance.site for instance in instances if instance.site in deleted]
    kept = [instance.site for instance in instances if instance.site not in deleted]
    created = _created_sites(does, context)
    comes = created.difference(kept)
    joining = [site for site in context.targets.sites if site in comes]
    skipped = context.skipped()
    reset = _new_overrides(does, context)
    inoperable = {instance.site for instance in instances if instance.status == "INOPERABLE"}
    stuck = inoperable.union(skip.site for skip in skipped)
    return SetPlan(
        stack_set=context.definition.stack_set,
        does=does,
        instances=instances,
        joining=tuple(joining),
        updating=tuple(site for site in kept if site not in stuck and (does == "update" or site in reset)),
        leaving=tuple(leaving),
        retries=_retries(does, instances, {*leaving, *stuck}),
        missing=_missing_places(context, {*kept, *joining}),
        skipped=skipped,
        changes=_changes(does, context),
        overrides=context.observed.overrides if context.observed else (),
        given=tuple(
            InstanceOverride(site=place.site, parameters=own)
            for place, own in context.overrides.items()
            if own or place.site in reset
        ),
        reset=tuple(site for site in kept if site in reset),
        exposed=tuple(
            instance.site
            for instance in instances
            if instance.stack and instance.site in created and instance.site not in deleted
        ),
        remarks=find_remarks(does, context),
    )


def without_secrets(planned: SetPlan, context: SetContext) -> SetPlan:
    """Return the plan for a screen or a file, without secret values.

    The value of a parameter is masked if the set's deployed or new template has it as NoEcho; if the new template is in
    a bucket, every parameter's value is.
    """
    new, old = context.definition, context.observed.body if context.observed else ""
    hidden = read_deployed(old, new.stack_set.id).no_echo if old else frozenset()
    if new.body is not None:
        hidden |= read_template(new.body, new.stack_set.id).no_echo

    def masked(override: InstanceOverride) -> InstanceOverride:
        parameters = override.parameters.items()
        shown = {name: MASK if new.body is None or name in hidden else value for name, value in parameters}
        return replace(override, parameters=shown)

    return replace(
        planned,
        changes=without_values(planned.changes) if hidden else planned.changes,
        overrides=tuple(map(masked, planned.overrides)),
        given=tuple(map(masked, planned.given)),
    )


def _deleted_sites(does: SetAction, context: SetContext) -> set[Site]:
    """Return where CloudFormation deletes a stack."""
    if does == "nothing":
        return set()
    if does in {"remove", "create"}:
        # A set that is created though it has stacks is replaced, or its creation failed before.
        return {instance.site for instance in context.observed.instances} if context.observed else set()
    return {place.site for place in set(context.old_targets) - set(context.new_targets)}


def _created_sites(does: SetAction, context: SetContext) -> set[Site]:
    """Return where CloudFormation creates a stack unless one exists."""
    if does == "create":
        return set(context.targets.sites)
    names = _touched(context.change)
    if does not in {"update", "targets"} or (names and _GROUPS not in names):
        return set()
    return {place.site for place in set(context.new_targets) - set(context.old_targets)}


def _missing_places(context: SetContext, provided: Collection[Site]) -> tuple[TargetedSite, ...]:
    """Return the targeted places without a stack, also after the change set, each by its first target."""
    if context.observed is None:
        return ()
    lack = set(context.targets.sites).difference(provided)
    first: dict[Site, TargetedSite] = {}
    for place in context.new_targets:
        first.setdefault(place.site, place)
    return tuple(place for site, place in first.items() if site in lack)


def _decide_action(context: SetContext) -> SetAction:
    change = context.change
    if change is None:
        return "nothing"
    if change.action in {"Add", "Import"} or change.is_replaced:
        return "create"
    if change.action == "Remove":
        return "remove"
    names = _touched(change)
    effects = {EFFECTS.get(name, "stacks") for name in names}
    # The tags of the stack that holds a set are the set's as well; a template in a bucket may always have changed.
    goes_through = not names or "Tags" in change.scope or context.definition.body is None
    return "update" if goes_through or effects & {"set", "stacks", "operation"} else "targets"


def _touched(change: ResourceChange | None) -> set[str]:
    """Return the properties that a change names; empty where it names none and may touch any."""
    # /Properties/Tags/0 where CloudFormation shows values, else Properties.Tags
    paths = (re.split(r"[/.]", property_.path.lstrip("/")) for property_ in change.properties) if change else ()
    return {path[1] for path in paths if len(path) > 1}


def _new_overrides(does: SetAction, context: SetContext) -> dict[Site, Mapping[str, str]]:
    """Return by site the new overrides of stacks whose target stays and had other overrides before."""
    names = _touched(context.change)
    if does not in {"update", "targets"} or (names and _GROUPS not in names):
        return {}
    before = context.overrides_before
    return {place.site: own for place, own in context.overrides.items() if before.get(place, own) != own}


def _retries(
    does: SetAction, instances: tuple[StackInstance, ...], excluded: Collection[Site]
) -> tuple[StackInstance, ...]:
    if does not in {"nothing", "targets"}:
        return ()
    behind = (
        instance
        for instance in instances
        if instance.status == "OUTDATED" and instance.detailed_status not in IN_PROGRESS
    )
    return tuple(instance for instance in behind if instance.site not in excluded)


def _changes(does: SetAction, context: SetContext) -> tuple[ResourceChange, ...]:
    """Return the changes of resources in any stack: by the set's own update, then by other overrides."""
    new, observed = context.definition, context.observed
    reset = _new_overrides(does, context)
    if does not in {"create", "update"} and not reset:
        return ()
    where, region = new.stack_set.id, context.region
    if new.body is None:
        return (_unseen(context, "its template lies in a bucket"),) if observed and does != "create" else ()
    if observed is None or does == "create":
        return find_changes(Template(), resolve_template(new.body, new.parameters, region, where))
    masked = {
        key: new.parameters[key]
        for key, value in observed.parameters.items()
        if value == MASK and key in new.parameters
    }
    read_deployed(observed.body, where)
    old = _Version(observed.body, {**observed.parameters, **masked})
    updated = _Version(new.body, new.parameters) if does == "update" else old
    steps: list[tuple[_Version, _Version]] = []
    for before, after in _own_parameters(does, context, observed, reset):
        steps += [(old.with_own(before), updated.with_own(before)), (updated.with_own(before), updated.with_own(after))]
    distinct = [step for place, step in enumerate(steps) if step[0] != step[1] and step not in steps[:place]]
    changes = merge_changes(
        find_changes(*(resolve_template(version.body, version.parameters, region, where) for version in step))
        for step in distinct
    )
    calls = any(
        read_template(body, where).called_transforms for step in distinct for body in {end.body for end in step}
    )
    return (*changes, _unseen(context, "its template has a transform")) if calls else changes


def _unseen(context: SetContext, because: str) -> ResourceChange:
    """Return the row of a set whose update may lose anything, since nobody looked at what it changes."""
    loss = f"perhaps what its stacks hold: {because}, and what the update does to them was not looked at"
    name = context.definition.stack_set.logical_id
    return ResourceChange(action="Modify", logical_id=name, type=STACK_SET, losses=(loss,))


@dataclass(frozen=True, slots=True)
class _Version:
    """The template and the parameters of a stack."""

    body: str
    parameters: Mapping[str, str]

    def with_own(self, parameters: Mapping[str, str]) -> "_Version":
        return _Version(self.body, {**self.parameters, **parameters})


def _own_parameters(
    does: SetAction, context: SetContext, observed: ObservedSet, reset: Mapping[Site, Mapping[str, str]]
) -> Iterator[tuple[Mapping[str, str], Mapping[str, str]]]:
    """Yield, for each instance that is updated, its deployed and its new overrides."""
    if does == "update":
        yield {}, {}
    known = {override.site: override.parameters for override in observed.overrides}
    if not observed.overrides_known:
        known |= {place.site: own for place, own in context.overrides_before.items() if own or place.site in reset}
    for instance in observed.instances:
        if instance.site in reset or (does == "update" and instance.site in known):
            has = known.get(instance.site, {})
            yield has, reset.get(instance.site, has)
