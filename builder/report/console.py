"""The only place that writes to the terminal while work goes on: a live table there, plain lines in a pipe."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Self, TextIO, assert_never

from rich.console import Console as RichConsole
from rich.live import Live
from rich.table import Table
from rich.text import Text

from builder.deploy import progress as said
from builder.deploy.progress import Emit, Progress
from builder.errors import Stopped
from builder.report import as_json
from builder.terms import STATUSES


@dataclass(slots=True)
class _Row:
    what: str
    since: datetime
    until: datetime | None = None


class Console:
    """Where a command writes: results and people's text on stdout; with --json events there, people's on stderr."""

    def __init__(self, *, json_events: bool, now: Callable[[], datetime]) -> None:
        self.json_events = json_events
        self.now = now
        self._rich = RichConsole(file=self._people, highlight=False, soft_wrap=True)

    @property
    def _people(self) -> TextIO:
        return sys.stderr if self.json_events else sys.stdout

    def say(self, text: str) -> None:
        """Write text for people."""
        self._rich.print(text.removesuffix("\n"), markup=False, emoji=False)
        self._people.flush()

    def warn(self, text: str) -> None:
        """Write what a person has to know beside the work that goes on; it never mixes with results."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def leave(self) -> None:
        """Leave the terminal as it was found, and say where the work stands."""
        self._rich.show_cursor()
        self.warn("left: what CloudFormation has begun goes on there; the same command takes it up again")

    def result(self, text: str) -> None:
        """Write what a shell or a pipeline reads, a line on stdout."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def ask(self, question: str, answer: str) -> None:
        """Ask a person and go on only if the answer is the one given. Raises Stopped, also without a terminal."""
        if not sys.stdin.isatty():
            raise Stopped(
                where="question", what=f"{question}: there is no terminal to ask on", next_step="--yes answers it"
            )
        self._people.write(f"{question} [{answer}] ")
        self._people.flush()
        if sys.stdin.readline().strip() != answer:
            raise Stopped(where="question", what="declined", next_step="")

    @contextmanager
    def progress(self) -> Iterator[Emit]:
        """Show what long work says of itself, until the block ends."""
        if self.json_events:
            yield lambda event: self.result(as_json.event(event, self.now()))
        elif self._rich.is_terminal:
            with _LiveTable(self._rich, self.now) as table:
                yield table.emit
        else:
            yield self._plain_line

    def _plain_line(self, event: Progress) -> None:
        self.say(f"{self.now():%H:%M:%S}  {event.stack:<24} {in_words(event)}")


class _LiveTable:
    """The stacks by region, each with what happens to it and for how long."""

    def __init__(self, console: RichConsole, now: Callable[[], datetime]) -> None:
        self._now = now
        self._rows: dict[str, _Row] = {}
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def emit(self, event: Progress) -> None:
        now = self._now()
        row = self._rows.setdefault(event.stack, _Row(what="", since=now))
        row.what = in_words(event)
        row.until = now if _is_end(event) else None

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        now = self._now()
        for stack in sorted(self._rows):
            row = self._rows[stack]
            seconds = ((row.until or now) - row.since).total_seconds()
            table.add_row(Text(stack, style="bold"), Text(row.what, style=_style(row.what)), f"{seconds:5.1f} s")
        return table


def in_words(event: Progress) -> str:  # noqa: C901 - a case each
    """Return what an event says, for people."""
    match event:
        case said.Planning(type=kind):
            return f"change set asked for ({kind})"
        case said.Planned(changes=changes):
            return f"change set stands: {changes} changes"
        case said.Unchanged():
            return "unchanged"
        case said.Waiting(status=status, token=token):
            return f"waiting for another's operation ({status}{f', token {token}' if token else ''})"
        case said.Started(what=what):
            return f"started ({what})"
        case said.Skipping(resources=resources):
            return f"rolling back without {', '.join(resources)}"
        case said.Status(status=status):
            return status
        case said.FirstFailure(resource=resource, reason=reason):
            return f"FAILED {f'{resource}: ' if resource else ''}{reason}"
        case said.NotStarted(because=because):
            return f"not started: {because}"
        case said.Emptied(bucket=bucket, versions=versions):
            return f"{bucket}: {versions:,} versions removed"
    assert_never(event)


def _is_end(event: Progress) -> bool:
    match event:
        case said.Status(status=status):
            return STATUSES[status].settled
        case said.Planned() | said.Unchanged() | said.FirstFailure() | said.NotStarted():
            return True
        case _:
            return False


def _style(what: str) -> str:
    if "FAILED" in what or "ROLLBACK" in what:
        return "red"
    return "green" if what.endswith("_COMPLETE") or what == "unchanged" else ""
