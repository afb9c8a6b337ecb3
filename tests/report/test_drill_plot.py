import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.drill.traffic import Second
from builder.report.drill_plot import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    bars,
    dots,
    tallest,
    time_scale,
    value_scale,
)
from drill.hand_made import PRIMARY, SECONDARY
from report import drills

TRAFFIC = (
    Second(0, PRIMARY, good=10, failed=0),
    Second(1, PRIMARY, good=2, failed=8),
    Second(1, SECONDARY, good=5, failed=3),
)


@given(st.floats(0.0001, 1e6))
def test_a_scale_has_few_round_ticks_within_the_picture(largest: float) -> None:
    for scale in (time_scale(largest), value_scale(largest)):
        assert 2 <= len(scale.ticks) <= 7
        assert scale.last >= largest * (1 - 1e-9)
        assert len({tick.label for tick in scale.ticks}) == len(scale.ticks)
    assert all(LEFT <= tick.at <= WIDTH - RIGHT for tick in time_scale(largest).ticks)
    assert all(TOP <= tick.at <= HEIGHT - BOTTOM for tick in value_scale(largest).ticks)


def test_nothing_measured_has_a_scale_too() -> None:
    assert [tick.label for tick in value_scale(0).ticks][-1] == "1.0"
    assert tallest(()) == 0


def test_every_probe_has_a_dot_unless_a_longer_delay_is_in_its_column() -> None:
    delays = drills.failover().pairs[0].delays[0]
    wide = dots(delays, time_scale(15.6), value_scale(8))
    assert wide.count("M") == len(delays.samples)
    narrow = dots(delays, time_scale(1e9), value_scale(8))
    assert narrow == f"M{LEFT},{value_scale(8).place(delays.max_s or 0)}h0"
    heights = [float(y) for y in re.findall(r",([\d.]+)h0", wide)]
    assert min(heights) == pytest.approx(value_scale(8).place(delays.max_s or 0))


def test_a_second_is_a_stack_of_what_was_answered_where_and_what_failed() -> None:
    drawn = bars(TRAFFIC, (PRIMARY, SECONDARY), time_scale(2), value_scale(tallest(TRAFFIC)))
    assert [bar.kind for bar in drawn] == ["side-0", "side-0", "side-1", "failed"]
    _, first, second, failed = drawn
    assert first.y == pytest.approx(second.y + second.height)
    assert second.y == pytest.approx(failed.y + failed.height)
    assert failed.height / first.height == pytest.approx(11 / 2, rel=0.02)
    assert drawn[0].x < first.x == second.x == failed.x
