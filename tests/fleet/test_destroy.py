import asyncio

import pytest

from builder.aws import call
from builder.deploy import Done, Removal, find_deployed
from builder.deploy.progress import BucketEmptied, Finished, NotStarted, Started, Waiting
from builder.errors import ExitCode, Stopped
from builder.fleet import (
    FleetEnd,
    FleetRemoval,
    delete_fleet,
    execute_fleet,
    fleet_exit_code,
    stop_operations,
)
from builder.fleet.progress import Failure, SetCancelled, SetDone, SetFailed
from builder.terms import AccountId, Site, StackId
from fake_aws import Fault
from fleet.rig import STORAGE, FleetRig, halt, two_sets
from fleet.stack_sets import ACCOUNTS, ADMIN, EAST, FLEET, WEST, accounts

A, B, C = ACCOUNTS
D = "777788889999"
ID, LATER = StackId(STORAGE), StackId("us-east-1/storage")


def fill(rig: FleetRig, account: str) -> None:
    client = rig.world.session(account).client("s3", WEST)
    client.put_object(Bucket=f"tap-dev-{account}-one", Key="key", Body=b"x")


def test_instances_go_in_reverse_order_of_needs_then_sets_then_the_stack(deployed: FleetRig) -> None:
    end = deployed.destroy()
    assert end.sets == (SetDone(ID, 3), SetDone(LATER, 3))
    assert [type(outcome) for outcome in end.ordinary] == [Done]
    finished = [event.stack for event in deployed.events_of(Finished)]
    assert finished == [LATER, ID, FLEET]
    assert deployed.observe() == ((), ())
    assert deployed.world.buckets == {}
    assert fleet_exit_code(end) is ExitCode.DONE


def test_what_is_in_a_bucket_keeps_its_stack_and_all_that_it_needs_unless_a_role_is_named(deployed: FleetRig) -> None:
    fill(deployed, B)
    end = deployed.destroy()
    failed = next(outcome for outcome in end.sets if outcome.stack == ID)
    assert isinstance(failed, SetFailed)
    assert [failure.site.account for failure in failed.failures] == [B]
    assert "--role" in failed.reason
    assert end.ordinary == ()
    assert [event.stack for event in deployed.events_of(NotStarted)] == [FLEET]
    assert fleet_exit_code(end) is ExitCode.FAILED
    again = deployed.destroy(role="cleaner")
    assert again.sets == (SetDone(ID, 1), SetDone(LATER, 0))
    assert [(event.stack, event.bucket) for event in deployed.events_of(BucketEmptied)] == [(ID, f"tap-dev-{B}-one")]
    assert deployed.world.buckets == {}


@pytest.mark.slow
def test_what_may_be_meant_to_stay_in_an_account_is_not_emptied_with_a_role_either(deployed: FleetRig) -> None:
    fill(deployed, B)
    instance = next(instance for instance in deployed.instances() if instance.site.account == B)
    record = deployed.world.stack(instance.stack.split("/")[1], account=B, region=WEST).record
    record.deployed.processed = "Resources: {}"
    failed = next(outcome for outcome in deployed.destroy(role="cleaner").sets if outcome.stack == ID)
    assert isinstance(failed, SetFailed)
    assert [failure.site.account for failure in failed.failures] == [B]
    assert "Bucket (AWS::S3::Bucket): the deployed template does not tell" in failed.failures[0].reason
    assert deployed.world.buckets[f"tap-dev-{B}-one"].versions


def test_what_a_stack_that_stays_needs_stays_in_its_account_and_goes_in_the_others(deployed: FleetRig) -> None:
    client = deployed.world.session(C).client("s3", EAST)
    client.put_object(Bucket=f"tap-dev-{C}-later", Key="key", Body=b"x")
    first, second = deployed.destroy().sets
    assert isinstance(second, SetFailed)
    assert isinstance(first, SetFailed)
    assert first.failures == (Failure(Site(AccountId(C), WEST), f"{LATER}, which needs it, is still there"),)
    assert deployed.world.buckets.keys() == {f"tap-dev-{C}-later", f"tap-dev-{C}-one"}


