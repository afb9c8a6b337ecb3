"""What a change set of StackSets means in each account and region; pure."""

import re
from collections.abc import Collection, Mapping

from builder.deploy.records import ResourceChange
from builder.deploy.template import read_deployed
from builder.fleet.difference import find_changes, merge_changes
from builder.fleet.records import Aimed, Does, Instance, SetPlan
from builder.fleet.remarks import IN_HAND, find_remarks
from builder.fleet.resolved import resolve_template
from builder.fleet.setting import Setting
from builder.terms import Site

# What StackSets take into no stack by themselves; each other property makes them update every stack of the set.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackSet.html
_GROUPS = "StackInstancesGroup"
_BESIDE_THE_STACKS = frozenset({_GROUPS, "OperationPreferences", "AutoDeployment", "ManagedExecution"})
_MASKED = "****"


def plan_set(setting: Setting) -> SetPlan:
    """Return what the plan does to the set, and thereby in the accounts."""
    does = _does(setting.change)
    instances = setting.observed.instances if setting.observed else ()
    gone = _gone(does, setting)
    leaving = [one.site for one in instances if one.site in gone]
    stays = [one.site for one in instances if one.site not in gone]
    comes = _coming(does, setting).difference(stays)
    joining = [site for site in setting.aim.sites if site in comes]
    skipped = setting.skipped()
    stuck = {one.site for one in instances if one.status == "INOPERABLE"}.union(one.site for one in skipped)
    return SetPlan(
        stack_set=setting.definition.stack_set,
        does=does,
        instances=instances,
        joining=tuple(joining),
        updating=tuple(site for site in stays if site not in stuck) if does == "update" else (),
        leaving=tuple(leaving),
        retries=_retries(does, instances, {*leaving, *stuck}),
        missing=_missing(setting, {*stays, *joining}),
        skipped=skipped,
        changes=_changes(does, setting),
        overrides=setting.observed.overrides if setting.observed else (),
        remarks=find_remarks(does, setting),
    )


def _gone(does: Does, setting: Setting) -> set[Site]:
    """Return where CloudFormation deletes what stands."""
    if does == "nothing":
        return set()
    if does in {"remove", "create"}:
        # A set that is created though it has stacks is replaced, or failed to come into being before.
        return {one.site for one in setting.observed.instances} if setting.observed else set()
    return {one.site for one in set(setting.aimed) - set(setting.aims)}


def _coming(does: Does, setting: Setting) -> set[Site]:
    """Return where CloudFormation creates a stack that does not stand."""
    if does == "create":
        return set(setting.aim.sites)
    names = _touched(setting.change)
    if does not in {"update", "targets"} or (names and _GROUPS not in names):
        return set()
    return {one.site for one in set(setting.aims) - set(setting.aimed)}


def _missing(setting: Setting, provided: Collection[Site]) -> tuple[Aimed, ...]:
    """Return where nothing brings a stack that is wanted, each by the first target that leads there."""
    if setting.observed is None:
        return ()
    lack = set(setting.aim.sites).difference(provided)
    first: dict[Site, Aimed] = {}
    for one in setting.aims:
        first.setdefault(one.site, one)
    return tuple(one for site, one in first.items() if site in lack)


def _does(change: ResourceChange | None) -> Does:
    if change is None:
        return "nothing"
    if change.action in {"Add", "Import"} or change.is_replaced:
        return "create"
    if change.action == "Remove":
        return "remove"
    names = _touched(change)
    return "targets" if names and names <= _BESIDE_THE_STACKS else "update"


def _touched(change: ResourceChange | None) -> set[str]:
    """Return which properties a change names; where it names none it may touch any."""
    # /Properties/Tags/0 where CloudFormation shows values, else Properties.Tags
    paths = (re.split(r"[/.]", one.path.lstrip("/")) for one in change.properties) if change else ()
    return {path[1] for path in paths if len(path) > 1}


def _retries(does: Does, instances: tuple[Instance, ...], not_these: Collection[Site]) -> tuple[Instance, ...]:
    if does not in {"nothing", "targets"}:
        return ()
    behind = (one for one in instances if one.status == "OUTDATED" and one.detailed_status not in IN_HAND)
    return tuple(one for one in behind if one.site not in not_these)


def _changes(does: Does, setting: Setting) -> tuple[ResourceChange, ...]:
    new, observed = setting.definition, setting.observed
    if does not in {"create", "update"} or new.body is None:
        return ()
    region = setting.region
    if observed is None or does == "create":
        return find_changes({}, resolve_template(new.body, new.parameters, region, new.stack_set.id))
    masked = {
        key: new.parameters[key]
        for key, said in observed.parameters.items()
        if said == _MASKED and key in new.parameters
    }
    read_deployed(observed.body, new.stack_set.id)
    own: list[Mapping[str, str]] = [{}, *(one.parameters for one in observed.overrides)]
    distinct = [one for place, one in enumerate(own) if one not in own[:place]]
    return merge_changes(
        find_changes(
            resolve_template(observed.body, {**observed.parameters, **masked, **overridden}, region, new.stack_set.id),
            resolve_template(new.body, {**new.parameters, **overridden}, region, new.stack_set.id),
        )
        for overridden in distinct
    )
