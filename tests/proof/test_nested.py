"""Nested stacks three levels deep, through kills, lost answers and bad days: they end as in a life without any.

And what guards their data holds whatever call was the last.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from builder.aws import Clients
from builder.deploy import Done, Outcome, Plan, PlanId, TrustedInput, discard_plan, execute_plan, exit_code, make_plan
from builder.errors import ExitCode, Stopped
from deploy.rig import ACCOUNT
from fake_aws import Fault, Killed, World, run_virtual
from proof.command import assert_done, ignore, run
from proof.nesting import (
    APP,
    FIRST,
    LIFE,
    LOST,
    SECOND,
    TEMPLATES,
    THIRD,
    fill_data,
    has_table,
    history,
    make_nesting_world,
    picture,
    undisturbed,
)
from samples import is_thorough, sampled

KILLS = pytest.mark.parametrize("kill", [Fault.KILL_BEFORE, Fault.KILL_AFTER], ids=lambda kill: kill.value)
BATCHES = 3


@KILLS
@pytest.mark.parametrize("batch", sampled(range(1, BATCHES + 1), every=3))
def test_the_same_command_again_reaches_the_same_state(
    batch: int, kill: Fault, record_property: Callable[[str, object], None]
) -> None:
    expected = undisturbed()
    world = make_nesting_world()
    clients = Clients(world.session(ACCOUNT))
    killed = dict.fromkeys(LIFE, 0)
    for k in count(batch, BATCHES):
        before = sum(killed.values())
        for verb, command in LIFE.items():
            rule = world.faults.add(kill, nth=k)
            try:
                assert_done(run(clients, command))
            except Killed:
                world.faults.revive()
            world.faults.remove(rule)
            killed[verb] += rule.struck > 0
            assert_done(run(clients, command))
            assert picture(world) == expected[verb].picture, f"{verb} at call {k}"
            fill_data(world)
        if sum(killed.values()) == before:
            break
    record_property("killed", killed)
    assert min(killed.values()) >= 12 // BATCHES


@pytest.mark.parametrize("fault", [Fault.LOSE_ANSWER, Fault.READ_TIMEOUT], ids=lambda fault: fault.value)
@pytest.mark.parametrize("honoured", [False, True])
def test_a_lost_answer_fails_nothing_and_doubles_nothing(fault: Fault, *, honoured: bool) -> None:
    expected = undisturbed()
    lost = dict.fromkeys(LIFE, 0)
    for k in count(1):
        world = make_nesting_world()
        world.quirks.repeated_client_token_is_honoured = honoured
        world.quirks.repeated_request_token_is_honoured = honoured
        clients = Clients(world.session(ACCOUNT))
        before = sum(lost.values())
        for verb, command in LIFE.items():
            rule = world.faults.add(fault, mutating=True, nth=k)
            assert_done(run(clients, command))
            world.faults.remove(rule)
            lost[verb] += rule.struck
            assert picture(world) == expected[verb].picture, f"{verb} without answer {k}"
            assert history(world) == expected[verb].history, f"{verb} without answer {k}"
            fill_data(world)
        if sum(lost.values()) == before:
            break
    assert min(lost.values()) >= 2


@pytest.mark.parametrize("seed", sampled(range(6), every=3))
def test_a_bad_day_delays_and_harms_nothing(seed: int) -> None:
    expected = undisturbed()
    world = make_nesting_world(seed=seed, page_size=2)
    world.faults.max_age_s = 3.0
    world.faults.add(Fault.THROTTLE, probability=0.3)
    world.faults.add(Fault.SERVER_ERROR, probability=0.05)
    world.faults.add(Fault.STALE, probability=0.3)
    clients = Clients(world.session(ACCOUNT))
    for verb, command in LIFE.items():
        world.calls.clear()
        assert_done(run(clients, command, seed))
        outcomes = Counter(call.outcome for call in world.calls)
        assert outcomes["Throttling"] >= 3
        assert picture(world) == expected[verb].picture, verb
        fill_data(world)


def plan_without_table(clients: Clients) -> Plan:
    """Plan the table's removal from the lowest level."""
    plan_id = PlanId(id="p1", at="2026-01-01T00:00:00+00:00")
    return run_virtual(lambda: make_plan(THIRD, clients, plan_id, ignore))


def execute(plan: Plan, clients: Clients, *allow: str) -> tuple[Outcome, ...]:
    trusted = TrustedInput(deployment=THIRD)
    return run_virtual(lambda: execute_plan(plan, trusted, clients, ignore, allow=allow))


def deployed_world() -> tuple[World, Clients]:
    world = make_nesting_world()
    clients = Clients(world.session(ACCOUNT))
    assert_done(run(clients, LIFE["deploy"]))
    return world, clients


