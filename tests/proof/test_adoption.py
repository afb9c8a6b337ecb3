"""Stacks that others deployed: whatever call is the last, lost or told of the past, they are adopted as a whole."""

from collections.abc import Callable, Collection
from functools import cache, partial

import pytest

from builder.aws import Clients
from builder.deploy import (
    Deployment,
    Done,
    Outcome,
    PlanId,
    PlanOptions,
    PlanRequest,
    TrustedInput,
    execute_plan,
    execute_unreviewed,
    make_plan,
    sweep,
)
from builder.errors import Stopped
from deploy.legacy import BODIES, NAMES, SECRET, TAGS, deploy_legacy, legacy_deployment
from deploy.rig import ACCOUNT
from fake_aws import Fault, Killed, World, run_virtual
from proof.command import Command, assert_done, destroy, ignore, make_world, run
from samples import is_thorough

FIRST, SECOND = legacy_deployment(), legacy_deployment(Depth="20")
ALLOW = frozenset(f"us-east-1/{name}" for name in NAMES)
STEP = 1 if is_thorough() else 37
KILLS = pytest.mark.parametrize("kill", [Fault.KILL_BEFORE, Fault.KILL_AFTER], ids=lambda kill: kill.value)
ADOPTED = {name: {**TAGS, "builder:deployment": "shop-dev", "builder:stack": f"us-east-1/{name}"} for name in NAMES}


async def deploy(deployment: Deployment, allow: Collection[str], clients: Clients, run_id: str) -> tuple[Outcome, ...]:
    plan_id = PlanId(id=run_id, at="2026-01-01T00:00:00+00:00")
    plan = await make_plan(deployment, clients, plan_id, ignore, PlanRequest(options=PlanOptions(by="deploy")))
    if plan.is_empty:
        return ()
    hits = {hit.allow for hit in plan.guards}
    ended = await execute_unreviewed(plan, deployment, clients, ignore, allow=hits.intersection(allow))
    await sweep(deployment, plan, clients)
    return ended


@cache
def legacy_world() -> World:
    world = make_world(page_size=2)
    deploy_legacy(world.session(ACCOUNT).client("cloudformation", "us-east-1"), world.settle)
    return world


def is_untouched(world: World) -> bool:
    return all(
        (stack.status, stack.record.deployed.tags, stack.record.deployed.body)
        == ("CREATE_COMPLETE", TAGS, BODIES[name])
        for name, stack in ((name, world.stack(name)) for name in NAMES)
    )


def waiting(world: World) -> list[str]:
    """The change sets that somebody could execute."""
    return [
        change_set.name
        for name in NAMES
        for change_set in world.stack(name).record.change_sets.values()
        if change_set.execution_status == "AVAILABLE"
    ]


def is_adopted(world: World) -> bool:
    stacks = {name: world.stack(name).record.deployed for name in NAMES}
    kept = all(stack.body == BODIES[name] for name, stack in stacks.items())
    secret = stacks["legacy-queue"].parameters["Secret"]
    return kept and {name: stack.tags for name, stack in stacks.items()} == ADOPTED and secret == SECRET


def is_updated(world: World) -> bool:
    given = world.stack("legacy-queue").record.deployed.parameters
    return given == {"Depth": "20", "Mode": "fast", "Secret": SECRET}


def is_gone(world: World) -> bool:
    return {world.stack(name).status for name in NAMES} == {"DELETE_COMPLETE"}


LIFE: dict[str, tuple[Command, Callable[[World], bool]]] = {
    "adopt": (partial(deploy, FIRST, ALLOW), is_adopted),
    "update": (partial(deploy, SECOND, ALLOW), is_updated),
    "destroy": (partial(destroy, FIRST), is_gone),
}


def live(fault: Fault, k: int, *, mutating: bool | None = None) -> int:
    """Live a whole life whose k-th call, in each verb, has the fault; return how often it struck."""
    world = legacy_world().copied()
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
        assert waiting(world) == [], f"{verb} at call {k}"
        struck += rule.struck
    return struck


def live_all(fault: Fault, step: int, *, mutating: bool | None = None) -> None:
    """Live lives until no call is left for the fault to strike."""
    for k in range(1, 300, step):
        struck = live(fault, k, mutating=mutating)
        assert struck == len(LIFE) or k > 1
        if not struck:
            return
    raise AssertionError("never ends")


@KILLS
def test_a_life_killed_at_any_call_goes_on(kill: Fault) -> None:
    live_all(kill, STEP)


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.READ_TIMEOUT], ids=lambda fault: fault.value)
def test_no_answer_is_lost_that_it_hangs_on(fault: Fault) -> None:
    live_all(fault, 1 if is_thorough() else 4, mutating=True)


def test_a_read_that_lags_once_fails_nothing() -> None:
    live_all(Fault.STALE, STEP, mutating=False)


def decline(clients: Clients) -> None:
    with pytest.raises(Stopped, match="others deployed this stack"):
        run(clients, partial(deploy, FIRST, ()))


@KILLS
def test_a_declined_adoption_touches_nothing_wherever_it_ends(kill: Fault) -> None:
    for k in range(1, 120, STEP):
        world = legacy_world().copied()
        clients = Clients(world.session(ACCOUNT))
        rule = world.faults.add(kill, nth=k)
        try:
            decline(clients)
        except Killed:
            world.faults.revive()
            world.settle()
        assert is_untouched(world), f"at call {k}"
        world.faults.remove(rule)
        decline(clients)
        assert run(clients, partial(destroy, FIRST)) == ()
        assert is_untouched(world)
        if not rule.struck:
            return
    raise AssertionError("never ends")


@KILLS
def test_a_reviewed_adoption_is_executed_to_its_end_though_the_assembly_has_more(kill: Fault) -> None:
    """The first of them is the assembly's when it is done; what else that says of the second is the next plan's."""
    reviewed = legacy_world().copied()
    clients, plan_id = Clients(reviewed.session(ACCOUNT)), PlanId(id="p1", at="2026-01-01T00:00:00+00:00")
    plan, trusted = run_virtual(lambda: make_plan(SECOND, clients, plan_id, ignore)), TrustedInput(deployment=SECOND)
    reviewed.settle()
    for k in range(1, 120, STEP):
        world = reviewed.copied()
        clients = Clients(world.session(ACCOUNT))
        rule = world.faults.add(kill, nth=k)
        try:
            run_virtual(lambda: execute_plan(plan, trusted, clients, ignore, allow=ALLOW))  # noqa: B023 - run at once
        except Killed:
            world.faults.revive()
        world.faults.remove(rule)
        ended = run_virtual(lambda: execute_plan(plan, trusted, clients, ignore, allow=ALLOW))  # noqa: B023 - run at once
        assert {type(end) for end in ended} == {Done}, f"at call {k}"
        assert is_adopted(world)
        if not rule.struck:
            return
    raise AssertionError("never ends")
