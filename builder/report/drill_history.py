"""Drills over time: tables for a terminal, a line of JSON, and a page with a small picture of each number; pure."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Literal
from urllib.parse import quote

from rich.text import Text

from builder.drill.history import ConditionChange, Drill, Group, History, Number, Outside, Trend, Unread
from builder.report import drill_plot as plot
from builder.report.drill_page import TONES, badge
from builder.report.drill_text import number_name, objective, outcome_words, short_name, unit_of, value
from builder.report.html import fill_page
from builder.report.screen import json_line, one_line
from builder.terms import counted

_GAP = "  "
_SHORT = 60
"""The most characters of a change in the text; the page and --json have all of it."""
_MARKS = {"missed": "!", "not measured": "?"}
_LEGEND = {"!": "missed its objective", "?": "not measured", "-": "not in that report"}


@dataclass(frozen=True, slots=True)
class DrillHistory:
    """All drill reports below a folder: those that are compared, in groups, and those that are not."""

    folder: str
    groups: tuple[Group, ...]
    outside: tuple[Outside, ...]
    """Reports of version 1: their numbers have another meaning."""
    unread: tuple[Unread, ...]
    event: Literal["drill.history"] = "drill.history"


def history_event(shown: History, at: datetime) -> str:
    """Return all of it as one line."""
    facts = dataclasses.asdict(DrillHistory(shown.folder, shown.groups, shown.outside, shown.unread))
    return json_line(facts.pop("event"), at, facts)


def history_text(shown: History, width: int) -> Text:
    """Return a table for each group; where the screen is too narrow, its columns are below each other."""
    blocks = [_group(group, width) for group in shown.groups]
    if not blocks:
        blocks.append([Text(f"no report of a drill to compare in {shown.folder}")])
    if shown.outside:
        blocks.append([Text("Of version 1, outside of the trends: a number of theirs means something else", "bold")])
        blocks[-1] += [Text(f"  {one_line(outside_text(report), 300)}") for report in shown.outside]
    if shown.unread:
        blocks.append([Text("Not compared", style="bold")])
        blocks[-1] += [
            Text(f"  {one_line(f'{unread.path}: {unread.why}', 300)}", style="red") for unread in shown.unread
        ]
    return Text("\n").join([line for block in blocks for line in (*block, Text(""))][:-1])


def outside_text(outside: Outside) -> str:
    """Return a report of version 1 in a line."""
    held = "held" if outside.holds else "failed"
    return f"{outside.path}: {outside.kind} drill of {outside.deployment}, {minute(outside.began)}, {held}"


def title(group: Group) -> str:
    """Return what the drills of a group have in common."""
    return f"{group.kind.capitalize()} drills of {group.deployment} in account {group.account}"


def minute(began: str) -> str:
    """Return a time in UTC to the minute."""
    return began[:16].replace("T", " ")


def change_text(change: ConditionChange, most: int = 10_000) -> str:
    """Return a change in a line."""
    short = 12 if change.what == "assembly" else most
    before, after = (text[:short] if short == 12 else one_line(text, short) for text in (change.before, change.after))
    return f"{change.what}: {before} -> {after}"


def judged(number: Number) -> str:
    """Return a number with its verdict, in a line."""
    measured = "" if number.measured is None else f" {value(number.name, number.measured)}"
    name = " ".join(filter(None, (number_name(number.name), number.pair)))
    return f"{number.verdict}: {name}{measured}, {objective(number.name, number.limit)}"


def _group(group: Group, width: int) -> list[Text]:
    lines = [Text(f"{title(group)}, {counted(len(group.drills), 'drill')}, the oldest first", style="bold")]
    fixed = [
        _column("#", [str(number) for number in range(1, len(group.drills) + 1)], ""),
        _column("began (UTC)", [minute(drill.began) for drill in group.drills], ""),
        _column("verdict", [outcome_words(drill.verdict) for drill in group.drills], "worst", left=True),
    ]
    columns = [_trend_column(trend, group) for trend in group.trends]
    used = set()
    for part in _fitting(fixed, columns, width):
        lines += [Text(""), *_table(part, group)]
        used |= {mark for column in part for cell in column for mark in _LEGEND if cell.rstrip().endswith(mark)}
    if used:
        lines.append(
            Text("  ".join(f"{mark} {meaning}" for mark, meaning in _LEGEND.items() if mark in used), style="dim")
        )
    changes = [(number, change) for number, several in enumerate(group.changes, start=1) for change in several]
    if changes:
        lines += [Text(""), Text("Changed against the drill before")]
        lines += [Text(f"{number:>3}{_GAP}{change_text(change, _SHORT)}") for number, change in changes]
    elif len(group.drills) > 1:
        lines += [Text(""), Text("Nothing else changed between them")]
    odd = [Text(f"{_GAP}{one_line(reason, 300)}", style="red") for drill in group.drills if (reason := evidence(drill))]
    return [*lines, Text(""), *odd] if odd else lines


def evidence(drill: Drill) -> str | None:
    """Return the fault of a report's log; None if it has none."""
    match drill.log:
        case "another":
            return f"{drill.path}: the log beside it is not the one that it was made from"
        case "not there":
            return f"{drill.path}: its log is not there"
        case _:
            return None


