"""Data that was there before: whatever call is the last, lost or told of the past, it is taken in whole, and stays."""

from collections.abc import Callable
from functools import cache, partial

import pytest

from builder.aws import Clients
from builder.deploy import Deployment, Outcome, PlanId, PlanOptions, PlanRequest, execute_unreviewed, make_plan, sweep
from deploy.rig import ACCOUNT, Rig
from deploy.there_before import BUCKET, EAST, TABLE, WEST, make_bucket, make_table, system_with_existing
from fake_aws import Fault, Killed, World
from proof.command import Command, assert_done, destroy, ignore, make_world, run
from samples import is_thorough, sampled

DESIRED = system_with_existing()
ALLOWED = frozenset({"us-east-1/table/Table", "us-east-1/storage/Bucket"})
STEP = 1 if is_thorough() else 71
KILLS = pytest.mark.parametrize(
    "kill", sampled([Fault.KILL_BEFORE, Fault.KILL_AFTER], every=2), ids=lambda kill: kill.value
)


async def deploy(deployment: Deployment, clients: Clients, run_id: str) -> tuple[Outcome, ...]:
    plan_id = PlanId(id=run_id, at="2026-01-01T00:00:00+00:00")
    plan = await make_plan(deployment, clients, plan_id, ignore, PlanRequest(options=PlanOptions(by="deploy")))
    if plan.is_empty:
        return ()
    hits = {hit.allow for hit in plan.guards}
    assert hits <= ALLOWED
    ended = await execute_unreviewed(plan, deployment, clients, ignore, allow=hits)
    await sweep(deployment, plan, clients)
    return ended


@cache
def world_before() -> World:
    rig = Rig(world=make_world(page_size=2))
    make_table(rig, Tags=[{"Key": "team", "Value": "core"}])
    make_bucket(rig)
    return rig.world


def data(world: World) -> tuple[object, object]:
    """Return every item that the table has in its first region, and every version that the bucket has."""
    everywhere = [*world.tables.values(), *world.local_tables.values()]
    table = next(table for table in everywhere if table.name == TABLE)
    return table.replicas[EAST].items, [(version.key, version.content) for version in world.buckets[BUCKET].versions]


def is_taken_in(world: World) -> bool:
    table, bucket = world.tables[ACCOUNT, TABLE], world.buckets[BUCKET]
    statuses = [world.stack(f"tap-dev-{name}", region=EAST).status for name in ("table", "storage")]
    return (
        set(table.replicas) == {EAST, WEST}
        and table.replicas[WEST].items == table.replicas[EAST].items
        and (bucket.versioning, bool(bucket.replication)) == ("Enabled", True)
        and statuses == ["UPDATE_COMPLETE", "UPDATE_COMPLETE"]
    )


def is_gone(world: World) -> bool:
    return {world.stack(stack.name, region=stack.region).status for stack in DESIRED.stacks} == {"DELETE_COMPLETE"}


LIFE: dict[str, tuple[Command, Callable[[World], bool]]] = {
    "deploy": (partial(deploy, DESIRED), is_taken_in),
    "destroy": (partial(destroy, DESIRED), is_gone),
}


def live(fault: Fault, k: int, *, mutating: bool | None = None) -> int:
    """Take it in and destroy the system, the k-th call of each having the fault; return how often it struck."""
    world = world_before().copied()
    world.faults.max_age_s = 3.0
    clients, struck = Clients(world.session(ACCOUNT)), 0
    for verb, (command, holds) in LIFE.items():
        rule = world.faults.add(fault, nth=k, mutating=mutating)
        try:
            assert_done(run(clients, command))
        except Killed:
            world.faults.revive()
            world.settle()
        world.faults.remove(rule)
        assert_done(run(clients, command))
        assert holds(world), f"{verb} at call {k}"
        assert data(world) == data(world_before()), f"{verb} at call {k}"
        if verb == "deploy":
            assert run(clients, command) == (), f"{verb} at call {k}"
        struck += rule.struck
    return struck


def live_all(fault: Fault, step: int, *, mutating: bool | None = None) -> None:
    for k in range(1, 800, step):
        struck = live(fault, k, mutating=mutating)
        assert struck == len(LIFE) or k > 1
        if not struck:
            return
    raise AssertionError("never ends")


@KILLS
def test_a_taking_in_killed_at_any_call_goes_on(kill: Fault) -> None:
    live_all(kill, STEP)


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.READ_TIMEOUT], ids=lambda fault: fault.value)
def test_no_answer_is_lost_that_it_hangs_on(fault: Fault) -> None:
    live_all(fault, 1 if is_thorough() else 11, mutating=True)


def test_a_read_that_lags_once_fails_nothing() -> None:
    live_all(Fault.STALE, STEP, mutating=False)
