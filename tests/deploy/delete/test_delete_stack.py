import asyncio

import pytest

from builder.deploy import Done, Outcome, Removal, StackFailed, delete_deployment, find_deployed
from builder.deploy.delete.contents import StackContents, observe_stack_contents
from builder.deploy.observe.stacks import observe_stack
from builder.deploy.progress import Started, Waiting
from builder.errors import ExitCode, Stopped
from builder.terms import Region, Site, StackId
from deploy.rig import ACCOUNT, Rig
from fake_aws import Fault

STORAGE, BUCKET = StackId("us-east-1/storage"), f"tap-dev-{ACCOUNT}-us-east-1-an"


def storage_of(rig: Rig) -> StackContents:
    async def observe() -> StackContents:
        stack = await observe_stack(rig.clients, Site(None, Region("us-east-1")), "tap-dev-storage")
        assert stack is not None
        return await observe_stack_contents(STORAGE, stack, rig.clients)

    return rig.run(observe)


def processed_as(rig: Rig, old: str, new: str) -> None:
    """Let the primary's storage have been deployed by a template that became another by its transforms."""
    deployed = rig.world.stack("tap-dev-storage").record.deployed
    assert old in deployed.body
    deployed.processed = deployed.body.replace(old, new)


def test_a_standing_stack_knows_what_it_holds(deployed: Rig) -> None:
    contents = storage_of(deployed)
    assert contents.holders == (("AWS::S3::Bucket", BUCKET),)
    assert contents.unclear == ()


@pytest.mark.parametrize("policy", ["Retain", "RetainExceptOnCreate"])
def test_what_its_template_retains_keeps_all_that_is_in_it(deployed: Rig, policy: str) -> None:
    processed_as(deployed, "DeletionPolicy: Delete", f"DeletionPolicy: {policy}")
    contents = storage_of(deployed)
    assert contents.holders == ()
    assert ("AWS::S3::Bucket", BUCKET) in contents.retained


