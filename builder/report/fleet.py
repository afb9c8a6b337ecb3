"""A fleet's plan as text: in how many accounts what happens, the riskiest set first, every account by name; pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from rich.text import Text

from builder.fleet.records import FleetPlan, SetPlan
from builder.report.review import is_lost
from builder.report.screen import printable
from builder.report.text import change_lines
from builder.report.text import plan as ordinary_plan
from builder.terms import Site, counted

_DOES = {
    "create": "create",
    "update": "update",
    "targets": "accounts come or go",
    "remove": "delete",
    "nothing": "retry",
}
_STYLES = {"create": "green", "update": "yellow", "targets": "yellow", "remove": "bold red", "nothing": "yellow"}
_RISKIEST_FIRST = ("remove", "update", "targets", "create", "nothing")
# So many accounts are named where they are meant; more get a letter, and their names further down.
_INLINE = 4
_IN_LINE = 8
_LISTED = 400


@dataclass(slots=True)
class _Groups:
    """Lists of accounts, each named once however many sets mean it."""

    known: dict[tuple[str, ...], str] = field(default_factory=dict)

    def name(self, accounts: Sequence[str]) -> str:
        """Return `3 accounts [A]`, or a few accounts by their names."""
        key = tuple(sorted(accounts))
        if len(key) <= _INLINE:
            return ", ".join(key)
        letter = self.known.setdefault(key, _letters(len(self.known)))
        return f"{counted(len(key), 'account')} [{letter}]"

    def lines(self) -> Iterator[str]:
        """Yield every list that was given a letter, with all its accounts."""
        for accounts, letter in self.known.items():
            yield f"accounts [{letter}], {len(accounts)}:"
            for first in range(0, min(len(accounts), _LISTED), _IN_LINE):
                yield "  " + " ".join(accounts[first : first + _IN_LINE])
            if len(accounts) > _LISTED:
                yield f"  and {len(accounts) - _LISTED} more: --json, and the plan's file, name them all"


def fleet_plan(shown: FleetPlan) -> Text:
    """Return the plan: what it does in the accounts, then the change sets that do it, what stops it and the summary."""
    groups = _Groups()
    sets = [one for one in shown.sets if one.touched or one.remarks]
    guarded = {trip.allow.rpartition("/")[0] for trip in shown.ordinary.guards}
    told = [Text("\n").join(_set(one, groups)) for one in sorted(sets, key=lambda one: _gravity(one, guarded))]
    named = list(groups.lines())
    parts = [Text(_summary(shown.sets), style="bold"), *told, *([Text("\n".join(named))] if named else [])]
    return Text("\n\n").join([*parts, ordinary_plan(shown.ordinary)])


def _summary(sets: Sequence[SetPlan]) -> str:
    touched = [site for one in sets for site in one.touched]
    accounts, regions = {site.account for site in touched}, {site.region for site in touched}
    counts = {
        "created": sum(len(one.joining) + len(one.missing) for one in sets),
        "updated": sum(len(one.updating) for one in sets),
        "deleted": sum(len(one.leaving) for one in sets),
        "retried": sum(len(one.retries) for one in sets),
    }
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    if not said:
        well = "its only set is as it should be" if len(sets) == 1 else f"{len(sets)} sets are as they should be"
        return f"No stack in any account changes: {well}."
    places = f"{_count(accounts, 'account')} and {_count(regions, 'region')} ({', '.join(sorted(regions))})"
    return f"In {places}: stacks {said}"


def _count(things: Collection[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _gravity(one: SetPlan, guarded: set[str]) -> tuple[bool, bool, int]:
    return one.id not in guarded, not any(is_lost(change) for change in one.changes), _RISKIEST_FIRST.index(one.does)


def _set(one: SetPlan, groups: _Groups) -> Iterator[Text]:
    does = _DOES[one.does] if one.touched else "unchanged"
    yield Text.assemble((one.id, "bold"), "  ", (does, _STYLES[one.does]), f"  ({one.stack_set.name})")
    for word, sites in (
        ("creates its stack in", one.joining),
        ("updates its stack in", one.updating),
        ("deletes its stack in", one.leaving),
        ("does again what failed in", tuple(instance.site for instance in one.retries)),
        ("creates its missing stack in", tuple(aimed.site for aimed in one.missing)),
    ):
        for accounts, regions in _by_regions(sites):
            yield Text(f"  {word} {groups.name(accounts)} in {', '.join(regions)}")
    for change in one.changes:
        yield from (Text(line) if isinstance(line, str) else line for line in change_lines(change))
    for instance in one.retries:
        reason = printable(instance.reason or "no reason given")
        yield Text(f"  failed before: {instance.site.account} {instance.site.region}: {reason}", style="yellow")
    for own in one.overrides:
        values = ", ".join(f"{name}={printable(value)}" for name, value in own.parameters.items())
        yield Text(f"  of its own in {own.site.account} {own.site.region}: {values}")
    for remark in one.remarks:
        yield Text(f"  note: {printable(remark)}", style="yellow")


def _by_regions(sites: Sequence[Site]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield accounts with the regions that all of them are meant in."""
    regions: dict[str, list[str]] = {}
    for site in sites:
        regions.setdefault(str(site.account), []).append(site.region)
    accounts: dict[tuple[str, ...], list[str]] = {}
    for account, where in regions.items():
        accounts.setdefault(tuple(sorted(where)), []).append(account)
    yield from ((these, list(where)) for where, these in accounts.items())


def _letters(number: int) -> str:
    """Return A, B, ... Z, AA, AB and so on."""
    more, place = divmod(number, 26)
    return (_letters(more - 1) if more else "") + chr(ord("A") + place)
