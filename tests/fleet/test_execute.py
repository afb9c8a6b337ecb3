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
    last = {event.stack: event for event in rig.events_of(SetProgress)}
    assert {stack: (last[stack].done, last[stack].total, last[stack].status) for stack in last} == {
        ID: (3, 3, "SUCCEEDED"),
        LATER: (3, 3, "SUCCEEDED"),
    }
    assert rig.events_of(InstanceFailed) == []
    assert [event.stacks for event in rig.events_of(RunBegun) if event.what == "execute"] == [(FLEET, ID, LATER)]


def test_a_failure_within_the_tolerance_is_told_with_its_reason_and_ends_in_1(deployed: FleetRig) -> None:
    deployed.world.script.fails("UPDATE", "Topic", reason="limit reached", account=B, region=WEST)
    end = deployed.execute(deployed.plan(two_sets(CHANGED)))
    assert isinstance(end.ordinary[0], Done)
    (failed,) = end.sets
    assert isinstance(failed, SetFailed)
    assert [failure.site for failure in failed.failures] == [*sites(WEST, B)]
    assert "limit reached" in failed.failures[0].reason
    assert fleet_exit_code(end) is ExitCode.FAILED
    (event,) = deployed.events_of(InstanceFailed)
    assert (event.account, event.region) == (B, WEST)
    assert "limit reached" in event.reason


def test_a_second_run_repairs_what_failed_and_only_that(deployed: FleetRig) -> None:
    deployed.world.script.fails("UPDATE", "Topic", reason="limit reached", account=B, region=WEST)
    deployed.deploy(two_sets(CHANGED))
    deployed.world.calls.clear()
    plan = deployed.plan()
    assert [instance.site for instance in plan.sets[0].retries] == [*sites(WEST, B)]
    assert plan.ordinary.is_empty
    end = deployed.execute(plan)
    assert end.sets == (SetDone(ID, 1),)
    assert [event.what for event in deployed.events_of(Started)][-1] == "RETRY in 1"
    (call,) = [call for call in deployed.world.calls if call.operation == "UpdateStackInstances"]
    assert {instance.status for instance in deployed.instances()} == {"CURRENT"}
    assert call.account


def test_what_fails_again_is_told_again(deployed: FleetRig) -> None:
    deployed.world.script.fails("UPDATE", "Topic", reason="limit reached", account=B, region=WEST, times=None)
    deployed.deploy(two_sets(CHANGED))
    (failed,) = deployed.execute(deployed.plan()).sets
    assert isinstance(failed, SetFailed)
    assert "limit reached" in failed.failures[0].reason


@pytest.mark.slow
def test_beyond_the_tolerance_the_stack_stays_where_it_is_and_the_next_run_takes_it_up(deployed: FleetRig) -> None:
    deployed.world.script.fails("UPDATE", "Topic", reason="limit reached", account=A, region=WEST)
    changed = two_sets(CHANGED, FailureToleranceCount=0, MaxConcurrentCount=1)
    end = deployed.execute(deployed.plan(changed))
    (broke,) = end.ordinary
    assert isinstance(broke, StackFailed)
    assert broke.status == "UPDATE_FAILED"
    assert "fleet deploy" in broke.next_step
    assert fleet_exit_code(end) is ExitCode.FAILED
    ended = deployed.deploy(changed)
    assert all(isinstance(outcome, SetDone) for outcome in ended.values())
    assert {instance.status for instance in deployed.instances()} == {"CURRENT"}
    assert deployed.world.stack("tap-dev-fleet", region=WEST).status == "UPDATE_COMPLETE"


def test_what_was_not_reached_is_cancelled(rig: FleetRig) -> None:
    rig.world.script.fails("CREATE", "Bucket", reason="limit reached", account=A, region=WEST)
    end = rig.execute(rig.plan(two_sets(FailureToleranceCount=0, MaxConcurrentCount=1)))
    first, second = end.sets
    assert isinstance(first, SetFailed)
    assert second == SetCancelled(LATER, because="the stack that holds it failed before")


@pytest.mark.slow
def test_nothing_is_tried_again_after_a_failure(deployed: FleetRig) -> None:
    deployed.world.script.fails("UPDATE", "Topic", reason="limit", account=B, region=WEST)
    deployed.deploy(two_sets(CHANGED))
    deployed.world.script.fails("UPDATE", "Bucket", reason="limit", account=C, region="us-east-1")
    plan = deployed.plan(two_sets(CHANGED, later=LATER_CHANGED))
    assert plan.sets[0].retries
    changed, retried = deployed.execute(plan).sets
    assert isinstance(changed, SetFailed)
    assert retried == SetCancelled(ID, because=f"{LATER} failed")


