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


def stacks_of(rig: FleetRig) -> tuple[StackContents, ...]:
    return rig.observe()[0]


def stop(rig: FleetRig, plan: FleetPlan, after_s: float) -> tuple[tuple[StoppedOperation, ...], FleetEnd]:
    """Stop an execution of the plan so long after it began, and return what was stopped and how it ended."""
    stacks = stacks_of(rig)

    async def stop_in_between() -> tuple[tuple[StoppedOperation, ...], FleetEnd]:
        running = asyncio.ensure_future(execute_fleet(plan, rig.trusted, rig.clients, rig.events.append))
        await asyncio.sleep(after_s)
        stopped = await stop_operations(stacks, rig.clients, rig.events.append)
        return stopped, await running

    return rig.run(stop_in_between)


@pytest.mark.slow
def test_what_runs_is_stopped_and_who_was_not_reached_is_told(deployed: FleetRig) -> None:
    deployed.deploy(two_sets(MaxConcurrentCount=1))
    deployed.world.script.takes(60, action="UPDATE", resource="Topic")
    plan = deployed.plan(two_sets(CHANGED, MaxConcurrentCount=1))
    stopped, end = stop(deployed, plan, after_s=30)
    first, back = stopped  # CloudFormation puts the set back to what it was, which would be another wave
    assert [(stoppage.stack, stoppage.operation.status) for stoppage in (first, back)] == [(STORAGE, "RUNNING")] * 2
    stops = [event.what for event in deployed.events_of(Started) if event.what.startswith("STOP")]
    assert stops == [f"STOP UPDATE {stoppage.operation.id}" for stoppage in stopped]
    assert StatusChange(stack=FLEET, status="UPDATE_IN_PROGRESS") in deployed.events_of(StatusChange)
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
    assert [(stoppage.stack, stoppage.operation.action) for stoppage in stopped] == [(STORAGE, "CREATE")]
    assert [type(outcome) for outcome in end.sets] == [SetFailed, SetCancelled]
    assert len(rig.world.buckets) == 1  # in the account where it had begun


@pytest.mark.slow
def test_between_two_operations_of_one_set_the_second_is_stopped_as_soon_as_it_begins(deployed: FleetRig) -> None:
    plan = deployed.plan(two_sets(CHANGED, targets=accounts(*ACCOUNTS[:2]), MaxConcurrentCount=1))
    deployed.world.script.takes(60, action="UPDATE", resource="Topic")
    stacks = stacks_of(deployed)
    region = deployed.world.region(ADMIN, WEST)
    (operations,) = (set_.operations for set_ in region.cloudformation.stack_sets.values() if set_.name == SET.name)
    before = set(operations)

    def new() -> list[tuple[str, str]]:
        return [(operation.action, operation.status) for operation in operations.values() if operation.id not in before]

    async def stop_in_between() -> tuple[StoppedOperation, ...]:
        allow = [f"{stack}/{ACCOUNTS[2]}" for stack in (STORAGE, "us-east-1/storage")]
        running = asyncio.ensure_future(
            execute_fleet(plan, deployed.trusted, deployed.clients, deployed.events.append, allow=allow)
        )
        for _ in range(600):
            await asyncio.sleep(0.1)
            if new() == [("DELETE", "SUCCEEDED")]:
                break
        stopped = await stop_operations(stacks, deployed.clients, deployed.events.append)
        await running
        return stopped

    first = deployed.run(stop_in_between)[0]
    assert (first.stack, first.operation.action) == (STORAGE, "UPDATE")
    assert new()[:2] == [("DELETE", "SUCCEEDED"), ("UPDATE", "STOPPED")]


@pytest.mark.slow
def test_sets_that_need_nothing_of_a_stopped_one_are_stopped_as_well(deployed: FleetRig) -> None:
    deployed.world.script.takes(60, action="UPDATE", resource="Topic", region="us-west-2")
    deployed.world.script.takes(60, action="UPDATE", resource="Bucket", region="us-east-1")
    changed = two_sets(CHANGED, later=LATER_CHANGED, MaxConcurrentCount=1)
    plan = deployed.plan(changed)
    stopped, end = stop(deployed, plan, after_s=20)
    assert STORAGE in {stoppage.stack for stoppage in stopped}
    assert fleet_exit_code(end) is ExitCode.FAILED
    assert not deployed.run(lambda: stop_operations(stacks_of(deployed), deployed.clients, deployed.events.append))


def test_where_nothing_runs_nothing_is_stopped_though_a_late_answer_is_reckoned_with(deployed: FleetRig) -> None:
    stacks = stacks_of(deployed)
    before = deployed.world.now
    assert deployed.run(lambda: stop_operations(stacks, deployed.clients, deployed.events.append)) == ()
    assert deployed.operations("StopStackSetOperation") == 0
    assert LAG_S < deployed.world.now - before < 2 * LAG_S


@pytest.mark.slow
def test_what_ended_by_itself_in_between_needs_no_stop(deployed: FleetRig) -> None:
    deployed.world.faults.add(Fault.STALE, operation="ListStackSetOperations")
    deployed.world.faults.max_age_s = 20
    deployed.world.script.takes(10, action="UPDATE", resource="Topic")
    deployed.deploy(two_sets(CHANGED))
    deployed.world.calls.clear()
    stacks = stacks_of(deployed)
    assert deployed.run(lambda: stop_operations(stacks, deployed.clients, deployed.events.append)) == ()
    assert deployed.operations("StopStackSetOperation") > 0  # asked for what a late answer showed as running


def test_whoever_may_not_stop_it_is_told_so(deployed: FleetRig) -> None:
    deployed.world.script.takes(60, action="UPDATE", resource="Topic")
    plan = deployed.plan(two_sets(CHANGED))
    stacks = stacks_of(deployed)

    async def stop_in_between() -> None:
        running = asyncio.ensure_future(execute_fleet(plan, deployed.trusted, deployed.clients, deployed.events.append))
        await asyncio.sleep(30)
        deployed.world.faults.add(Fault.DENIED, operation="StopStackSetOperation")
        with pytest.raises(AwsError, match="not allowed to call StopStackSetOperation"):
            await stop_operations(stacks, deployed.clients, deployed.events.append)
        await running

    deployed.run(stop_in_between)