@pytest.mark.slow
def test_an_account_that_cannot_be_reached_keeps_its_own_stacks_and_no_other_s(deployed: FleetRig) -> None:
    for account in ACCOUNTS:
        fill(deployed, account)
    role = f"arn:aws:iam::{B}:role/cleaner"
    deployed.world.forbidden_roles.add(role)
    first, second = deployed.destroy(role="cleaner").sets
    assert isinstance(second, SetFailed)
    assert [failure.site.account for failure in second.failures] == [B]
    assert "AssumeRole" in second.failures[0].reason
    assert first == SetFailed(ID, (Failure(Site(AccountId(B), WEST), f"{LATER}, which needs it, is still there"),))
    assert deployed.world.buckets.keys() == {f"tap-dev-{B}-one", f"tap-dev-{B}-later"}
    deployed.world.forbidden_roles.clear()
    assert deployed.destroy(role="cleaner").sets == (SetDone(ID, 1), SetDone(LATER, 1))
    assert deployed.world.buckets == {}


def test_where_nobody_can_say_what_is_left_of_a_set_what_it_needs_is_left_alone(deployed: FleetRig) -> None:
    deployed.world.faults.add(Fault.DENIED, operation="DeleteStackInstances")
    first, second = deployed.destroy().sets
    assert isinstance(second, SetFailed)
    assert first == SetCancelled(ID, because=f"{LATER}, which it waits for, is not done")


@pytest.fixture
def halted(deployed: FleetRig) -> FleetRig:
    """A fleet whose stack still holds the set that its template has no more."""
    halt(deployed)
    return deployed


def test_a_set_that_a_halted_update_dropped_is_retained_with_the_others(halted: FleetRig) -> None:
    end = halted.destroy(retain=True)
    assert end.sets == (SetDone(ID, 3), SetDone(LATER, 3))
    assert [type(outcome) for outcome in end.ordinary] == [Done]
    assert len(halted.world.buckets) == 6


@pytest.mark.slow
def test_a_set_that_a_halted_update_dropped_goes_before_what_it_needs(halted: FleetRig) -> None:
    halted.events.clear()
    halted.destroy()
    assert [event.stack for event in halted.events_of(Finished)] == [LATER, ID, FLEET]
    assert halted.world.buckets == {}


@pytest.mark.slow
def test_sets_are_judged_only_once_nothing_runs_on_the_stack_that_holds_them(deployed: FleetRig) -> None:
    plan = deployed.plan(two_sets(targets=accounts(*ACCOUNTS, D)))

    async def in_between() -> FleetEnd:
        running = asyncio.ensure_future(execute_fleet(plan, deployed.trusted, deployed.clients, deployed.events.append))
        await asyncio.sleep(3)
        stacks = await find_deployed(deployed.deployment.name, deployed.deployment.sites, deployed.clients)
        assert [contents.stack.status for contents in stacks] == ["UPDATE_IN_PROGRESS"]
        fleet = FleetRemoval(removal=Removal(stacks=stacks, needs={}), retain=True)
        end = await delete_fleet(fleet, deployed.clients, "destroy", deployed.events.append)
        await asyncio.wait({running})
        return end

    assert deployed.run(in_between).sets == (SetDone(ID, 4), SetDone(LATER, 4))
    assert [event.stack for event in deployed.events_of(Waiting)] == [FLEET]
    assert len(deployed.world.buckets) == 8


def test_an_instance_that_comes_while_the_others_go_keeps_the_stack_that_holds_its_set(deployed: FleetRig) -> None:
    deployed.world.script.takes(60, action="DELETE", resource="Topic", region=WEST)
    stacks, _ = deployed.observe()
    removal = FleetRemoval(removal=Removal(stacks=stacks, needs={}))

    async def join_in_between() -> FleetEnd:
        running = asyncio.ensure_future(delete_fleet(removal, deployed.clients, "run", deployed.events.append))
        await asyncio.sleep(40)
        assert [event.stack for event in deployed.events_of(Finished)] == [LATER]
        create = deployed.clients.cloudformation(WEST).create_stack_instances
        await call(LATER, create, StackSetName="tap-dev-us-east-1-storage", Accounts=[D], Regions=[EAST])
        return await running

    end = deployed.run(join_in_between)
    came = SetFailed(LATER, (Failure(Site(AccountId(D), EAST), "came while the others were deleted"),))
    assert end == FleetEnd((), (SetDone(ID, 3), came))
    assert deployed.world.buckets.keys() == {f"tap-dev-{D}-later"}
    assert [event.stack for event in deployed.events_of(NotStarted)] == [FLEET]


