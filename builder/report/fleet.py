"""A fleet's plan, its status, its end and its outputs: text that begins with the sum, JSON and CSV with all; pure."""

import csv
import dataclasses
import io
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from rich.text import Text

from builder.deploy import StackContents
from builder.fleet.progress import Failure, FleetEnd, SetCancelled, SetDone, SetFailed, SetOutcome
from builder.fleet.records import FleetPlan, SetPlan, Skipped, StackSet
from builder.fleet.status import FleetOutputs, FleetRow
from builder.report.review import is_lost
from builder.report.screen import printable
from builder.report.text import change_lines, outcomes_text
from builder.report.text import plan_text as ordinary_plan
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


def fleet_plan_text(shown: FleetPlan) -> Text:
    """Return the plan: what it does in the accounts, then the change sets that do it, what stops it and the summary."""
    groups = _Groups()
    sets = [set_ for set_ in shown.sets if set_.touched or set_.remarks]
    guarded = {hit.allow.rpartition("/")[0] for hit in shown.ordinary.guards}
    told = [Text("\n").join(_set(set_, groups)) for set_ in sorted(sets, key=lambda set_: _gravity(set_, guarded))]
    named = list(groups.lines())
    parts = [Text(_summary(shown.sets), style="bold"), *told, *([Text("\n".join(named))] if named else [])]
    return Text("\n\n").join([*parts, ordinary_plan(shown.ordinary)])


def _summary(sets: Sequence[SetPlan]) -> str:
    touched = [site for set_ in sets for site in set_.touched]
    accounts, regions = {site.account for site in touched}, {site.region for site in touched}
    counts = {
        "created": sum(len(set_.joining) + len(set_.missing) for set_ in sets),
        "updated": sum(len(set_.updating) for set_ in sets),
        "deleted": sum(len(set_.leaving) for set_ in sets),
        "retried": sum(len(set_.retries) for set_ in sets),
    }
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    if not said:
        well = "its only set is as it should be" if len(sets) == 1 else f"{len(sets)} sets are as they should be"
        return f"No stack in any account changes: {well}."
    places = f"{_count(accounts, 'account')} and {_count(regions, 'region')} ({', '.join(sorted(regions))})"
    return f"In {places}: stacks {said}"


