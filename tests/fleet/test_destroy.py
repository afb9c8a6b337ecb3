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


def test_instances_go_in_reverse_order_of_needs_then_sets_then_the_stack(standing: FleetRig) -> None:
    end = standing.destroy()
    assert end.sets == (SetDone(ID, 3), SetDone(LATER, 3))
    assert [type(one) for one in end.ordinary] == [Done]
    finished = [event.stack for event in standing.said(Finished)]
    assert finished == [LATER, ID, FLEET]
    assert standing.standing() == ((), ())
    assert standing.world.buckets == {}
    assert fleet_exit_code(end) is ExitCode.DONE


def test_what_is_in_a_bucket_keeps_its_stack_and_all_that_it_needs_unless_a_role_is_named(standing: FleetRig) -> None:
    fill(standing, B)
    end = standing.destroy()
    failed = next(one for one in end.sets if one.stack == ID)
    assert isinstance(failed, SetFailed)
    assert [one.site.account for one in failed.failures] == [B]
    assert "--role" in failed.reason
    assert end.ordinary == ()
    assert [event.stack for event in standing.said(NotStarted)] == [FLEET]
    assert fleet_exit_code(end) is ExitCode.FAILED
    again = standing.destroy(role="cleaner")
    assert again.sets == (SetDone(ID, 1), SetDone(LATER, 0))
    assert [(event.stack, event.bucket) for event in standing.said(BucketEmptied)] == [(ID, f"tap-dev-{B}-one")]
    assert standing.world.buckets == {}


@pytest.mark.slow
def test_what_may_be_meant_to_stay_in_an_account_is_not_emptied_with_a_role_either(standing: FleetRig) -> None:
    fill(standing, B)
    found = next(one for one in standing.instances() if one.site.account == B)
    record = standing.world.stack(found.stack.split("/")[1], account=B, region=WEST).record
    record.deployed.processed = "Resources: {}"
    failed = next(one for one in standing.destroy(role="cleaner").sets if one.stack == ID)
    assert isinstance(failed, SetFailed)
    assert [one.site.account for one in failed.failures] == [B]
    assert "Bucket (AWS::S3::Bucket): the deployed template does not tell" in failed.failures[0].reason
    assert standing.world.buckets[f"tap-dev-{B}-one"].versions


def test_what_a_stack_that_stays_needs_stays_in_its_account_and_goes_in_the_others(standing: FleetRig) -> None:
    client = standing.world.session(C).client("s3", EAST)
    client.put_object(Bucket=f"tap-dev-{C}-later", Key="key", Body=b"x")
    first, second = standing.destroy().sets
    assert isinstance(second, SetFailed)
    assert isinstance(first, SetFailed)
    assert first.failures == (Failure(Site(AccountId(C), WEST), f"{LATER}, which needs it, is still there"),)
    assert standing.world.buckets.keys() == {f"tap-dev-{C}-later", f"tap-dev-{C}-one"}


@pytest.mark.slow
def test_an_account_that_cannot_be_reached_keeps_its_own_stacks_and_no_other_s(standing: FleetRig) -> None:
    for account in ACCOUNTS:
        fill(standing, account)
    role = f"arn:aws:iam::{B}:role/cleaner"
    standing.world.forbidden_roles.add(role)
    first, second = standing.destroy(role="cleaner").sets
    assert isinstance(second, SetFailed)
    assert [one.site.account for one in second.failures] == [B]
    assert "AssumeRole" in second.failures[0].reason
    assert first == SetFailed(ID, (Failure(Site(AccountId(B), WEST), f"{LATER}, which needs it, is still there"),))
    assert standing.world.buckets.keys() == {f"tap-dev-{B}-one", f"tap-dev-{B}-later"}
    standing.world.forbidden_roles.clear()
    assert standing.destroy(role="cleaner").sets == (SetDone(ID, 1), SetDone(LATER, 1))
    assert standing.world.buckets == {}


