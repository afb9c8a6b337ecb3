"""How a fleet stands and ended, and what it puts out: text that begins with the sum, JSON and CSV with all; pure."""

import csv
import dataclasses
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import assert_never

from rich.text import Text

from builder.deploy import Standing
from builder.fleet.outcome import Failure, FleetEnd, SetCancelled, SetDone, SetFailed, SetOutcome
from builder.fleet.outputs import FleetOutputs
from builder.fleet.records import Skipped, StackSet
from builder.fleet.status import Row
from builder.report.screen import printable
from builder.report.text import outcomes
from builder.terms import counted

# Of what is wrong with one set; --json, --csv and --stack name the rest.
_LISTED = 40
_FIELDS = tuple(one.name for one in dataclasses.fields(Row))


def status(rows: Sequence[Row]) -> Text:
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
        lines += [Text(""), *(_wrong(row) for row in wrong[:_LISTED])]
    if len(wrong) > _LISTED:
        lines.append(Text(f"and {len(wrong) - _LISTED} more: --failed with --json or --csv names them all"))
    return Text("\n").join([*lines, *_passed_over((row.account, row.region, row.skipped) for row in skipped)])


def status_csv(rows: Iterable[Row]) -> str:
    """Return every row, under a line with the columns' names."""
    return _csv(_FIELDS, ([getattr(row, name) for name in _FIELDS] for row in rows))


def status_json(rows: Iterable[Row]) -> str:
    """Return every row as one line of JSON."""
    return json.dumps([dataclasses.asdict(row) for row in rows])


def outputs(found: FleetOutputs) -> Text:
    """Return a line for each output, by account, region and stack."""
    lines = [
        Text(f"{one.account} {one.region} {one.stack}  {name} = {printable(value)}")
        for one in found.stacks
        for name, value in one.outputs.items()
    ]
    lines += [*(_failure(one) for one in found.failures), *_skips(found.skipped)]
    return Text("\n").join(lines or [Text("no outputs")])


def outputs_csv(found: FleetOutputs) -> str:
    """Return a row for each output."""
    rows = ([one.account, one.region, one.stack, *pair] for one in found.stacks for pair in one.outputs.items())
    return _csv(("account", "region", "stack", "output", "value"), rows)


def outputs_json(found: FleetOutputs) -> str:
    """Return each stack with its outputs, as one line of JSON."""
    return json.dumps([dataclasses.asdict(one) for one in found.stacks])


def standing(stacks: Iterable[Standing], sets: Iterable[StackSet]) -> Text:
    """Return what there is to be deleted: each set, then each stack of the account that administers them."""
    lines = [
        *(f"{one.id}  {one.name}" for one in sets),
        *(f"{one.id}  {one.stack.name}  {one.stack.status}" for one in stacks),
    ]
    return Text("\n".join(lines))


def fleet_end(end: FleetEnd) -> Text:
    """Return how the stacks that hold sets ended, then each set where something is wrong, and the sum of all."""
    counts = Counter(type(one) for one in end.sets)
    wrong = [line for one in end.sets for line in _set(one)]
    failed = sum(len(one.failures) for one in end.sets if isinstance(one, SetFailed))
    last = (
        f"{counted(counts[SetDone], 'set')} done, {counts[SetFailed]} failed ({counted(failed, 'stack')}), "
        f"{counts[SetCancelled]} not started"
    )
    style = "bold green" if len(end.sets) == counts[SetDone] else "bold red"
    parts = [outcomes(end.ordinary)] if end.ordinary else []
    skipped = dict.fromkeys(each for one in end.sets if not isinstance(one, SetCancelled) for each in one.skipped)
    return Text("\n").join([*wrong, *_skips(skipped), Text(last, style=style), *parts])


def _stack(stack: str, rows: Sequence[Row]) -> Text:
    counts = Counter(row.status for row in rows)
    drifted = sum(row.drift == "DRIFTED" for row in rows)
    said = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    return Text.assemble((f"{stack}  ", "bold"), said, (f", {drifted} drifted" if drifted else "", "yellow"))


def _wrong(row: Row) -> Text:
    where = f"{row.account} {row.region} {row.stack}  "
    drift = " DRIFTED" if row.drift == "DRIFTED" else ""
    detail = f" ({row.detailed_status})" if row.detailed_status not in {"", row.status} else ""
    reason = f": {printable(row.reason)}" if row.reason else ""
    last = f"  [{row.operation}]" if row.operation else ""
    return Text.assemble((where, "bold"), (f"{row.status}{detail}{drift}{reason}", "red"), (last, "dim"))


def _set(one: SetOutcome) -> Iterator[Text]:
    match one:
        case SetDone():
            return
        case SetCancelled(stack=stack, because=because):
            yield Text.assemble((f"{stack}: ", "bold"), (f"not started: {printable(because)}", "yellow"))
        case SetFailed(stack=stack, failures=failures, reason=reason):
            what = f"{counted(len(failures), 'stack')} failed" if failures else "failed"
            yield Text.assemble((f"{stack}: ", "bold"), (f"{what}{f': {printable(reason)}' if reason else ''}", "red"))
            yield from (_failure(failure) for failure in failures[:_LISTED])
            if len(failures) > _LISTED:
                yield Text(f"  and {len(failures) - _LISTED} more: python -m builder fleet status --failed")
        case _:
            assert_never(one)


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
