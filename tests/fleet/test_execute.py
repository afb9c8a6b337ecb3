import asyncio

import pytest

from builder.deploy import Done, StackFailed
from builder.deploy.progress import RunBegun, Started
from builder.errors import ExitCode, Stopped
from builder.fleet import execute_fleet, fleet_exit_code
from builder.fleet.progress import (
    FleetEnd,
    FleetProgress,
    InstanceFailed,
    SetCancelled,
    SetDone,
    SetFailed,
    SetProgress,
)
from builder.terms import StackId
from fake_aws import Fault
from fleet.rig import CHANGED, LATER_CHANGED, STORAGE, FleetRig, two_sets
from fleet.stack_sets import ACCOUNTS, FLEET, WEST, sites

A, B, C = ACCOUNTS
ID, LATER = StackId(STORAGE), StackId("us-east-1/storage")


def test_every_set_is_told_from_its_first_account_to_its_last(rig: FleetRig) -> None:
    end = rig.execute(rig.plan())
    assert end.sets == (SetDone(ID, 3), SetDone(LATER, 3))
    assert fleet_exit_code(end) is ExitCode.DONE
    last = {one.stack: one for one in rig.said(SetProgress)}
    assert {one: (last[one].done, last[one].total, last[one].status) for one in last} == {
        ID: (3, 3, "SUCCEEDED"),
        LATER: (3, 3, "SUCCEEDED"),
    }
    assert rig.said(InstanceFailed) == []
    assert [event.stacks for event in rig.said(RunBegun) if event.what == "execute"] == [(FLEET, ID, LATER)]


def test_a_failure_within_the_tolerance_is_told_with_its_reason_and_ends_in_1(standing: FleetRig) -> None:
    standing.world.script.fails("UPDATE", "Topic", reason="limit reached", account=B, region=WEST)
    end = standing.execute(standing.plan(two_sets(CHANGED)))
    assert isinstance(end.ordinary[0], Done)
    (failed,) = end.sets
    assert isinstance(failed, SetFailed)
    assert [one.site for one in failed.failures] == [*sites(WEST, B)]
    assert "limit reached" in failed.failures[0].reason
    assert fleet_exit_code(end) is ExitCode.FAILED
    (said,) = standing.said(InstanceFailed)
    assert (said.account, said.region) == (B, WEST)
    assert "limit reached" in said.reason


def test_a_second_run_repairs_what_failed_and_only_that(standing: FleetRig) -> None:
    standing.world.script.fails("UPDATE", "Topic", reason="limit reached", account=B, region=WEST)
    standing.deploy(two_sets(CHANGED))
    standing.world.calls.clear()
    plan = standing.plan()
    assert [one.site for one in plan.sets[0].retries] == [*sites(WEST, B)]
    assert plan.ordinary.is_empty
    end = standing.execute(plan)
    assert end.sets == (SetDone(ID, 1),)
    assert [event.what for event in standing.said(Started)][-1] == "RETRY in 1"
    (call,) = [one for one in standing.world.calls if one.operation == "UpdateStackInstances"]
    assert {one.status for one in standing.instances()} == {"CURRENT"}
    assert call.account


def test_what_fails_again_is_told_again(standing: FleetRig) -> None:
    standing.world.script.fails("UPDATE", "Topic", reason="limit reached", account=B, region=WEST, times=None)
    standing.deploy(two_sets(CHANGED))
    (failed,) = standing.execute(standing.plan()).sets
    assert isinstance(failed, SetFailed)
    assert "limit reached" in failed.failures[0].reason


@pytest.mark.slow
def test_beyond_the_tolerance_the_stack_stays_where_it_is_and_the_next_run_takes_it_up(standing: FleetRig) -> None:
    standing.world.script.fails("UPDATE", "Topic", reason="limit reached", account=A, region=WEST)
    changed = two_sets(CHANGED, FailureToleranceCount=0, MaxConcurrentCount=1)
    end = standing.execute(standing.plan(changed))
    (broke,) = end.ordinary
    assert isinstance(broke, StackFailed)
    assert broke.status == "UPDATE_FAILED"
    assert "fleet deploy" in broke.next_step
    assert fleet_exit_code(end) is ExitCode.FAILED
    ended = standing.deploy(changed)
    assert all(isinstance(one, SetDone) for one in ended.values())
    assert {one.status for one in standing.instances()} == {"CURRENT"}
    assert standing.world.stack("tap-dev-fleet", region=WEST).status == "UPDATE_COMPLETE"


def test_what_was_not_reached_is_cancelled(rig: FleetRig) -> None:
    rig.world.script.fails("CREATE", "Bucket", reason="limit reached", account=A, region=WEST)
    end = rig.execute(rig.plan(two_sets(FailureToleranceCount=0, MaxConcurrentCount=1)))
    first, second = end.sets
    assert isinstance(first, SetFailed)
    assert second == SetCancelled(LATER, because="the stack that holds it failed before")


