"""What a change set of StackSets means in each account and region; pure."""

import re
from collections.abc import Collection, Mapping

from builder.deploy.records import ResourceChange
from builder.fleet.difference import find_changes, merge_changes
from builder.fleet.records import Does, Instance, SetPlan
from builder.fleet.remarks import IN_HAND, find_remarks
from builder.fleet.resolved import resolve_template
from builder.fleet.setting import Setting
from builder.terms import Site

# What StackSets take into no stack by themselves; each other property makes them update every stack of the set.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackSet.html
_BESIDE_THE_STACKS = frozenset({"StackInstancesGroup", "OperationPreferences", "AutoDeployment", "ManagedExecution"})
_MASKED = "****"
_SKIPPED = "SKIPPED_SUSPENDED_ACCOUNT"


def plan_set(setting: Setting) -> SetPlan:
    """Return what the plan does to the set, and thereby in the accounts."""
    does = _does(setting.change)
    instances = setting.observed.instances if setting.observed else ()
    standing = [one.site for one in instances]
    wanted = set(setting.aim.sites)
    gone = setting.aimed if does in {"update", "targets"} else ()
    # A set that is created though it has stacks is replaced, or failed to come into being before.
    goes = does in {"remove", "create"}
    leaving = standing if goes else [site for site in gone if site in set(standing) - wanted]
    comes = does in {"create", "update", "targets"}
    stuck = {one.site for one in instances if one.status == "INOPERABLE" or one.detailed_status == _SKIPPED}
    updating = [site for site in standing if site not in {*leaving, *stuck}] if does == "update" else []
    return SetPlan(
        stack_set=setting.definition.stack_set,
        does=does,
        instances=instances,
        joining=tuple(site for site in setting.aim.sites if comes and (goes or site not in set(standing))),
        updating=tuple(updating),
        leaving=tuple(leaving),
        retries=_retries(does, instances, {*leaving, *stuck}),
        changes=_changes(does, setting),
        overrides=setting.observed.overrides if setting.observed else (),
        remarks=find_remarks(does, setting),
    )


def _does(change: ResourceChange | None) -> Does:
    if change is None:
        return "nothing"
    if change.action in {"Add", "Import"} or change.is_replaced:
        return "create"
    if change.action == "Remove":
        return "remove"
    # /Properties/Tags/0 where CloudFormation shows values, else Properties.Tags
    names = {part[1] for one in change.properties if len(part := re.split(r"[/.]", one.path.lstrip("/"))) > 1}
    return "targets" if names and names <= _BESIDE_THE_STACKS else "update"


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
        return find_changes({}, resolve_template(new.body, new.parameters, region))
    masked = {
        key: new.parameters[key]
        for key, said in observed.parameters.items()
        if said == _MASKED and key in new.parameters
    }
    own: list[Mapping[str, str]] = [{}, *(one.parameters for one in observed.overrides)]
    distinct = [one for place, one in enumerate(own) if one not in own[:place]]
    return merge_changes(
        find_changes(
            resolve_template(observed.body, {**observed.parameters, **masked, **overridden}, region),
            resolve_template(new.body, {**new.parameters, **overridden}, region),
        )
        for overridden in distinct
    )
