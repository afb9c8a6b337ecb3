"""Changes of a table that take several updates, on the fake: what DynamoDB does meanwhile is waited for."""

import asyncio
import json
from dataclasses import replace
from functools import cache, partial
from itertools import count
from typing import Any

import pytest

from builder.aws import Clients
from builder.deploy import Cancelled, Deployment, Done, execute_plan, exit_code
from builder.deploy.progress import ResourceWaiting
from builder.errors import ExitCode, Stopped
from builder.terms import StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import ACCOUNT, Rig
from fake_aws import Fault, Killed, World
from proof.command import deploy, run
from samples import is_thorough

STACK = StackId("us-east-1/data")
WAITING = "its index {} is {} in {}"


def table(*indexes: str, regions: tuple[str, ...] = ("us-east-1", "us-west-2"), **more: Any) -> Deployment:
    """A deployment of one stack with a global table that has these indexes."""

    def key(name: str) -> list[dict[str, str]]:
        return [{"AttributeName": name, "KeyType": "HASH"}]

    properties = {
        "TableName": "orders",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("id", *indexes)],
        "KeySchema": key("id"),
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        "Replicas": [{"Region": region} for region in regions],
        **more,
    }
    if indexes:
        listed = [
            {"IndexName": name, "KeySchema": key(name), "Projection": {"ProjectionType": "ALL"}} for name in indexes
        ]
        properties["GlobalSecondaryIndexes"] = listed
    resources = {"Data": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": properties}}
    return make_deployment(make_stack(STACK, json.dumps({"Resources": resources}, indent=1)))


def expiring(attribute: str, *, enabled: bool = True) -> dict[str, Any]:
    return {"TimeToLiveSpecification": {"AttributeName": attribute, "Enabled": enabled}}


@cache
def _made(**more: Any) -> World:
    rig = Rig()
    rig.deploy(table(**more))
    rig.world.settle()
    return rig.world


@pytest.fixture
def deployed(rig: Rig) -> Rig:
    """A rig with a table in two regions."""
    rig.world, rig.plans = _made().copied(), 1
    rig.clients = Clients(rig.world.session(ACCOUNT))
    return rig


def seen(rig: Rig) -> list[str]:
    """What was waited for, each once."""
    return list(dict.fromkeys(line for event in rig.events_of(ResourceWaiting) for line in event.because.split("; ")))


def test_the_next_index_waits_until_the_one_before_is_filled_in_every_region(deployed: Rig) -> None:
    plan = deployed.plan(table("a", "b"))
    assert (len(plan.steps), len(plan.deferred)) == (1, 1)
    assert [type(outcome) for outcome in deployed.execute(plan)] == [Done]
    filled = ", and filled from the table"
    assert seen(deployed) == [WAITING.format("a", "CREATING", region) + filled for region in ("us-east-1", "us-west-2")]
    # In the other region it takes longer.
    assert deployed.events_of(ResourceWaiting)[-1].because == WAITING.format("a", "CREATING", "us-west-2") + filled
    assert deployed.plan(table("a", "b")).is_empty


def test_a_replica_waits_for_what_an_earlier_run_began(deployed: Rig) -> None:
    deployed.deploy(table("a"))
    assert seen(deployed) == []
    ended = deployed.deploy(table("a", regions=("us-east-1", "us-west-2", "eu-west-1")))
    assert [type(outcome) for outcome in ended] == [Done]
    assert WAITING.format("a", "CREATING", "us-west-2") in seen(deployed)[1]
    assert sorted(deployed.world.tables[ACCOUNT, "orders"].replicas) == ["eu-west-1", "us-east-1", "us-west-2"]


def test_an_index_that_goes_is_waited_for_too(deployed: Rig) -> None:
    deployed.deploy(table("a", "b"))
    deployed.world.settle()
    deployed.world.backfill_s = 1000.0
    deployed.events.clear()
    assert [type(outcome) for outcome in deployed.deploy(table())] == [Done]
    assert WAITING.format("a", "DELETING", "us-east-1") in seen(deployed)


def test_tags_alone_wait_for_nothing(deployed: Rig) -> None:
    deployed.deploy(table("a"))
    (stack,) = table("a").stacks
    deployed.deploy(make_deployment(replace(stack, tags={**stack.tags, "more": "tags"})))
    assert seen(deployed) == []


def test_who_may_not_look_is_kept_from_nothing(deployed: Rig) -> None:
    deployed.world.faults.add(Fault.DENIED, operation="DescribeTable")
    assert [type(outcome) for outcome in deployed.deploy(table("a"))] == [Done]
    assert seen(deployed) == []


@pytest.mark.parametrize(("attribute", "states"), [("until", 2), (None, 2)])
def test_another_time_to_live_and_none_go_over_one_that_is_off(rig: Rig, attribute: str | None, states: int) -> None:
    rig.world.expiry_change_s = 200.0
    rig.deploy(table(**expiring("ends")))
    desired = table(**(expiring(attribute) if attribute else {}))
    plan = rig.plan(desired)
    assert len(plan.change_sets) == states
    assert "TimeToLiveSpecification" in plan.deferred[0].because
    assert [type(outcome) for outcome in rig.execute(plan)] == [Done]
    assert seen(rig) == ["its time to live is DISABLING, which takes up to an hour"]
    expiry = rig.world.tables[ACCOUNT, "orders"].expiry
    assert (expiry.attribute, expiry.enabled) == ((attribute or "ends"), attribute is not None)
    assert rig.plan(desired).is_empty


def test_a_time_to_live_that_was_just_switched_on_is_waited_for(deployed: Rig) -> None:
    deployed.world.expiry_change_s = 200.0
    deployed.deploy(table(**expiring("ends")))
    assert [type(outcome) for outcome in deployed.deploy(table(**expiring("ends", enabled=False)))] == [Done]
    assert seen(deployed) == ["its time to live is ENABLING, which takes up to an hour"]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}, "its stream shows NEW_AND_OLD_IMAGES"),
        (
            {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}]},
            "id is S in the table's key and cannot become N",
        ),
    ],
)
def test_what_dynamodb_refuses_stops_before_anything_is_asked_for(deployed: Rig, more: Any, what: str) -> None:
    deployed.world.calls.clear()
    with pytest.raises(Stopped, match=what):
        deployed.plan(table(**more))
    assert deployed.operations("CreateChangeSet") == 0


