import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.drill.exposure import Delays, Shown, Stream, measure_delays, percentile
from builder.drill.records import Sighting, Write
from drill.hand_made import PRIMARY, SECONDARY, TOOK_S, attempt, good, lost, seen

STREAM = Stream("item", PRIMARY, SECONDARY)


def measured(writes: list[Write], sightings: list[Sighting]) -> Delays:
    return measure_delays(Shown(writes, sightings), STREAM)


def test_a_delay_is_from_the_acknowledgement_to_the_first_read_that_shows_the_write() -> None:
    delays = measured([good("a", 1.0), good("b", 2.0)], [seen("a", 1.5), seen("a", 1.7), seen("b", 4.0)])
    assert [sample.delay_s for sample in delays.samples] == pytest.approx([0.5 - TOOK_S, 2.0 - TOOK_S])
    assert delays.max_s == pytest.approx(2.0 - TOOK_S)


def test_what_never_arrives_is_named_and_no_delay() -> None:
    delays = measured([good("a", 1.0), good("b", 2.0)], [seen("b", 2.5)])
    assert delays.unseen == ("a",)
    assert len(delays.samples) == 1


def test_a_stream_has_only_what_it_carries() -> None:
    writes = [good("a", 1.0, SECONDARY), good("b", 1.0, what="object"), lost("c", 1.0)]
    delays = measured(writes, [seen("a", 2.0, PRIMARY), seen("b", 2.0), seen("c", 2.0)])
    assert (delays.samples, delays.unseen, delays.p50_s) == ((), (), None)


def test_a_read_that_overtakes_the_acknowledgement_is_a_delay_of_nothing() -> None:
    assert measured([good("a", 1.0)], [seen("a", 1.0)]).max_s == 0


def test_a_delay_is_rounded_up_to_milliseconds() -> None:
    assert measured([good("a", 1.0)], [seen("a", 1.0 + TOOK_S + 0.0301)]).max_s == 0.031


def test_a_later_write_of_a_key_shows_the_earlier_one_too_and_never_the_other_way_round() -> None:
    first, then = (
        Write(f"k.{number}", "item", "{}", (attempt(PRIMARY, at_s),), planned_s=at_s, key="k", number=number)
        for number, at_s in ((1, 1.0), (2, 2.0))
    )
    delays = measured([first, then], [Sighting("k", SECONDARY, 3.0, 2)])
    assert [sample.delay_s for sample in delays.samples] == [1.99, 0.99]
    delays = measured([first, then], [Sighting("k", SECONDARY, 3.0, 1)])
    assert delays.unseen == ("k.2",)


def test_percentiles_are_by_nearest_rank() -> None:
    hundred = [float(n) for n in range(1, 101)]
    assert [percentile(hundred, percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7


@given(st.lists(st.floats(0, 100), min_size=1).map(sorted), st.integers(1, 100))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values: list[float], percent: int) -> None:
    nearest = percentile(values, percent)
    assert nearest in values
    assert sum(value <= nearest for value in values) >= len(values) * percent / 100
    assert sum(value < nearest for value in values) < len(values) * percent / 100