def _fitting(fixed: Sequence[list[str]], columns: Sequence[list[str]], width: int) -> Iterator[list[list[str]]]:
    """Yield as many columns as the screen takes, at least one, after those that each table has."""
    part = list(fixed)
    for column in columns:
        if len(part) > len(fixed) and sum(len(cells[0]) + len(_GAP) for cells in (*part, column)) > width:
            yield part
            part = list(fixed)
        part.append(column)
    yield part


def _table(columns: Sequence[list[str]], group: Group) -> Iterator[Text]:
    """Yield the heads, a row for each drill, and if there are several the worst of each number."""
    rows = [_GAP.join(cells).rstrip() for cells in zip(*columns, strict=True)]
    drills = zip(rows[_HEADS:], group.drills, strict=False)
    yield from (Text(row, style="bold") for row in rows[:_HEADS] if row.strip())
    yield from (Text(row, style="" if drill.verdict == "passed" else "red") for row, drill in drills)
    if len(group.drills) > 1:
        yield Text(rows[-1], style="bold")


_HEADS = 4


def _column(head: str, cells: Sequence[str], worst: str, *, left: bool = False) -> list[str]:
    return _padded(["", "", "", head, *cells, worst], left=left)


def _trend_column(trend: Trend, group: Group) -> list[str]:
    last = next((number for number in reversed(trend.numbers) if number), None)
    source, _, destination = trend.pair.partition(" to ")
    is_alone = len({other.pair for other in group.trends if other.name == trend.name}) == 1
    pair = ["", ""] if is_alone else [source, f"to {destination}" if destination else ""]
    limit = "" if last is None or last.limit is None else objective(trend.name, last.limit)
    heads = [short_name(trend.name), *pair, limit.replace("at most", "max").replace("at least", "min")]
    return _padded([*heads, *(_cell(trend.name, number) for number in trend.numbers), f"{_worst(trend)} "])


def _worst(trend: Trend) -> str:
    if trend.worst is not None:
        return value(trend.name, trend.worst)
    missed = any(number.verdict == "missed" for number in trend.numbers if number)
    return "never reached" if missed else "not measured"


def _cell(name: str, number: Number | None) -> str:
    if number is None:
        return "- "
    if number.measured is None:
        return "never reached!" if number.verdict == "missed" else "?"
    return f"{value(name, number.measured)}{_MARKS.get(number.verdict, ' ')}"


def _padded(cells: Sequence[str], *, left: bool = False) -> list[str]:
    width = max(map(len, cells))
    return [text.ljust(width) if left else text.rjust(width) for text in cells]


@dataclass(frozen=True, slots=True)
class _Picture:
    """A number over a group's drills."""

    name: str
    pair: str
    label: str
    """The whole content as text, for readers who do not see the picture."""
    line: str
    """A path from drill to drill, broken where a drill lacks the number."""
    points: tuple[tuple[str, str], ...]
    """Verdict and path of each mark."""
    limit: str
    """A path; empty if no objective is within the picture."""
    changes: str
    """A path with a triangle at each drill before which something changed."""
    ticks: tuple[plot.Tick, ...]
    unit: str
    last: str
    worst: str
    objective: str


_FORMS: Mapping[str, plot.Form] = {
    "holds": "circle",
    "missed": "cross",
    "not measured": "square",
    "no objective": "circle",
}