UNCLEAR = {
    "a template that lacks it": ("  Bucket:", "  Other:"),
    "a policy that is no text": ("DeletionPolicy: Delete", "DeletionPolicy: !Ref Keep"),
    "a policy that nobody knows": ("DeletionPolicy: Delete", "DeletionPolicy: retain"),
    "a template that cannot be read": ("Resources:", "Resources: ["),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_what_may_be_meant_to_stay_stops_it_before_anything_is_touched(deployed: Rig, case: str) -> None:
    deployed.clients.s3(Region("us-east-1")).put_object(Bucket=BUCKET, Key="kept", Body=b"x")
    processed_as(deployed, *UNCLEAR[case])
    with pytest.raises(Stopped, match=r"Bucket \(AWS::S3::Bucket\)|cannot be read") as stopped:
        deployed.destroy()
    assert stopped.value.exit_code is ExitCode.STOPPED
    assert stopped.value.where == STORAGE
    assert "--region us-east-1 --stack-name tap-dev-storage " in stopped.value.next_step
    assert deployed.events_of(Started) == []
    assert deployed.world.buckets[BUCKET].versions
    assert deployed.clients.s3(Region("us-east-1")).get_bucket_replication(Bucket=BUCKET)


def test_what_an_operation_leaves_unclear_is_not_emptied_either(deployed: Rig) -> None:
    deployed.clients.s3(Region("us-east-1")).put_object(Bucket=BUCKET, Key="kept", Body=b"x")
    storage = deployed.world.stack("tap-dev-storage")
    storage.put("UPDATE_IN_PROGRESS")
    storage.then("UPDATE_COMPLETE", after_s=30)
    processed_as(deployed, "  Bucket:", "  Other:")
    broke = next(outcome for outcome in deployed.destroy() if outcome.stack == STORAGE)
    assert isinstance(broke, StackFailed)
    assert "does not tell whether it stays" in broke.reason
    assert deployed.world.buckets[BUCKET].versions


def test_a_deletion_that_fails_is_helped_and_tried_again(deployed: Rig) -> None:
    deployed.world.script.fails("DELETE", "Bucket", reason="not empty", region="us-east-1", times=2)
    assert all(isinstance(outcome, Done) for outcome in deployed.destroy())
    assert [event.stack for event in deployed.events_of(Started)].count(STORAGE) == 3


@pytest.mark.slow
def test_reads_that_lag_behind_end_no_deletion_early(deployed: Rig) -> None:
    deployed.world.script.fails("DELETE", "Bucket", reason="not empty", region="us-east-1", times=1)
    deployed.world.faults.add(Fault.STALE, probability=0.5)
    assert all(isinstance(outcome, Done) for outcome in deployed.destroy())
    deployed.world.faults.clear()
    assert not deployed.world.stack("tap-dev-storage").exists


@pytest.mark.slow
def test_an_operation_that_runs_is_waited_for_and_what_it_made_is_emptied_too(deployed: Rig) -> None:
    storage = deployed.world.stack("tap-dev-storage")
    bucket = storage.record.resources.pop("Bucket")
    storage.put("UPDATE_IN_PROGRESS")
    storage.then("UPDATE_COMPLETE", after_s=30)

    async def arrive() -> tuple[Outcome, ...]:
        needs = {stack.id: stack.needs for stack in deployed.deployment.stacks}
        stacks = await find_deployed("tap-dev", deployed.deployment.sites, deployed.clients)
        running = asyncio.ensure_future(
            delete_deployment(Removal(stacks=stacks, needs=needs), deployed.clients, "d", deployed.events.append)
        )
        await asyncio.sleep(20)
        storage.record.resources["Bucket"] = bucket
        await asyncio.to_thread(deployed.clients.s3(Region("us-east-1")).put_object, Bucket=BUCKET, Key="k", Body=b"x")
        return await running

    assert all(isinstance(outcome, Done) for outcome in deployed.run(arrive))
    assert STORAGE in {event.stack for event in deployed.events if isinstance(event, Waiting)}
    assert not storage.exists


def test_a_stack_that_goes_by_itself_is_only_waited_for(deployed: Rig) -> None:
    table = deployed.world.stack("tap-dev-table")
    table.put("DELETE_IN_PROGRESS")
    table.then("DELETE_COMPLETE", after_s=30)
    assert Done(StackId("us-east-1/table"), "DELETE_COMPLETE") in deployed.destroy()
    assert "us-east-1/table" not in {event.stack for event in deployed.events_of(Started)}


def test_protection_that_came_only_now_leaves_all_as_it_is(deployed: Rig) -> None:
    storage = deployed.world.stack("tap-dev-storage")
    storage.put("UPDATE_IN_PROGRESS")
    storage.then("UPDATE_COMPLETE", after_s=30)
    deployed.clients.s3(Region("us-east-1")).put_object(Bucket=BUCKET, Key="kept", Body=b"x")

    async def protect_in_between() -> tuple[Outcome, ...]:
        stacks = await find_deployed("tap-dev", deployed.deployment.sites, deployed.clients)
        running = asyncio.ensure_future(
            delete_deployment(Removal(stacks=stacks, needs={}), deployed.clients, "d", deployed.events.append)
        )
        await asyncio.sleep(10)
        storage.record.termination_protection = True
        return await running

    outcomes = {outcome.stack: outcome for outcome in deployed.run(protect_in_between)}
    broke = outcomes[STORAGE]
    assert isinstance(broke, StackFailed)
    assert "TerminationProtection" in broke.next_step
    assert deployed.world.buckets[BUCKET].versions


def test_a_deletion_that_is_not_allowed_is_a_failure(deployed: Rig) -> None:
    deployed.world.faults.add(Fault.DENIED, operation="DeleteStack")
    assert any(isinstance(outcome, StackFailed) for outcome in deployed.destroy())
