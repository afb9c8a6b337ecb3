"""What a change set of StackSets means in each account and region, and what a person should know beside it; pure."""

import re
from collections.abc import Collection, Iterator, Mapping

from builder.deploy.plan.sequence import Ends, count_updates
from builder.deploy.records import ResourceChange
from builder.fleet.difference import find_changes, merge_changes, resolve_template
from builder.fleet.records import SetAction, SetPlan, StackInstance, TargetedSite
from builder.fleet.targets import Observed, SetContext
from builder.template import Template, read_deployed, read_template
from builder.terms import Site, counted

IN_HAND = frozenset({"PENDING", "RUNNING"})


def find_remarks(does: SetAction, setting: SetContext) -> tuple[str, ...]:
    """Return the remarks, those about accounts first."""
    return (
        *setting.aim.remarks,
        *(_of_body(setting) if does == "update" else ()),
        *(_of_instances(does, setting, setting.observed) if setting.observed else ()),
    )


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
            f"AWS takes this change in {steps} updates, one replica or index more or less at a time, and would refuse "
            "it in each account: render and deploy them one by one"
        )


def _of_instances(does: SetAction, setting: SetContext, observed: Observed) -> Iterator[str]:
    instances = observed.instances
    if does == "create" and instances:
        because = "it is replaced" if setting.change and setting.change.is_replaced else "its creation failed before"
        yield f"{because}: CloudFormation makes it anew and deletes the {counted(len(instances), 'stack')} that it has"
    if not observed.overrides_known:
        yield f"{counted(len(instances), 'instance')}: parameters of their own were not looked at; --overrides does"
    behind = sum(one.status == "OUTDATED" for one in instances)
    if behind and does == "update":
        yield f"{behind} instances are behind the set's template: the update changes more in them than is shown"
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
        if one.status == "INOPERABLE":
            yield (
                f"{one.site.account} {one.site.region} is INOPERABLE, and no update reaches it: delete the instance "
                "with its stack retained, then the stack by hand"
            )


# What StackSets take into no stack by themselves; each other property makes them update every stack of the set.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStackSet.html
_GROUPS = "StackInstancesGroup"


_BESIDE_THE_STACKS = frozenset({_GROUPS, "OperationPreferences", "AutoDeployment", "ManagedExecution"})


_MASKED = "****"


def plan_set(setting: SetContext) -> SetPlan:
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


def _does(change: ResourceChange | None) -> SetAction:
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


def _retries(
    does: SetAction, instances: tuple[StackInstance, ...], not_these: Collection[Site]
) -> tuple[StackInstance, ...]:
    if does not in {"nothing", "targets"}:
        return ()
    behind = (one for one in instances if one.status == "OUTDATED" and one.detailed_status not in IN_HAND)
    return tuple(one for one in behind if one.site not in not_these)


def _changes(does: SetAction, setting: SetContext) -> tuple[ResourceChange, ...]:
    new, observed = setting.definition, setting.observed
    if does not in {"create", "update"} or new.body is None:
        return ()
    region = setting.region
    if observed is None or does == "create":
        return find_changes(Template(), resolve_template(new.body, new.parameters, region, new.stack_set.id))
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
