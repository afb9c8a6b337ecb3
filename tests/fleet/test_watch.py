import asyncio

import pytest

from builder.errors import AwsError, Failed
from builder.fleet import observe as module
from builder.fleet.observe import SetWatch
from builder.fleet.progress import SetProgress
from fake_aws import Fault
from fleet.rig import CHANGED, STORAGE, FleetRig
from fleet.scene import WEST, stack_set

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
        await watch.look(SET)

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
        await watch.look(SET)

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