def test_where_nobody_can_say_what_is_left_of_a_set_what_it_needs_is_left_alone(standing: FleetRig) -> None:
    standing.world.faults.add(Fault.DENIED, operation="DeleteStackInstances")
    first, second = standing.destroy().sets
    assert isinstance(second, SetFailed)
    assert first == SetCancelled(ID, because=f"{LATER}, which it waits for, is not done")


@pytest.fixture
def halted(standing: FleetRig) -> FleetRig:
    """A fleet whose stack still holds the set that its template has no more."""
    halt(standing)
    return standing


def test_a_set_that_a_halted_update_dropped_is_retained_with_the_others(halted: FleetRig) -> None:
    end = halted.destroy(retain=True)
    assert end.sets == (SetDone(ID, 3), SetDone(LATER, 3))
    assert [type(one) for one in end.ordinary] == [Done]
    assert len(halted.world.buckets) == 6


@pytest.mark.slow
def test_a_set_that_a_halted_update_dropped_goes_before_what_it_needs(halted: FleetRig) -> None:
    halted.events.clear()
    halted.destroy()
    assert [event.stack for event in halted.said(Finished)] == [LATER, ID, FLEET]
    assert halted.world.buckets == {}


@pytest.mark.slow
def test_sets_are_judged_only_once_nothing_runs_on_the_stack_that_holds_them(standing: FleetRig) -> None:
    plan = standing.plan(two_sets(targets=accounts(*ACCOUNTS, D)))

    async def in_between() -> FleetEnd:
        running = asyncio.ensure_future(execute_fleet(plan, standing.trusted, standing.clients, standing.events.append))
        await asyncio.sleep(3)
        found = await find_deployed(standing.deployment.name, standing.deployment.sites, standing.clients)
        assert [one.stack.status for one in found] == ["UPDATE_IN_PROGRESS"]
        fleet = FleetRemoval(removal=Removal(stacks=found, needs={}), retain=True)
        end = await delete_fleet(fleet, standing.clients, "destroy", standing.events.append)
        await asyncio.wait({running})
        return end

    assert standing.run(in_between).sets == (SetDone(ID, 4), SetDone(LATER, 4))
    assert [event.stack for event in standing.said(Waiting)] == [FLEET]
    assert len(standing.world.buckets) == 8


def test_an_instance_that_comes_while_the_others_go_keeps_the_stack_that_holds_its_set(standing: FleetRig) -> None:
    standing.world.script.takes(60, action="DELETE", resource="Topic", region=WEST)
    stacks, _ = standing.standing()
    removal = FleetRemoval(removal=Removal(stacks=stacks, needs={}))

    async def join_in_between() -> FleetEnd:
        running = asyncio.ensure_future(delete_fleet(removal, standing.clients, "run", standing.events.append))
        await asyncio.sleep(40)
        assert [event.stack for event in standing.said(Finished)] == [LATER]
        create = standing.clients.cloudformation(WEST).create_stack_instances
        await call(LATER, create, StackSetName="tap-dev-us-east-1-storage", Accounts=[D], Regions=[EAST])
        return await running

    end = standing.run(join_in_between)
    came = SetFailed(LATER, (Failure(Site(AccountId(D), EAST), "came while the others were deleted"),))
    assert end == FleetEnd((), (SetDone(ID, 3), came))
    assert standing.world.buckets.keys() == {f"tap-dev-{D}-later"}
    assert [event.stack for event in standing.said(NotStarted)] == [FLEET]


@pytest.mark.slow
def test_what_somebody_deploys_while_all_is_deleted_is_waited_for_and_stays(standing: FleetRig) -> None:
    plan = standing.plan(two_sets(targets=accounts(*ACCOUNTS, D)))
    standing.world.script.takes(60, action="DELETE", resource="Topic", region=WEST)
    standing.world.script.takes(40, action="STACK", account=ADMIN)
    stacks, _ = standing.standing()
    removal = FleetRemoval(removal=Removal(stacks=stacks, needs={}))

    async def deploy_in_between() -> FleetEnd:
        running = asyncio.ensure_future(delete_fleet(removal, standing.clients, "run", standing.events.append))
        await asyncio.sleep(60)
        deploying = asyncio.ensure_future(execute_fleet(plan, standing.trusted, standing.clients, lambda _: None))
        end = await running
        await asyncio.wait({deploying})
        return end

    end = standing.run(deploy_in_between)
    assert end.ordinary == ()
    assert [event.stack for event in standing.said(Waiting)] == [FLEET]
    assert [one.site.account for one in standing.instances()] == [D]


