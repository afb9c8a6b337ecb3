"""Stacks that were retained when their account left a set: the set imports them instead of creating others.

Read in this order: where a set lacks a stack (`find_places`), which stacks are there (`observe_retained`), which of
them the set imports and which are barred (`with_imports`), then `import_stacks`.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-import.html
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from builder.aws import Clients, pages
from builder.deploy.desired import TAG_FLEET, TAG_STACK
from builder.deploy.observe.stacks import ObservedStack, observe_stack, observe_template, unless_lagging
from builder.deploy.progress import Started
from builder.errors import BuilderError
from builder.fleet.observe import SetOperation, SetWatch, are_ended, observe_instances, observe_operations
from builder.fleet.operation import (
    IMPORT,
    RESET,
    delete_instances,
    import_instances,
    in_order,
    needs_of,
    reset_instances,
)
from builder.fleet.progress import Failure, SetDone, SetFailed, SetOutcome
from builder.fleet.reach import FAILED_IMPORT
from builder.fleet.records import BarredStack, SetPlan, StackImport, StackInstance, StackSet, TargetedSite
from builder.fleet.targets import ObservedSet, SetContext, in_accounts, observe_skipped
from builder.template import read_deployed
from builder.terms import STATUSES, Operation, Site, StackId, counted

LOOKED_AT = 100
"""How many accounts are read without `--role`: each costs several calls."""


@dataclass(frozen=True, slots=True)
class RetainedStack:
    """An existing stack, with its template."""

    stack: ObservedStack
    body: object


@dataclass(frozen=True, slots=True)
class RetainedStacks:
    """An account's and region's stacks with names that StackSets give, or why they could not be read."""

    stacks: tuple[RetainedStack, ...] = ()
    problem: str = ""


def find_places(planned: SetPlan, context: SetContext) -> tuple[TargetedSite, ...]:
    """Return where a stack of the set is to be created, or its creation failed, each place by its first target."""
    if planned.does in {"create", "remove"} or context.observed is None:
        return ()
    away = {*planned.leaving, *(skip.site for skip in planned.skipped)}
    failed = (instance.site for instance in planned.instances if _may_lack_stack(instance))
    sites = {*planned.joining, *(place.site for place in planned.missing), *failed} - away
    first: dict[Site, TargetedSite] = {}
    for place in context.new_targets:
        first.setdefault(place.site, place)
    return tuple(place for site, place in first.items() if site in sites)


def _may_lack_stack(instance: StackInstance) -> bool:
    if instance.detailed_status == FAILED_IMPORT:
        return True
    return instance.status == "OUTDATED" and (not instance.stack or "already exists" in instance.reason)


def is_unfinished_import(instance: StackInstance) -> bool:
    """Return whether an import of ours added the instance to the set without updating it to the set yet."""
    if instance.detailed_status == FAILED_IMPORT:
        return False
    is_reset = instance.operation.startswith(RESET)
    return instance.operation.startswith(IMPORT) or (is_reset and instance.status != "CURRENT")


async def observe_retained(
    sets: Iterable[tuple[StackSet, Iterable[TargetedSite]]], clients: Clients, role: str | None
) -> Mapping[Site, RetainedStacks]:
    """Return by place the stacks whose names these sets give; no call where there are no places.

    `role` is the name of the role to assume there; without it, the sets' execution role is assumed.
    """
    names: dict[Site, list[StackSet]] = defaultdict(list)
    for stack_set, places in sets:
        for place in places:
            names[place.site].append(stack_set)
    few = role is not None or len({site.account for site in names}) <= LOOKED_AT
    reachable = [(those[0], site) for site, those in names.items() if few and (role or those[0].execution_role)]
    because = "--role NAME looks, by a role there" if few else f"more than {LOOKED_AT} accounts; --role NAME looks"

    async def observe(_: StackSet, instance: StackInstance, reaching: Clients) -> tuple[Site, RetainedStacks]:
        try:
            return instance.site, RetainedStacks(await _observe_stacks(instance.site, names[instance.site], reaching))
        except BuilderError as error:
            return instance.site, RetainedStacks(problem=error.what)

    placed = [(stack_set, StackInstance(site=site, status="")) for stack_set, site in reachable]
    seen = dict(await in_accounts(clients.hurried(), placed, role, observe))
    return {site: seen.get(site, RetainedStacks(problem=because)) for site in names}


async def _observe_stacks(site: Site, sets: Collection[StackSet], reaching: Clients) -> tuple[RetainedStack, ...]:
    client = reaching.of(site).cloudformation(site.region)
    existing: Any = [status for status, facts in STATUSES.items() if facts.exists]
    arns = [
        summary["StackId"]
        async for page in pages(f"{site.account} {site.region}", client.list_stacks, StackStatusFilter=existing)
        for summary in page["StackSummaries"]
        if any(_is_named_by(stack_set, summary["StackName"]) for stack_set in sets)
    ]
    retained = []
    for arn in arns:
        stack = await observe_stack(reaching, site, arn)
        if stack is not None and stack.facts.exists:
            retained.append(RetainedStack(stack, await observe_template(reaching, stack)))
    return tuple(retained)


_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _is_named_by(stack_set: StackSet, name: str) -> bool:
    return re.fullmatch(f"StackSet-{re.escape(stack_set.name)}-{_UUID}", name) is not None


def is_of_set(stack_set: StackSet, stack_import: StackImport) -> bool:
    """Return whether the imported stack's name is one that this set gives, at the import's site; pure."""
    parts = stack_import.stack.split(":", 5)
    if len(parts) < 6 or (parts[3], parts[4]) != (stack_import.site.region, stack_import.site.account):
        return False
    kind, name, *_ = [*parts[5].split("/"), ""]
    return kind == "stack" and _is_named_by(stack_set, name)


def with_imports(
    planned: SetPlan, context: SetContext, seen: Mapping[Site, RetainedStacks], taken: Collection[str]
) -> SetPlan:
    """Return the set's plan with the stacks that it imports instead of creating others; pure.

    `taken` has the ARNs of all stacks that are instances of the fleet's sets.
    """
    old_sites = {place.site for place in context.old_targets}
    passed = {*planned.leaving, *(skip.site for skip in planned.skipped)}
    unfinished = tuple(
        StackImport(site=instance.site, stack=instance.stack, unit=instance.unit, joins=instance.site not in old_sites)
        for instance in planned.instances
        if is_unfinished_import(instance) and instance.site not in passed
    )
    if context.observed is None or not (seen or unfinished):
        return planned
    imports: list[StackImport] = []
    barred: list[BarredStack] = []
    problems: dict[str, list[str]] = defaultdict(list)
    for place in find_places(planned, context):
        sighting = seen[place.site]
        if sighting.problem:
            problems[sighting.problem].append(f"{place.site.account} {place.site.region}")
        match _decide(planned, context.observed, place, sighting, taken):
            case StackImport() as stack_import:
                imports.append(replace(stack_import, joins=place.site not in old_sites))
            case BarredStack() as barred_stack:
                barred.append(barred_stack)
            case None:
                pass
    away = {stack_import.site for stack_import in (*imports, *unfinished)}
    return replace(
        planned,
        joining=tuple(site for site in planned.joining if site not in away),
        updating=tuple(site for site in planned.updating if site not in away),
        missing=tuple(place for place in planned.missing if place.site not in away),
        retries=tuple(instance for instance in planned.retries if instance.site not in away),
        imports=(*imports, *unfinished),
        barred=tuple(barred),
        remarks=(*planned.remarks, *_remarks(barred, problems)),
    )


def _remarks(barred: Iterable[BarredStack], problems: Mapping[str, list[str]]) -> Iterator[str]:
    for barred_stack in barred:
        name, site = barred_stack.stack.split("/")[1], barred_stack.site
        yield f"{name} stays in {site.account} {site.region}, not imported: {barred_stack.because}"
    for problem, places in problems.items():
        where = places[0] if len(places) == 1 else f"{counted(len(places), 'place')} such as {places[0]}"
        yield f"whether stacks of it stay in {where} was not looked at: {problem}"


def _decide(
    planned: SetPlan, observed: ObservedSet, place: TargetedSite, sighting: RetainedStacks, taken: Collection[str]
) -> StackImport | BarredStack | None:
    """Return the import or obstacle at a place; None without a stack there, or where the set has it already."""
    own = next((instance for instance in planned.instances if instance.site == place.site), None)
    retried = own.stack if own and own.detailed_status == FAILED_IMPORT else ""
    ours = [retained for retained in sighting.stacks if _is_ours(planned.stack_set, observed, retained.stack)]
    if own and not retried and any(retained.stack.arn == own.stack for retained in ours):
        return None  # its stack exists: an update failed in it
    free = [retained for retained in ours if retained.stack.arn == retried or retained.stack.arn not in taken]
    if not free:
        return None
    because = _why_barred(observed, _given(planned, place.site), free)
    if because:
        return BarredStack(site=place.site, stack=free[0].stack.arn, because=because)
    return StackImport(site=place.site, stack=free[0].stack.arn, unit=place.unit)


def _is_ours(stack_set: StackSet, observed: ObservedSet, stack: ObservedStack) -> bool:
    """Return whether a set of this name, with our tags, created the stack successfully."""
    if STATUSES[stack.status].operation is Operation.REBUILD:
        return False  # left by a failed creation
    tags = {key: observed.tags[key] for key in (TAG_FLEET, TAG_STACK) if key in observed.tags}
    return bool(tags) and tags.items() <= stack.tags.items() and _is_named_by(stack_set, stack.name)


def _given(planned: SetPlan, site: Site) -> Mapping[str, str]:
    return next((override.parameters for override in planned.given if override.site == site), {})


def _why_barred(observed: ObservedSet, given: Mapping[str, str], free: list[RetainedStack]) -> str:
    """Return why the set cannot import the stack; empty where it can."""
    first = free[0]
    if len(free) > 1:
        return f"{', '.join(retained.stack.name for retained in free[1:])} stays there as well: delete all but one"
    if STATUSES[first.stack.status].operation is not Operation.UPDATE:
        return f"it is {first.stack.status}"
    template, of_set = read_deployed(first.body, first.stack.name), read_deployed(observed.body, first.stack.name)
    if hidden := template.no_echo:
        return f"its parameter {', '.join(sorted(hidden))} is NoEcho, which no import takes"
    if template.data != of_set.data:
        return "its template is not the set's, and an import changes nothing: update it to that first, or delete it"
    parameters = {**observed.parameters, **given}
    differing = sorted(name for name, value in first.stack.parameters.items() if parameters.get(name, value) != value)
    if differing:
        return f"its parameter {', '.join(differing)} is not the set's: update it to that first, or delete it"
    return ""


async def import_stacks(watch: SetWatch, sets: Iterable[SetPlan], run_id: str) -> tuple[SetOutcome, ...]:
    """Import the stacks of these plans, set by set in the order of their needs, and return each outcome."""
    by_id = {planned.id: planned for planned in sets if planned.imports}

    async def take_in(stack_set: StackSet, _before: Mapping[StackId, SetOutcome]) -> SetOutcome:
        return await _take_in(watch, by_id[stack_set.id], run_id)

    stack_sets = [planned.stack_set for planned in by_id.values()]
    return await in_order(stack_sets, needs_of(stack_sets), take_in)


async def _take_in(watch: SetWatch, planned: SetPlan, run_id: str) -> SetOutcome:
    """Import the stacks that are not in the set yet, then reset every imported instance to the set's parameters.

    An instance without a stack is deleted first. An instance that is CURRENT with another stack is not changed: the
    set fails.
    """
    stack_set, imports = planned.stack_set, {stack_import.site: stack_import for stack_import in planned.imports}
    await _until_free(watch, stack_set)
    instances = await _instances(watch, stack_set)
    others = {
        site
        for site, stack_import in imports.items()
        if site in instances and instances[site].stack != stack_import.stack
    }
    if others_well := [site for site in others if instances[site].status == "CURRENT"]:
        failures = tuple(Failure(site, "another stack is in the set by now") for site in others_well)
        return SetFailed(planned.id, failures)
    new = [stack_import for site, stack_import in imports.items() if site in others or _is_new(instances.get(site))]
    watch.emit(Started(stack=planned.id, what=f"IMPORT in {len(imports)}"))
    empty = [instances[site] for site in others]
    places = " ".join(sorted(f"{site.account}/{site.region}" for site in others))
    before = (
        await delete_instances(watch, stack_set, empty, f"{run_id} {IMPORT} {places}", retain=True) if empty else ()
    )
    imported = await import_instances(watch, stack_set, new, run_id) if new else ()
    instances = await _instances(watch, stack_set, imports)
    taken = [
        instance
        for site, instance in instances.items()
        if site in imports and instance.detailed_status != FAILED_IMPORT
    ]
    reset = await reset_instances(watch, stack_set, taken, run_id, planned.given) if taken else ()
    instances = await _instances(watch, stack_set, imports)
    return await _outcome(watch, planned, instances, (*before, *imported, *reset))


async def _outcome(
    watch: SetWatch, planned: SetPlan, instances: Mapping[Site, StackInstance], operations: Iterable[SetOperation]
) -> SetOutcome:
    """Return the outcome: whether each import is current. StackSets skip suspended accounts, which is no failure."""
    sites = [stack_import.site for stack_import in planned.imports]
    bad = [site for site in sites if site not in instances or instances[site].status != "CURRENT"]
    skipped = await observe_skipped(
        watch.clients, planned.stack_set, [instances[site] for site in bad if site in instances]
    )
    passed = {skip.site for skip in skipped}
    failures = tuple(
        Failure(site, (instances[site].reason if site in instances else "") or "no reason given")
        for site in bad
        if site not in passed
    )
    if failures:
        reasons = [
            f"{operation.status}: {operation.reason}" for operation in operations if operation.status != "SUCCEEDED"
        ]
        return SetFailed(planned.id, failures, reason="; ".join(reasons) or "not imported", skipped=skipped)
    return SetDone(planned.id, len(sites), skipped)


async def _until_free(watch: SetWatch, stack_set: StackSet) -> None:
    """Wait for the imports and resets of a killed run: only then the listing shows what remains to be done."""
    for operation in await observe_operations(watch.clients, stack_set, are_ended):
        if not operation.ended and operation.id.startswith((IMPORT, RESET)):
            await watch.until_ended(stack_set, operation.id)


def _is_new(instance: StackInstance | None) -> bool:
    return instance is None or instance.detailed_status == FAILED_IMPORT


async def _instances(
    watch: SetWatch, stack_set: StackSet, sites: Collection[Site] = ()
) -> Mapping[Site, StackInstance]:
    """Return the set's instances by site; those in `sites` after the watched operations."""

    async def observe() -> Mapping[Site, StackInstance]:
        return {instance.site: instance for instance in await observe_instances(watch.clients, stack_set)}

    def is_contradicted(shown: Mapping[Site, StackInstance]) -> bool:
        bad = [site for site in sites if site not in shown or shown[site].status != "CURRENT"]
        return bool(bad) and watch.knows_better(stack_set.id, bad, shown)

    return await unless_lagging(observe, is_contradicted)
