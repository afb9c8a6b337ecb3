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


def test_what_was_over_before_is_not_told(deployed: FleetRig) -> None:
    watch = SetWatch(deployed.clients, deployed.events.append)

    async def begin_and_poll() -> None:
        await watch.begin([SET])
        await watch.poll(SET)

    deployed.run(begin_and_poll)
    assert deployed.events == []
    assert not watch.has_seen(SET.id)


def test_each_step_of_an_operation_is_told_once_until_it_has_ended(deployed: FleetRig) -> None:
    watch = SetWatch(deployed.clients, deployed.events.append, expected={(SET.id, "UPDATE"): 3})

    async def follow() -> None:
        await watch.begin([SET])
        own = await asyncio.to_thread(update, deployed)
        ended = await watch.until_ended(SET, own)
        assert ended.status == "SUCCEEDED"
        await watch.poll(SET)

    deployed.run(follow)
    progress = deployed.events_of(SetProgress)
    assert [event.total for event in progress] == [3] * len(progress)
    assert len(set(progress)) == len(progress)
    assert [event.done for event in progress] == sorted(event.done for event in progress)
    assert watch.has_seen(SET.id)
    assert watch.failures(SET.id) == ()


def test_an_operation_that_never_ends_is_given_up_after_as_long_as_stack_sets_take(
    deployed: FleetRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEADLINE_S", 60.0)
    watch = SetWatch(deployed.clients, deployed.events.append)
    with pytest.raises(Failed, match="had not ended after 60 s"):
        deployed.run(lambda: watch.until_ended(SET, "unheard-of"))


@pytest.mark.slow
def test_what_throttles_a_look_ends_no_wait_and_what_forbids_it_does(deployed: FleetRig) -> None:
    watch = SetWatch(deployed.clients, deployed.events.append)
    throttled = deployed.world.faults.add(Fault.THROTTLE, operation="ListStackSetOperationResults")

    async def wait() -> str:
        own = await asyncio.to_thread(update, deployed)
        waiting = asyncio.ensure_future(watch.until_ended(SET, own))
        await asyncio.sleep(300)
        deployed.world.faults.remove(throttled)
        return (await waiting).status

    assert deployed.run(wait) == "SUCCEEDED"
    deployed.world.faults.add(Fault.DENIED, operation="ListStackSetOperations")
    with pytest.raises(AwsError, match="not allowed"):
        deployed.run(lambda: watch.until_ended(SET, "any"))


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
def test_a_change_of_the_operations_alone_tells_nothing_of_what_failed_before(deployed: FleetRig) -> None:
    fill_history(deployed, 30)
    plan = deployed.plan(two_sets(MaxConcurrentCount=9))
    assert {planned.does for planned in plan.sets} == {"targets"}
    deployed.world.calls.clear()
    end = deployed.execute(plan)
    assert all(isinstance(outcome, SetDone) for outcome in end.sets)
    assert deployed.events_of(SetProgress) == []
    assert deployed.events_of(InstanceFailed) == []
    assert deployed.operations("ListStackSetOperationResults") == 0
    listed = [call.params for call in deployed.world.calls if call.operation == "ListStackSetOperations"]
    assert not any("NextToken" in params for params in listed), "no page but the first is read"


@pytest.mark.slow
def test_only_the_newest_operations_are_read_while_the_work_goes_on(deployed: FleetRig) -> None:
    fill_history(deployed, 30)
    assert all(isinstance(outcome, SetDone) for outcome in deployed.deploy(two_sets(CHANGED)).values())
    assert {event.operation for event in deployed.events_of(SetProgress)} == {deployed.instances()[0].operation}
    assert deployed.events_of(InstanceFailed) == []
    listed = [call.params for call in deployed.world.calls if call.operation == "ListStackSetOperations"]
    # Where the page begins with what is new, the next one may still hold some of it.
    assert sum("NextToken" in params for params in listed) <= sum("NextToken" not in params for params in listed)


def test_somebody_else_s_operation_that_runs_meanwhile_is_not_this_execution_s(deployed: FleetRig) -> None:
    plan = deployed.plan(two_sets(later=LATER_CHANGED))
    deployed.world.script.fails("UPDATE", "Topic", reason="theirs", account=ACCOUNTS[0], region=WEST)
    deployed.world.script.takes(30, action="UPDATE", resource="Topic")
    theirs = update(deployed)
    end = deployed.execute(plan)
    assert all(isinstance(outcome, SetDone) for outcome in end.sets), end
    assert theirs not in {event.operation for event in deployed.events_of(SetProgress)}
    assert deployed.events_of(InstanceFailed) == []


def test_a_status_reads_no_more_operations_than_its_rows_name(deployed: FleetRig) -> None:
    fill_history(deployed, 30)
    _, sets = deployed.observe()
    deployed.world.calls.clear()
    rows = deployed.run(lambda: observe_status(sets, deployed.clients))
    assert {row.operation.partition(" ")[0] for row in rows if row.stack == STORAGE} == {"UPDATE"}
    listed = [call.params for call in deployed.world.calls if call.operation == "ListStackSetOperations"]
    assert len(listed) == 2
    assert not any("NextToken" in params for params in listed)
