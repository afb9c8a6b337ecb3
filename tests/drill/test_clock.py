from datetime import UTC, datetime

from builder.drill.records import rounded_up, start_clock


def test_a_drill_s_seconds_are_counted_from_its_beginning() -> None:
    ticks = iter([100.0, 102.5, 110.0])
    clock = start_clock(datetime(2026, 1, 1, 12, tzinfo=UTC), lambda: next(ticks))
    assert clock.passed_s() == 2.5
    assert clock.passed_s() == 10
    assert clock.date(61.5) == datetime(2026, 1, 1, 12, 1, 1, 500000, tzinfo=UTC)


def test_times_are_rounded_up_but_for_what_a_float_is_wrong_by() -> None:
    assert [rounded_up(seconds) for seconds in (0.0, 1.0, 1.0001, 2.001, 0.1 + 0.2, 9.8 - 4.72)] == [
        *(0.0, 1.0, 1.001, 2.001, 0.3, 5.08),
    ]
