"""What a change set of StackSets means in each account and region; pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from builder.deploy.records import ResourceChange
from builder.fleet.difference import find_changes, merge_changes
from builder.fleet.guards import sequence_remarks
from builder.fleet.records import Definition, Does, Instance, Overridden, SetPlan
from builder.fleet.resolved import resolve_template
from builder.fleet.targets import Aim
from builder.terms import Region, Site

# What StackSets take into no stack by themselves; each other property makes them update every stack of the set.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackSet.html
_BESIDE_THE_STACKS = frozenset({"StackInstancesGroup", "OperationPreferences", "AutoDeployment", "ManagedExecution"})
_MASKED = "****"
_SKIPPED = "SKIPPED_SUSPENDED_ACCOUNT"
_IN_HAND = frozenset({"PENDING", "RUNNING"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A StackSet as it stands."""

    body: str
    parameters: Mapping[str, str]
    instances: tuple[Instance, ...] = ()
    overrides: tuple[Overridden, ...] = ()
    overrides_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """All that is known of one set when its plan is made."""

    definition: Definition
    """As it will be; of a set that goes, as it is."""
    change: ResourceChange | None = None
    """What the change set does to the set as a resource."""
    observed: Observed | None = None
    aim: Aim = field(default_factory=lambda: Aim(sites=()))
    """Where its stacks are wanted from now on."""
    aimed: tuple[Site, ...] = ()
    """Where they were wanted by the template that is deployed."""


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
        remarks=tuple(_remarks(does, setting)),
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
    behind = (one for one in instances if one.status == "OUTDATED" and one.detailed_status not in _IN_HAND)
    return tuple(one for one in behind if one.site not in not_these)


def _changes(does: Does, setting: Setting) -> tuple[ResourceChange, ...]:
    new, observed = setting.definition, setting.observed
    if does not in {"create", "update"} or new.body is None:
        return ()
    region = _region(setting)
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


def _region(setting: Setting) -> Region:
    return next((region for group in setting.definition.targets for region in group.regions), Region(""))


def _remarks(does: Does, setting: Setting) -> Iterator[str]:
    yield from setting.aim.remarks
    observed = setting.observed
    if setting.definition.body is None and does == "update":
        yield "its template lies in a bucket: what it changes in the stacks was not looked at"
    if observed is None:
        return
    if does == "create" and observed.instances:
        because = "it is replaced" if setting.change and setting.change.is_replaced else "its creation failed before"
        yield f"{because}: CloudFormation makes it anew and deletes the {len(observed.instances)} stacks that it has"
    if setting.definition.body is not None and does == "update":
        yield from sequence_remarks(observed.body, setting.definition.body)
        if "Transform" in resolve_template(setting.definition.body, {}, _region(setting)):
            yield "its template has a transform: what that makes of it was not looked at"
    if not observed.overrides_known:
        yield f"{len(observed.instances)} instances: parameters of their own were not looked at; --overrides does"
    in_hand = sum(one.detailed_status in _IN_HAND for one in observed.instances)
    if in_hand:
        yield f"{in_hand} instances are in the hands of an operation that runs: python -m builder fleet status    shows it"
    behind = sum(one.status == "OUTDATED" for one in observed.instances)
    if behind and does == "update":
        yield f"{behind} instances are behind the set's template: the update changes more in them than is shown"
    stuck = [one for one in observed.instances if one.status == "INOPERABLE"]
    for one in stuck:
        yield (
            f"{one.site.account} {one.site.region} is INOPERABLE, and no update reaches it: delete the instance "
            "with its stack retained, then the stack by hand"
        )
    missing = set(setting.aim.sites) - {one.site for one in observed.instances}
    if missing and does == "nothing":
        yield f"{len(missing)} of its targets have no stack: CloudFormation sees no change in the set, so it adds none"
