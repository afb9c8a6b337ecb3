"""A fleet for people and pipelines: its status, its end, its outputs, and an account that leaves it; pure.

Text begins with the summary, JSON and CSV have everything.
"""

import csv
import dataclasses
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from rich.text import Text

from builder.deploy import StackContents
from builder.fleet.drop import AccountTarget, LeavingAccount
from builder.fleet.progress import Failure, FleetEnd, SetCancelled, SetDone, SetFailed, SetOutcome
from builder.fleet.records import Skipped, StackSet
from builder.fleet.status import DriftedInstance, FleetOutputs, FleetRow, SetDrift
from builder.report.screen import printable
from builder.report.state import drifted_lines
from builder.report.text import outcomes_text
from builder.terms import AccountId, counted

# The most faults shown of one set; --json, --csv and --stack show the others.
_LISTED_ROWS = 40
_FIELDS = tuple(column.name for column in dataclasses.fields(FleetRow))


def fleet_status_text(rows: Sequence[FleetRow], failed_of: int | None = None) -> Text:
    """Return a summary, a line for each stack, and then each row with a fault.

    If the rows are only those that failed, `failed_of` is the number of all.
    """
    if failed_of and not rows:
        return Text(f"0 of {counted(failed_of, 'stack')} failed", style="bold green")
    if not rows:
        return Text("no stack of the fleet stands there")
    accounts = len({row.account for row in rows})
    well = sum(row.is_well for row in rows)
    wrong = [row for row in rows if row.is_wrong]
    skipped = [row for row in rows if row.skipped]
    passed = f", {len(skipped)} skipped" if skipped else ""
    are = "is as it should be" if well == 1 else "are as they should be"
    summary = f"{well} of {counted(len(rows), 'stack')} in {counted(accounts, 'account')} {are}{passed}"
    if failed_of:
        summary = f"{len(rows)} of {counted(failed_of, 'stack')} failed, in {counted(accounts, 'account')}"
    head = Text(summary, style="bold red" if wrong else "bold green")
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


def fleet_drift_text(drifts: Sequence[SetDrift]) -> Text:
    """Return a block for each stack that drifted, a line for each that could not be read, and the summary."""
    lines = [line for set_ in drifts for stack in set_.drifted[:_LISTED_ROWS] for line in _drifted(stack)]
    for set_ in drifts:
        if len(set_.drifted) > _LISTED_ROWS:
            lines.append(Text(f"and {len(set_.drifted) - _LISTED_ROWS} more of {set_.stack}: --json names them all"))
        for unseen in set_.unseen[:_LISTED_ROWS]:
            where = f"{unseen.account} {unseen.region} {unseen.stack}  "
            lines.append(Text.assemble((where, "bold"), (f"not looked at: {printable(unseen.reason)}", "yellow")))
        if len(set_.unseen) > _LISTED_ROWS:
            lines.append(Text(f"and {len(set_.unseen) - _LISTED_ROWS} more of {set_.stack}: --json names them all"))
        if set_.problem:
            lines.append(Text.assemble((f"{set_.stack}  ", "bold"), (printable(set_.problem), "yellow")))
    skipped = dict.fromkeys(each for set_ in drifts for each in set_.skipped)
    total, drifted = sum(set_.instances for set_ in drifts), sum(len(set_.drifted) for set_ in drifts)
    unknown = sum(len(set_.unseen) for set_ in drifts)
    summary = f"{counted(total, 'stack')} of {counted(len(drifts), 'set')}: {drifted} drifted, {unknown} not looked at"
    return Text("\n").join([*lines, *_skips(skipped), Text(summary, style="bold")])


def _drifted(stack: DriftedInstance) -> Iterator[Text]:
    yield Text.assemble((f"{stack.account} {stack.region} {stack.stack}", "bold"), "  ", ("DRIFTED", "red"))
    yield from drifted_lines(stack.resources)


def fleet_outputs_text(outputs: FleetOutputs) -> Text:
    """Return a line for each output, by account, region and stack."""
    lines = [
        Text(f"{stack.account} {stack.region} {stack.stack}  {name} = {printable(value)}")
        for stack in outputs.stacks
        for name, value in stack.outputs.items()
    ]
    lines += [*(_failure(failure) for failure in outputs.failures), *_skips(outputs.skipped)]
    return Text("\n").join(lines or [Text("no outputs")])