def history_page(shown: History, beside: PurePath | None = None) -> str:
    """Return the page; with `beside`, the path from it to the reports' folder, it links each drill's page."""
    return fill_page(
        "drill_history.html.j2",
        ("plan.css", "drill.css"),
        {
            "badge": badge,
            "judged": judged,
            "minute": minute,
            "title": title,
            "change": change_text,
            "evidence": evidence,
            "outside": outside_text,
            "tone": lambda drill: TONES[drill.verdict],
            "link": lambda drill: _link(drill, beside),
        },
        shown=shown,
        pictures=[[_picture(trend, group) for trend in group.trends] for group in shown.groups],
        size=plot.TREND,
    )


def _link(drill: Drill, beside: PurePath | None) -> str:
    if beside is None:
        return ""
    path = (beside / drill.path).with_suffix(".html").as_posix()
    # A file's name need not be UTF-8; half a surrogate pair, which no name can have, gets no link.
    is_name = not any("\ud800" <= character < "\udc80" for character in path)
    return "./" + quote(path.encode("utf-8", "surrogateescape" if is_name else "replace"))


def _picture(trend: Trend, group: Group) -> _Picture:
    size, up = plot.TREND, _scale(trend)
    places = _places(len(trend.numbers))
    spots = [
        None if number is None else (x, _height(number, up), number)
        for x, number in zip(places, trend.numbers, strict=True)
    ]
    limits = [
        None if number is None or number.limit is None or number.limit > up.last else up.place(number.limit)
        for number in trend.numbers
    ]
    cells = [_cell(trend.name, number).strip(" !?") for number in trend.numbers]
    seen = [spot for spot in spots if spot]
    last = seen[-1][2]
    name = number_name(trend.name)
    return _Picture(
        name=name,
        pair=trend.pair,
        label=f"{name}{f' {trend.pair}' if trend.pair else ''}, drill by drill: {', '.join(cells)}",
        line="".join(
            f"{'L' if before else 'M'}{spot[0]:g},{spot[1]:g}"
            for before, spot in zip((None, *spots), spots, strict=False)
            if spot
        ),
        points=tuple((number.verdict, plot.mark(_FORMS[number.verdict], x, y)) for x, y, number in seen),
        limit=_steps(places, limits),
        changes="".join(
            f"M{x:g},{size.axis + 3}l4,7h-8z" for x, changed in zip(places, group.changes, strict=True) if changed
        ),
        ticks=up.ticks,
        unit=unit_of(trend.name),
        last=_cell(trend.name, last).strip(" !?") or "not measured",
        worst=_worst(trend),
        objective=objective(trend.name, last.limit),
    )


def _places(count: int) -> list[float]:
    """Return the place of each drill across the picture; a single one is in the middle."""
    size = plot.TREND
    room = size.edge - size.left
    return [round(size.left + room * (number + 0.5) / count, 1) for number in range(count)]


def _scale(trend: Trend) -> plot.Scale:
    values = [number.measured for number in trend.numbers if number and number.measured is not None]
    limits = [number.limit for number in trend.numbers if number and number.limit is not None]
    if unit_of(trend.name) == " %":
        return plot.value_scale(100.0, plot.TREND, least=min((*values, *limits, 99.0)))
    # Whole numbers have no values between them.
    largest = max(values, default=0.0) if unit_of(trend.name) else max((*values, 2.0))
    # An objective far above the measured values would flatten the trend.
    return plot.value_scale(max((largest, *(limit for limit in limits if limit <= 2.5 * largest))), plot.TREND)


def _height(number: Number, up: plot.Scale) -> float:
    if number.measured is not None:
        return up.place(number.measured)
    return up.end if number.verdict == "missed" else up.begin


def _steps(places: Sequence[float], heights: Sequence[float | None]) -> str:
    """Return a path that is level around each place, at its height."""
    half = (places[1] - places[0]) / 2 if len(places) > 1 else plot.TREND.edge - places[0]
    drawn, before = "", None
    for x, y in zip(places, heights, strict=True):
        if y is not None:
            drawn += f"H{x + half:.1f}" if y == before else f"M{x - half:.1f},{y:g}H{x + half:.1f}"
        before = y
    return drawn