def _count(things: Collection[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _gravity(set_plan: SetPlan, guarded: set[str]) -> tuple[bool, bool, int]:
    return (
        set_plan.id not in guarded,
        not any(is_lost(change) for change in set_plan.changes),
        _RISKIEST_FIRST.index(set_plan.does),
    )


def _set(set_plan: SetPlan, groups: _Groups) -> Iterator[Text]:
    does = _DOES[set_plan.does] if set_plan.touched else "unchanged"
    yield Text.assemble((set_plan.id, "bold"), "  ", (does, _STYLES[set_plan.does]), f"  ({set_plan.stack_set.name})")
    for word, sites in (
        ("creates its stack in", set_plan.joining),
        ("updates its stack in", set_plan.updating),
        ("deletes its stack in", set_plan.leaving),
        ("does again what failed in", tuple(instance.site for instance in set_plan.retries)),
        ("creates its missing stack in", tuple(aimed.site for aimed in set_plan.missing)),
    ):
        for accounts, regions in _by_regions(sites):
            yield Text(f"  {word} {groups.name(accounts)} in {', '.join(regions)}")
    for change in set_plan.changes:
        yield from (Text(line) if isinstance(line, str) else line for line in change_lines(change))
    for instance in set_plan.retries:
        reason = printable(instance.reason or "no reason given")
        yield Text(f"  failed before: {instance.site.account} {instance.site.region}: {reason}", style="yellow")
    for own in set_plan.overrides:
        values = ", ".join(f"{name}={printable(value)}" for name, value in own.parameters.items())
        yield Text(f"  of its own in {own.site.account} {own.site.region}: {values}")
    for remark in set_plan.remarks:
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


# Of what is wrong with one set; --json, --csv and --stack name the rest.
_LISTED_ROWS = 40
_FIELDS = tuple(column.name for column in dataclasses.fields(FleetRow))


def fleet_status_text(rows: Sequence[FleetRow]) -> Text:
    """Return a summary, a line for each stack, and then each row where something is wrong."""
    if not rows:
        return Text("no stack of the fleet stands there")
    accounts = len({row.account for row in rows})
    well = sum(row.is_well for row in rows)
    wrong = [row for row in rows if row.is_wrong]
    skipped = [row for row in rows if row.skipped]
    passed = f", {len(skipped)} skipped" if skipped else ""
    are = "is as it should be" if well == 1 else "are as they should be"
    said = f"{well} of {counted(len(rows), 'stack')} in {counted(accounts, 'account')} {are}{passed}"
    head = Text(said, style="bold red" if wrong else "bold green")
    stacks = dict.fromkeys(row.stack for row in rows)
    lines = [head, *(_stack(stack, [row for row in rows if row.stack == stack]) for stack in stacks)]
    if wrong:
        lines += [Text(""), *(_wrong(row) for row in wrong[:_LISTED_ROWS])]
    if len(wrong) > _LISTED_ROWS:
        lines.append(Text(f"and {len(wrong) - _LISTED_ROWS} more: --failed with --json or --csv names them all"))
    return Text("\n").join([*lines, *_passed_over((row.account, row.region, row.skipped) for row in skipped)])


def fleet_status_csv(rows: Iterable[FleetRow]) -> str:
    """Return every row, under a line with the columns' names."""
    return _csv(_FIELDS, ([getattr(row, name) for name in _FIELDS] for row in rows))


def fleet_status_json(rows: Iterable[FleetRow]) -> str:
    """Return every row as one line of JSON."""
    return json.dumps([dataclasses.asdict(row) for row in rows])


def fleet_outputs_text(found: FleetOutputs) -> Text:
    """Return a line for each output, by account, region and stack."""
    lines = [
        Text(f"{stack.account} {stack.region} {stack.stack}  {name} = {printable(value)}")
        for stack in found.stacks
        for name, value in stack.outputs.items()
    ]
    lines += [*(_failure(failure) for failure in found.failures), *_skips(found.skipped)]
    return Text("\n").join(lines or [Text("no outputs")])


def fleet_outputs_csv(found: FleetOutputs) -> str:
    """Return a row for each output."""
    rows = (
        [stack.account, stack.region, stack.stack, *pair] for stack in found.stacks for pair in stack.outputs.items()
    )
    return _csv(("account", "region", "stack", "output", "value"), rows)


def fleet_outputs_json(found: FleetOutputs) -> str:
    """Return each stack with its outputs, as one line of JSON."""
    return json.dumps([dataclasses.asdict(stack) for stack in found.stacks])


def deployed_text(stacks: Iterable[StackContents], sets: Iterable[StackSet]) -> Text:
    """Return what there is to be deleted: each set, then each stack of the account that administers them."""
    lines = [
        *(f"{set_.id}  {set_.name}" for set_ in sets),
        *(f"{stack.id}  {stack.stack.name}  {stack.stack.status}" for stack in stacks),
    ]
    return Text("\n".join(lines))


def fleet_end_text(end: FleetEnd) -> Text:
    """Return how the stacks that hold sets ended, then each set where something is wrong, and the sum of all."""
    counts = Counter(type(set_) for set_ in end.sets)
    wrong = [line for set_ in end.sets for line in _set_outcome(set_)]
    failed = sum(len(set_.failures) for set_ in end.sets if isinstance(set_, SetFailed))
    last = (
        f"{counted(counts[SetDone], 'set')} done, {counts[SetFailed]} failed ({counted(failed, 'stack')}), "
        f"{counts[SetCancelled]} not started"
    )
    style = "bold green" if len(end.sets) == counts[SetDone] else "bold red"
    parts = [outcomes_text(end.ordinary)] if end.ordinary else []
    skipped = dict.fromkeys(each for set_ in end.sets if not isinstance(set_, SetCancelled) for each in set_.skipped)
    return Text("\n").join([*wrong, *_skips(skipped), Text(last, style=style), *parts])


def _stack(stack: str, rows: Sequence[FleetRow]) -> Text:
    counts = Counter(row.status for row in rows)
    drifted = sum(row.drift == "DRIFTED" for row in rows)
    said = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    return Text.assemble((f"{stack}  ", "bold"), said, (f", {drifted} drifted" if drifted else "", "yellow"))


def _wrong(row: FleetRow) -> Text:
    where = f"{row.account} {row.region} {row.stack}  "
    drift = " DRIFTED" if row.drift == "DRIFTED" else ""
    detail = f" ({row.detailed_status})" if row.detailed_status not in {"", row.status} else ""
    reason = f": {printable(row.reason)}" if row.reason else ""
    last = f"  [{row.operation}]" if row.operation else ""
    return Text.assemble((where, "bold"), (f"{row.status}{detail}{drift}{reason}", "red"), (last, "dim"))


def _set_outcome(set_outcome: SetOutcome) -> Iterator[Text]:
    match set_outcome:
        case SetDone():
            return
        case SetCancelled(stack=stack, because=because):
            yield Text.assemble((f"{stack}: ", "bold"), (f"not started: {printable(because)}", "yellow"))
        case SetFailed(stack=stack, failures=failures, reason=reason):
            what = f"{counted(len(failures), 'stack')} failed" if failures else "failed"
            yield Text.assemble((f"{stack}: ", "bold"), (f"{what}{f': {printable(reason)}' if reason else ''}", "red"))
            yield from (_failure(failure) for failure in failures[:_LISTED_ROWS])
            if len(failures) > _LISTED_ROWS:
                yield Text(f"  and {len(failures) - _LISTED_ROWS} more: python -m builder fleet status --failed")
        case _:
            assert_never(set_outcome)


def _skips(skipped: Iterable[Skipped]) -> Iterator[Text]:
    yield from _passed_over((each.site.account, each.site.region, each.because) for each in skipped)


def _passed_over(skipped: Iterable[tuple[object, str, str]]) -> Iterator[Text]:
    """Yield a line for each account that StackSets passed over, with its regions."""
    accounts: dict[tuple[object, str], list[str]] = {}
    for account, region, because in skipped:
        accounts.setdefault((account, because), []).append(region)
    for (account, because), regions in accounts.items():
        where = ", ".join(dict.fromkeys(regions))
        yield Text(f"  {account} {where}: skipped: {printable(because)}", style="yellow")


def _failure(failure: Failure) -> Text:
    return Text(f"  {failure.site.account} {failure.site.region}: {printable(failure.reason)}", style="red")


def _csv(fields: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(fields)
    writer.writerows(rows)
    return sheet.getvalue()