def test_another_key_is_a_replacement_that_has_to_be_allowed(deployed: Rig) -> None:
    more = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "day")]
    key = [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "day", "KeyType": "RANGE"}]
    plan = deployed.plan(table(KeySchema=key, AttributeDefinitions=more))
    assert [change.is_replaced for step in plan.steps for change in step.changes] == [True]
    assert [hit.allow for hit in plan.guards] == ["us-east-1/data/Data"]


def test_a_table_whose_index_is_being_filled_is_destroyed_once_it_is(deployed: Rig) -> None:
    deployed.deploy(table("a"))
    deployed.deployment = table("a")
    assert [type(outcome) for outcome in deployed.destroy()] == [Done]
    assert deployed.world.tables == {}


def test_a_wait_ends_where_nothing_more_is_to_be_started(deployed: Rig) -> None:
    deployed.deploy(table("a"))
    plan = deployed.plan(table("a", "b"))
    stop = asyncio.Event()

    def emit(event: object) -> None:
        if isinstance(event, ResourceWaiting):
            stop.set()

    (ended,) = deployed.run(lambda: execute_plan(plan, deployed.trusted(plan), deployed.clients, emit, stop=stop))
    assert isinstance(ended, Cancelled)
    assert ended.interrupted
    # Nothing is lost by it: the same plan goes on.
    assert [type(outcome) for outcome in deployed.execute(plan)] == [Done]


@pytest.mark.slow
@pytest.mark.parametrize("kill", [Fault.KILL_BEFORE, Fault.KILL_AFTER], ids=lambda kill: str(kill.value))
def test_killed_at_any_call_the_same_command_again_comes_to_the_same_end(kill: Fault) -> None:
    desired = table("a", **expiring("until"))
    for k in count(1, 1 if is_thorough() else 13):
        world = _began().copied()
        clients = Clients(world.session(ACCOUNT))
        rule = world.faults.add(kill, nth=k)
        try:
            assert exit_code(run(clients, partial(deploy, desired))) is ExitCode.DONE
        except Killed:
            world.faults.revive()
        world.faults.remove(rule)
        assert exit_code(run(clients, partial(deploy, desired))) is ExitCode.DONE
        world.settle()
        orders = world.tables[ACCOUNT, "orders"]
        assert (sorted(orders.indexes), orders.expiry.attribute, orders.expiry.enabled) == (["a"], "until", True)
        if not rule.struck:
            break
    assert k > 20


@cache
def _began() -> World:
    rig = Rig()
    rig.world.backfill_s, rig.world.expiry_change_s = 1.0, 4.0
    rig.deploy(table(**expiring("ends")))
    rig.world.settle()
    return rig.world
