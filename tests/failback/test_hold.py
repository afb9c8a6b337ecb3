"""The hold: read in each region, written and released; clients are sent nowhere that a write of now does not reach."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from builder.client import NotKnown
from builder.errors import Failed, Stopped
from builder.failback.failback import ClientsWhereabouts, FailbackContext, FailbackOptions, let_go
from builder.failback.hold import HoldPlaces, held_at, observe_hold
from builder.failback.pair import ClientView
from builder.failback.records import (
    FailbackNote,
    FailbackProgress,
    FailbackWay,
    HoldMoved,
    HoldSighting,
    MarkerSeen,
)
from builder.terms import AccountId, Region
from fake_aws import World, run_virtual

EAST, WEST, NORTH = Region("us-east-1"), Region("us-west-2"), Region("eu-north-1")
HOLD = {"region": WEST}


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Item:
    """The item in every region: a write arrives after a while, the last writer wins."""

    regions: tuple[Region, ...] = (EAST, WEST)
    lag_s: float = 1.0
    cut: set[tuple[Region, Region]] = field(default_factory=set)
    """Directions in which nothing arrives."""
    ill: dict[Region, str] = field(default_factory=dict)
    refuses: bool = False
    """Whether the function keeps no such item."""
    calls: list[tuple[str, Region, Any]] = field(default_factory=list)
    kill_at: int = -1
    now: Callable[[], float] = lambda: 0.0
    _writes: list[tuple[float, Region, Mapping[str, object] | None]] = field(default_factory=list)

    def have(self, item: Mapping[str, object], *regions: Region) -> None:
        self._writes = [(-100.0, region, item) for region in regions]

    def shown(self, at: str) -> Mapping[str, object] | None:
        self._call("GET", at, None)
        return self.seen(Region(at))

    def seen(self, region: Region) -> Mapping[str, object] | None:
        """What the region has: the last write of those that were made here or have arrived."""
        came = [
            item
            for when, source, item in self._writes
            if source == region or ((source, region) not in self.cut and when + self.lag_s <= self.now())
        ]
        return came[-1] if came else None

    def write(self, to: str, *, at: str, **more: str) -> None:
        self._call("PUT", at, {"region": to, **more})
        self._writes.append((self.now(), Region(at), {"region": to, **more}))

    def release(self, at: str) -> None:
        self._call("DELETE", at, None)
        self._writes.append((self.now(), Region(at), None))

    def _call(self, method: str, at: str, body: Any) -> None:
        if len(self.calls) == self.kill_at:
            raise Killed
        self.calls.append((method, Region(at), body))
        if self.refuses and method == "PUT":
            raise NotKnown(f"{at}: 405")
        if Region(at) in self.ill:
            raise NotKnown(f"{at}: {self.ill[Region(at)]}")


@dataclass
class HoldRig:
    item: Item
    events: list[FailbackProgress] = field(default_factory=list)
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        self.item.now = lambda: self.world.now

    def places(self, **unreachable: str) -> HoldPlaces:
        away = {Region(name.replace("_", "-")): why for name, why in unreachable.items()}
        return HoldPlaces(item=self.item, regions=self.item.regions, target="/hold", unreachable=away)

    def observe(self, **unreachable: str) -> tuple[HoldSighting, ...]:
        return run_virtual(lambda: observe_hold(self.places(**unreachable)))

    def go(self, *, hold: Region | None = None, is_forced: bool = False, **away: str) -> None:
        """As the command does after its question."""
        holds = self.observe(**away)
        held = held_at(holds)
        view = ClientView(
            deployment="tap-dev",
            regions=self.item.regions,
            endpoints={},
            health="/health",
            account=AccountId("111122223333"),
        )
        whereabouts = ClientsWhereabouts(
            view=view,
            services={},
            places=self.places(**away),
            holds=holds,
            held=held,
            way=FailbackWay(source=held or EAST, target=hold or EAST),
        )
        context: Any = FailbackContext(
            deployment=None,  # type: ignore[arg-type]  # nothing but what is said is asked of it
            clients=None,  # type: ignore[arg-type]
            endpoint=None,
            now=self.world.datetime,
            emit=self.events.append,
        )
        options = FailbackOptions(target="/hold", hold=hold, patience_s=10)
        run_virtual(lambda: let_go(context, options, whereabouts, is_forced=is_forced))

    def events_of(self, kind: type[FailbackProgress]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def changes(self) -> list[tuple[str, Region]]:
        return [(method, at) for method, at, _ in self.item.calls if method != "GET"]


@pytest.fixture
def rig() -> HoldRig:
    made = HoldRig(Item())
    made.item.have(HOLD, EAST, WEST)
    return made


def test_it_is_released_where_it_stands_once_a_write_of_now_has_arrived(rig: HoldRig) -> None:
    rig.go()
    assert rig.changes() == [("PUT", WEST), ("PUT", EAST), ("DELETE", WEST)]
    assert [(marker.source, marker.target) for marker in rig.events_of(MarkerSeen)] == [(WEST, EAST), (EAST, WEST)]
    assert all(1 <= marker.after_s < 2 for marker in rig.events_of(MarkerSeen))
    assert rig.events_of(HoldMoved) == [HoldMoved(held=None, seen_in=(EAST, WEST))]
    # Clients stay where they are until it is gone: what is written before says the same region.
    assert all(body["region"] == WEST for method, _, body in rig.item.calls if method == "PUT")


def test_nobody_is_let_go_while_nothing_arrives_where_they_would_go(rig: HoldRig) -> None:
    rig.item.cut.add((WEST, EAST))
    with pytest.raises(Failed, match="us-east-1: does not show after 10 s what was written to /hold in us-west-2"):
        rig.go()
    assert ("DELETE", WEST) not in rig.changes()
    assert rig.item.seen(WEST) is not None


def test_a_loss_that_is_allowed_lets_them_go_all_the_same_and_says_what_is_late(rig: HoldRig) -> None:
    rig.item.cut.add((WEST, EAST))
    rig.go(is_forced=True)
    assert rig.item.seen(WEST) is None
    assert [note.what.partition(" after")[0] for note in rig.events_of(FailbackNote)] == [
        "us-east-1: does not show",
        "us-east-1: does not show no hold",
    ]


def test_the_way_back_is_looked_at_too_and_keeps_nobody(rig: HoldRig) -> None:
    rig.item.cut.add((EAST, WEST))
    rig.go()
    assert rig.item.seen(WEST) is None
    assert [note.what.partition(" after")[0] for note in rig.events_of(FailbackNote)] == ["us-west-2: does not show"]


def test_clients_are_held_in_another_region_once_their_writes_arrive_there() -> None:
    rig = HoldRig(Item())
    rig.go(hold=WEST)
    assert rig.changes() == [("PUT", EAST), ("PUT", WEST), ("PUT", WEST)]
    assert [body["region"] for method, _, body in rig.item.calls if method == "PUT"] == [EAST, EAST, WEST]
    assert rig.item.seen(EAST) == rig.item.seen(WEST) == HOLD


def test_clients_are_held_in_the_region_that_is_left_where_the_other_is_not_called() -> None:
    rig = HoldRig(Item())
    rig.go(hold=WEST, is_forced=True, us_east_1="is left out")
    assert {at for _, at, _ in rig.item.calls} == {WEST}
    assert rig.events_of(HoldMoved) == [HoldMoved(held=WEST, seen_in=(WEST,))]


def test_somebody_s_client_that_goes_over_again_is_not_missed(rig: HoldRig) -> None:
    release = rig.item.release

    def again(at: str) -> None:
        release(at)
        rig.item.write(WEST, at=WEST)

    rig.item.release = again  # type: ignore[method-assign]  # the client's write comes right after
    with pytest.raises(Failed, match="somebody has written another since"):
        rig.go()


def test_a_hold_that_cannot_be_written_is_told_with_what_to_do(rig: HoldRig) -> None:
    rig.item.refuses = True
    with pytest.raises(Failed, match="could not be changed by the function's URL: us-west-2: 405") as refused:
        rig.go()
    assert "--target PATH" in refused.value.next_step


def test_killed_at_any_call_it_goes_on_where_it_was() -> None:
    whole = HoldRig(Item())
    whole.item.have(HOLD, EAST, WEST)
    whole.go()
    for number in range(len(whole.item.calls)):
        rig = HoldRig(Item(kill_at=number))
        rig.item.have(HOLD, EAST, WEST)
        with pytest.raises((Killed, BaseExceptionGroup)):
            rig.go()
        rig.item.kill_at = -1
        rig.go()
        assert rig.item.seen(EAST) is rig.item.seen(WEST) is None, number


def held(*holds: str | None) -> tuple[HoldSighting, ...]:
    def sighting(region: Region, hold: str | None) -> HoldSighting:
        if hold == "?":
            return HoldSighting(region=region, problem="503")
        return HoldSighting(region=region, held=Region(hold) if hold else None)

    return tuple(sighting(region, hold) for region, hold in zip((EAST, WEST, NORTH), holds, strict=False))


@pytest.mark.parametrize(
    ("holds", "where"),
    [
        ((None, None), None),
        ((None, WEST), WEST),
        ((WEST, None), None),  # released; the preferred region is late
        ((WEST, "?"), WEST),
        (("?", None), None),
        (("?", WEST), WEST),
        ((None, WEST, NORTH), NORTH),
        ((None, WEST, "?"), WEST),
        ((NORTH, None, "?"), NORTH),
    ],
)
def test_clients_are_where_they_themselves_read_it(holds: tuple[str | None, ...], where: Region | None) -> None:
    assert held_at(held(*holds)) == where


@pytest.mark.parametrize("holds", [(None, "?"), ("?", "?"), (None, None, "?")])
def test_where_they_cannot_read_it_nobody_says_that_he_can(holds: tuple[str | None, ...]) -> None:
    with pytest.raises(Stopped, match="is not known") as stopped:
        held_at(held(*holds))
    assert "--target PATH" in stopped.value.next_step


def test_a_region_that_does_not_tell_is_asked_again_for_a_while(rig: HoldRig) -> None:
    rig.item.ill[EAST] = "no answer in time"
    assert rig.observe() == (
        HoldSighting(region=EAST, problem="GET /hold: us-east-1: no answer in time"),
        HoldSighting(region=WEST, held=WEST),
    )

    async def well_by_then() -> tuple[HoldSighting, ...]:
        asyncio.get_running_loop().call_later(2.0, rig.item.ill.clear)
        return await observe_hold(rig.places())

    assert run_virtual(well_by_then)[0] == HoldSighting(region=EAST, held=WEST)
