"""The pictures of a drill's pages: lanes over time, delays as marks, a number over drills; geometry only, pure.

Nothing depends on colour alone: answered goes up and failed goes down, series have marks of their own form, and
everything has its label beside it. Each picture is made twice, for a wide screen and for a narrow one, so that its
texts keep their size.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from builder.drill.service import Second
from builder.terms import Region

_STEPS = (1, 2, 5, 10)
_BIN_STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600)
_CHARACTER = 7.3
"""The width of a character, at the 12 px of our style."""
_ROW = 18
_LEAST = 1.5
"""The least height of a value above zero."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a picture, in pixels."""

    name: str
    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    ticks: int
    """The most steps on the axis across."""

    @property
    def edge(self) -> int:
        """The place of the picture's last value."""
        return self.width - self.right

    @property
    def axis(self) -> int:
        """The place of the axis across."""
        return self.height - self.bottom


DELAYS = (
    Size("wide", 960, 150, 64, 12, 10, 26, 10),
    Size("narrow", 340, 150, 52, 10, 10, 26, 4),
)
TIMELINE = (Size("wide", 960, 0, 64, 12, 8, 26, 10), Size("narrow", 340, 0, 30, 10, 8, 26, 4))
"""Its height follows from its lanes."""
TREND = Size("small", 320, 116, 56, 8, 10, 16, 4)


@dataclass(frozen=True, slots=True)
class Tick:
    """A value on an axis, and its place."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale from values to places of the picture."""

    last: float
    begin: float
    end: float
    step: float
    """From one tick to the next."""
    first: float = 0.0
    """A multiple of the step."""

    def place(self, value: float) -> float:
        """Return the place of a value; a value beyond the scale is at its end."""
        part = (min(max(value, self.first), self.last) - self.first) / (self.last - self.first)
        return round(self.begin + part * (self.end - self.begin), 1)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Round values from the first up to the last."""
        digits = max(0, -math.floor(math.log10(self.step)))
        count = math.floor((self.last - self.first) / self.step + 1e-9)
        values = (self.first + number * self.step for number in range(count + 1))
        return tuple(Tick(self.place(value), f"{value:.{digits}f}") for value in values)


def time_scale(last_s: float, size: Size) -> Scale:
    """Return the scale of the time axis."""
    last = max(1.0, last_s)
    return Scale(last, size.left, size.edge, _step(last, size.ticks))


def value_scale(largest: float, size: Size, *, least: float = 0.0) -> Scale:
    """Return the scale of the other axis, between round values."""
    largest = largest if largest - least > 1e-6 * max(1.0, largest) else least + 1
    step = _step(largest - least, 3)
    first = math.floor(least / step + 1e-9) * step
    last = max(first + step, math.ceil(largest / step - 1e-9) * step)
    return Scale(last, size.axis, size.top, step, first)


@dataclass(frozen=True, slots=True)
class Flag:
    """A numbered moment; its number keeps clear of the others."""

    number: int
    x: float
    label_x: float
    y: float


def flags(moments: Sequence[float | None], across: Scale) -> tuple[Flag, ...]:
    """Return the moments that came, numbered as they are listed; numbers that would touch are below each other."""
    free: list[float] = []
    made = []
    came = sorted((at_s, number) for number, at_s in enumerate(moments, start=1) if at_s is not None)
    for at_s, number in came:
        x = across.place(at_s)
        label_x = min(x, across.end - _CHARACTER)
        row = next((row for row, until in enumerate(free) if label_x >= until), len(free))
        free[row:] = [label_x + 22, *free[row + 1 :]]
        made.append(Flag(number, x, label_x, row * _ROW + _ROW / 2))
    return tuple(made)


@dataclass(frozen=True, slots=True)
class Lane:
    """A region's requests over time: answered above its line, failed below."""

    region: Region
    top: float
    line: float
    end: float
    most: str
    """The highest bar of all lanes, and its place in this one."""
    peak: float
    answered: str
    """A path; empty if there is none, as the next."""
    failed: str


