"""A drill drawn over its time: delays as dots, requests a second as bars; geometry only, pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from builder.drill.delays import Delays, Sample
from builder.drill.traffic import Second
from builder.terms import Region

WIDTH, HEIGHT = 960, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 8, 12, 28
_STEPS = (1, 2, 5, 10)
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Tick:
    """A value on an axis, and where it is."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """From values to places of the picture."""

    last: float
    begin: float
    end: float

    def place(self, value: float) -> float:
        """Return where a value is; what is beyond the scale is at its end."""
        part = min(value, self.last) / self.last
        return round(self.begin + part * (self.end - self.begin), 1)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        """Round values from 0 up to the last."""
        step = _step(self.last)
        digits = max(0, -math.floor(math.log10(step)))
        count = math.floor(self.last / step + 1e-9)
        return tuple(Tick(self.place(number * step), f"{number * step:.{digits}f}") for number in range(count + 1))


@dataclass(frozen=True, slots=True)
class Bar:
    """A second of a region: so much of one kind, on top of what is below."""

    kind: str
    x: float
    y: float
    width: float
    height: float


def time_scale(last_s: float) -> Scale:
    """Return the scale of the time axis."""
    return Scale(max(1.0, last_s), LEFT, WIDTH - RIGHT)


def value_scale(largest: float) -> Scale:
    """Return the scale of the other axis, up to a round value."""
    top = largest or 1.0
    step = _step(top)
    return Scale(math.ceil(top / step - 1e-9) * step, HEIGHT - BOTTOM, TOP)


def dots(delays: Delays, across: Scale, up: Scale) -> str:
    """Return a path with a dot for every probe; of those that would lie in one column the longest delay alone."""
    columns: dict[float, Sample] = {}
    for sample in delays.samples:
        column = round(across.place(sample.at_s))
        if column not in columns or columns[column].delay_s < sample.delay_s:
            columns[column] = sample
    return " ".join(f"M{column},{up.place(sample.delay_s)}h0" for column, sample in columns.items())


def bars(traffic: Sequence[Second], regions: Sequence[Region], across: Scale, up: Scale) -> tuple[Bar, ...]:
    """Return a stack for every second: each region's answers, and on top what failed."""
    drawn: list[Bar] = []
    for second in sorted({one.second for one in traffic}):
        here = {one.region: one for one in traffic if one.second == second}
        counts = [(f"side-{number}", here[region].good) for number, region in enumerate(regions) if region in here]
        counts.append(("failed", sum(one.failed for one in here.values())))
        drawn += _stack(second, counts, across, up)
    return tuple(drawn)


def tallest(traffic: Iterable[Second]) -> int:
    """Return the most attempts of one second."""
    totals: dict[int, int] = {}
    for one in traffic:
        totals[one.second] = totals.get(one.second, 0) + one.good + one.failed
    return max(totals.values(), default=0)


def _stack(second: int, counts: Iterable[tuple[str, int]], across: Scale, up: Scale) -> Iterable[Bar]:
    x, below = across.place(second), 0
    width = round(max(0.5, across.place(second + 1) - x - 1), 1)
    for kind, count in counts:
        if count:
            bottom, top = up.place(below), up.place(below + count)
            yield Bar(kind, x, top, width, round(bottom - top, 1))
            below += count


def _step(last: float) -> float:
    """Return the smallest round step that makes few ticks."""
    rough = last / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))
