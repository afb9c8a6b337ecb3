import asyncio
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.aws import Pace, Rhythm, Tempo
from fake_aws import World, run_virtual


@given(st.one_of(st.floats(min_value=0, max_value=4), st.floats(min_value=0, max_value=1e6)))
def test_a_look_is_late_by_at_most_a_fraction_of_what_was_waited(passed_s: float) -> None:
    pace = Pace(first_s=2.0, every_s=0.25, fraction=0.1, longest_s=5.0)
    if passed_s < 2.0:
        assert pace.wait_s(passed_s) == 2.0 - passed_s
    else:
        assert 0.25 <= pace.wait_s(passed_s) <= max(0.25, min(5.0, 0.1 * passed_s))


def watched(rhythm: Rhythm, *took_s: float) -> list[list[float]]:
    """At which ages things are looked at that begin together and take so long."""

    async def watch(took: float) -> list[float]:
        loop = asyncio.get_running_loop()
        began, ages = loop.time(), list[float]()

        async def poll() -> bool | None:
            ages.append(round(loop.time() - began, 3))
            return True if loop.time() - began >= took else None

        assert await rhythm.until(poll)
        return ages

    async def all_of_them() -> list[list[float]]:
        return list(await asyncio.gather(*(watch(took) for took in took_s)))

    World()
    return run_virtual(all_of_them)


def test_one_early_look_finds_out_that_things_end_at_once_here() -> None:
    rhythm = Rhythm(Pace(first_s=4.0, every_s=0.5))
    assert watched(rhythm, 0, 0, 0) == [[0.25], [0.25], [0.25]]
    assert watched(rhythm, 0, 0) == [[0.25], [0.25]]


def test_where_they_take_their_time_one_early_look_is_made_in_vain_and_no_other() -> None:
    rhythm = Rhythm(Pace(first_s=4.0, every_s=0.5))
    assert watched(rhythm, 4.2, 4.2, 3) == [[0.25, 4.0, 4.5], [4.0, 4.5], [4.0]]
    assert watched(rhythm, 0, 5) == [[4.0], [4.0, 4.5, 5.0]]


def test_an_aws_that_was_quick_once_is_looked_at_early_in_vain_three_times_at_most() -> None:
    rhythm = Rhythm(Pace(first_s=4.0, every_s=0.5))
    assert watched(rhythm, 0) == [[0.25]]
    assert watched(rhythm, 6) == [[0.25, 0.75, 1.25, 4.0, 4.5, 5.0, 5.5, 6.0]]
    assert watched(rhythm, 0) == [[4.0]]


def test_where_change_sets_take_their_time_nobody_looks_at_stacks_early() -> None:
    tempo = Tempo.usual()
    assert watched(tempo.change_sets, 3)[0][:2] == [0.25, 2.0]
    assert watched(tempo.stacks, 0) == [[4.0]]


def test_who_looks_for_the_first_time_ends_the_question_also_where_the_look_fails() -> None:
    rhythm, polls = Rhythm(Pace(first_s=4.0, every_s=0.5)), count()

    async def poll() -> Iterator[int]:
        next(polls)
        raise ZeroDivisionError

    World()
    with pytest.raises(ZeroDivisionError):
        run_virtual(lambda: rhythm.until(poll))
    assert watched(rhythm, 0) == [[4.0]]


@given(st.floats(min_value=0, max_value=100))
def test_a_quick_tempo_waits_for_nothing_and_never_looks_in_a_hot_loop(passed_s: float) -> None:
    tempo = Tempo.quick()
    for rhythm in (tempo.change_sets, tempo.stacks):
        assert rhythm.due_s(-1.0, early=True) == 0
        assert rhythm.due_s(passed_s) - passed_s >= 0.099