def fleet_outputs_csv(outputs: FleetOutputs) -> str:
    """Return a row for each output."""
    rows = (
        [stack.account, stack.region, stack.stack, *pair] for stack in outputs.stacks for pair in stack.outputs.items()
    )
    return _csv(("account", "region", "stack", "output", "value"), rows)


def fleet_outputs_json(outputs: FleetOutputs) -> str:
    """Return each stack with its outputs, as one line of JSON."""
    return json.dumps([dataclasses.asdict(stack) for stack in outputs.stacks])


def deployed_text(stacks: Iterable[StackContents], sets: Iterable[StackSet]) -> Text:
    """Return what is to be deleted: each set, then each stack of the administering account."""
    lines = [
        *(f"{set_.id}  {set_.name}" for set_ in sets),
        *(f"{stack.id}  {stack.stack.name}  {stack.stack.status}" for stack in stacks),
    ]
    return Text("\n".join(lines))


def fleet_end_text(end: FleetEnd) -> Text:
    """Return the outcomes of the stacks that hold sets, then each set with a fault, and the summary."""
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
    statuses = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    return Text.assemble((f"{stack}  ", "bold"), statuses, (f", {drifted} drifted" if drifted else "", "yellow"))


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
    """Yield a line for each account that StackSets skipped, with its regions."""
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


def leaving_text(leaving: LeavingAccount) -> Text:
    """Return a line for each stack, in the order of deletion, below what happens to all of them."""
    deleted, stay = len(leaving.deleted), len(leaving.stacks) - len(leaving.deleted)
    effects = [f"{counted(deleted, 'stack')} deleted, with all that is in them"] if deleted else []
    effects += [f"{counted(stay, 'instance')} taken out of their sets, no stack touched"] if stay else []
    lines = [Text(f"{leaving.account} leaves the fleet: {', '.join(effects)}", style="bold red" if deleted else "bold")]
    return Text("\n").join([*lines, *_lines(leaving)])


def _lines(leaving: LeavingAccount) -> Iterator[Text]:
    deleted = leaving.deleted
    for stack in leaving.stacks:
        does = "deletes" if stack in deleted else "leaves" if stack.instance.stack else "has no stack"
        style = "red" if does == "deletes" else "yellow"
        name = stack.instance.stack.partition(":stack/")[2].partition("/")[0]
        head = (f"  {stack.stack_set.id}  ", "bold"), (does, style)
        yield Text.assemble(*head, f"  {stack.instance.site.region}  {name or stack.stack_set.name}")
    if leaving.unreachable:
        yield Text(f"  note: the stacks stay in the account: {printable(leaving.unreachable)}", style="yellow")


def targeted_text(leaving: LeavingAccount) -> str:
    """Return what to change so that the next deployment does not bring the account back; empty if nothing."""
    if not leaving.targeted_by:
        return ""
    ways = dict.fromkeys(_way_out(leaving.account, target) for target in leaving.targeted_by)
    then = "python -m builder render, then python -m builder fleet deploy"
    return f"the fleet's stack still aims at the account: {'; '.join(ways)}; then {then}: else it comes back"


def _way_out(account: AccountId, target: AccountTarget) -> str:
    """Return the edit after which the target no longer includes the account."""
    if not target.unit or target.filter == "INTERSECTION":
        return f"take {account} out of fleet.accounts in dr.yaml"
    moved = f"move {account} out of {target.unit}"
    match target.filter:
        case "DIFFERENCE":
            return f"add {account} to fleet.accounts in dr.yaml, whom account_filter: difference leaves out"
        case "UNION":
            return moved
        case "NONE":
            return f'{moved}, or leave it out in dr.yaml: accounts: ["{account}"], account_filter: difference'
    assert_never(target.filter)


def drop_purpose(accounts: tuple[AccountId, ...]) -> str:
    """Return the purpose of dropping the first of these accounts, whose role cannot be assumed."""
    others = f", and so for {counted(len(accounts) - 1, 'other account')}" if len(accounts) > 1 else ""
    return f"where its role is gone for good: takes it out{others}"
