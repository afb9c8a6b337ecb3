import re
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.drill.service import Second
from builder.report import drill_plot as plot
from report.drills import PRIMARY, SECONDARY

SIZES = (*plot.DELAYS, *plot.TIMELINE)
TRAFFIC = (
    Second(0, PRIMARY, good=10, failed=0),
    Second(1, PRIMARY, good=2, failed=8),
    Second(1, SECONDARY, good=5, failed=3),
)


@given(st.floats(0.0001, 1e6), st.floats(0, 1), st.sampled_from(plot.DELAYS))
def test_a_scale_has_few_round_ticks_within_the_picture(largest: float, share: float, size: plot.Size) -> None:
    across = plot.time_scale(largest, size)
    up = plot.value_scale(largest, size, least=share * largest)
    for scale in (across, up):
        assert 2 <= len(scale.ticks) <= 12
        assert scale.last >= largest * (1 - 1e-9)
        assert scale.first <= share * largest * (1 + 1e-9)
        assert len({tick.label for tick in scale.ticks}) == len(scale.ticks)
    assert all(size.left <= tick.at <= size.edge for tick in across.ticks)
    assert all(size.top <= tick.at <= size.axis for tick in up.ticks)


def test_nothing_measured_has_a_scale_too() -> None:
    assert [tick.label for tick in plot.value_scale(0, plot.DELAYS[0]).ticks] == ["0.0", "0.5", "1.0"]
    assert plot.lanes((), (PRIMARY,), plot.time_scale(9, plot.TIMELINE[0]), 0, 84)[0].answered == ""


@pytest.mark.parametrize("form", get_args(plot.Form))
def test_every_point_has_a_mark_unless_a_higher_one_is_in_its_column(form: plot.Form) -> None:
    size = plot.DELAYS[0]
    points = [(float(number), number % 7 / 10) for number in range(100)]
    wide = plot.marks(points, form, plot.time_scale(100, size), plot.value_scale(1, size))
    assert wide.count("M") == 100
    narrow = plot.marks(points, form, plot.time_scale(1e9, size), plot.value_scale(1, size))
    assert narrow.count("M") == 1
    assert f",{plot.value_scale(1, size).place(0.6):g}" in narrow


def test_series_differ_by_form_and_not_by_colour() -> None:
    forms: tuple[plot.Form, ...] = get_args(plot.Form)
    assert len({plot.mark(form, 0, 0) for form in forms}) == len(forms)


def heights(path: str) -> list[float]:
    return [float(height) for height in re.findall(r"v(-?[\d.]+)h", path)]


def test_what_was_answered_stands_above_a_region_s_line_and_what_failed_below() -> None:
    first, second = plot.lanes(TRAFFIC, (PRIMARY, SECONDARY), plot.time_scale(2, plot.TIMELINE[0]), 10, 84)
    assert all(height < 0 for height in heights(first.answered) + heights(second.answered))
    assert all(height > 0 for height in heights(first.failed) + heights(second.failed))
    assert heights(first.answered)[0] / heights(first.failed)[0] == pytest.approx(-10 / 8, rel=0.02)
    assert first.end <= second.top
    assert (first.most, second.most) == ("10", "10")


@given(st.integers(1, 90_000), st.sampled_from(plot.TIMELINE))
def test_however_long_a_drill_its_bars_can_be_seen_and_are_not_many(seconds: int, size: plot.Size) -> None:
    traffic = [Second(second, PRIMARY, good=20, failed=0) for second in range(0, seconds, max(1, seconds // 500))]
    (lane,) = plot.lanes(traffic, (PRIMARY,), plot.time_scale(seconds, size), 0, 84)
    widths = [float(width) for width in re.findall(r"h([\d.]+)v", lane.answered)]
    assert all(width >= 1 for width in widths)
    assert len(widths) <= size.width / 3 + 1
    assert all(abs(height) >= 1.5 for height in heights(lane.answered))


@given(st.lists(st.none() | st.floats(0, 100), max_size=8), st.sampled_from(plot.TIMELINE))
def test_the_numbers_of_moments_never_touch(moments: list[float | None], size: plot.Size) -> None:
    flags = plot.flags(moments, plot.time_scale(100, size))
    assert sorted(flag.number for flag in flags) == [n for n, at in enumerate(moments, 1) if at is not None]
    for before, after in pairwise(sorted(flags, key=lambda flag: (flag.y, flag.label_x))):
        assert after.y > before.y or after.label_x - before.label_x >= 18


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), max_size=20))
def test_spells_are_drawn_apart_and_each_can_be_seen(times: list[tuple[float, float]]) -> None:
    drawn = plot.spells([(began, began + lasted) for began, lasted in times], plot.time_scale(100, plot.TIMELINE[1]))
    assert all(spell.width >= 2 for spell in drawn)
    assert all(before.x + before.width < after.x for before, after in pairwise(drawn))
    assert bool(drawn) == bool(times)
