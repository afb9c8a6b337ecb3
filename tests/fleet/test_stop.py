import asyncio

import pytest

from builder.errors import AwsError, ExitCode
from builder.fleet import execute_fleet, fleet_exit_code, stop_operations
from builder.fleet.outcome import FleetEnd, SetFailed
from builder.fleet.stop import Stopped
from fake_aws import Fault
from fleet.rig import CHANGED, STORAGE, FleetRig, two_sets
from fleet.scene import stack_set

SET = stack_set(STORAGE)


def test_what_runs_is_stopped_and_who_was_not_reached_is_told(standing: FleetRig) -> None:
    standing.deploy(two_sets(MaxConcurrentCount=1))
    standing.world.script.takes(60, action="UPDATE", resource="Topic")
    plan = standing.plan(two_sets(CHANGED, MaxConcurrentCount=1))

    async def stop_in_between() -> tuple[tuple[Stopped, ...], FleetEnd]:
        running = asyncio.ensure_future(execute_fleet(plan, standing.clients, standing.events.append))
        await asyncio.sleep(30)
        stopped = await stop_operations([SET], standing.clients)
        return stopped, await running

    stopped, end = standing.run(stop_in_between)
    assert [(one.stack, one.operation.status) for one in stopped] == [(STORAGE, "RUNNING")]
    failed = end.sets[0]
    assert isinstance(failed, SetFailed)
    assert failed.reason == "UPDATE STOPPED"
    assert fleet_exit_code(end) is ExitCode.FAILED


def test_where_nothing_runs_nothing_is_stopped(standing: FleetRig) -> None:
    assert standing.run(lambda: stop_operations([SET, stack_set("us-west-2/none")], standing.clients)) == ()
    assert standing.operations("StopStackSetOperation") == 0


def test_what_ended_by_itself_in_between_needs_no_stop(standing: FleetRig) -> None:
    standing.world.faults.add(Fault.STALE, operation="ListStackSetOperations")
    standing.world.faults.max_age_s = 20
    standing.world.script.takes(10, action="UPDATE", resource="Topic")
    standing.deploy(two_sets(CHANGED))
    standing.world.calls.clear()
    for _ in range(20):
        assert standing.run(lambda: stop_operations([SET], standing.clients)) == ()
    assert standing.operations("StopStackSetOperation") > 0  # asked for what a late answer showed as running


def test_whoever_may_not_stop_it_is_told_so(standing: FleetRig) -> None:
    standing.world.script.takes(60, action="UPDATE", resource="Topic")
    plan = standing.plan(two_sets(CHANGED))

    async def stop_in_between() -> None:
        running = asyncio.ensure_future(execute_fleet(plan, standing.clients, standing.events.append))
        await asyncio.sleep(30)
        standing.world.faults.add(Fault.DENIED, operation="StopStackSetOperation")
        with pytest.raises(AwsError, match="not allowed to call StopStackSetOperation"):
            await stop_operations([SET], standing.clients)
        await running

    standing.run(stop_in_between)
