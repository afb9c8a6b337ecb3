"""How alarms and their topic are seen on the fake AWS: every page, what is not there, a region that is silent."""

from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from builder.assembly.components import Alarms, Component
from builder.aws import AlarmSighting, Clients, observe_alarms
from builder.deploy import Deployment
from builder.state.alarms import alarm_names, find_alarms, observe_topic, states, topics_of_alarms
from builder.state.observe import PartialAnswers
from builder.state.records import AlarmState, TopicState
from builder.terms import Arn, Region, Site
from fake_aws import World, run_virtual
from fake_aws.cloudwatch import Alarm
from fake_aws.test_alarms import ARN, MAIL, TOPIC

T = TypeVar("T")
EAST = Region("us-east-1")
ACCOUNT = "111122223333"
HERE = Site(None, EAST)
ALARMS = Alarms(
    topic="alarms", service={EAST: ("errors",)}, replication={EAST: ("late",), Region("us-west-2"): ("pending",)}
)
DEPLOYMENT = Deployment(name="tap-dev", digest="", stacks=(), components={"alarms": Component(alarms=ALARMS)})


@dataclass
class AlarmRig:
    world: World

    def __post_init__(self) -> None:
        self.clients = Clients(self.world.session(ACCOUNT))

    def alarm(self, name: str, state: str = "OK", **properties: Any) -> None:
        arn = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{name}"
        made = Alarm(name, arn, properties, datetime(2026, 1, 1, tzinfo=UTC), state, f"because of {name}")
        self.world.alarms[ACCOUNT, EAST, name] = made

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return run_virtual(lambda: work)


@pytest.fixture
def rig() -> AlarmRig:
    return AlarmRig(World())


def test_the_manifest_s_alarms_come_first_and_those_of_its_stacks_after_them() -> None:
    assert alarm_names(DEPLOYMENT, EAST, ["own", "late"]) == ("errors", "late", "own")
    assert alarm_names(DEPLOYMENT, Region("eu-north-1"), []) == ()


def test_of_the_topics_those_count_that_alarms_notify() -> None:
    other = ARN.replace("alarms", "orders")
    assert topics_of_alarms(DEPLOYMENT, [other, ARN]) == (ARN,)


def test_an_alarm_that_is_not_there_is_absent() -> None:
    seen = AlarmSighting(name="a", state="ALARM", reason="why", since=datetime(2026, 1, 1, tzinfo=UTC), notifies=False)
    assert list(states(["b", "a"], {"a": seen})) == [
        AlarmState(alarm="b", state="ABSENT"),
        AlarmState(alarm="a", state="ALARM", since="2026-01-01T00:00:00+00:00", reason="why", notifies=False),
    ]


def test_alarms_are_seen_on_every_page_and_in_every_hundred(rig: AlarmRig) -> None:
    rig.world.page_size = 30
    names = tuple(f"alarm-{number:03}" for number in range(230))
    for name in names[:-1]:
        rig.alarm(name, ActionsEnabled="false" if name.endswith("7") else "true")
    alarms = rig.run(find_alarms(rig.clients, HERE, names))
    assert [alarm.alarm for alarm in alarms] == [*names]
    assert [alarm.state for alarm in alarms] == ["OK"] * 229 + ["ABSENT"]
    assert {alarm.alarm for alarm in alarms if not alarm.notifies} == {name for name in names[:-1] if name[-1] == "7"}
    calls = [call.params for call in rig.world.calls if call.operation == "DescribeAlarms"]
    assert {len(params["AlarmNames"]) for params in calls} == {100, 30}


def test_who_has_not_confirmed_is_named_on_every_page(rig: AlarmRig) -> None:
    addresses = [f"{name}@example.com" for name in "abcde"]
    body = TOPIC + "".join(
        MAIL.format(title=f"Mail{number}", protocol="email", endpoint=address)
        for number, address in enumerate(addresses)
    )
    rig.world.stack("alarms").deploy(body)
    first = next(iter(rig.world.subscriptions.values()))
    first.confirmed = True
    topic = rig.run(observe_topic(rig.clients, HERE, Arn(ARN)))
    pending = {address for address in addresses if address != first.endpoint}
    assert (topic.topic, topic.confirmed, {*topic.pending}) == ("alarms", 1, pending)
    assert isinstance(topic, TopicState)


def test_a_region_that_does_not_answer_is_told_and_not_waited_for(rig: AlarmRig) -> None:
    rig.world.region_down(EAST)

    async def ask() -> tuple[object, list[str], float]:
        part = PartialAnswers(within_s=4.5)
        alarms = await part.ask("us-east-1: alarms", find_alarms(rig.clients.hurried(), HERE, ("errors",)))
        return alarms, part.silent, rig.world.now

    alarms, silent, took_s = rig.run(ask())
    assert alarms is None
    assert len(silent) == 1
    assert took_s < 5


def test_what_is_asked_for_twice_is_asked_once(rig: AlarmRig) -> None:
    rig.alarm("one")
    sightings = rig.run(observe_alarms(rig.clients, HERE, ["one", "one"]))
    assert [*sightings] == ["one"]
    assert [call.params["AlarmNames"] for call in rig.world.calls] == [["one"]]
