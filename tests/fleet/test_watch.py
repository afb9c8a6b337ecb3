import asyncio

import pytest

from builder.errors import AwsError, Failed
from builder.fleet import observe as module
from builder.fleet.observe import SetWatch
from builder.fleet.progress import InstanceFailed, SetDone, SetProgress
from builder.fleet.status import observe_status
from fake_aws import Fault
from fleet.rig import BODY, CHANGED, LATER_CHANGED, STORAGE, FleetRig, two_sets
from fleet.stack_sets import ACCOUNTS, WEST, stack_set

SET = stack_set(STORAGE)


def update(rig: FleetRig) -> str:
    answer = rig.clients.cloudformation(WEST).update_stack_set(
        StackSetName=SET.name,
        TemplateBody=CHANGED,
        Parameters=[{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "dev"}],
    )
    return answer["OperationId"]


def test_what_was_over_before_is_not_told(standing: FleetRig) -> None:
    watch = SetWatch(standing.clients, standing.events.append)

    async def look() -> None:
        await watch.begin([SET])
        await watch.poll(SET)

    standing.run(look)
    assert standing.events == []
    assert not watch.has_seen(SET.id)


def test_each_step_of_an_operation_is_told_once_until_it_has_ended(standing: FleetRig) -> None:
    watch = SetWatch(standing.clients, standing.events.append, expected={(SET.id, "UPDATE"): 3})

    async def follow() -> None:
        await watch.begin([SET])
        own = await asyncio.to_thread(update, standing)
        ended = await watch.until_ended(SET, own)
        assert ended.status == "SUCCEEDED"
        await watch.poll(SET)

    standing.run(follow)
    told = standing.said(SetProgress)
    assert [one.total for one in told] == [3] * len(told)
    assert len(set(told)) == len(told)
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert watch.has_seen(SET.id)
    assert watch.failures(SET.id) == ()


def test_an_operation_that_never_ends_is_given_up_after_as_long_as_stack_sets_take(
    standing: FleetRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE_S", 60.0)
    watch = SetWatch(standing.clients, standing.events.append)
    with pytest.raises(Failed, match="had not ended after 60 s"):
        standing.run(lambda: watch.until_ended(SET, "unheard-of"))


@pytest.mark.slow
def test_what_throttles_a_look_ends_no_wait_and_what_forbids_it_does(standing: FleetRig) -> None:
    watch = SetWatch(standing.clients, standing.events.append)
    throttled = standing.world.faults.add(Fault.THROTTLE, operation="ListStackSetOperationResults")

    async def wait() -> str:
        own = await asyncio.to_thread(update, standing)
        waiting = asyncio.ensure_future(watch.until_ended(SET, own))
        await asyncio.sleep(300)
        standing.world.faults.remove(throttled)
        return (await waiting).status

    assert standing.run(wait) == "SUCCEEDED"
    standing.world.faults.add(Fault.DENIED, operation="ListStackSetOperations")
    with pytest.raises(AwsError, match="not allowed"):
        standing.run(lambda: watch.until_ended(SET, "any"))


def fill_history(rig: FleetRig, operations: int) -> None:
    """Have the set look back on this many operations, one of which failed in an account."""
    client = rig.clients.cloudformation(WEST)
    rig.world.script.fails("UPDATE", "Topic", reason="long ago", account=ACCOUNTS[0], region=WEST, times=1)
    for _ in range(operations):
        update(rig)
        rig.world.settle()
        client.update_stack_set(
            StackSetName=SET.name,
            TemplateBody=BODY,
            Parameters=[{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "dev"}],
        )
        rig.world.settle()
    rig.world.calls.clear()


@pytest.mark.slow
def test_a_change_of_the_operations_alone_tells_nothing_of_what_failed_before(standing: FleetRig) -> None:
    fill_history(standing, 30)
    plan = standing.plan(two_sets(MaxConcurrentCount=9))
    assert {one.does for one in plan.sets} == {"targets"}
    standing.world.calls.clear()
    end = standing.execute(plan)
    assert all(isinstance(one, SetDone) for one in end.sets)
    assert standing.said(SetProgress) == []
    assert standing.said(InstanceFailed) == []
    assert standing.operations("ListStackSetOperationResults") == 0
    listed = [call.params for call in standing.world.calls if call.operation == "ListStackSetOperations"]
    assert not any("NextToken" in params for params in listed), "no page but the first is read"


@pytest.mark.slow
def test_only_the_newest_operations_are_read_while_the_work_goes_on(standing: FleetRig) -> None:
    fill_history(standing, 30)
    assert all(isinstance(one, SetDone) for one in standing.deploy(two_sets(CHANGED)).values())
    assert {one.operation for one in standing.said(SetProgress)} == {standing.instances()[0].operation}
    assert standing.said(InstanceFailed) == []
    listed = [call.params for call in standing.world.calls if call.operation == "ListStackSetOperations"]
    # Where the page begins with what is new, the next one may still hold some of it.
    assert sum("NextToken" in params for params in listed) <= sum("NextToken" not in params for params in listed)


def test_somebody_else_s_operation_that_runs_meanwhile_is_not_this_execution_s(standing: FleetRig) -> None:
    plan = standing.plan(two_sets(later=LATER_CHANGED))
    standing.world.script.fails("UPDATE", "Topic", reason="theirs", account=ACCOUNTS[0], region=WEST)
    standing.world.script.takes(30, action="UPDATE", resource="Topic")
    theirs = update(standing)
    end = standing.execute(plan)
    assert all(isinstance(one, SetDone) for one in end.sets), end
    assert theirs not in {one.operation for one in standing.said(SetProgress)}
    assert standing.said(InstanceFailed) == []


def test_a_status_reads_no_more_operations_than_its_rows_name(standing: FleetRig) -> None:
    fill_history(standing, 30)
    _, sets = standing.standing()
    standing.world.calls.clear()
    rows = standing.run(lambda: observe_status(sets, standing.clients))
    assert {row.operation.partition(" ")[0] for row in rows if row.stack == STORAGE} == {"UPDATE"}
    listed = [call.params for call in standing.world.calls if call.operation == "ListStackSetOperations"]
    assert len(listed) == 2
    assert not any("NextToken" in params for params in listed)
