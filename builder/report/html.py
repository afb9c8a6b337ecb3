"""Pages without any other file, network or script; and a plan as one, with a picture of its steps.

`fill_page` makes each of our pages from its template and styles, which it reads from `page/`; all else is pure. Then
the picture, a column for each step of the longest way, and `plan_page`.
"""

import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from builder.deploy.records import Plan, ResourceChange
from builder.graph import make_layers
from builder.report.review import (
    Entry,
    InAccounts,
    definition_lines,
    entries_of,
    fate,
    is_lost,
    make_ranks,
    make_tally,
)
from builder.report.screen import printable

_FOLDER = Path(__file__).with_name("page")


def fill_page(
    template: str, styles: tuple[str, ...], filters: Mapping[str, Callable[..., Any]], **facts: object
) -> str:
    """Return the page of a template in `page/` with these style sheets from there; all facts are text, never markup."""
    environment = _environment(tuple(filters.items()))
    style = "".join((_FOLDER / name).read_text() for name in styles)
    return environment.get_template(template).render(
        **facts,
        style=Markup(style),  # noqa: S704 - our own files, and nothing of the facts
        # The page's policy permits this style and nothing else.
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


@lru_cache(maxsize=8)
def _environment(filters: tuple[tuple[str, Callable[..., Any]], ...]) -> Environment:
    """Return the environment that compiles templates, each once."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_shown,
    )
    made.filters |= dict(filters)
    return made


def _shown(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


BOX_HEIGHT = 34
_LANE_HEIGHT, _LETTER_WIDTH, _PADDING, _MARGIN = 8, 7.3, 10, 8
_ROW_GAP, _COLUMN_GAP = 16, 64
_Arrow = tuple[int, int]
"""The places of the earlier entry and of the one that waits for it."""


@dataclass(frozen=True, slots=True)
class Box:
    """One entry, at its upper left corner."""

    entry: Entry
    x: int
    y: int
    width: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole picture, in pixels."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[str, ...]
    """SVG paths, each from an entry to one that waits for it."""


@dataclass(slots=True)
class _Sheet:
    """The parts drawn so far."""

    boxes: list[Box] = field(default_factory=list)
    points: defaultdict[_Arrow, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    """The points of each arrow, from the left."""
    right: int = _MARGIN
    bottom: int = 0


def draw(entries: Sequence[Entry]) -> Drawing:
    """Return the picture: an entry's column is the length of the longest way to it; arrows pass columns in lanes."""
    layers = make_layers({entry.place: entry.after for entry in entries})
    depths = {place: depth for depth, layer in enumerate(layers) for place in layer}
    arrows = [(before, entry.place) for entry in entries for before in entry.after]
    sheet = _Sheet()
    for column in range(len(layers)):
        here = [entry for entry in entries if depths[entry.place] == column]
        lanes = [arrow for arrow in arrows if depths[arrow[0]] < column < depths[arrow[1]]]
        _draw_column(sheet, sorted([*here, *lanes], key=lambda spot: _height(sheet, spot)), arrows)
    return Drawing(
        width=max(0, sheet.right - _COLUMN_GAP) + _MARGIN,
        height=sheet.bottom + _MARGIN,
        boxes=tuple(sheet.boxes),
        arrows=tuple(_path(points) for points in sheet.points.values()),
    )


def _height(sheet: _Sheet, spot: Entry | _Arrow) -> tuple[float, int]:
    """Return the mean height from which an entry's arrows, or the one in a lane, come: in that order fewer cross."""
    if isinstance(spot, tuple):
        return sheet.points[spot][-1][1], spot[1]
    heights = [sheet.points[before, spot.place][-1][1] for before in spot.after]
    return sum(heights) / len(heights) if heights else 0.0, spot.place


def _draw_column(sheet: _Sheet, spots: Sequence[Entry | _Arrow], arrows: Sequence[_Arrow]) -> None:
    longest = max(len(spot.title) for spot in spots if isinstance(spot, Entry))
    left, y = sheet.right, _MARGIN
    right = left + round(longest * _LETTER_WIDTH) + 2 * _PADDING
    for spot in spots:
        if isinstance(spot, Entry):
            sheet.boxes.append(Box(spot, left, y, right - left))
            middle = y + BOX_HEIGHT // 2
            for before in spot.after:
                sheet.points[before, spot.place].append((left, middle))
            for arrow in arrows:
                if arrow[0] == spot.place:
                    sheet.points[arrow].append((right, middle))
            y += BOX_HEIGHT + _ROW_GAP
        else:
            sheet.points[spot] += [(left, y), (right, y)]
            y += _LANE_HEIGHT + _ROW_GAP
    sheet.right = right + _COLUMN_GAP
    sheet.bottom = max(sheet.bottom, y - _ROW_GAP)


def _path(points: Sequence[tuple[int, int]]) -> str:
    """Return a curve that is level at each point."""
    (x, y), *rest = points
    path = f"M{x},{y}"
    for to_x, to_y in rest:
        middle = (x + to_x) // 2
        path += f" C{middle},{y} {middle},{to_y} {to_x},{to_y}"
        x, y = to_x, to_y
    return path


def plan_page(shown: Plan, file: str, accounts: InAccounts | None = None) -> str:
    """Return the page of a plan that is, or will be, saved in this file; `accounts` is its meaning in accounts."""
    entries = entries_of(shown, accounts)
    return fill_page(
        "plan.html.j2",
        ("plan.css",),
        {"define": definition_lines, "fate": fate, "pretty": _pretty, "tone": _tone},
        plan=shown,
        file=file,
        headline=accounts.headline if accounts else (str(make_tally(shown)),),
        word="fleet " if accounts else "",
        lists=accounts.lists if accounts else (),
        entries=entries,
        ranks=make_ranks(entries),
        titles={entry.place: entry.title for entry in entries},
        drawing=draw(entries),
        box_height=BOX_HEIGHT,
    )


def _tone(change: ResourceChange) -> str:
    return "lost" if is_lost(change) else "create" if change.action == "Add" else "update"


def _pretty(value: str) -> str:
    """Return a value as people read it: JSON in one line is put on several."""
    try:
        parsed = json.loads(value)
        return json.dumps(parsed, indent=2, ensure_ascii=False) if isinstance(parsed, dict | list) else value
    except (ValueError, RecursionError):
        return value