@pytest.mark.slow
def test_nothing_is_tried_again_after_a_failure(standing: FleetRig) -> None:
    standing.world.script.fails("UPDATE", "Topic", reason="limit", account=B, region=WEST)
    standing.deploy(two_sets(CHANGED))
    standing.world.script.fails("UPDATE", "Bucket", reason="limit", account=C, region="us-east-1")
    plan = standing.plan(two_sets(CHANGED, later=LATER_CHANGED))
    assert plan.sets[0].retries
    changed, retried = standing.execute(plan).sets
    assert isinstance(changed, SetFailed)
    assert retried == SetCancelled(ID, because=f"{LATER} failed")


def test_an_executed_plan_executed_again_is_done(rig: FleetRig) -> None:
    plan = rig.plan()
    rig.execute(plan)
    assert rig.execute(plan).sets == (SetDone(ID, 3), SetDone(LATER, 3))
    assert rig.operations("ExecuteChangeSet") == 1


@pytest.mark.parametrize("operation", ["UpdateStackInstances", "ExecuteChangeSet"])
def test_a_lost_answer_begins_nothing_twice(standing: FleetRig, operation: str) -> None:
    standing.world.script.fails("UPDATE", "Topic", reason="limit", account=B, region=WEST)
    standing.deploy(two_sets(CHANGED))
    standing.world.faults.add(Fault.LOSE_ANSWER, operation=operation, nth=1)
    assert all(isinstance(one, SetDone) for one in standing.deploy(two_sets(CHANGED)).values())


def test_when_it_is_cancelled_what_runs_in_aws_goes_on(standing: FleetRig) -> None:
    standing.world.script.takes(120, action="UPDATE", resource="Topic")
    plan = standing.plan(two_sets(CHANGED))

    async def cancel_in_between() -> None:
        running = asyncio.ensure_future(execute_fleet(plan, standing.trusted, standing.clients, standing.events.append))
        await asyncio.sleep(30)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    standing.run(cancel_in_between)
    standing.world.settle()
    assert {one.status for one in standing.instances()} == {"CURRENT"}
    assert standing.execute(plan).sets == (SetDone(ID, 3),)


def test_the_watch_lives_through_throttling(standing: FleetRig) -> None:
    standing.world.faults.add(Fault.THROTTLE, operation="ListStackSetOperations", probability=0.5)
    assert standing.deploy(two_sets(CHANGED))[ID] == SetDone(ID, 3)


@pytest.mark.slow
def test_an_account_whose_stack_never_came_into_being_is_repaired_too(rig: FleetRig) -> None:
    rig.world.script.fails("CREATE", "Bucket", reason="limit", account=B, region=WEST)
    end = rig.execute(rig.plan())
    assert fleet_exit_code(end) is ExitCode.FAILED
    plan = rig.plan()
    assert [one.site for one in plan.sets[0].retries] == [*sites(WEST, B)]
    assert rig.execute(plan).sets == (SetDone(ID, 1),)
    assert f"tap-dev-{B}-one" in rig.world.buckets


@pytest.mark.slow
def test_a_plan_whose_stack_ended_badly_is_not_executed_again_and_says_what_is(standing: FleetRig) -> None:
    standing.world.script.fails("UPDATE", "Topic", reason="limit", account=A, region=WEST)
    plan = standing.plan(two_sets(CHANGED, FailureToleranceCount=0, MaxConcurrentCount=1))
    standing.execute(plan)
    with pytest.raises(Stopped, match="ended in UPDATE_FAILED") as caught:
        standing.execute(plan)
    assert caught.value.next_step.startswith("python -m builder fleet plan ")


def test_retries_executed_again_are_done(standing: FleetRig) -> None:
    standing.world.script.fails("UPDATE", "Topic", reason="limit", account=B, region=WEST)
    standing.deploy(two_sets(CHANGED))
    plan = standing.plan()
    for _ in range(2):
        assert standing.execute(plan).sets == (SetDone(ID, 1),)


def test_a_set_that_is_being_put_back_when_somebody_looks_again_has_failed(standing: FleetRig) -> None:
    standing.world.script.fails("UPDATE", "Topic", reason="limit", account=A, region=WEST)
    plan = standing.plan(two_sets(CHANGED, FailureToleranceCount=0, MaxConcurrentCount=1))
    left = asyncio.Event()

    def leave_at_failure(event: FleetProgress) -> None:
        if isinstance(event, SetProgress) and event.status == "FAILED":
            left.set()

    async def leave_and_come_back() -> FleetEnd:
        running = asyncio.ensure_future(execute_fleet(plan, standing.trusted, standing.clients, leave_at_failure))
        await left.wait()
        running.cancel()
        await asyncio.wait({running})
        return await execute_fleet(plan, standing.trusted, standing.clients, standing.events.append)

    end = standing.run(leave_and_come_back)
    assert isinstance(end.ordinary[0], StackFailed)
    assert isinstance(end.sets[0], SetFailed)
    assert {one.status for one in standing.instances()} == {"CURRENT"}
