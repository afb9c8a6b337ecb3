"""A plan as Markdown for a pull request: one table, the riskiest first, details folded, within a comment's limit; pure.

Text from templates is in a diff block, where nothing is markup, or has every sign of markup written as an entity:
pipes, backticks and HTML of a value are text.
"""

import html
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from builder.deploy.records import Plan, PostponedStack, ResourceChange
from builder.report.review import Entry, InAccounts, definition_lines, entries_of, fate, make_tally, sign
from builder.report.screen import one_line, printable

LIMIT = 65_535
"""GitHub refuses one character more than one more: "body is too long (maximum is 65536 characters)"."""
_STOPS_LIMIT, _TABLE_LIMIT, _BLOCK_LIMIT, _NAMES_LIMIT = LIMIT // 6, LIMIT // 2, LIMIT // 8, LIMIT // 16
_VALUE_WIDTH = 400
_IN_LINKS = ":/?#&=%+,;@!$-._~"
_RISKY = {"delete", "remove", "replace"}


def plan_markdown(shown: Plan, file: str, accounts: InAccounts | None = None) -> str:
    """Return a plan; where it is too long, it has the number of omitted parts, and the command that shows all.

    `accounts` is the meaning of a plan of StackSets in accounts.
    """
    entries = entries_of(shown, accounts)
    word = "fleet show" if accounts else "show"
    whole = f"all of it: {_code(f'python -m builder {word} {file}')}"
    headline = [_escaped(line) for line in accounts.headline] if accounts else [str(make_tally(shown))]
    head = "\n\n".join((f"### {headline[0]}", *headline[1:], f"{_origin(shown)}\n"))
    if not entries:
        head += "\nNo changes.\n"
    stops = _fitted(tuple(_stops(shown)), _STOPS_LIMIT, lambda cut: f"- and {cut} more, {whole}\n")
    if stops:
        head += f"\n**Stops until allowed by name:**\n\n{stops}"
    opens = [f"- {_escaped(f'{entry.title}/{sentence}')}\n" for entry in entries for sentence in entry.opens]
    if opens:
        lines = _fitted(opens, _STOPS_LIMIT, lambda cut: f"- and {cut} more, {whole}\n")
        head += f"\n**Opens to the world:**\n\n{lines}"
    if entries:
        rows = _fitted(
            tuple(_row(entry) for entry in entries),
            _TABLE_LIMIT,
            lambda cut: f"\nNot in the table: {cut} no riskier than these ({_does(entries[-cut:])}); {whole}\n",
        )
        head += f"\n| region | stack | does | resources | console |\n| --- | --- | --- | --- | --- |\n{rows}"
    rest = _rest(shown) + (_lists(accounts.lists, whole) if accounts and accounts.lists else "")
    details = _fitted(
        tuple(_details(entry) for entry in entries),
        LIMIT - len(head) - len(rest),
        lambda cut: f"\nThe details of the last {cut} are cut, as a comment may not be longer; {whole}\n",
    )
    return head + details + rest


def _fitted(pieces: Sequence[str], room: int, note: Callable[[int], str]) -> str:
    """Return as many whole pieces from the first on as there is room for, and a note with the number of the others."""
    if sum(map(len, pieces)) <= room:
        return "".join(pieces)
    room -= len(note(len(pieces)))
    kept = 0
    while (room := room - len(pieces[kept])) >= 0:
        kept += 1
    return "".join(pieces[:kept]) + note(len(pieces) - kept)


def _origin(shown: Plan) -> str:
    made = re.sub("[^0-9TZ:.+-]", "", shown.at)  # only a time remains, whatever the file has
    return f"Plan {_code(shown.id)} of {_code(shown.deployment)} in account {_code(shown.account)}, made {made}."


def _stops(shown: Plan) -> Iterator[str]:
    for hit in shown.guards:
        yield f"- {_code(f'--allow {hit.allow}')} {_escaped(hit.why)}\n"
    for pending in shown.pending:
        yield (
            f"- {_code(f'--allow {pending.allow}')} another change set, made {_code(pending.created)}, waits for review"
            f" on {_code(pending.stack)} and would be deleted\n"
        )


def _does(entries: Sequence[Entry]) -> str:
    return ", ".join(f"{count} {does}" for does, count in Counter(entry.does for entry in entries).items())