def test_an_executed_plan_executed_again_is_done(rig: FleetRig) -> None:
    plan = rig.plan()
    rig.execute(plan)
    assert rig.execute(plan).sets == (SetDone(ID, 3), SetDone(LATER, 3))
    assert rig.operations("ExecuteChangeSet") == 1


@pytest.mark.parametrize("operation", ["UpdateStackInstances", "ExecuteChangeSet"])
def test_a_lost_answer_begins_nothing_twice(deployed: FleetRig, operation: str) -> None:
    deployed.world.script.fails("UPDATE", "Topic", reason="limit", account=B, region=WEST)
    deployed.deploy(two_sets(CHANGED))
    deployed.world.faults.add(Fault.LOSE_ANSWER, operation=operation, nth=1)
    assert all(isinstance(outcome, SetDone) for outcome in deployed.deploy(two_sets(CHANGED)).values())


def test_when_it_is_cancelled_what_runs_in_aws_goes_on(deployed: FleetRig) -> None:
    deployed.world.script.takes(120, action="UPDATE", resource="Topic")
    plan = deployed.plan(two_sets(CHANGED))

    async def cancel_in_between() -> None:
        running = asyncio.ensure_future(execute_fleet(plan, deployed.trusted, deployed.clients, deployed.events.append))
        await asyncio.sleep(30)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    deployed.run(cancel_in_between)
    deployed.world.settle()
    assert {instance.status for instance in deployed.instances()} == {"CURRENT"}
    assert deployed.execute(plan).sets == (SetDone(ID, 3),)


def test_the_watch_lives_through_throttling(deployed: FleetRig) -> None:
    deployed.world.faults.add(Fault.THROTTLE, operation="ListStackSetOperations", probability=0.5)
    assert deployed.deploy(two_sets(CHANGED))[ID] == SetDone(ID, 3)


@pytest.mark.slow
def test_an_account_whose_stack_never_came_into_being_is_repaired_too(rig: FleetRig) -> None:
    rig.world.script.fails("CREATE", "Bucket", reason="limit", account=B, region=WEST)
    end = rig.execute(rig.plan())
    assert fleet_exit_code(end) is ExitCode.FAILED
    plan = rig.plan()
    assert [instance.site for instance in plan.sets[0].retries] == [*sites(WEST, B)]
    assert rig.execute(plan).sets == (SetDone(ID, 1),)
    assert f"tap-dev-{B}-one" in rig.world.buckets


@pytest.mark.slow
def test_a_plan_whose_stack_ended_badly_is_not_executed_again_and_says_what_is(deployed: FleetRig) -> None:
    deployed.world.script.fails("UPDATE", "Topic", reason="limit", account=A, region=WEST)
    plan = deployed.plan(two_sets(CHANGED, FailureToleranceCount=0, MaxConcurrentCount=1))
    deployed.execute(plan)
    with pytest.raises(Stopped, match="ended in UPDATE_FAILED") as caught:
        deployed.execute(plan)
    assert caught.value.next_step.startswith("python -m builder fleet plan ")


def test_retries_executed_again_are_done(deployed: FleetRig) -> None:
    deployed.world.script.fails("UPDATE", "Topic", reason="limit", account=B, region=WEST)
    deployed.deploy(two_sets(CHANGED))
    plan = deployed.plan()
    for _ in range(2):
        assert deployed.execute(plan).sets == (SetDone(ID, 1),)


def test_a_set_that_is_being_put_back_when_somebody_looks_again_has_failed(deployed: FleetRig) -> None:
    deployed.world.script.fails("UPDATE", "Topic", reason="limit", account=A, region=WEST)
    plan = deployed.plan(two_sets(CHANGED, FailureToleranceCount=0, MaxConcurrentCount=1))
    left = asyncio.Event()

    def leave_at_failure(event: FleetProgress) -> None:
        if isinstance(event, SetProgress) and event.status == "FAILED":
            left.set()

    async def leave_and_come_back() -> FleetEnd:
        running = asyncio.ensure_future(execute_fleet(plan, deployed.trusted, deployed.clients, leave_at_failure))
        await left.wait()
        running.cancel()
        await asyncio.wait({running})
        return await execute_fleet(plan, deployed.trusted, deployed.clients, deployed.events.append)

    end = deployed.run(leave_and_come_back)
    assert isinstance(end.ordinary[0], StackFailed)
    assert isinstance(end.sets[0], SetFailed)
    assert {instance.status for instance in deployed.instances()} == {"CURRENT"}
