import asyncio
from typing import TYPE_CHECKING

import pytest

from builder.aws import Clients, Pace, Rhythm
from builder.deploy.observe.operation import Watch, make_watches, settled_after
from builder.deploy.observe.stacks import LAG_S, ObservedStack, SiteView
from builder.deploy.progress import Progress, StatusChange
from builder.errors import AwsError, Failed
from builder.terms import Arn, Region, Site, StackId, StackName, StackPlace
from deploy.rig import Rig
from fake_aws import Fault

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

US_EAST_1 = Region("us-east-1")


def arn(rig: Rig, name: str) -> Arn:
    return Arn(rig.world.stack(name).record.id)


def settled(stack: ObservedStack) -> bool:
    return stack.facts.settled


def watch(rig: Rig, seen: list[str] | None = None, pace: Pace = Pace(1, 1)) -> Watch:
    return Watch(
        SiteView(rig.clients, Site(None, US_EAST_1)),
        Rhythm(pace),
        lambda stack: (seen if seen is not None else []).append(stack.status),
    )


def begin(rig: Rig, *names: str, after_s: float = 20) -> None:
    for name in names:
        stack = rig.world.stack(name)
        stack.deploy()
        stack.put("UPDATE_IN_PROGRESS")
        stack.then("UPDATE_COMPLETE", after_s=after_s)


def test_an_end_is_noticed_within_a_fraction_of_what_it_took(rig: Rig) -> None:
    begin(rig, "one", after_s=100)
    started = rig.world.now
    stack = rig.run(lambda: watch(rig, pace=Pace(1, 1, fraction=0.05)).until(arn(rig, "one"), settled, 1000))
    assert stack.status == "UPDATE_COMPLETE"
    assert 100 <= rig.world.now - started <= 106


def test_many_waits_in_a_region_share_the_looks(rig: Rig) -> None:
    names = [f"stack-{number}" for number in range(6)]
    rig.world.page_size = 100
    begin(rig, *names)

    async def all_of_them() -> None:
        together = watch(rig)
        await asyncio.gather(*(together.until(arn(rig, name), settled, 100) for name in names))

    rig.run(all_of_them)
    many = rig.operations("DescribeStacks")
    rig.world.calls.clear()
    begin(rig, "one")
    rig.run(lambda: watch(rig).until(arn(rig, "one"), settled, 100))
    assert many <= rig.operations("DescribeStacks") + 3


def test_a_stack_that_was_deleted_is_found_by_its_arn(rig: Rig) -> None:
    begin(rig, "one", "three")
    rig.world.stack("two").deploy()
    waited = arn(rig, "one")
    rig.clients.cloudformation(US_EAST_1).delete_stack(StackName="two")
    two = arn(rig, "two")

    async def all_of_them() -> tuple[ObservedStack, ...]:
        together = watch(rig)
        return await asyncio.gather(
            together.until(waited, settled, 100),
            together.until(arn(rig, "three"), settled, 100),
            together.until(two, lambda stack: stack.status == "DELETE_COMPLETE", 100),
        )

    assert [stack.status for stack in rig.run(all_of_them)] == ["UPDATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"]


def test_a_wait_ends_at_its_deadline(rig: Rig) -> None:
    begin(rig, "one", after_s=1000)
    with pytest.raises(Failed, match="had not settled after 50 s"):
        rig.run(lambda: watch(rig).until(arn(rig, "one"), settled, 50))


@pytest.mark.slow
def test_a_look_that_is_throttled_to_the_end_is_taken_again_later(rig: Rig) -> None:
    begin(rig, "one", after_s=1)
    rule = rig.world.faults.add(Fault.THROTTLE, operation="DescribeStacks")
    seen: list[str] = []

    async def relent() -> ObservedStack:
        asyncio.get_running_loop().call_later(300, rig.world.faults.remove, rule)
        return await watch(rig, seen).until(arn(rig, "one"), settled, 5000)

    assert rig.run(relent).status == "UPDATE_COMPLETE"


def test_a_look_that_is_not_allowed_ends_every_wait(rig: Rig) -> None:
    class Denied(Clients):
        def cloudformation(self, region: Region) -> "CloudFormationClient":
            raise AwsError(where=region, code="AccessDenied", what="not allowed")

    begin(rig, "one")
    rig.clients = Denied(rig.world.session())
    with pytest.raises(AwsError, match="not allowed"):
        rig.run(lambda: watch(rig).until(arn(rig, "one"), settled, 100))


def test_the_status_from_before_ends_a_wait_only_when_it_cannot_be_a_memory(rig: Rig) -> None:
    stack = rig.world.stack("one")
    stack.put("DELETE_FAILED")
    started = rig.world.now

    async def wait() -> ObservedStack:
        return await watch(rig).until(arn(rig, "one"), settled_after("DELETE_FAILED"), 100)

    assert rig.run(wait).status == "DELETE_FAILED"
    assert rig.world.now - started > LAG_S
    started = rig.world.now
    stack.put("UPDATE_COMPLETE")
    assert rig.run(wait).status == "UPDATE_COMPLETE"
    assert rig.world.now - started < LAG_S


def test_watches_tell_of_every_status_but_those_that_are_known(rig: Rig) -> None:
    begin(rig, "one", "two", after_s=20)
    events: list[Progress] = []
    here = Site(None, US_EAST_1)
    ids = {StackPlace(here, StackName(name)): StackId(f"us-east-1/{name}") for name in ("one", "two")}
    known = {arn(rig, "one"): "UPDATE_IN_PROGRESS"}

    async def wait() -> None:
        watches = make_watches(ids, rig.clients, events.append, known)
        assert watches.keys() == {here}
        await asyncio.gather(*(watches[here].until(arn(rig, name), settled, 100) for name in ("one", "two")))

    rig.run(wait)
    assert sorted(events, key=str) == [
        StatusChange(StackId("us-east-1/one"), "UPDATE_COMPLETE"),
        StatusChange(StackId("us-east-1/two"), "UPDATE_COMPLETE"),
        StatusChange(StackId("us-east-1/two"), "UPDATE_IN_PROGRESS"),
    ]
