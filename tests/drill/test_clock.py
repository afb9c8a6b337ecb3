from datetime import UTC, datetime

from builder.drill.clock import start_clock


def test_a_drill_s_seconds_are_counted_from_its_beginning() -> None:
    ticks = iter([100.0, 102.5, 110.0])
    clock = start_clock(datetime(2026, 1, 1, 12, tzinfo=UTC), lambda: next(ticks))
    assert clock.passed_s() == 2.5
    assert clock.passed_s() == 10
    assert clock.date(61.5) == datetime(2026, 1, 1, 12, 1, 1, 500000, tzinfo=UTC)