def lanes(
    traffic: Sequence[Second], regions: Sequence[Region], across: Scale, top: float, height: float
) -> tuple[Lane, ...]:
    """Return a lane for each region, one below the other, all with one scale.

    Where a second would be narrower than three pixels, a bar is the mean of several.
    """
    seconds = _bin(across)
    binned: dict[tuple[Region, int], tuple[float, float]] = {}
    for second in traffic:
        key = (second.region, second.second // seconds)
        good, failed = binned.get(key, (0.0, 0.0))
        binned[key] = (good + second.good / seconds, failed + second.failed / seconds)
    up = max((good for good, _ in binned.values()), default=0.0)
    down = max((failed for _, failed in binned.values()), default=0.0)
    most = (up + down) or 1.0
    unit = (height - _ROW - 8) / most
    made = []
    for number, region in enumerate(regions):
        above = top + number * height
        line = round(above + _ROW + up * unit, 1)
        here = {place: counts for (name, place), counts in binned.items() if name == region}
        made.append(
            Lane(
                region,
                above,
                line,
                round(line + down * unit, 1),
                f"{up:.3g}",
                round(line - up * unit, 1),
                _bars(((place, good) for place, (good, _) in sorted(here.items())), across, line, -unit),
                _bars(((place, failed) for place, (_, failed) in sorted(here.items())), across, line, unit),
            )
        )
    return tuple(made)


def _bars(values: Iterable[tuple[int, float]], across: Scale, line: float, unit: float) -> str:
    seconds = _bin(across)
    drawn = []
    for place, value in values:
        if value:
            x = across.place(place * seconds)
            width = max(1.0, across.place((place + 1) * seconds) - x - 1)
            height = math.copysign(max(_LEAST, abs(value * unit)), unit)
            drawn.append(f"M{x:g},{line:g}v{height:.1f}h{width:.1f}v{-height:.1f}z")
    return "".join(drawn)


def _bin(across: Scale) -> int:
    """Return the number of seconds of a bar."""
    pixels = (across.end - across.begin) / across.last
    return next((step for step in _BIN_STEPS if step * pixels >= 3), _BIN_STEPS[-1])


@dataclass(frozen=True, slots=True)
class SpellBar:
    """A time on the axis, with its label, or none if there is no room."""

    x: float
    width: float
    label: str


def spells(times: Iterable[tuple[float, float]], across: Scale) -> tuple[SpellBar, ...]:
    """Return spells of time, wide enough to be seen; those that touch are drawn as one."""
    drawn: list[SpellBar] = []
    for began_s, ended_s in sorted(times):
        x = across.place(began_s)
        width = round(max(2.0, across.place(ended_s) - x), 1)
        label = f"{ended_s - began_s:.1f} s"
        if drawn and x <= drawn[-1].x + drawn[-1].width:
            before = drawn.pop()
            drawn.append(SpellBar(before.x, round(max(before.width, x + width - before.x), 1), ""))
        else:
            drawn.append(SpellBar(x, width, label if width > len(label) * _CHARACTER + 6 else ""))
    return tuple(drawn)


Form = Literal["circle", "square", "cross"]
"""The form of a series' marks."""


def mark(form: Form, x: float, y: float) -> str:
    """Return the path of one mark, of about seven pixels."""
    at = f"M{x:g},{y:g}"
    match form:
        case "circle":
            return f"{at}m-3,0a3,3 0 1 0 6,0a3,3 0 1 0 -6,0z"
        case "square":
            return f"{at}m-3,-3h6v6h-6z"
        case _:
            return f"{at}m-4,-4l8,8m-8,0l8,-8"


def marks(points: Iterable[tuple[float, float]], form: Form, across: Scale, up: Scale) -> str:
    """Return a path with a mark for each point; of points in one column of three pixels only the highest."""
    columns: dict[int, float] = {}
    for at_s, value in points:
        column = round(across.place(at_s) / 3) * 3
        columns[column] = max(value, columns.get(column, value))
    return "".join(mark(form, column, up.place(value)) for column, value in columns.items())


def shown_width(text: str) -> int:
    """Return the width of a text in a picture, with some room around it."""
    return round(len(text) * _CHARACTER) + 4


def _step(span: float, most: int) -> float:
    """Return the smallest round step of which at most so many make the span."""
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))
