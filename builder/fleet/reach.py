"""What a change set of StackSets means in each account and region, and what a person should know beside it; pure."""

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
from builder.fleet.targets import Observed, SetContext
from builder.template import Template, read_deployed, read_template
from builder.terms import Site, counted

IN_HAND = frozenset({"PENDING", "RUNNING"})


FAILED_IMPORT = "FAILED_IMPORT"


def find_remarks(does: SetAction, setting: SetContext) -> tuple[str, ...]:
    """Return the remarks, those about accounts first."""
    return (
        *setting.aim.remarks,
        *(_of_properties(setting.change) if does == "update" else ()),
        *(_of_body(setting) if does == "update" else ()),
        *(_of_instances(does, setting, setting.observed) if setting.observed else ()),
    )


def _of_properties(change: ResourceChange | None) -> Iterator[str]:
    """Yield what no template shows: tags, and an operation that nothing in any stack asks for."""
    names = _touched(change)
    if "Tags" in names or (change is not None and "Tags" in change.scope):
        yield "the tags of its stacks change, and of everything in them that takes tags"
    elif names and all(EFFECTS.get(name) in {"operation", "nothing"} for name in names):
        yield f"an operation for {', '.join(sorted(names))} goes through all of its stacks, none of which differs by it"


def _of_body(setting: SetContext) -> Iterator[str]:
    body = setting.definition.body
    if body is None:
        yield "its template lies in a bucket: what it changes in the stacks was not looked at"
        return
    if read_template(body, setting.definition.stack_set.id).transforms:
        yield "its template has a transform: what that makes of it was not looked at"
    ends = setting.observed and Ends(
        where=setting.definition.stack_set.id,
        deployed=setting.observed.body,
        desired=body,
        values_before=setting.observed.parameters,
        values_after=setting.definition.parameters,
    )
    steps = count_updates(ends) if ends else 1
    if steps > 1:
        yield (
            f"AWS takes this change in {steps} updates, one replica or index more or less at a time, another time to "
            "live over none, and would refuse it in each account: render and deploy them one by one"
        )


def _of_instances(does: SetAction, setting: SetContext, observed: Observed) -> Iterator[str]:
    instances = observed.instances
    if does == "create" and instances:
        because = "it is replaced" if setting.change and setting.change.is_replaced else "its creation failed before"
        yield f"{because}: CloudFormation makes it anew and deletes the {counted(len(instances), 'stack')} that it has"
    if not observed.overrides_known and (does == "update" or _reset(does, setting)):
        yield f"{counted(len(instances), 'instance')}: parameters of their own were not looked at; --overrides does"
    behind = sum(one.status == "OUTDATED" for one in instances)
    if behind and does == "update":
        are = "instance is" if behind == 1 else "instances are"
        yield f"{behind} {are} behind the set's template: the update changes more there than is shown"
    lost = _reset(does, setting).keys() - {one.site for one in instances}
    if lost:
        yield (
            f"{', '.join(sorted(f'{site.account} {site.region}' for site in lost))} has no stack, and its parameters "
            "change: CloudFormation would fail there; deploy once without that change"
        )
    yield from _of_states(instances)
    yield from _of_skipped(setting)


def _of_skipped(setting: SetContext) -> Iterator[str]:
    """Yield who is passed over though an instance stands there; of who was never taken aim at it is said already."""
    accounts: dict[tuple[object, str], list[str]] = {}
    for one in setting.skipped():
        accounts.setdefault((one.site.account, one.because), []).append(one.site.region)
    for (account, because), regions in accounts.items():
        if not any(remark.startswith(f"{account} is left out") for remark in setting.aim.remarks):
            yield f"{account} is skipped in {', '.join(regions)}: {because}; what stands there stays as it is"


def _of_states(instances: tuple[StackInstance, ...]) -> Iterator[str]:
    in_hand = sum(one.detailed_status in IN_HAND for one in instances)
    if in_hand:
        yield f"{in_hand} instances are in the hands of an operation that runs; python -m builder fleet status shows it"
    for one in instances:
        if one.detailed_status == FAILED_IMPORT:
            yield f"{one.site.account} {one.site.region} was not imported: {one.reason or 'no reason given'}"
        elif one.status == "INOPERABLE":
            yield (
                f"{one.site.account} {one.site.region} is INOPERABLE, and no update reaches it: delete the instance "
                "with its stack retained, then the stack by hand"
            )