@KILLS
def test_no_call_that_was_the_last_lets_a_nested_table_go_unasked(kill: Fault) -> None:
    for k in count(1, 1 if is_thorough() else 3):
        world, clients = deployed_world()
        plan = plan_without_table(clients)
        assert [hit.allow for hit in plan.guards] == [LOST]
        rule = world.faults.add(kill, nth=k)
        try:
            with pytest.raises(Stopped, match="not allowed yet"):
                execute(plan, clients)
        except Killed:
            world.faults.revive()
        world.faults.remove(rule)
        with pytest.raises(Stopped, match="not allowed yet"):
            execute(plan, clients)
        world.settle()
        assert has_table(world), f"at call {k}"
        assert world.stack("tap-dev-app").status == "CREATE_COMPLETE"
        if not rule.struck:
            break
    assert k >= 3


def test_a_plan_that_keeps_silent_about_a_nested_table_is_stopped_all_the_same() -> None:
    world, clients = deployed_world()
    plan = plan_without_table(clients)
    silent = replace(plan, guards=(), steps=tuple(replace(step, changes=()) for step in plan.steps))
    with pytest.raises(Stopped, match=LOST):
        execute(silent, clients)
    assert has_table(world)


def test_a_nested_template_that_moved_after_the_review_is_not_what_is_executed() -> None:
    world, clients = deployed_world()
    plan = run_virtual(lambda: make_plan(SECOND, clients, PlanId(id="p1", at="2026-01-01T00:00:00+00:00"), ignore))
    assert plan.guards == ()
    s3 = world.session(ACCOUNT).client("s3", region_name="us-east-1")
    kept = s3.get_object(Bucket=TEMPLATES, Key="lowest-2.yaml")["Body"].read()
    s3.put_object(Bucket=TEMPLATES, Key="lowest.yaml", Body=kept)
    assert_done(run_virtual(lambda: execute_plan(plan, TrustedInput(deployment=SECOND), clients, ignore)))
    assert has_table(world)


@KILLS
def test_what_was_allowed_is_done_once_whatever_call_was_the_last_and_asked_again_until_it_began(kill: Fault) -> None:
    states = set()
    for k in count(1, 1 if is_thorough() else 3):
        world, clients = deployed_world()
        plan = plan_without_table(clients)
        rule = world.faults.add(kill, nth=k)
        try:
            assert_done(execute(plan, clients, LOST))
        except Killed:
            world.faults.revive()
        world.faults.remove(rule)
        had_begun = "UPDATE" in world.stack("tap-dev-app").record.status
        states.add(had_begun)
        if not had_begun:
            with pytest.raises(Stopped, match="not allowed yet"):
                execute(plan, clients)
            assert has_table(world), f"at call {k}"
        assert_done(execute(plan, clients, LOST))
        world.settle()
        assert not has_table(world), f"at call {k}"
        assert [kind for kind, _ in world.stack("tap-dev-app").record.operations].count("UPDATE_STACK") == 1
        if not rule.struck:
            break
    assert states == {False, True}


@KILLS
def test_a_plan_that_was_discarded_leaves_nothing_of_any_level_whatever_call_was_the_last(kill: Fault) -> None:
    for k in count(1, 1 if is_thorough() else 3):
        world = make_nesting_world()
        clients = Clients(world.session(ACCOUNT))
        plan_id = PlanId(id="p1", at="2026-01-01T00:00:00+00:00")
        plan = run_virtual(lambda: make_plan(FIRST, clients, plan_id, ignore))  # noqa: B023 - run at once
        rule = world.faults.add(kill, nth=k)
        try:
            run_virtual(lambda: discard_plan(plan, clients))  # noqa: B023 - run at once
        except Killed:
            world.faults.revive()
        world.faults.remove(rule)
        run_virtual(lambda: discard_plan(plan, clients))  # noqa: B023 - run at once
        assert picture(world)["stacks"] == {}, f"at call {k}"
        if not rule.struck:
            break
    assert k > 3


def test_a_failure_at_the_lowest_level_ends_in_one_and_leaves_the_data() -> None:
    world, clients = deployed_world()
    world.script.fails("UPDATE", "Topic", reason="limit")
    ended = run(clients, LIFE["update"])
    assert (exit_code(ended), [type(outcome) is Done for outcome in ended]) == (ExitCode.FAILED, [False])
    assert ended[0].stack == APP
    assert "Child/Grandchild/Topic" in str(ended[0])
    assert has_table(world)
    assert_done(run(clients, LIFE["update"]))


@KILLS
def test_a_destroy_after_a_killed_deploy_leaves_nothing(kill: Fault) -> None:
    expected = undisturbed()
    world = make_nesting_world()
    clients = Clients(world.session(ACCOUNT))
    for k in count(1, 1 if is_thorough() else 3):
        rule = world.faults.add(kill, nth=k)
        try:
            assert_done(run(clients, LIFE["deploy"]))
        except Killed:
            world.faults.revive()
        world.faults.remove(rule)
        if not rule.struck:
            break
        fill_data(world)
        assert_done(run(clients, LIFE["destroy"]))
        assert picture(world) == expected["destroy"].picture, f"at call {k}"
    assert k > 8
