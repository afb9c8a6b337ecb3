from dataclasses import replace

import pytest

from builder.local.adapter.propagation import Direction, Hold, Pace, Propagation, Way

EAST_TO_WEST = Direction("dynamodb", "us-east-1", "us-west-2")
WAY = Way(EAST_TO_WEST, "111111111111", "table")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def propagation(clock: Clock) -> Propagation:
    return Propagation(clock)


@pytest.fixture
def arrived() -> list[str]:
    return []


def test_a_write_arrives_at_once_by_default(propagation: Propagation, arrived: list[str]) -> None:
    propagation.send(WAY, lambda: arrived.append("a"))
    assert arrived == ["a"]
    assert propagation.is_idle()


def test_a_delayed_write_arrives_when_its_delay_is_over_and_not_before(
    propagation: Propagation, clock: Clock, arrived: list[str]
) -> None:
    propagation.paces[EAST_TO_WEST] = Pace(delay_s=0.8)
    propagation.send(WAY, lambda: arrived.append("a"))
    clock.now += 0.75
    propagation.settle()
    assert arrived == []
    clock.now += 0.0625
    propagation.settle()
    assert arrived == ["a"]


def test_the_other_direction_has_a_delay_of_its_own(propagation: Propagation, arrived: list[str]) -> None:
    propagation.paces[EAST_TO_WEST] = Pace(delay_s=0.8)
    back = replace(WAY, direction=Direction("dynamodb", "us-west-2", "us-east-1"))
    propagation.send(back, lambda: arrived.append("a"))
    assert arrived == ["a"]


def test_what_was_paused_arrives_in_order_once_it_is_resumed(
    propagation: Propagation, clock: Clock, arrived: list[str]
) -> None:
    propagation.paces[EAST_TO_WEST] = Pace(paused=True)
    for name in "abc":
        propagation.send(WAY, lambda name=name: arrived.append(name))  # type: ignore[misc]  # mypy: lambda's default
    clock.now += 3600
    propagation.settle()
    assert arrived == []
    propagation.paces[EAST_TO_WEST] = Pace()
    propagation.settle()
    assert arrived == ["a", "b", "c"]


def test_a_write_overtakes_none_that_is_under_way(propagation: Propagation, arrived: list[str]) -> None:
    propagation.paces[EAST_TO_WEST] = Pace(paused=True)
    propagation.send(WAY, lambda: arrived.append("first"))
    propagation.paces[EAST_TO_WEST] = Pace()
    propagation.send(WAY, lambda: arrived.append("second"))
    propagation.settle()
    assert arrived == ["first", "second"]


def test_a_hold_keeps_what_it_covers_until_it_ends(propagation: Propagation, clock: Clock, arrived: list[str]) -> None:
    propagation.holds["experiment"] = Hold(lambda way: way.resource == "table", until=clock.now + 60)
    propagation.send(WAY, lambda: arrived.append("held"))
    propagation.send(replace(WAY, resource="other"), lambda: arrived.append("free"))
    assert arrived == ["free"]
    clock.now += 60
    propagation.settle()
    assert arrived == ["free", "held"]


def test_what_is_under_way_is_counted_with_its_bytes_and_its_age(propagation: Propagation, clock: Clock) -> None:
    propagation.paces[EAST_TO_WEST] = Pace(paused=True)
    propagation.send(WAY, lambda: None, size=10)
    clock.now += 5
    propagation.send(WAY, lambda: None, size=20)
    assert propagation.pending() == {WAY: (2, 30, 5.0)}


def test_a_reset_drops_what_is_under_way_and_every_setting(propagation: Propagation, arrived: list[str]) -> None:
    propagation.paces[EAST_TO_WEST] = Pace(paused=True)
    propagation.send(WAY, lambda: arrived.append("a"))
    propagation.forget()
    propagation.settle()
    propagation.send(WAY, lambda: arrived.append("b"))
    assert arrived == ["b"]


def test_stamps_grow() -> None:
    propagation = Propagation()
    assert propagation.stamp() < propagation.stamp()
