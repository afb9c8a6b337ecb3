"""A promotion and its way back: whatever call is the last, lost or told of the past, no item and no address is lost."""

from collections.abc import Callable
from dataclasses import dataclass
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
    TrustedInput,
    execute_plan,
    execute_unreviewed,
    make_plan,
    read_plan,
    sweep,
    write_plan,
)
from builder.terms import Region
from deploy.chained import make_deployment, make_stack
from deploy.handovers.test_handovers import (
    EAST,
    OLD,
    OUTPUT,
    PLAIN,
    REGIONAL,
    TOPIC,
    WEST,
    promotion,
    system,
    taking_in,
)
from deploy.rig import ACCOUNT
from fake_aws import Fault, Killed, World, run_virtual
from fake_aws.dynamodb.items import put
from proof.command import Command, assert_done, destroy, ignore, make_world, run
from proof.command import deploy as deploy_whole
from samples import is_thorough, sampled

ITEMS = {f"item-{number}": {"id": {"S": f"item-{number}"}, "amount": {"N": str(number)}} for number in range(20)}
STEP = 1 if is_thorough() else 67
KILLS = pytest.mark.parametrize(
    "kill", sampled([Fault.KILL_BEFORE, Fault.KILL_AFTER], every=2), ids=lambda kill: kill.value
)
SLOW_S = 8
"""How long each stack's operation takes: what a killed command has begun still runs when the next one comes."""


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
def deployed_world() -> World:
    world = make_world(page_size=2)
    assert_done(run(Clients(world.session(ACCOUNT)), partial(deploy_whole, system(EAST))))
    for item in ITEMS.values():
        put(world.tables[ACCOUNT, "tap-dev-global"], item, EAST, WEST)
    return world


def kept(world: World) -> object:
    """What a promotion may not touch: every item in each region, addresses, what is in the buckets."""
    tables = world.tables.values()
    services = [world.stack("tap-dev-service", region=region) for region in (EAST, WEST)]
    return (
        [{region: replica.items for region, replica in table.replicas.items()} for table in tables],
        [table.stream for table in tables],
        [service.record.outputs for service in services if service.exists],
        {name: bucket.versions for name, bucket in world.buckets.items()},
    )


def check(world: World, to: Region) -> None:
    other = WEST if to == EAST else EAST
    assert world.stack("tap-dev-table", region=to).status == "UPDATE_COMPLETE"
    assert world.stack("tap-dev-table", region=other).status == "DELETE_COMPLETE"
    assert kept(world) == kept(deployed_world())
    again = run(Clients(world.session(ACCOUNT)), partial(deploy_whole, system(to)))
    assert again == ()


def live(fault: Fault, k: int, *, mutating: bool | None = None) -> int:
    """Promote there and back, the k-th call of each having the fault; return how often it struck."""
    world = deployed_world().copied()
    world.faults.max_age_s = 3.0
    world.script.takes(SLOW_S, action="STACK")
    clients, struck = Clients(world.session(ACCOUNT)), 0
    for to in (WEST, EAST):
        rule = world.faults.add(fault, nth=k, mutating=mutating)
        try:
            assert_done(run(clients, command(to)))
        except Killed:
            world.faults.revive()
        world.faults.remove(rule)
        assert_done(run(clients, command(to)))
        check(world, to)
        struck += rule.struck
    return struck


def live_all(fault: Fault, step: int, *, mutating: bool | None = None) -> None:
    for k in range(1, 1500, step):
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
    live_all(fault, 1 if is_thorough() else 23, mutating=True)


def test_a_read_that_lags_once_fails_nothing() -> None:
    live_all(Fault.STALE, STEP, mutating=False)


def test_what_was_promoted_is_destroyed_as_a_whole() -> None:
    world = deployed_world().copied()
    clients = Clients(world.session(ACCOUNT))
    assert_done(run(clients, command(WEST)))
    assert_done(run(clients, partial(destroy, system(WEST))))
    assert not world.tables


@dataclass(frozen=True)
class Saved:
    """A world in which data is about to change hands, and the plan that somebody saved and reviewed."""

    world: World
    data: bytes
    deployment: Deployment
    promotion: Promotion | None = None

    async def execute(self, clients: Clients, _: str) -> tuple[Outcome, ...]:
        plan = read_plan(self.data, "plan.json")
        trusted = TrustedInput(deployment=self.deployment, options=plan.options, promotion=self.promotion)
        return await execute_plan(plan, trusted, clients, ignore)


def saved(world: World, deployment: Deployment, decided: Promotion | None = None) -> Saved:
    async def plan(clients: Clients) -> bytes:
        plan_id = PlanId(id="saved", at="2026-01-01T00:00:00+00:00")
        return write_plan(await make_plan(deployment, clients, plan_id, ignore, PlanRequest(promotion=decided)))

    data = run_virtual(lambda: plan(Clients(world.session(ACCOUNT))))
    return Saved(world, data, deployment, decided)


def there() -> Saved:
    return saved(deployed_world().copied(), system(WEST), promotion(WEST))


def back() -> Saved:
    world = deployed_world().copied()
    assert_done(run(Clients(world.session(ACCOUNT)), command(WEST)))
    return saved(world, system(EAST), promotion(EAST))


def released(before: str, left: str = "") -> Saved:
    world = make_world(page_size=5)
    deployed = make_deployment(make_stack(OLD, f"Resources:\n{before}"))
    assert_done(run(Clients(world.session(ACCOUNT)), partial(deploy_whole, deployed)))
    return saved(world, taking_in(*([f"Resources:\n{left}"] if left else [])))


@KILLS
@pytest.mark.parametrize(
    ("begin", "step"),
    [
        (there, 83),
        (back, 89),
        (partial(released, TOPIC + REGIONAL + OUTPUT, PLAIN), 43),
        (partial(released, TOPIC + REGIONAL + OUTPUT), 47),
        (partial(released, REGIONAL + OUTPUT), 61),
    ],
    ids=["promoted", "promoted back", "stays", "gone from the assembly", "deleted"],
)
def test_a_saved_plan_that_was_killed_is_executed_again(begin: Callable[[], Saved], step: int, kill: Fault) -> None:
    plan = begin()
    for k in range(1, 1500, 1 if is_thorough() else step):
        world = plan.world.copied()
        world.script.takes(SLOW_S, action="STACK")
        clients = Clients(world.session(ACCOUNT))
        rule = world.faults.add(kill, nth=k)
        try:
            assert_done(run(clients, plan.execute))
        except Killed:
            world.faults.revive()
        world.faults.remove(rule)
        assert_done(run(clients, plan.execute))
        assert kept(world) == kept(plan.world)
        if not rule.struck:
            assert k > 60
            return
    raise AssertionError("never ends")