Effect = Literal["set", "stacks", "operation", "targets", "nothing"]
"""What a change of a set's property leads to: a new set, an update of what is in its stacks, an operation that goes
through them all with nothing to change, a comparison of targets and their parameters, or nothing by itself."""


_GROUPS = "StackInstancesGroup"


EFFECTS: Mapping[str, Effect] = {
    "StackSetName": "set",
    "PermissionModel": "set",
    "TemplateBody": "stacks",
    "TemplateURL": "stacks",
    "Parameters": "stacks",
    "Tags": "stacks",
    # By another role from now on: CloudFormation calls UpdateStackSet for them as for what follows.
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
"""Every property that a template can give a set. A set whose template lies in a bucket has an operation by any of them.

Source: UpdateHandler and Comparator of AWS::CloudFormation::StackSet, in
https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-cloudformation
"""


def plan_set(setting: SetContext) -> SetPlan:
    """Return what the plan does to the set, and thereby in the accounts."""
    does = _does(setting)
    instances = setting.observed.instances if setting.observed else ()
    gone = _gone(does, setting)
    leaving = [one.site for one in instances if one.site in gone]
    stays = [one.site for one in instances if one.site not in gone]
    coming = _coming(does, setting)
    comes = coming.difference(stays)
    joining = [site for site in setting.aim.sites if site in comes]
    skipped = setting.skipped()
    reset = _reset(does, setting)
    stuck = {one.site for one in instances if one.status == "INOPERABLE"}.union(one.site for one in skipped)
    return SetPlan(
        stack_set=setting.definition.stack_set,
        does=does,
        instances=instances,
        joining=tuple(joining),
        updating=tuple(site for site in stays if site not in stuck and (does == "update" or site in reset)),
        leaving=tuple(leaving),
        retries=_retries(does, instances, {*leaving, *stuck}),
        missing=_missing(setting, {*stays, *joining}),
        skipped=skipped,
        changes=_changes(does, setting),
        overrides=setting.observed.overrides if setting.observed else (),
        given=tuple(
            InstanceOverride(site=one.site, parameters=own)
            for one, own in setting.overrides.items()
            if own or one.site in reset
        ),
        reset=tuple(site for site in stays if site in reset),
        exposed=tuple(one.site for one in instances if one.stack and one.site in coming and one.site not in gone),
        remarks=find_remarks(does, setting),
    )


def without_secrets(planned: SetPlan, setting: SetContext) -> SetPlan:
    """Return the plan as it is shown and saved: without a value of any parameter that the set's template, now or from
    now on, has as NoEcho; and without all values of parameters where that template cannot be read.
    """
    new, old = setting.definition, setting.observed.body if setting.observed else ""
    hidden = read_deployed(old, new.stack_set.id).no_echo if old else frozenset()
    if new.body is not None:
        hidden |= read_template(new.body, new.stack_set.id).no_echo

    def masked(own: InstanceOverride) -> InstanceOverride:
        said = own.parameters.items()
        shown = {name: MASK if new.body is None or name in hidden else value for name, value in said}
        return replace(own, parameters=shown)

    return replace(
        planned,
        changes=without_values(planned.changes) if hidden else planned.changes,
        overrides=tuple(map(masked, planned.overrides)),
        given=tuple(map(masked, planned.given)),
    )


def _gone(does: SetAction, setting: SetContext) -> set[Site]:
    """Return where CloudFormation deletes what stands."""
    if does == "nothing":
        return set()
    if does in {"remove", "create"}:
        # A set that is created though it has stacks is replaced, or failed to come into being before.
        return {one.site for one in setting.observed.instances} if setting.observed else set()
    return {one.site for one in set(setting.aimed) - set(setting.aims)}


def _coming(does: SetAction, setting: SetContext) -> set[Site]:
    """Return where CloudFormation creates a stack that does not stand."""
    if does == "create":
        return set(setting.aim.sites)
    names = _touched(setting.change)
    if does not in {"update", "targets"} or (names and _GROUPS not in names):
        return set()
    return {one.site for one in set(setting.aims) - set(setting.aimed)}


def _missing(setting: SetContext, provided: Collection[Site]) -> tuple[TargetedSite, ...]:
    """Return where nothing brings a stack that is wanted, each by the first target that leads there."""
    if setting.observed is None:
        return ()
    lack = set(setting.aim.sites).difference(provided)
    first: dict[Site, TargetedSite] = {}
    for one in setting.aims:
        first.setdefault(one.site, one)
    return tuple(one for site, one in first.items() if site in lack)


def _does(setting: SetContext) -> SetAction:
    change = setting.change
    if change is None:
        return "nothing"
    if change.action in {"Add", "Import"} or change.is_replaced:
        return "create"
    if change.action == "Remove":
        return "remove"
    names = _touched(change)
    effects = {EFFECTS.get(name, "stacks") for name in names}
    # The tags of the stack that holds a set are the set's as well; a template in a bucket is always asked about.
    goes_through = not names or "Tags" in change.scope or setting.definition.body is None
    return "update" if goes_through or effects & {"set", "stacks", "operation"} else "targets"


def _touched(change: ResourceChange | None) -> set[str]:
    """Return which properties a change names; where it names none it may touch any."""
    # /Properties/Tags/0 where CloudFormation shows values, else Properties.Tags
    paths = (re.split(r"[/.]", one.path.lstrip("/")) for one in change.properties) if change else ()
    return {path[1] for path in paths if len(path) > 1}


def _reset(does: SetAction, setting: SetContext) -> dict[Site, Mapping[str, str]]:
    """Return what stacks get as parameters of their own that stay under a target which gave them others."""
    names = _touched(setting.change)
    if does not in {"update", "targets"} or (names and _GROUPS not in names):
        return {}
    before = setting.overrides_before
    return {one.site: own for one, own in setting.overrides.items() if before.get(one, own) != own}


def _retries(
    does: SetAction, instances: tuple[StackInstance, ...], not_these: Collection[Site]
) -> tuple[StackInstance, ...]:
    if does not in {"nothing", "targets"}:
        return ()
    behind = (one for one in instances if one.status == "OUTDATED" and one.detailed_status not in IN_HAND)
    return tuple(one for one in behind if one.site not in not_these)


def _changes(does: SetAction, setting: SetContext) -> tuple[ResourceChange, ...]:
    """Return what becomes of resources in any stack, step by step: the set's own update, then other parameters."""
    new, observed = setting.definition, setting.observed
    reset = _reset(does, setting)
    if (does not in {"create", "update"} and not reset) or new.body is None:
        return ()
    where, region = new.stack_set.id, setting.region
    if observed is None or does == "create":
        return find_changes(Template(), resolve_template(new.body, new.parameters, region, where))
    masked = {
        key: new.parameters[key] for key, said in observed.parameters.items() if said == MASK and key in new.parameters
    }
    read_deployed(observed.body, where)
    old = _Version(observed.body, {**observed.parameters, **masked})
    updated = _Version(new.body, new.parameters) if does == "update" else old
    steps: list[tuple[_Version, _Version]] = []
    for before, after in _own_parameters(does, setting, observed, reset):
        steps += [(old.with_own(before), updated.with_own(before)), (updated.with_own(before), updated.with_own(after))]
    distinct = [step for place, step in enumerate(steps) if step[0] != step[1] and step not in steps[:place]]
    return merge_changes(
        find_changes(*(resolve_template(one.body, one.parameters, region, where) for one in step)) for step in distinct
    )


@dataclass(frozen=True, slots=True)
class _Version:
    """What a stack is made of."""

    body: str
    parameters: Mapping[str, str]

    def with_own(self, parameters: Mapping[str, str]) -> "_Version":
        return _Version(self.body, {**self.parameters, **parameters})


def _own_parameters(
    does: SetAction, setting: SetContext, observed: Observed, reset: Mapping[Site, Mapping[str, str]]
) -> Iterator[tuple[Mapping[str, str], Mapping[str, str]]]:
    """Yield the parameters that stacks have of their own, and those that they get: of all that is updated."""
    if does == "update":
        yield {}, {}
    known = {one.site: one.parameters for one in observed.overrides}
    if not observed.overrides_known:
        known |= {one.site: own for one, own in setting.overrides_before.items() if own or one.site in reset}
    for one in observed.instances:
        if one.site in reset or (does == "update" and one.site in known):
            has = known.get(one.site, {})
            yield has, reset.get(one.site, has)
