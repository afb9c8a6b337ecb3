import asyncio

import pytest

from builder.deploy import StackContents
from builder.deploy.observe.stacks import LAG_S
from builder.deploy.progress import Started, StatusChange
from builder.errors import AwsError, ExitCode
from builder.fleet import FleetPlan, execute_fleet, fleet_exit_code, stop_operations
from builder.fleet.operation import StoppedOperation
from builder.fleet.progress import FleetEnd, SetCancelled, SetFailed
from fake_aws import Fault
from fleet.rig import CHANGED, LATER_CHANGED, STORAGE, FleetRig, two_sets
from fleet.stack_sets import ACCOUNTS, ADMIN, FLEET, WEST, accounts, stack_set

SET = stack_set(STORAGE)


def standing_of(rig: FleetRig) -> tuple[StackContents, ...]:
    return rig.standing()[0]


def stop(rig: FleetRig, plan: FleetPlan, after_s: float) -> tuple[tuple[StoppedOperation, ...], FleetEnd]:
    """Stop an execution of the plan so long after it began, and return what was stopped and how it ended."""
    found = standing_of(rig)

    async def stop_in_between() -> tuple[tuple[StoppedOperation, ...], FleetEnd]:
        running = asyncio.ensure_future(execute_fleet(plan, rig.trusted, rig.clients, rig.events.append))
        await asyncio.sleep(after_s)
        stopped = await stop_operations(found, rig.clients, rig.events.append)
        return stopped, await running

    return rig.run(stop_in_between)


@pytest.mark.slow
def test_what_runs_is_stopped_and_who_was_not_reached_is_told(standing: FleetRig) -> None:
    standing.deploy(two_sets(MaxConcurrentCount=1))
    standing.world.script.takes(60, action="UPDATE", resource="Topic")
    plan = standing.plan(two_sets(CHANGED, MaxConcurrentCount=1))
    stopped, end = stop(standing, plan, after_s=30)
    first, back = stopped  # CloudFormation puts the set back to what it was, which would be another wave
    assert [(one.stack, one.operation.status) for one in (first, back)] == [(STORAGE, "RUNNING")] * 2
    told = [event.what for event in standing.said(Started) if event.what.startswith("STOP")]
    assert told == [f"STOP UPDATE {one.operation.id}" for one in stopped]
    assert StatusChange(stack=FLEET, status="UPDATE_IN_PROGRESS") in standing.said(StatusChange)
    failed = end.sets[0]
    assert isinstance(failed, SetFailed)
    assert failed.reason == "UPDATE STOPPED"
    assert len(failed.failures) >= 2
    assert fleet_exit_code(end) is ExitCode.FAILED


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.3, 1, 2])
def test_what_has_not_begun_any_operation_yet_is_stopped_as_soon_as_it_does(rig: FleetRig, after_s: float) -> None:
    plan = rig.plan(two_sets(MaxConcurrentCount=1))
    rig.world.script.takes(60, action="CREATE", resource="Topic")
    stopped, end = stop(rig, plan, after_s)
    assert [(one.stack, one.operation.action) for one in stopped] == [(STORAGE, "CREATE")]
    assert [type(one) for one in end.sets] == [SetFailed, SetCancelled]
    assert len(rig.world.buckets) == 1  # in the account where it had begun


@pytest.mark.slow
def test_between_two_operations_of_one_set_the_second_is_stopped_as_soon_as_it_begins(standing: FleetRig) -> None:
    plan = standing.plan(two_sets(CHANGED, targets=accounts(*ACCOUNTS[:2]), MaxConcurrentCount=1))
    standing.world.script.takes(60, action="UPDATE", resource="Topic")
    found = standing_of(standing)
    region = standing.world.region(ADMIN, WEST)
    (operations,) = (one.operations for one in region.cloudformation.stack_sets.values() if one.name == SET.name)
    before = set(operations)

    def new() -> list[tuple[str, str]]:
        return [(one.action, one.status) for one in operations.values() if one.id not in before]

    async def stop_in_between() -> tuple[StoppedOperation, ...]:
        allow = [f"{stack}/{ACCOUNTS[2]}" for stack in (STORAGE, "us-east-1/storage")]
        running = asyncio.ensure_future(
            execute_fleet(plan, standing.trusted, standing.clients, standing.events.append, allow=allow)
        )
        for _ in range(600):
            await asyncio.sleep(0.1)
            if new() == [("DELETE", "SUCCEEDED")]:
                break
        stopped = await stop_operations(found, standing.clients, standing.events.append)
        await running
        return stopped

    first = standing.run(stop_in_between)[0]
    assert (first.stack, first.operation.action) == (STORAGE, "UPDATE")
    assert new()[:2] == [("DELETE", "SUCCEEDED"), ("UPDATE", "STOPPED")]


@pytest.mark.slow
def test_sets_that_need_nothing_of_a_stopped_one_are_stopped_as_well(standing: FleetRig) -> None:
    standing.world.script.takes(60, action="UPDATE", resource="Topic", region="us-west-2")
    standing.world.script.takes(60, action="UPDATE", resource="Bucket", region="us-east-1")
    changed = two_sets(CHANGED, later=LATER_CHANGED, MaxConcurrentCount=1)
    plan = standing.plan(changed)
    stopped, end = stop(standing, plan, after_s=20)
    assert STORAGE in {one.stack for one in stopped}
    assert fleet_exit_code(end) is ExitCode.FAILED
    assert not standing.run(lambda: stop_operations(standing_of(standing), standing.clients, standing.events.append))


def test_where_nothing_runs_nothing_is_stopped_though_a_late_answer_is_reckoned_with(standing: FleetRig) -> None:
    found = standing_of(standing)
    before = standing.world.now
    assert standing.run(lambda: stop_operations(found, standing.clients, standing.events.append)) == ()
    assert standing.operations("StopStackSetOperation") == 0
    assert LAG_S < standing.world.now - before < 2 * LAG_S


@pytest.mark.slow
def test_what_ended_by_itself_in_between_needs_no_stop(standing: FleetRig) -> None:
    standing.world.faults.add(Fault.STALE, operation="ListStackSetOperations")
    standing.world.faults.max_age_s = 20
    standing.world.script.takes(10, action="UPDATE", resource="Topic")
    standing.deploy(two_sets(CHANGED))
    standing.world.calls.clear()
    found = standing_of(standing)
    assert standing.run(lambda: stop_operations(found, standing.clients, standing.events.append)) == ()
    assert standing.operations("StopStackSetOperation") > 0  # asked for what a late answer showed as running


def test_whoever_may_not_stop_it_is_told_so(standing: FleetRig) -> None:
    standing.world.script.takes(60, action="UPDATE", resource="Topic")
    plan = standing.plan(two_sets(CHANGED))
    found = standing_of(standing)

    async def stop_in_between() -> None:
        running = asyncio.ensure_future(execute_fleet(plan, standing.trusted, standing.clients, standing.events.append))
        await asyncio.sleep(30)
        standing.world.faults.add(Fault.DENIED, operation="StopStackSetOperation")
        with pytest.raises(AwsError, match="not allowed to call StopStackSetOperation"):
            await stop_operations(found, standing.clients, standing.events.append)
        await running

    standing.run(stop_in_between)
