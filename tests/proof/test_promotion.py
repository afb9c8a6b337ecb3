"""A promotion and its way back: whatever call is the last, lost or told of the past, no item and no address is lost."""

from functools import cache, partial

import pytest

from builder.aws import Clients
from builder.deploy import (
    Deployment,
    Outcome,
    PlanId,
    PlanOptions,
    PlanRequest,
    Promotion,
    execute_unreviewed,
    make_plan,
    sweep,
)
from builder.terms import Region
from deploy.rig import ACCOUNT
from deploy.test_handovers import EAST, WEST, promotion, system
from fake_aws import Fault, Killed, World
from fake_aws.dynamodb.items import put
from proof.command import Command, assert_done, destroy, ignore, make_world, run
from proof.command import deploy as deploy_whole
from samples import is_thorough

ITEMS = {f"item-{number}": {"id": {"S": f"item-{number}"}, "amount": {"N": str(number)}} for number in range(20)}
STEP = 1 if is_thorough() else 29
KILLS = pytest.mark.parametrize("kill", [Fault.KILL_BEFORE, Fault.KILL_AFTER], ids=lambda kill: kill.value)


async def promote(deployment: Deployment, decided: Promotion, clients: Clients, run_id: str) -> tuple[Outcome, ...]:
    plan_id = PlanId(id=run_id, at="2026-01-01T00:00:00+00:00")
    request = PlanRequest(options=PlanOptions(by="deploy"), promotion=decided)
    plan = await make_plan(deployment, clients, plan_id, ignore, request)
    if plan.is_empty:
        return ()
    assert not plan.guards
    ended = await execute_unreviewed(plan, deployment, clients, ignore, promotion=decided)
    await sweep(deployment, plan, clients)
    return ended


def command(to: Region) -> Command:
    return partial(promote, system(to), promotion(to))


@cache
def begun() -> World:
    world = make_world(page_size=2)
    assert_done(run(Clients(world.session(ACCOUNT)), partial(deploy_whole, system(EAST))))
    for item in ITEMS.values():
        put(world.tables[ACCOUNT, "tap-dev-global"], item, EAST, WEST)
    return world


def kept(world: World) -> object:
    """What a promotion may not touch: every item in each region, addresses, what is in the buckets."""
    table = world.tables[ACCOUNT, "tap-dev-global"]
    return (
        {region: replica.items for region, replica in table.replicas.items()},
        table.stream,
        {region: world.stack("tap-dev-service", region=region).record.outputs for region in (EAST, WEST)},
        {name: bucket.versions for name, bucket in world.buckets.items()},
    )


def check(world: World, to: Region) -> None:
    other = WEST if to == EAST else EAST
    assert world.stack("tap-dev-table", region=to).status == "UPDATE_COMPLETE"
    assert world.stack("tap-dev-table", region=other).status == "DELETE_COMPLETE"
    assert kept(world) == kept(begun())
    again = run(Clients(world.session(ACCOUNT)), partial(deploy_whole, system(to)))
    assert again == ()


def live(fault: Fault, k: int, *, mutating: bool | None = None) -> int:
    """Promote there and back, the k-th call of each having the fault; return how often it struck."""
    world = begun().copied()
    world.faults.max_age_s = 3.0
    clients, struck = Clients(world.session(ACCOUNT)), 0
    for to in (WEST, EAST):
        rule = world.faults.add(fault, nth=k, mutating=mutating)
        try:
            assert_done(run(clients, command(to)))
        except Killed:
            world.faults.revive()
            world.settle()
        world.faults.remove(rule)
        assert_done(run(clients, command(to)))
        check(world, to)
        struck += rule.struck
    return struck


def live_all(fault: Fault, step: int, *, mutating: bool | None = None) -> None:
    for k in range(1, 600, step):
        struck = live(fault, k, mutating=mutating)
        assert struck == 2 or k > 1
        if not struck:
            return
    raise AssertionError("never ends")


@KILLS
def test_a_promotion_killed_at_any_call_goes_on(kill: Fault) -> None:
    live_all(kill, STEP)


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.READ_TIMEOUT], ids=lambda fault: fault.value)
def test_no_answer_is_lost_that_it_hangs_on(fault: Fault) -> None:
    live_all(fault, 1 if is_thorough() else 11, mutating=True)


def test_a_read_that_lags_once_fails_nothing() -> None:
    live_all(Fault.STALE, STEP, mutating=False)


def test_what_was_promoted_is_destroyed_as_a_whole() -> None:
    world = begun().copied()
    clients = Clients(world.session(ACCOUNT))
    assert_done(run(clients, command(WEST)))
    assert_done(run(clients, partial(destroy, system(WEST))))
    assert not world.tables
