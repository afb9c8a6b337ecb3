"""Stacks that stayed in an account when that left: seen where a set is to create others, and taken in again instead.

Read in this order: where a set lacks a stack (`find_places`), what stands there (`observe_retained`), what of that the
set takes in and what stands in its way (`with_imports`), then `import_stacks`.
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
from builder.fleet.targets import Observed, SetContext, in_accounts, observe_skipped
from builder.template import read_deployed
from builder.terms import STATUSES, Operation, Site, StackId, counted

LOOKED_AT = 100
"""So many accounts are looked into without being told which role to take: each costs some calls."""


@dataclass(frozen=True, slots=True)
class RetainedStack:
    """A stack that stands, with its template."""

    stack: ObservedStack
    body: object


@dataclass(frozen=True, slots=True)
class Sighting:
    """What stands in an account and region under the names that StackSets give, or why nobody could look."""

    stacks: tuple[RetainedStack, ...] = ()
    problem: str = ""


def find_places(planned: SetPlan, setting: SetContext) -> tuple[TargetedSite, ...]:
    """Return where a stack of the set is to be created, or failed to be, each by the first target that leads there."""
    if planned.does in {"create", "remove"} or setting.observed is None:
        return ()
    away = {*planned.leaving, *(one.site for one in planned.skipped)}
    failed = (one.site for one in planned.instances if _may_lack_stack(one))
    wanted = {*planned.joining, *(one.site for one in planned.missing), *failed} - away
    first: dict[Site, TargetedSite] = {}
    for one in setting.aims:
        first.setdefault(one.site, one)
    return tuple(one for site, one in first.items() if site in wanted)


def _may_lack_stack(one: StackInstance) -> bool:
    if one.detailed_status == FAILED_IMPORT:
        return True
    return one.status == "OUTDATED" and (not one.stack or "already exists" in one.reason)


def is_begun(one: StackInstance) -> bool:
    """Return whether an import of ours has taken the instance in, and what follows an import is not done."""
    if one.detailed_status == FAILED_IMPORT:
        return False
    return one.operation.startswith(IMPORT) or (one.operation.startswith(RESET) and one.status != "CURRENT")


async def observe_retained(
    sets: Iterable[tuple[StackSet, Iterable[TargetedSite]]], clients: Clients, role: str | None
) -> Mapping[Site, Sighting]:
    """Return what stands in these places that has the name of one of the sets' stacks; no call where there are none.

    `role` is the name of the one to assume there, else it is the sets' execution role.
    """
    names: dict[Site, list[StackSet]] = defaultdict(list)
    for stack_set, places in sets:
        for place in places:
            names[place.site].append(stack_set)
    few = role is not None or len({site.account for site in names}) <= LOOKED_AT
    asked = [(those[0], site) for site, those in names.items() if few and (role or those[0].execution_role)]
    because = "--role NAME looks, by a role there" if few else f"more than {LOOKED_AT} accounts; --role NAME looks"

    async def look(_: StackSet, one: StackInstance, reaching: Clients) -> tuple[Site, Sighting]:
        try:
            return one.site, Sighting(await _observe_stacks(one.site, names[one.site], reaching))
        except BuilderError as error:
            return one.site, Sighting(problem=error.what)

    placed = [(stack_set, StackInstance(site=site, status="")) for stack_set, site in asked]
    seen = dict(await in_accounts(clients.hurried(), placed, role, look))
    return {site: seen.get(site, Sighting(problem=because)) for site in names}


async def _observe_stacks(site: Site, sets: Collection[StackSet], reaching: Clients) -> tuple[RetainedStack, ...]:
    client = reaching.of(site).cloudformation(site.region)
    standing: Any = [status for status, facts in STATUSES.items() if facts.exists]
    arns = [
        one["StackId"]
        async for page in pages(f"{site.account} {site.region}", client.list_stacks, StackStatusFilter=standing)
        for one in page["StackSummaries"]
        if any(_is_named_by(stack_set, one["StackName"]) for stack_set in sets)
    ]
    found = []
    for arn in arns:
        stack = await observe_stack(reaching, site, arn)
        if stack is not None and stack.facts.exists:
            found.append(RetainedStack(stack, await observe_template(reaching, stack)))
    return tuple(found)


_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _is_named_by(stack_set: StackSet, name: str) -> bool:
    return re.fullmatch(f"StackSet-{re.escape(stack_set.name)}-{_UUID}", name) is not None


def is_of_set(stack_set: StackSet, one: StackImport) -> bool:
    """Return whether an import is of a stack that the set's name made, where it says; pure."""
    parts = one.stack.split(":", 5)
    if len(parts) < 6 or (parts[3], parts[4]) != (one.site.region, one.site.account):
        return False
    kind, name, *_ = [*parts[5].split("/"), ""]
    return kind == "stack" and _is_named_by(stack_set, name)


