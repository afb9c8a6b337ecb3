"""A fleet's plan as text that begins with the summary; five hundred accounts take no more lines than a few.

Lists of accounts first, each named once; then a set's lines, the summary, the guards, and the whole text; pure.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from rich.text import Text

from builder.deploy.records import GuardHit, Plan, PropertyChange, ResourceChange
from builder.fleet.records import FleetPlan, InstanceOverride, SetPlan
from builder.graph import find_circle, make_order
from builder.report.review import Does, Entry, InAccounts, is_lost
from builder.report.screen import printable
from builder.report.text import View, change_lines
from builder.report.text import plan_text as ordinary_plan
from builder.resource_types import STACK_SET
from builder.terms import Region, Site, StackId, StackName, counted

_DOES = {
    "create": "create",
    "update": "update",
    "targets": "accounts come or go",
    "remove": "delete",
    "nothing": "retry",
}
_STYLES = {"create": "green", "update": "yellow", "targets": "yellow", "remove": "bold red", "nothing": "yellow"}
_RISKIEST_FIRST = ("remove", "update", "targets", "create", "nothing")
# So many accounts are named in place; more get a letter, and their names further down.
_INLINE = 4
_IN_LINE = 8
_LISTED = 400
# The most lines: of all lists together, of one kind in a set, and of guards.
_LIST_LINES, _KIND_LINES, _GUARD_LINES = 54, 3, 8
# The most lines of a plan, unless changes of resources take more; lists get the rest of them, or a few.
_LINES, _FEW = 116, 16
_OF_ACCOUNT = re.compile(r"([0-9]{12}) ")
_GROUP = "/Properties/StackInstancesGroup"
_MORE = "--json, and the plan's file, name them all"


@dataclass(slots=True)
class Groups:
    """Lists of accounts, each named once, in however many sets."""

    known: dict[tuple[str, ...], str] = field(default_factory=dict)

    def name(self, accounts: Sequence[str]) -> str:
        """Return `3 accounts [A]`, or a few accounts by their names."""
        key = tuple(sorted(accounts))
        if len(key) <= _INLINE:
            return ", ".join(key)
        letter = self.known.setdefault(key, _letters(len(self.known)))
        return f"{counted(len(key), 'account')} [{letter}]"

    def lines(self, left: int = _LIST_LINES) -> Iterator[str]:
        """Yield every list that was given a letter: with its accounts, or with its difference from another list.

        `left` is the number of lines for them.
        """
        letters: dict[tuple[str, ...], str] = {}
        blocks: list[list[str]] = []
        by_size = sorted(self.known.items(), key=lambda pair: len(pair[0]), reverse=True)
        differences: dict[str, str] = {}
        for accounts, letter in by_size:
            if (difference := _difference(accounts, letters)) is None:
                letters[accounts] = letter
            else:
                differences[letter] = difference
        # The smallest first, which is what leaves or joins; of the largest as many as there is room for.
        for accounts, letter in reversed(by_size):
            head = f"accounts [{letter}], {len(accounts)}:"
            if letter in differences:
                blocks.append([f"{head} {differences[letter]}"])
            else:
                shown = accounts[: min(_LISTED, max(0, left - 1) * _IN_LINE)]
                lines = [" ".join(shown[first : first + _IN_LINE]) for first in range(0, len(shown), _IN_LINE)]
                more = [f"and {len(accounts) - len(shown)} more: {_MORE}"] if len(accounts) > len(shown) else []
                blocks.append([head, *(f"  {line}" for line in (*lines, *more))])
            left -= len(blocks[-1])
        yield from (line for block in reversed(blocks) for line in block)


def _difference(accounts: Sequence[str], letters: Mapping[tuple[str, ...], str]) -> str | None:
    """Return a list as another one that differs in only a few accounts; None if there is none."""
    here = set(accounts)
    for others, letter in letters.items():
        more, less = sorted(here.difference(others)), sorted(set(others) - here)
        if len(more) + len(less) <= _IN_LINE and len(accounts) > _IN_LINE:
            parts = [f"{word} {' '.join(names)}" for word, names in (("without", less), ("with", more)) if names]
            return " ".join([f"[{letter}]", *parts])
    return None


def _letters(number: int) -> str:
    """Return A, B, ... Z, AA, AB and so on."""
    more, place = divmod(number, 26)
    return (_letters(more - 1) if more else "") + chr(ord("A") + place)


def place_lines(planned: SetPlan, groups: Groups) -> Iterator[str]:
    """Yield what is done with the set's stacks, and in which accounts and regions."""
    for word, sites in (
        ("imports the stack that stayed in", tuple(stack.site for stack in planned.imports)),
        ("creates its stack in", planned.joining),
        ("updates its stack in", planned.updating),
        ("deletes its stack in", planned.leaving),
        ("does again what failed in", tuple(instance.site for instance in planned.retries)),
        ("creates its missing stack in", tuple(targeted.site for targeted in planned.missing)),
    ):
        lines = [f"{word} {_where(accounts, regions, groups)}" for accounts, regions in _by_regions(sites)]
        yield from _some(lines, "groups of accounts")


