"""The live table: each progress record in words, and one frame of everything known so far; pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import assert_never

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from builder.deploy import progress as events
from builder.fleet.progress import FleetProgress, InstanceFailed, SetProgress
from builder.report.screen import one_line
from builder.terms import STATUSES, StackId, counted

_RUNS = {"plan": "planning", "execute": "executing", "destroy": "destroying", "drop": "dropping"}
# The most characters of AWS's reason; it is shown in full at the end.
_REASON_WIDTH = 300
# The most names shown that a pattern permits; --json has all of them.
_NAMED = 20
_NotDone = events.FirstFailure | events.NotStarted | events.StepSuperseded | events.StepInProgress
_End = events.Planned | events.Unchanged | events.Finished | _NotDone


def event_words(event: FleetProgress) -> tuple[str, str]:
    """Return an event's news and its detail, which may be empty; neither names the event's stack."""
    if isinstance(event, SetProgress | InstanceFailed):
        return _of_fleet(event)
    if isinstance(event, events.RunBegun | events.Allowed | events.TemplateUploaded):
        return _of_run(event)
    match event:
        case events.Planning(type=kind):
            return "change set asked for", kind
        case events.Waiting() | events.ResourceWaiting():
            return "waiting", _awaited(event)
        case events.Started(what=what):
            return "started", what
        case events.Skipping(resources=resources):
            return "rolling back", f"without {', '.join(resources)}"
        case events.StatusChange(status=status):
            return status, ""
        case events.ResourceProgress(resource=resource, status=status):
            return status, resource
        case events.BucketEmptied(bucket=bucket, versions=versions, per_second=per_second):
            return "emptying", f"{bucket}, {versions:,} versions removed, {per_second:,} a second"
        case _:
            return _of_end(event)


def _awaited(event: events.Waiting | events.ResourceWaiting) -> str:
    if isinstance(event, events.ResourceWaiting):
        return f"{event.resource}: {event.because}"
    return f"another's operation runs, {event.status}{f', token {event.token}' if event.token else ''}"


def _of_run(event: events.RunBegun | events.Allowed | events.TemplateUploaded) -> tuple[str, str]:
    if isinstance(event, events.TemplateUploaded):
        return "uploaded", f"{event.source} to {event.bucket}, where CloudFormation reads it"
    if isinstance(event, events.RunBegun):
        return _RUNS[event.what], counted(len(event.stacks), "stack")
    return f"--allow {event.allow} lets {event.passes} pass", _some(event.names)


def _of_end(event: _End) -> tuple[str, str]:
    match event:
        case events.Planned(changes=changes):
            return "change set stands", counted(changes, "change")
        case events.Unchanged():
            return "unchanged", ""
        case events.Finished(status=status):
            return "done", status
        case events.FirstFailure(resource=resource, reason=reason):
            return "FAILED", f"{f'{resource}: ' if resource else ''}{one_line(reason, _REASON_WIDTH)}"
        case events.NotStarted(because=because):
            return "not started", because
        case events.StepSuperseded(by=by):
            return "superseded", one_line(by, _REASON_WIDTH)
        case events.StepInProgress(because=because):
            return "in progress", because
    assert_never(event)


def _of_fleet(event: SetProgress | InstanceFailed) -> tuple[str, str]:
    if isinstance(event, InstanceFailed):
        return "FAILED", f"{event.account} {event.region}: {one_line(event.reason, _REASON_WIDTH)}"
    failed = f", {event.failed} failed" if event.failed else ""
    return f"{event.done}/{event.total}{failed}", f"{event.action} {event.status}"


def _some(names: tuple[str, ...]) -> str:
    rest = len(names) - _NAMED
    return ", ".join((*names[:_NAMED], *([f"and {rest} more"] if rest > 0 else [])))


class _Phase(IntEnum):
    """How far a stack has come; the most urgent phase is first."""

    FAILED = 0
    SUPERSEDED = 1
    RUNNING = 2
    LEFT = 3
    TO_DO = 4
    DONE = 5


_NEWS = {
    _Phase.FAILED: "failed",
    _Phase.SUPERSEDED: "superseded",
    _Phase.RUNNING: "running",
    _Phase.LEFT: "not started",
}
_STYLES = {
    _Phase.DONE: "green",
    _Phase.FAILED: "red",
    _Phase.RUNNING: "yellow",
    _Phase.SUPERSEDED: "magenta",
    _Phase.LEFT: "magenta",
    _Phase.TO_DO: "dim",
}
_BAR_WIDTH = 40
_GAP = 2


@dataclass(slots=True)
class _Row:
    stack: StackId
    phase: _Phase = _Phase.TO_DO
    what: str = "to do"
    detail: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def place(self) -> str:
        """The part of its id before the stack's own name: the region."""
        return self.stack.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The stack's own name."""
        return self.stack.rpartition("/")[2]

    @property
    def style(self) -> str:
        """The colour of its phase."""
        return "red" if self.phase is _Phase.RUNNING and "ROLLBACK" in self.what else _STYLES[self.phase]

    def took(self, now: datetime) -> str:
        """Return how long the work on the stack has taken, or took."""
        return "" if self.since is None else duration_text((self.until or now) - self.since)


