import asyncio

import pytest

from builder.deploy import Done, Removal
from builder.deploy.progress import Emptied, Finished, NotStarted, Started
from builder.errors import ExitCode, Stopped
from builder.fleet import FleetRemoval, destroy_fleet, fleet_exit_code
from builder.fleet.outcome import SetCancelled, SetDone, SetFailed
from builder.terms import StackId
from fleet.rig import STORAGE, FleetRig, two_sets
from fleet.scene import ACCOUNTS, ADMIN, EAST, FLEET, WEST, accounts

A, B, C = ACCOUNTS
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
    assert [(event.stack, event.bucket) for event in standing.said(Emptied)] == [(ID, f"tap-dev-{B}-one")]
    assert standing.world.buckets == {}


def test_what_may_be_meant_to_stay_in_an_account_is_not_emptied_with_a_role_either(standing: FleetRig) -> None:
    fill(standing, B)
    found = next(one for one in standing.instances() if one.site.account == B)
    record = standing.world.stack(found.stack.split("/")[1], account=B, region=WEST).record
    record.deployed.processed = "Resources: {}"
    failed = next(one for one in standing.destroy(role="cleaner").sets if one.stack == ID)
    assert isinstance(failed, SetFailed)
    assert "Bucket (AWS::S3::Bucket): the deployed template does not tell" in failed.reason
    assert standing.world.buckets[f"tap-dev-{B}-one"].versions


def test_what_needs_a_set_that_stays_is_gone_and_what_it_needs_is_cancelled(standing: FleetRig) -> None:
    client = standing.world.session(C).client("s3", EAST)
    client.put_object(Bucket=f"tap-dev-{C}-later", Key="key", Body=b"x")
    first, second = standing.destroy().sets
    assert isinstance(second, SetFailed)
    assert first == SetCancelled(ID, because=f"{LATER}, which it waits for, is not done")


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


def test_it_goes_on_from_wherever_it_was_left(standing: FleetRig) -> None:
    standing.world.script.takes(60, action="DELETE", resource="Topic")
    stacks, _ = standing.standing()
    removal = FleetRemoval(removal=Removal(standing=stacks, needs={}))

    async def leave_in_between() -> None:
        running = asyncio.ensure_future(destroy_fleet(removal, standing.clients, "killed", standing.events.append))
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


def test_a_deletion_that_is_refused_once_is_tried_again_where_a_role_can_help(standing: FleetRig) -> None:
    standing.world.script.fails("DELETE", "Topic", reason="not now", account=B, region=WEST)
    assert standing.destroy(role="cleaner").sets == (SetDone(ID, 3), SetDone(LATER, 3))


def test_what_never_goes_is_named_with_its_reason(standing: FleetRig) -> None:
    standing.world.script.fails("DELETE", "Topic", reason="not now", account=B, region=WEST, times=None)
    failed = next(one for one in standing.destroy(role="cleaner").sets if one.stack == ID)
    assert isinstance(failed, SetFailed)
    assert "not now" in failed.failures[0].reason
    assert failed.reason == ""


def test_an_instance_without_a_stack_goes_too(rig: FleetRig) -> None:
    rig.world.script.fails("CREATE", "Topic", reason="limit", account=A, region=WEST)
    rig.deploy()
    assert rig.destroy(role="cleaner").sets == (SetDone(ID, 3), SetDone(LATER, 3))
    assert rig.world.buckets == {}