def detail_lines(planned: SetPlan, groups: Groups) -> Iterator[str]:
    """Yield why stacks failed before, which ones have their own parameters, and remarks for a person."""
    reasons = [(instance.site, printable(instance.reason or "no reason given")) for instance in planned.retries]
    yield from _grouped(reasons, lambda where, reason: f"failed before: {where}: {reason}", groups)
    imported = [(stack.site, printable(stack.stack.split("/")[1])) for stack in planned.imports]
    yield from _grouped(imported, lambda where, name: f"imported in {where}: {name}", groups)
    overrides = [(own.site, _values(own)) for own in planned.overrides]
    yield from _grouped(overrides, lambda where, values: f"of its own in {where}: {values}", groups)
    new = {
        *planned.reset,
        *planned.joining,
        *(stack.site for stack in planned.imports),
        *(targeted.site for targeted in planned.missing),
    }
    given = [(own.site, _values(own)) for own in planned.given if own.site in new]
    yield from _grouped(given, lambda where, values: f"from now on of its own in {where}: {values}", groups)
    yield from (f"note: {printable(remark)}" for remark in _remarks(planned.remarks, groups))


def _remarks(remarks: Iterable[str], groups: Groups) -> Iterator[str]:
    """Yield the remarks; the same one of several accounts is a single line."""
    same: dict[str, list[str]] = {}
    for remark in remarks:
        account = _OF_ACCOUNT.match(remark)
        same.setdefault(remark[account.end() :] if account else remark, []).append(account[1] if account else "")
    several = [text for text, accounts in same.items() if len(accounts) > 1 and accounts[0]]
    alone = ((text, accounts[0]) for text, accounts in same.items() if text not in several)
    yield from (f"{account} {text}" if account else text for text, account in alone)
    yield from _some([f"{groups.name(same[text])}: each {text}" for text in several], "of that kind")


def _values(own: InstanceOverride) -> str:
    values = ", ".join(f"{name}={printable(value)}" for name, value in sorted(own.parameters.items()))
    return values or "nothing, the set's parameters hold"


def _grouped(facts: Iterable[tuple[Site, str]], line: Callable[[str, str], str], groups: Groups) -> Iterator[str]:
    """Yield a line for each fact, with all its places."""
    same: dict[str, list[Site]] = {}
    for site, fact in facts:
        same.setdefault(fact, []).append(site)
    lines = []
    for fact, sites in same.items():
        for accounts, regions in _by_regions(sites):
            where = f"{accounts[0]} {regions[0]}" if len(sites) == 1 else _where(accounts, regions, groups)
            lines.append(line(where, fact))
    yield from _some(lines, "of that kind")


def _some(lines: Sequence[str], of_what: str) -> Iterator[str]:
    most = 1 if len(lines) > _KIND_LINES else len(lines)
    yield from lines[:most]
    if len(lines) > most:
        yield f"and {len(lines) - most} more {of_what}: {_MORE}"


def _where(accounts: Sequence[str], regions: Sequence[str], groups: Groups) -> str:
    return f"{groups.name(accounts)} in {', '.join(regions)}"