def _row(entry: Entry) -> str:
    does = f"**{entry.does}**" if entry.does in _RISKY else entry.does
    later = ", later" if entry.is_later else ""
    resources = f"{entry.effect}, **to be allowed**" if entry.guards else entry.effect
    # Characters that would end a link or a cell of the table are quoted.
    console = f"[review]({quote(entry.console, safe=_IN_LINKS)})" if entry.console else ""
    stack = entry.title.removeprefix(f"{entry.site.region}/")
    return f"| {_escaped(entry.where)} | {_escaped(stack)} | {does}{later} | {resources} | {console} |\n"


def _details(entry: Entry) -> str:
    lines = [f"{line}\n" for line in _diff(entry)]
    text = _fitted(lines, _BLOCK_LIMIT, lambda cut: f"  and {cut} lines more\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    title = f"{entry.title}: {entry.does}{', later' if entry.is_later else ''}"
    return f"\n<details><summary>{html.escape(printable(title))}</summary>\n\n{fence}diff\n{text}{fence}\n</details>\n"


def _diff(entry: Entry) -> Iterator[str]:
    yield f"@@ {one_line(entry.name, _VALUE_WIDTH)} @@"
    if entry.remark:
        yield f"  {one_line(entry.remark, _VALUE_WIDTH)}"
    yield from (f"  {one_line(note, _VALUE_WIDTH)}" for note in entry.notes)
    for change in entry.changes:
        yield from _change(change)
    yield from (f"!   validation: {one_line(finding, _VALUE_WIDTH)}" for finding in entry.findings)


def _change(change: ResourceChange) -> Iterator[str]:
    mark = "-" if change.is_replaced else {"+": "+", "-": "-"}.get(sign(change), "!")
    named = "  ".join(one_line(name, _VALUE_WIDTH) for name in (change.logical_id, change.type))
    yield f"{mark} {named}  {fate(change)}"
    for touched in change.values:
        yield f"    {one_line(touched.path, _VALUE_WIDTH)}"
        if touched.before != touched.after:
            yield from (
                f"{side}     {one_line(value, _VALUE_WIDTH)}"
                for side, value in (("-", touched.before), ("+", touched.after))
                if value is not None
            )
    yield from (f"+     {line}" for line in _defined(change))
    yield from (f"!   opens: {one_line(sentence, _VALUE_WIDTH)}" for sentence in change.opens)
    yield from (f"-   loses {one_line(loss, _VALUE_WIDTH)}" for loss in change.losses)
    yield from (f"!   warning: {one_line(warning, _VALUE_WIDTH)}" for warning in change.warnings)


def _defined(change: ResourceChange) -> Iterator[str]:
    """Yield the properties of a resource that is created, indented as they are."""
    for line in definition_lines(change):
        indent = len(line) - len(line.lstrip())
        yield " " * indent + one_line(line, _VALUE_WIDTH)


def _rest(shown: Plan) -> str:
    lines = ""
    if shown.unchanged and not shown.is_empty:
        title = f"{len(shown.unchanged)} unchanged"
        lines += f"\n<details><summary>{title}</summary>\n\n{_names(shown.unchanged)}\n</details>\n"
    if shown.left_out:
        lines += f"\nIn a skipped region, left out: {_names(shown.left_out)}\n"
    if shown.postponed:
        lines += f"\nPostponed until the skipped region answers again:\n\n{_postponed(shown.postponed)}"
    if shown.orphans:
        lines += f"\nNot in the assembly any more, left alone: {_names([orphan.stack for orphan in shown.orphans])}\n"
    return lines


def _postponed(postponed: Sequence[PostponedStack]) -> str:
    lines = [f"- {_code(waiting.stack)} {_escaped('; '.join(waiting.because))}\n" for waiting in postponed]
    return _fitted(lines, _NAMES_LIMIT, lambda cut: f"- and {cut} more\n")


def _lists(lines: Sequence[str], whole: str) -> str:
    """Return the accounts of a letter."""
    text = _fitted(
        [f"{_escaped(line)}\n" for line in lines], _NAMES_LIMIT, lambda cut: f"and {cut} lines more, {whole}"
    )
    return f"\n<details><summary>accounts</summary>\n\n<pre>{text}</pre>\n</details>\n"


def _names(stacks: Sequence[str]) -> str:
    names = [f"{_code(stack)} " for stack in stacks]
    return _fitted(names, _NAMES_LIMIT, lambda cut: f"and {cut} more").rstrip()


def _code(text: str) -> str:
    return f"<code>{_escaped(text)}</code>"


def _escaped(text: str) -> str:
    """Return a text in which nothing is markup: the reader sees `a|b` exactly so, also in a table."""
    return re.sub(r"[^\w ,./-]|_", lambda match: f"&#{ord(match[0])};", printable(text).replace("\n", " "))