@pytest.mark.slow
def test_what_somebody_deploys_while_all_is_deleted_is_waited_for_and_stays(deployed: FleetRig) -> None:
    plan = deployed.plan(two_sets(targets=accounts(*ACCOUNTS, D)))
    deployed.world.script.takes(60, action="DELETE", resource="Topic", region=WEST)
    deployed.world.script.takes(40, action="STACK", account=ADMIN)
    stacks, _ = deployed.observe()
    removal = FleetRemoval(removal=Removal(stacks=stacks, needs={}))

    async def deploy_in_between() -> FleetEnd:
        running = asyncio.ensure_future(delete_fleet(removal, deployed.clients, "run", deployed.events.append))
        await asyncio.sleep(60)
        deploying = asyncio.ensure_future(execute_fleet(plan, deployed.trusted, deployed.clients, lambda _: None))
        end = await running
        await asyncio.wait({deploying})
        return end

    end = deployed.run(deploy_in_between)
    assert end.ordinary == ()
    assert [event.stack for event in deployed.events_of(Waiting)] == [FLEET]
    assert [instance.site.account for instance in deployed.instances()] == [D]


@pytest.mark.slow
def test_a_deletion_that_somebody_stops_is_not_taken_up_again(deployed: FleetRig) -> None:
    deployed.world.script.takes(60, action="DELETE", resource="Topic")
    stacks, _ = deployed.observe()
    removal = FleetRemoval(removal=Removal(stacks=stacks, needs={}), role="cleaner")

    async def stop_in_between() -> FleetEnd:
        running = asyncio.ensure_future(delete_fleet(removal, deployed.clients, "run", deployed.events.append))
        await asyncio.sleep(30)
        await stop_operations(stacks, deployed.clients, deployed.events.append)
        return await running

    first, second = deployed.run(stop_in_between).sets
    assert second == SetFailed(LATER, (), reason="its deletion was stopped")
    assert isinstance(first, SetCancelled)


def test_retained_stacks_stay_in_their_accounts(deployed: FleetRig) -> None:
    end = deployed.destroy(retain=True)
    assert all(isinstance(outcome, SetDone) for outcome in end.sets)
    assert len(deployed.world.buckets) == 6
    assert deployed.observe() == ((), ())


def test_what_stays_in_the_account_that_administers_is_not_emptied_either(rig: FleetRig) -> None:
    rig.deploy(two_sets(targets=accounts(ADMIN, B)))
    fill(rig, ADMIN)
    end = rig.destroy(retain=True)
    assert [outcome.stack for outcome in end.ordinary] == [FLEET]
    assert len(rig.world.buckets) == 4
    assert rig.world.buckets[f"tap-dev-{ADMIN}-one"].versions


@pytest.mark.slow
def test_it_goes_on_from_wherever_it_was_left(deployed: FleetRig) -> None:
    deployed.world.script.takes(60, action="DELETE", resource="Topic")
    stacks, _ = deployed.observe()
    removal = FleetRemoval(removal=Removal(stacks=stacks, needs={}))

    async def leave_in_between() -> None:
        running = asyncio.ensure_future(delete_fleet(removal, deployed.clients, "killed", deployed.events.append))
        await asyncio.sleep(30)
        running.cancel()
        await asyncio.wait({running})

    deployed.run(leave_in_between)
    assert all(isinstance(outcome, SetDone) for outcome in deployed.destroy().sets)
    assert deployed.world.buckets == {}
    assert deployed.observe() == ((), ())


def test_a_protected_stack_stops_it_before_anything_is_deleted(deployed: FleetRig) -> None:
    deployed.clients.cloudformation(WEST).update_termination_protection(
        StackName="tap-dev-fleet", EnableTerminationProtection=True
    )
    with pytest.raises(Stopped, match="protected"):
        deployed.destroy()
    assert deployed.events_of(Started) == []
    assert len(deployed.instances()) == 3


@pytest.mark.slow
def test_a_deletion_that_is_refused_once_is_tried_again_where_a_role_can_help(deployed: FleetRig) -> None:
    deployed.world.script.fails("DELETE", "Topic", reason="not now", account=B, region=WEST)
    assert deployed.destroy(role="cleaner").sets == (SetDone(ID, 3), SetDone(LATER, 3))


@pytest.mark.slow
def test_what_never_goes_is_named_with_its_reason(deployed: FleetRig) -> None:
    deployed.world.script.fails("DELETE", "Topic", reason="not now", account=B, region=WEST, times=None)
    failed = next(outcome for outcome in deployed.destroy(role="cleaner").sets if outcome.stack == ID)
    assert isinstance(failed, SetFailed)
    assert "not now" in failed.failures[0].reason
    assert failed.reason == ""


@pytest.mark.slow
def test_an_instance_without_a_stack_goes_too(rig: FleetRig) -> None:
    rig.world.script.fails("CREATE", "Topic", reason="limit", account=A, region=WEST)
    rig.deploy()
    assert rig.destroy(role="cleaner").sets == (SetDone(ID, 3), SetDone(LATER, 3))
    assert rig.world.buckets == {}
