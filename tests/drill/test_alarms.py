"""A drill's stop conditions, on the fake AWS: refused with an alarm on, ended by one that goes on, told if unseen."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from builder.aws import AlarmSighting, Clients
from builder.drill.alarms import EVERY_S, StopConditions, check_alarms, stop_conditions, stopping, useless
from builder.drill.context import DrillContext
from builder.drill.faults import FAULTS
from builder.drill.findings import DrillNote, DrillProgress
from builder.drill.target import Access, Function, Side, Target
from builder.drill.verdict import Objectives
from builder.errors import Failed, Stopped
from builder.terms import AccountId, Arn, Region, Site
from fake_aws import World, run_virtual
from fake_aws.cloudwatch import Alarm

T = TypeVar("T")
ACCOUNT = "111122223333"
EAST, WEST, NORTH = Region("us-east-1"), Region("us-west-2"), Region("eu-north-1")


def side(region: Region) -> Side:
    function = Function(Site(None, region), "f", Arn(f"arn:aws:lambda:{region}:{ACCOUNT}:function:f"))
    return Side(function, f"https://{region}.test", None, signs=False)


TARGET = Target(
    deployment="tap-dev",
    account=AccountId(ACCOUNT),
    by=Arn(f"arn:aws:iam::{ACCOUNT}:user/ada"),
    table="t",
    primary=side(EAST),
    secondaries=(side(WEST), side(NORTH)),
    alarms={EAST: ("east-errors",), WEST: ("west-errors", "west-throttles"), NORTH: ("north-errors",)},
    replication_alarms={EAST: ("east-failed",), WEST: ("west-pending",)},
)
EVERY = ("west-errors", "west-throttles", "west-pending")


@dataclass
class AlarmRig:
    world: World = field(default_factory=World)
    target: Target = TARGET
    events: list[DrillProgress] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clients = Clients(self.world.session(ACCOUNT))
        for name in EVERY:
            self.put(name, "OK")

    def put(self, name: str, state: str, region: Region = WEST) -> None:
        arn = f"arn:aws:cloudwatch:{region}:{ACCOUNT}:alarm:{name}"
        made = Alarm(name, arn, {}, datetime(2026, 1, 1, 12, tzinfo=UTC), state, f"because of {name}")
        self.world.alarms[ACCOUNT, region, name] = made

    @property
    def context(self) -> DrillContext:
        return DrillContext(
            drill="d",
            target=self.target,
            environment="dev",
            assembly="0" * 64,
            objectives=Objectives(),
            clients=self.clients,
            access=Access(),
            folder=Path("drills"),
            now=lambda: datetime(2026, 1, 1, tzinfo=UTC),
            emit=self.events.append,
            keep=lambda _: None,
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return run_virtual(lambda: work)

    def check(self, *, pauses: bool = False, despite: bool = False) -> StopConditions:
        return self.run(check_alarms(self.context, self.clients, pauses=pauses, despite=despite))

    @property
    def notes(self) -> list[str]:
        return [event.what for event in self.events if isinstance(event, DrillNote)]


@pytest.fixture
def rig() -> AlarmRig:
    return AlarmRig()


@pytest.mark.parametrize(
    ("to", "pauses", "alarms"),
    [
        (WEST, False, EVERY),
        (WEST, True, ("west-errors", "west-throttles")),
        (NORTH, False, ("north-errors",)),
    ],
)
def test_the_alarms_of_the_region_that_takes_over_stop_a_drill_and_no_others(
    to: Region, *, pauses: bool, alarms: tuple[str, ...]
) -> None:
    assert stop_conditions(TARGET.towards(to), pauses=pauses) == StopConditions(Site(None, to), alarms)


def test_the_faults_that_pause_replication_set_off_alarms_on_it_themselves() -> None:
    class Anything:
        def __getattr__(self, _: str) -> "Anything":
            return Anything()

        def __format__(self, _: str) -> str:
            return "it"

    anything: Any = Anything()
    assert {kind for kind, make in FAULTS.items() if make(anything).pauses} == {"one-way", "fis"}


def test_an_alarm_counts_unless_it_is_off_or_waits_for_data() -> None:
    seen = {
        state: AlarmSighting(name=state, state=state, reason="why", since=None, notifies=True)
        for state in ("OK", "ALARM", "INSUFFICIENT_DATA")
    }
    assert [*useless([*seen, "gone"], seen)] == [
        ("ALARM", "the alarm ALARM is in ALARM: why"),
        ("gone", "the alarm gone is not there"),
    ]


def test_where_all_is_well_all_of_them_stop_it(rig: AlarmRig) -> None:
    rig.put("west-throttles", "INSUFFICIENT_DATA")
    assert rig.check().names == EVERY
    assert not rig.events


def test_an_alarm_that_is_on_before_it_begins_refuses_it_and_says_how_to_go_on(rig: AlarmRig) -> None:
    rig.put("west-errors", "ALARM")
    rig.put("east-errors", "ALARM", EAST)
    with pytest.raises(Stopped) as caught:
        rig.check()
    text = str(caught.value)
    assert "us-west-2, which takes over" in text
    assert "the alarm west-errors is in ALARM since 2026-01-01 12:00:00 UTC: because of west-errors" in text
    assert caught.value.next_step.startswith("--despite-alarms")
    assert "east-errors" not in text


def test_an_alarm_that_is_not_there_refuses_it_too(rig: AlarmRig) -> None:
    del rig.world.alarms[ACCOUNT, WEST, "west-pending"]
    with pytest.raises(Stopped, match="the alarm west-pending is not there"):
        rig.check()
    assert rig.check(pauses=True).names == ("west-errors", "west-throttles")


def test_despite_it_the_others_stop_the_drill_and_each_that_does_not_is_told(rig: AlarmRig) -> None:
    rig.put("west-errors", "ALARM")
    assert rig.check(despite=True).names == ("west-throttles", "west-pending")
    assert rig.notes == [
        "the alarm west-errors is in ALARM since 2026-01-01 12:00:00 UTC: because of west-errors; it stops nothing"
    ]


def test_alarms_that_cannot_be_looked_at_refuse_it_and_despite_that_stop_nothing(rig: AlarmRig) -> None:
    rig.world.region_down(WEST)
    rig.clients = rig.clients.hurried()
    with pytest.raises(Stopped, match="now could not: no fault is made"):
        rig.check()
    assert rig.check(despite=True).names == ()
    assert len(rig.notes) == 1


def test_without_alarms_nobody_is_asked(rig: AlarmRig) -> None:
    rig.target = replace(TARGET, alarms={}, replication_alarms={})
    conditions = rig.check()
    assert conditions.names == ()

    async def drill() -> str:
        async with stopping(rig.context, rig.clients, conditions):
            await asyncio.sleep(60)
        return "done"

    assert rig.run(drill()) == "done"
    assert not rig.world.calls


@dataclass
class DrillOutcome:
    """What became of a block that ends after a minute, and of what was to be undone."""

    undone_s: float = 0.0
    ended: bool = False


def run_drill(rig: AlarmRig, *, until_s: float, then: str, name: str = "west-errors") -> DrillOutcome:
    seen, conditions = DrillOutcome(), StopConditions(Site(None, WEST), EVERY)

    async def drill() -> None:
        async def change() -> None:
            await asyncio.sleep(until_s)
            rig.put(name, then)

        began_s, changing = rig.world.now, asyncio.ensure_future(change())
        try:
            async with stopping(rig.context, rig.clients, conditions):
                try:
                    await asyncio.sleep(60)
                finally:
                    seen.undone_s = rig.world.now - began_s
            seen.ended = True
        finally:
            await changing

    try:
        rig.run(drill())
    except Failed as error:
        rig.events.append(DrillNote("d", str(error)))
    return seen


def test_an_alarm_that_goes_on_ends_it_at_once_and_says_why(rig: AlarmRig) -> None:
    seen = run_drill(rig, until_s=21, then="ALARM")
    assert not seen.ended
    assert 21 <= seen.undone_s <= 21 + EVERY_S + 1
    (note,) = rig.notes
    assert "us-west-2, which takes over: the alarm west-errors is in ALARM" in note
    assert "the drill ends, and the primary is given back" in note


@pytest.mark.parametrize(("name", "then"), [("west-errors", "INSUFFICIENT_DATA"), ("other", "ALARM")])
def test_nothing_else_ends_it(rig: AlarmRig, name: str, then: str) -> None:
    assert run_drill(rig, until_s=5, then=then, name=name).ended


def test_a_region_that_stops_answering_is_told_once_and_stops_nothing(rig: AlarmRig) -> None:
    rig.clients = rig.clients.hurried()
    rig.world.region_down(WEST)
    assert run_drill(rig, until_s=1, then="ALARM").ended
    (note,) = rig.notes
    assert note.startswith("its alarms are not seen, and stop nothing meanwhile")