@dataclass(slots=True)
class Board:
    """Takes events as they come; a frame may be requested at any time, also from another thread."""

    started: datetime
    rows: dict[StackId, _Row] = field(default_factory=dict)
    is_whole: bool = False
    """Whether all stacks of the run are known; if not, the share that is done is unknown."""

    def take(self, event: FleetProgress, now: datetime) -> None:
        """Take an event into its stack's row."""
        if isinstance(event, events.RunBegun):
            self.is_whole = True
            for stack in event.stacks:
                self._row(stack)
            return
        if isinstance(event, events.Allowed):
            return  # it has no stack; the console shows it above the table
        row = self._row(event.stack)
        if isinstance(event, events.ResourceProgress):
            row.detail = " ".join(reversed(event_words(event)))
            return
        if isinstance(event, InstanceFailed):
            row.detail = " ".join(event_words(event))
            return
        row.what, detail = event_words(event)
        # The account that failed last is more important than the progress of the others.
        row.detail = row.detail if isinstance(event, SetProgress) and event.failed else detail
        row.phase = _phase(event, row.phase)
        if row.phase is _Phase.RUNNING:
            row.since, row.until = row.since or now, None
        else:
            row.until = now

    def _row(self, stack: StackId) -> _Row:
        return self.rows.setdefault(stack, _Row(stack))

    def frame(self, now: datetime, width: int, height: int) -> Group:
        """Return a frame: every stack, or if they are too many the urgent ones, and the others counted."""
        rows = sorted(self.rows.values(), key=lambda row: row.stack)  # copied first: events arrive while it is drawn
        head = self._head(rows, now, width)
        if len(rows) < height:
            return Group(head, _table(rows, now, width))
        counts = _counts(rows, width, height // 2)
        urgent = [row for row in rows if row.phase <= _Phase.RUNNING]
        urgent.sort(key=lambda row: (row.phase, row.since or self.started))
        room = max(1, height - len(counts) - 2)
        hidden = Text(f"not shown: {_news(urgent[room:])}" if urgent[room:] else "", style="dim")
        return Group(head, _table(urgent[:room], now, width), hidden, *counts)

    def _head(self, rows: Sequence[_Row], now: datetime, width: int) -> Table:
        done = sum(row.phase is _Phase.DONE for row in rows)
        counts = ", ".join(filter(None, [f"{done} of {len(rows)} done", _news(rows)])) if self.is_whole else _news(rows)
        passed = duration_text(now - self.started)
        room = width - len(counts) - len(passed) - 2 * _GAP
        bar = ProgressBar(
            total=max(1, len(rows)),
            completed=done,
            width=min(_BAR_WIDTH, room),
            complete_style="red" if any(row.phase is _Phase.FAILED for row in rows) else "green",
            finished_style="green",
        )
        head = Table.grid(padding=(0, _GAP, 0, 0))
        head.add_row(*([bar] if self.is_whole and room > 0 else []), Text(counts, style="bold"), passed)
        return head


def _news(rows: Iterable[_Row]) -> str:
    """Return `2 failed, 38 running, 1 not started`, without what is done or to do."""
    counts = Counter(row.phase for row in rows)
    return ", ".join(f"{counts[phase]} {word}" for phase, word in _NEWS.items() if counts[phase])


def duration_text(span: timedelta) -> str:
    """Return a duration: `4.2 s`, `12:05`, `1:02:03`."""
    seconds = span.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _phase(event: FleetProgress, before: _Phase) -> _Phase:
    match event:
        case events.Planned() | events.Unchanged() | events.Finished():
            return _Phase.DONE
        case events.FirstFailure():
            return _Phase.FAILED
        case events.NotStarted():
            return before if before in {_Phase.FAILED, _Phase.SUPERSEDED} else _Phase.LEFT
        case events.StepSuperseded():
            return _Phase.SUPERSEDED
        case events.StatusChange(status=status) if status in STATUSES and STATUSES[status].settled:
            # A stack that settled well may have more steps: only `Finished` means that it has none.
            return before if STATUSES[status].good else _Phase.FAILED
        case _:
            return _Phase.RUNNING


def _table(rows: Sequence[_Row], now: datetime, width: int) -> Table:
    """Return the rows by region, each region named once; lines that are too long are cut at their end."""
    cells = [(row.place, row.name, row.what, row.detail, row.took(now)) for row in rows]
    place, name, what, _, took = (max((len(texts[column]) for texts in cells), default=0) for column in range(5))
    detail = max(0, width - place - name - what - took - 4 * _GAP)
    table = Table.grid(padding=(0, _GAP, 0, 0))
    for column in (place, name, what, detail):
        table.add_column(no_wrap=True, overflow="ellipsis", width=column)
    table.add_column(justify="right", width=took)
    last = ""
    for row, texts in zip(rows, cells, strict=True):
        styles = ("dim", "bold", row.style, "red" if row.phase is _Phase.FAILED else "dim", "")
        shown = ("" if row.place == last else row.place, *texts[1:])
        table.add_row(*(Text(text, style=style) for text, style in zip(shown, styles, strict=True)))
        last = row.place
    return table


def _counts(rows: Sequence[_Row], width: int, height: int) -> list[Text]:
    """Return at most so many lines of `us-east-1 12/30`: what is done of all in each region, and what failed there."""
    places: dict[str, list[_Row]] = {}
    for row in rows:
        places.setdefault(row.place, []).append(row)
    cells = [_count(place, here) for place, here in places.items()]
    cell_width = max(len(cell) for cell in cells) + _GAP
    for cell in cells:
        cell.pad_right(cell_width - len(cell))
    in_line = max(1, width // cell_width)
    lines = [Text.assemble(*cells[first : first + in_line]) for first in range(0, len(cells), in_line)]
    if len(lines) <= height:
        return lines
    hidden = len(cells) - (height - 1) * in_line
    return [*lines[: height - 1], Text(f"and {hidden} regions more", style="dim")]


def _count(place: str, rows: Sequence[_Row]) -> Text:
    done = sum(row.phase is _Phase.DONE for row in rows)
    failed = sum(row.phase is _Phase.FAILED for row in rows)
    style = "green" if done == len(rows) else ""
    return Text.assemble(f"{place} ", (f"{done}/{len(rows)}", style), (f" {failed} failed" if failed else "", "red"))