def with_imports(
    planned: SetPlan, setting: SetContext, seen: Mapping[Site, Sighting], taken: Collection[str]
) -> SetPlan:
    """Return the set's plan with what it takes in instead of creating it; pure.

    `taken` are the ARNs of all stacks that are instances of the fleet's sets.
    """
    aimed = {one.site for one in setting.aimed}
    passed = {*planned.leaving, *(one.site for one in planned.skipped)}
    begun = tuple(
        StackImport(site=one.site, stack=one.stack, unit=one.unit, joins=one.site not in aimed)
        for one in planned.instances
        if is_begun(one) and one.site not in passed
    )
    if setting.observed is None or not (seen or begun):
        return planned
    imports: list[StackImport] = []
    barred: list[BarredStack] = []
    problems: dict[str, list[str]] = defaultdict(list)
    for place in find_places(planned, setting):
        sighting = seen[place.site]
        if sighting.problem:
            problems[sighting.problem].append(f"{place.site.account} {place.site.region}")
        match _found(planned, setting.observed, place, sighting, taken):
            case StackImport() as found:
                imports.append(replace(found, joins=place.site not in aimed))
            case BarredStack() as found:
                barred.append(found)
            case None:
                pass
    away = {one.site for one in (*imports, *begun)}
    return replace(
        planned,
        joining=tuple(site for site in planned.joining if site not in away),
        updating=tuple(site for site in planned.updating if site not in away),
        missing=tuple(one for one in planned.missing if one.site not in away),
        retries=tuple(one for one in planned.retries if one.site not in away),
        imports=(*imports, *begun),
        barred=tuple(barred),
        remarks=(*planned.remarks, *_remarks(barred, problems)),
    )


def _remarks(barred: Iterable[BarredStack], problems: Mapping[str, list[str]]) -> Iterator[str]:
    for one in barred:
        yield f"{one.stack.split('/')[1]} stays in {one.site.account} {one.site.region}, not imported: {one.because}"
    for problem, places in problems.items():
        where = places[0] if len(places) == 1 else f"{counted(len(places), 'place')} such as {places[0]}"
        yield f"whether stacks of it stay in {where} was not looked at: {problem}"


def _found(
    planned: SetPlan, observed: Observed, place: TargetedSite, sighting: Sighting, taken: Collection[str]
) -> StackImport | BarredStack | None:
    """Return what is done with what stands in the place; None where nothing of the set's does, or it is in the set."""
    own = next((one for one in planned.instances if one.site == place.site), None)
    retried = own.stack if own and own.detailed_status == FAILED_IMPORT else ""
    ours = [one for one in sighting.stacks if _is_ours(planned.stack_set, observed, one.stack)]
    if own and not retried and any(one.stack.arn == own.stack for one in ours):
        return None  # its stack stands: an update failed in it
    free = [one for one in ours if one.stack.arn == retried or one.stack.arn not in taken]
    if not free:
        return None
    because = _why_barred(observed, _given(planned, place.site), free)
    if because:
        return BarredStack(site=place.site, stack=free[0].stack.arn, because=because)
    return StackImport(site=place.site, stack=free[0].stack.arn, unit=place.unit)


def _is_ours(stack_set: StackSet, observed: Observed, stack: ObservedStack) -> bool:
    """Return whether the stack was made by a set of this name and of our tags, and came into being."""
    if STATUSES[stack.status].operation is Operation.REBUILD:
        return False  # what a creation beside another one has left, where anything
    tags = {key: observed.tags[key] for key in (TAG_FLEET, TAG_STACK) if key in observed.tags}
    return bool(tags) and tags.items() <= stack.tags.items() and _is_named_by(stack_set, stack.name)


def _given(planned: SetPlan, site: Site) -> Mapping[str, str]:
    return next((one.parameters for one in planned.given if one.site == site), {})


def _why_barred(observed: Observed, given: Mapping[str, str], free: list[RetainedStack]) -> str:
    """Return why the set cannot take in what stands there; empty where it can."""
    first = free[0]
    if len(free) > 1:
        return f"{', '.join(one.stack.name for one in free[1:])} stays there as well: delete all but one"
    if STATUSES[first.stack.status].operation is not Operation.UPDATE:
        return f"it is {first.stack.status}"
    template, of_set = read_deployed(first.body, first.stack.name), read_deployed(observed.body, first.stack.name)
    if hidden := template.no_echo:
        return f"its parameter {', '.join(sorted(hidden))} is NoEcho, which no import takes"
    if template.data != of_set.data:
        return "its template is not the set's, and an import changes nothing: update it to that first, or delete it"
    wanted = {**observed.parameters, **given}
    differing = sorted(name for name, value in first.stack.parameters.items() if wanted.get(name, value) != value)
    if differing:
        return f"its parameter {', '.join(differing)} is not the set's: update it to that first, or delete it"
    return ""


