import asyncio

from builder.deploy import Broke, Done, Outcome, Removal, destroy, find_standing
from builder.deploy.observe import observe_stack
from builder.deploy.progress import Started, Waiting
from builder.deploy.take_down import observe_standing
from builder.terms import Region, Site, StackId
from deploy.rig import ACCOUNT, Rig
from fake_aws import Fault

STORAGE, BUCKET = StackId("us-east-1/storage"), f"tap-dev-{ACCOUNT}-us-east-1-an"


def test_a_standing_stack_knows_what_it_holds(standing: Rig) -> None:
    async def look() -> tuple[tuple[str, str], ...]:
        stack = await observe_stack(standing.clients, Site(None, Region("us-east-1")), "tap-dev-storage")
        assert stack is not None
        return (await observe_standing(STORAGE, stack, standing.clients)).holders

    assert standing.run(look) == (("AWS::S3::Bucket", BUCKET),)


def test_a_deletion_that_fails_is_helped_and_tried_again(standing: Rig) -> None:
    standing.world.script.fails("DELETE", "Bucket", reason="not empty", region="us-east-1", times=2)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert [event.stack for event in standing.said(Started)].count(STORAGE) == 3


def test_reads_that_lag_behind_end_no_deletion_early(standing: Rig) -> None:
    standing.world.script.fails("DELETE", "Bucket", reason="not empty", region="us-east-1", times=1)
    standing.world.faults.add(Fault.STALE, probability=0.5)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    standing.world.faults.clear()
    assert not standing.world.stack("tap-dev-storage").exists


def test_an_operation_that_runs_is_waited_for_and_what_it_made_is_emptied_too(standing: Rig) -> None:
    storage = standing.world.stack("tap-dev-storage")
    bucket = storage.record.resources.pop("Bucket")
    storage.put("UPDATE_IN_PROGRESS")
    storage.then("UPDATE_COMPLETE", after_s=30)

    async def arrive() -> tuple[Outcome, ...]:
        needs = {stack.id: stack.needs for stack in standing.deployment.stacks}
        found = await find_standing("tap-dev", standing.deployment.sites, standing.clients)
        running = asyncio.ensure_future(
            destroy(Removal(standing=found, needs=needs), standing.clients, "d", standing.events.append)
        )
        await asyncio.sleep(20)
        storage.record.resources["Bucket"] = bucket
        await asyncio.to_thread(standing.clients.s3(Region("us-east-1")).put_object, Bucket=BUCKET, Key="k", Body=b"x")
        return await running

    assert all(isinstance(outcome, Done) for outcome in standing.run(arrive))
    assert STORAGE in {event.stack for event in standing.events if isinstance(event, Waiting)}
    assert not storage.exists


def test_a_stack_that_goes_by_itself_is_only_waited_for(standing: Rig) -> None:
    table = standing.world.stack("tap-dev-table")
    table.put("DELETE_IN_PROGRESS")
    table.then("DELETE_COMPLETE", after_s=30)
    assert Done(StackId("us-east-1/table"), "DELETE_COMPLETE") in standing.destroy()
    assert "us-east-1/table" not in {event.stack for event in standing.said(Started)}


def test_protection_that_came_only_now_leaves_all_as_it_is(standing: Rig) -> None:
    storage = standing.world.stack("tap-dev-storage")
    storage.put("UPDATE_IN_PROGRESS")
    storage.then("UPDATE_COMPLETE", after_s=30)
    standing.clients.s3(Region("us-east-1")).put_object(Bucket=BUCKET, Key="kept", Body=b"x")

    async def protect_in_between() -> tuple[Outcome, ...]:
        found = await find_standing("tap-dev", standing.deployment.sites, standing.clients)
        running = asyncio.ensure_future(
            destroy(Removal(standing=found, needs={}), standing.clients, "d", standing.events.append)
        )
        await asyncio.sleep(10)
        storage.record.termination_protection = True
        return await running

    outcomes = {outcome.stack: outcome for outcome in standing.run(protect_in_between)}
    broke = outcomes[STORAGE]
    assert isinstance(broke, Broke)
    assert "TerminationProtection" in broke.next_step
    assert standing.world.buckets[BUCKET].versions


def test_a_deletion_that_is_not_allowed_is_a_failure(standing: Rig) -> None:
    standing.world.faults.add(Fault.DENIED, operation="DeleteStack")
    assert any(isinstance(outcome, Broke) for outcome in standing.destroy())
