"""A deployment's runbook as Markdown and as one page for a browser; pure but for the page's template and styles.

In a sentence names are between backticks, and `[[key]]` refers to another situation; everything else is text, so that
no name can be markup.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from markupsafe import Markup

from builder.report.html import fill_page
from builder.report.screen import printable
from builder.runbook import Runbook, RunbookLine, RunbookStep, ShellVariable, Situation, TypedCommand, as_typed

_SPECIAL = re.compile(r"`([^`]*)`|\[\[([a-z0-9-]+)\]\]")
_INDENT = "   "
CANNOT = "What you cannot do, and must not"
_AFTER = "What to type, in this order"
_Marked = Callable[[str], str]


def runbook_markdown(shown: Runbook) -> str:
    """Return the page as Markdown, each line to type in a block of its own."""
    marked = partial(_marked, shown.titles)
    text = "".join(f"{line}\n" for line in _lines(shown, marked))
    return re.sub(r"\n{3,}", "\n\n", text)


def _lines(shown: Runbook, marked: _Marked) -> Iterator[str]:
    yield f"# Runbook of {marked(shown.deployment)}"
    yield from ("", "## What is the matter?", "", "Look first:", "")
    yield from _block(as_typed(shown.status))
    yield ""
    rows = ((marked(seen), marked(f"[[{key}]]")) for seen, key in shown.triage)
    yield from _table(("what you see", "go to"), rows)
    yield from ("", "## The deployment", "")
    yield from _table(("", ""), ((word, "<br>".join(map(marked, lines))) for word, lines in shown.facts))
    yield from ("", "## Before the day", "")
    yield from (f"- {marked(note)}" for note in shown.notes)
    yield from ("", "This page again:", "")
    yield from _block(as_typed(shown.again))
    for situation in shown.situations:
        yield ""
        yield from _situation(situation, marked)


def _table(head: tuple[str, str], rows: Iterator[tuple[str, str]]) -> Iterator[str]:
    cells = ((cell.replace("|", r"\|") for cell in row) for row in (head, ("---", "---"), *rows))
    yield from (f"| {' | '.join(row)} |" for row in cells)


def _situation(situation: Situation, marked: _Marked) -> Iterator[str]:
    yield f'<a id="{situation.key}"></a>'
    yield from ("", f"## {marked(situation.title)}", "", marked(situation.in_short))
    for heading, steps in situation.parts:
        if steps:
            yield from ("", f"### {heading}", "")
            if state := state_of(steps):
                yield from (f"State: {marked(state)}.", "")
            for number, step in enumerate(steps, start=1):
                yield from _step(number, step, marked)
        if heading == _AFTER and situation.cannot:
            yield from ("", f"### {CANNOT}", "")
            yield from (f"- {marked(text)}" for text in situation.cannot)


def state_of(steps: Sequence[RunbookStep]) -> str:
    """Return the states that the commands of these steps need, in their order; empty where there is none."""
    states = dict.fromkeys(line.state.text for step in steps for line in step.lines if isinstance(line, TypedCommand))
    return "; then ".join(states)


def _step(number: int, step: RunbookStep, marked: _Marked) -> Iterator[str]:
    yield f"{number}. {marked(step.text)}"
    for line in step.lines:
        yield ""
        yield from (f"{_INDENT}{text}" for text in _block(as_typed(line)))
        yield from ("", f"{_INDENT}{marked(explanation(line))}")
    for note in step.notes:
        yield from ("", f"{_INDENT}{marked(note)}")
    yield ""


def explanation(line: RunbookLine) -> str:
    """Return the explanation below a line to type."""
    if isinstance(line, ShellVariable):
        return f"In its place write {line.what}."
    return f"It shows {line.says}. Exit code {' or '.join(map(str, line.exits))}."


def _block(text: str) -> Iterator[str]:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    yield from (f"{fence}shell", _in_a_line(text), fence)


def _in_a_line(text: str) -> str:
    return printable(text).replace("\n", r"\n")


def _marked(titles: Mapping[str, str], text: str) -> str:
    """Return a sentence in which only its names and its links to other situations are markup."""

    def shown(match: re.Match[str]) -> str:
        name, key = match.groups()
        return f"`{name}`" if key is None else f"[{_plain(titles[key])}](#{key})"

    return _replaced(text, _plain, shown)


def _plain(text: str) -> str:
    return re.sub(r"([\\*_\[\]`])", r"\\\1", html.escape(text, quote=False))


def _replaced(text: str, plain: Callable[[str], str], special: Callable[[re.Match[str]], str]) -> str:
    """Return a text with its names and keys as `special` shows them, and the text between them as `plain` does."""
    line, parts, end = _in_a_line(text), [], 0
    for match in _SPECIAL.finditer(line):
        parts += [plain(line[end : match.start()]), special(match)]
        end = match.end()
    return "".join((*parts, plain(line[end:])))


def runbook_page(shown: Runbook) -> str:
    """Return the page for a browser, without any other file, network or script."""
    return fill_page(
        "runbook.html.j2",
        ("plan.css", "runbook.css"),
        {"sentence": _sentence, "typed": as_typed, "explanation": explanation, "state_of": state_of},
        shown=shown,
        titles=shown.titles,
        cannot=CANNOT,
        after=_AFTER,
    )


def _sentence(text: str, titles: Mapping[str, str]) -> Markup:
    """Return a sentence with its names as code, and its references to other situations as links."""

    def shown(match: re.Match[str]) -> str:
        name, key = match.groups()
        if key is None:
            return f"<code>{html.escape(name)}</code>"
        return f'<a href="#{key}">{html.escape(titles[key])}</a>'

    return Markup(_replaced(text, html.escape, shown))  # noqa: S704 - every part is escaped