async def import_stacks(watch: SetWatch, sets: Iterable[SetPlan], run_id: str) -> tuple[SetOutcome, ...]:
    """Take in what the plans say, set by set in the order of their needs, and return how each ended."""
    planned = {one.id: one for one in sets if one.imports}

    async def take_in(stack_set: StackSet, _before: Mapping[StackId, SetOutcome]) -> SetOutcome:
        return await _take_in(watch, planned[stack_set.id], run_id)

    stack_sets = [one.stack_set for one in planned.values()]
    return await in_order(stack_sets, needs_of(stack_sets), take_in)


async def _take_in(watch: SetWatch, planned: SetPlan, run_id: str) -> SetOutcome:
    """Import what is not in the set yet; whatever it is that an import leaves to the instance alone is the set's then.

    An instance without a stack is taken out first. What another one has come to is not touched.
    """
    stack_set, wanted = planned.stack_set, {one.site: one for one in planned.imports}
    await _until_free(watch, stack_set)
    stands = await _instances(watch, stack_set)
    others = {site for site, one in wanted.items() if site in stands and stands[site].stack != one.stack}
    if others_well := [site for site in others if stands[site].status == "CURRENT"]:
        failures = tuple(Failure(site, "another stack is in the set by now") for site in others_well)
        return SetFailed(planned.id, failures)
    new = [one for site, one in wanted.items() if site in others or _is_new(stands.get(site))]
    watch.emit(Started(stack=planned.id, what=f"IMPORT in {len(wanted)}"))
    empty = [stands[site] for site in others]
    places = " ".join(sorted(f"{site.account}/{site.region}" for site in others))
    before = (
        await delete_instances(watch, stack_set, empty, f"{run_id} {IMPORT} {places}", retain=True) if empty else ()
    )
    imported = await import_instances(watch, stack_set, new, run_id) if new else ()
    stands = await _instances(watch, stack_set, wanted)
    taken = [one for site, one in stands.items() if site in wanted and one.detailed_status != FAILED_IMPORT]
    reset = await reset_instances(watch, stack_set, taken, run_id, planned.given) if taken else ()
    stands = await _instances(watch, stack_set, wanted)
    return await _outcome(watch, planned, stands, (*before, *imported, *reset))


async def _outcome(
    watch: SetWatch, planned: SetPlan, stands: Mapping[Site, StackInstance], operations: Iterable[SetOperation]
) -> SetOutcome:
    """Return whether each import is current; StackSets pass over a suspended account, and so does the verdict."""
    sites = [one.site for one in planned.imports]
    bad = [site for site in sites if site not in stands or stands[site].status != "CURRENT"]
    skipped = await observe_skipped(watch.clients, planned.stack_set, [stands[site] for site in bad if site in stands])
    passed = {one.site for one in skipped}
    failures = tuple(
        Failure(site, (stands[site].reason if site in stands else "") or "no reason given")
        for site in bad
        if site not in passed
    )
    if failures:
        reasons = [f"{one.status}: {one.reason}" for one in operations if one.status != "SUCCEEDED"]
        return SetFailed(planned.id, failures, reason="; ".join(reasons) or "not imported", skipped=skipped)
    return SetDone(planned.id, len(sites), skipped)


async def _until_free(watch: SetWatch, stack_set: StackSet) -> None:
    """Wait for what a run that was killed has begun here: what is left to do shows after that."""
    for one in await observe_operations(watch.clients, stack_set, are_ended):
        if not one.ended and one.id.startswith((IMPORT, RESET)):
            await watch.until_ended(stack_set, one.id)


def _is_new(one: StackInstance | None) -> bool:
    return one is None or one.detailed_status == FAILED_IMPORT


async def _instances(
    watch: SetWatch, stack_set: StackSet, wanted: Collection[Site] = ()
) -> Mapping[Site, StackInstance]:
    """Return the set's instances by their places, those that are `wanted` as the operations have left them."""

    async def look() -> Mapping[Site, StackInstance]:
        return {one.site: one for one in await observe_instances(watch.clients, stack_set)}

    def is_contradicted(shown: Mapping[Site, StackInstance]) -> bool:
        bad = [site for site in wanted if site not in shown or shown[site].status != "CURRENT"]
        return bool(bad) and watch.knows_better(stack_set.id, bad, shown)

    return await unless_lagging(look, is_contradicted)