@pytest.mark.slow
def test_a_deletion_that_somebody_stops_is_not_taken_up_again(standing: FleetRig) -> None:
    standing.world.script.takes(60, action="DELETE", resource="Topic")
    stacks, _ = standing.standing()
    removal = FleetRemoval(removal=Removal(stacks=stacks, needs={}), role="cleaner")

    async def stop_in_between() -> FleetEnd:
        running = asyncio.ensure_future(delete_fleet(removal, standing.clients, "run", standing.events.append))
        await asyncio.sleep(30)
        await stop_operations(stacks, standing.clients, standing.events.append)
        return await running

    first, second = standing.run(stop_in_between).sets
    assert second == SetFailed(LATER, (), reason="its deletion was stopped")
    assert isinstance(first, SetCancelled)


def test_retained_stacks_stay_in_their_accounts(standing: FleetRig) -> None:
    end = standing.destroy(retain=True)
    assert all(isinstance(one, SetDone) for one in end.sets)
    assert len(standing.world.buckets) == 6
    assert standing.standing() == ((), ())


def test_what_stays_in_the_account_that_administers_is_not_emptied_either(rig: FleetRig) -> None:
    rig.deploy(two_sets(targets=accounts(ADMIN, B)))
    fill(rig, ADMIN)
    end = rig.destroy(retain=True)
    assert [one.stack for one in end.ordinary] == [FLEET]
    assert len(rig.world.buckets) == 4
    assert rig.world.buckets[f"tap-dev-{ADMIN}-one"].versions


@pytest.mark.slow
def test_it_goes_on_from_wherever_it_was_left(standing: FleetRig) -> None:
    standing.world.script.takes(60, action="DELETE", resource="Topic")
    stacks, _ = standing.standing()
    removal = FleetRemoval(removal=Removal(stacks=stacks, needs={}))

    async def leave_in_between() -> None:
        running = asyncio.ensure_future(delete_fleet(removal, standing.clients, "killed", standing.events.append))
        await asyncio.sleep(30)
        running.cancel()
        await asyncio.wait({running})

    standing.run(leave_in_between)
    assert all(isinstance(one, SetDone) for one in standing.destroy().sets)
    assert standing.world.buckets == {}
    assert standing.standing() == ((), ())


def test_a_protected_stack_stops_it_before_anything_is_deleted(standing: FleetRig) -> None:
    standing.clients.cloudformation(WEST).update_termination_protection(
        StackName="tap-dev-fleet", EnableTerminationProtection=True
    )
    with pytest.raises(Stopped, match="protected"):
        standing.destroy()
    assert standing.said(Started) == []
    assert len(standing.instances()) == 3


@pytest.mark.slow
def test_a_deletion_that_is_refused_once_is_tried_again_where_a_role_can_help(standing: FleetRig) -> None:
    standing.world.script.fails("DELETE", "Topic", reason="not now", account=B, region=WEST)
    assert standing.destroy(role="cleaner").sets == (SetDone(ID, 3), SetDone(LATER, 3))


@pytest.mark.slow
def test_what_never_goes_is_named_with_its_reason(standing: FleetRig) -> None:
    standing.world.script.fails("DELETE", "Topic", reason="not now", account=B, region=WEST, times=None)
    failed = next(one for one in standing.destroy(role="cleaner").sets if one.stack == ID)
    assert isinstance(failed, SetFailed)
    assert "not now" in failed.failures[0].reason
    assert failed.reason == ""


@pytest.mark.slow
def test_an_instance_without_a_stack_goes_too(rig: FleetRig) -> None:
    rig.world.script.fails("CREATE", "Topic", reason="limit", account=A, region=WEST)
    rig.deploy()
    assert rig.destroy(role="cleaner").sets == (SetDone(ID, 3), SetDone(LATER, 3))
    assert rig.world.buckets == {}