def _by_regions(sites: Iterable[Site]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield accounts with the regions that they have in common."""
    regions: dict[str, list[str]] = {}
    for site in sites:
        regions.setdefault(str(site.account), []).append(site.region)
    accounts: dict[tuple[str, ...], list[str]] = {}
    for account, where in regions.items():
        accounts.setdefault(tuple(sorted(where)), []).append(account)
    yield from ((these, list(where)) for where, these in accounts.items())


def what_it_does(planned: SetPlan) -> str:
    """Return the change of the set in a word or three."""
    if not planned.touched:
        return "unchanged"
    if planned.does == "nothing" and planned.imports and not planned.repairs:
        return "import"
    if planned.does == "targets" and not (planned.imports or planned.joining or planned.leaving):
        return "other parameters" if planned.reset else "retry"
    return _DOES[planned.does]


def make_summary(sets: Sequence[SetPlan]) -> str:
    """Return the number of stacks with each change, and of their accounts and regions."""
    touched = [site for planned in sets for site in planned.touched]
    accounts, regions = {site.account for site in touched}, {site.region for site in touched}
    counts = {
        "imported": sum(len(planned.imports) for planned in sets),
        "created": sum(len(planned.joining) + len(planned.missing) for planned in sets),
        "updated": sum(len(planned.updating) for planned in sets),
        "deleted": sum(len(planned.leaving) for planned in sets),
        "retried": sum(len(planned.retries) for planned in sets),
    }
    fates = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    if not fates:
        well = "its only set is as it should be" if len(sets) == 1 else f"{len(sets)} sets are as they should be"
        return f"No stack in any account changes: {well}."
    places = f"{counted(len(accounts), 'account')} and {counted(len(regions), 'region')} ({', '.join(sorted(regions))})"
    return f"In {places}: stacks {fates}"


def pace_lines(sets: Sequence[SetPlan]) -> Iterator[str]:
    """Yield how long it takes, and the reason: the longest chain of sets that wait for one another."""
    paces = {planned.id: planned.pace for planned in sets if planned.pace is not None}
    known = {planned.id for planned in sets}
    needs = {planned.id: [need for need in planned.stack_set.needs if need in known] for planned in sets}
    if not paces or find_circle(needs):  # a file may have anything
        return
    ends: dict[StackId, float] = {}
    for stack in make_order(needs):
        pace = paces.get(stack)
        ends[stack] = max((ends[need] for need in needs[stack]), default=0.0) + (pace.seconds if pace else 0.0)
    widest = max(paces.values(), key=lambda pace: pace.accounts)
    at_once = "one at a time" if widest.at_once == 1 else f"{widest.at_once} at a time"
    each = f"{_duration(widest.stack_s)} for each{', which is assumed' if widest.is_assumed else ' as last time'}"
    yield f"It takes about {_duration(max(ends.values()))}: {counted(widest.accounts, 'account')}, {at_once}, {each}."
    slowed = [pace for pace in paces.values() if pace.at_once < min(pace.asked, pace.accounts)]
    if slowed:
        yield (
            f"max_concurrent asks for {slowed[0].asked} at a time, and strict does no more than may fail, and one: "
            f"{slowed[0].at_once}. Raise failure_tolerance, or say concurrency_mode: soft."
        )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(minutes, 60)
    return " ".join(filter(None, (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "")))


def shown_sets(shown: FleetPlan) -> list[SetPlan]:
    """Return the sets that the plan changes or has remarks on, the riskiest first."""
    guarded = {hit.allow.rpartition("/")[0] for hit in shown.ordinary.guards}
    sets = [planned for planned in shown.sets if planned.touched or planned.remarks]
    return sorted(sets, key=lambda planned: _gravity(planned, guarded))


def _gravity(planned: SetPlan, guarded: Collection[str]) -> tuple[bool, bool, int]:
    return (
        planned.id not in guarded,
        not any(is_lost(change) for change in planned.changes),
        _RISKIEST_FIRST.index(planned.does),
    )


def fold_targets(plan: Plan) -> Plan:
    """Return the plan with a set's list of targets as one property; else each account would be a line."""
    return replace(
        plan,
        steps=tuple(replace(step, changes=tuple(map(_folded, step.changes))) for step in plan.steps),
        deferred=tuple(replace(step, changes=tuple(map(_folded, step.changes))) for step in plan.deferred),
    )


def _folded(change: ResourceChange) -> ResourceChange:
    below = [touched for touched in change.properties if touched.path.startswith(f"{_GROUP}/")]
    if change.type != STACK_SET or len(below) <= _INLINE:
        return change
    others = tuple(touched for touched in change.properties if touched not in below)
    return replace(change, properties=(*others, PropertyChange(path=f"{_GROUP}: {len(below)} values")))


def group_guards(hits: Sequence[GuardHit]) -> tuple[GuardHit, ...]:
    """Return the guards; if they are many, all of one kind in an account become the pattern that permits them."""
    if len(hits) <= _GUARD_LINES:
        return tuple(hits)
    grouped: list[GuardHit] = []
    for (pattern, _), group in groupby(sorted(hits, key=_pattern), key=_pattern):
        same = tuple(group)
        if len(same) == 1 or not pattern:
            grouped += same
        else:
            why = f"in {counted(len(same), 'set')}: {same[0].why}"
            grouped.append(replace(same[0], allow=f"'{pattern}'", why=why))
    return tuple(grouped)


def _pattern(hit: GuardHit) -> tuple[str, str]:
    """Return the pattern of an account, and the kind of the guard; empty for a guard outside of accounts."""
    return (f"*/*/{hit.logical_id}", hit.kind) if hit.kind else ("", hit.allow)


def fleet_plan_text(shown: FleetPlan) -> Text:
    """Return the plan: what it does in the accounts, then its change sets, its guards and the summary."""
    groups = Groups()
    set_texts = [Text("\n").join(_set(planned, groups)) for planned in shown_sets(shown)]
    head = Text("\n".join(_headline(shown)), style="bold")
    # Losses in a resource are always shown; of accounts that leave, only some are.
    lost = sum(not _pattern(hit)[0] for hit in shown.ordinary.guards)
    below = ordinary_plan(_ordinary(shown), View(stops=lost + _GUARD_LINES))
    # Each list may end in a line with the number of the others.
    used = sum(part.plain.count("\n") + 2 for part in (head, *set_texts, below)) + len(groups.known)
    named = list(groups.lines(min(_LIST_LINES, max(_FEW, _LINES - used))))
    return Text("\n\n").join([head, *set_texts, *([Text("\n".join(named))] if named else []), below])


def _set(planned: SetPlan, groups: Groups) -> Iterator[Text]:
    name = f"  ({planned.stack_set.name})"
    yield Text.assemble((planned.id, "bold"), "  ", (what_it_does(planned), _STYLES[planned.does]), name)
    yield from (Text(f"  {line}") for line in place_lines(planned, groups))
    for change in planned.changes:
        yield from (Text(line) if isinstance(line, str) else line for line in change_lines(change))
    for line in detail_lines(planned, groups):
        yield Text(f"  {line}", style="yellow" if line.startswith(("note", "failed")) else "")


def make_pages(shown: FleetPlan) -> tuple[Plan, InAccounts]:
    """Return the plan as its pages have it, and its meaning in the accounts."""
    groups, sets = Groups(), shown_sets(shown)
    places = {planned.id: place for place, planned in enumerate(sets)}
    entries = tuple(_entry(planned, places, groups, shown.ordinary.guards) for planned in sets)
    return _ordinary(shown), InAccounts(entries=entries, headline=_headline(shown), lists=tuple(groups.lines()))


def _headline(shown: FleetPlan) -> tuple[str, ...]:
    return (make_summary(shown.sets), *pace_lines(shown.sets))


def _ordinary(shown: FleetPlan) -> Plan:
    """Return the plan of the change sets, a set's targets as one property and the guards of an account as one."""
    return replace(fold_targets(shown.ordinary), guards=group_guards(shown.ordinary.guards))


def _entry(planned: SetPlan, places: Mapping[StackId, int], groups: Groups, guards: Sequence[GuardHit]) -> Entry:
    return Entry(
        place=places[planned.id],
        stack=planned.id,
        site=Site(None, Region(planned.id.partition("/")[0])),
        name=StackName(planned.stack_set.name),
        does=_risk(planned),
        after=tuple(places[need] for need in planned.stack_set.needs if need in places and need != planned.id),
        changes=planned.changes,
        guards=tuple(hit for hit in guards if hit.allow.rpartition("/")[0] == planned.id),
        stacks=counted(len(planned.touched), "stack"),
        notes=(*place_lines(planned, groups), *detail_lines(planned, groups)),
    )


def _risk(planned: SetPlan) -> Does:
    """Return the gravest change of any stack of the set."""
    if planned.does == "remove":
        return "delete"
    if planned.leaving or any(change.action == "Remove" for change in planned.changes if planned.updating):
        return "remove"
    if planned.updating and any(change.is_replaced for change in planned.changes):
        return "replace"
    return "create" if planned.does == "create" else "update"
