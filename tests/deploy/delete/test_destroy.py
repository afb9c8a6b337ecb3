from dataclasses import replace

import pytest

from builder.deploy import Cancelled, Done, Removal, StackFailed, delete_deployment, find_deployed, make_needs
from builder.deploy.progress import BucketEmptied, FirstFailure, Started
from builder.errors import BadInput, Stopped
from builder.graph import find_circle
from builder.terms import Region, Site, StackId
from deploy.chained import make_deployment, make_stack
from deploy.rig import ACCOUNT, Rig
from fake_aws import Fault

REGIONS = ("us-east-1", "us-west-2")
PRIMARY = f"tap-dev-{ACCOUNT}-us-east-1-an"


def fill(rig: Rig, bucket: str = PRIMARY, region: str = "us-east-1", objects: int = 5) -> None:
    s3 = rig.clients.s3(Region(region))
    for number in range(objects):
        s3.put_object(Bucket=bucket, Key=f"key-{number % 2}", Body=b"x")


def gone(rig: Rig) -> bool:
    return not any(rig.world.stack(stack.name, region=stack.region).exists for stack in rig.deployment.stacks)


def test_everything_goes_in_reverse_order(deployed: Rig) -> None:
    outcomes = deployed.destroy()
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert gone(deployed)
    order = [event.stack for event in deployed.events_of(Started)]
    assert order.index(StackId("us-west-2/service")) < order.index(StackId("us-east-1/table"))
    assert order.index(StackId("us-east-1/storage")) < order.index(StackId("us-west-2/storage"))


@pytest.mark.slow
def test_full_buckets_are_emptied_on_both_sides(deployed: Rig) -> None:
    fill(deployed)
    fill(deployed, PRIMARY.replace("us-east-1", "us-west-2"), "us-west-2", objects=3)
    assert all(isinstance(outcome, Done) for outcome in deployed.destroy())
    assert gone(deployed)
    last = {event.bucket: event.versions for event in deployed.events if isinstance(event, BucketEmptied)}
    assert last == {PRIMARY: 5, PRIMARY.replace("us-east-1", "us-west-2"): 5 + 3}


@pytest.mark.slow
def test_stacks_of_another_deployment_stay(deployed: Rig) -> None:
    deployed.world.stack("bystander").deploy(tags={"builder:deployment": "tap-prod"})
    deployed.world.stack("untagged").deploy()
    deployed.destroy()
    assert deployed.world.stack("bystander").exists
    assert deployed.world.stack("untagged").exists


def test_a_stack_that_the_assembly_no_longer_has_goes_too(deployed: Rig) -> None:
    deployed.world.stack("tap-dev-old").deploy(tags={"builder:deployment": "tap-dev"})
    assert StackId("us-east-1/tap-dev-old") in {outcome.stack for outcome in deployed.destroy()}
    assert not deployed.world.stack("tap-dev-old").exists


def test_what_cannot_be_deleted_is_named_and_what_it_needs_stays(deployed: Rig) -> None:
    deployed.world.script.fails("DELETE", "ExecutionRole", reason="It is in use", region="us-west-2", times=None)
    outcomes = {outcome.stack: outcome for outcome in deployed.destroy()}
    broke = outcomes[StackId("us-west-2/service")]
    assert isinstance(broke, StackFailed)
    assert (broke.resource, broke.reason) == ("ExecutionRole (AWS::IAM::Role)", "It is in use")
    assert isinstance(outcomes[StackId("us-east-1/table")], Cancelled)
    assert [event.stack for event in deployed.events_of(FirstFailure)] == ["us-west-2/service"]
    deployed.world.script.failures.clear()
    assert all(isinstance(outcome, Done) for outcome in deployed.destroy())
    assert gone(deployed)


@pytest.mark.slow
def test_a_bucket_filled_again_behind_the_emptying_is_emptied_again(deployed: Rig) -> None:
    fill(deployed)
    # The first look at the bucket lags behind and shows it empty, as after a late replication.
    deployed.world.script.fails("DELETE", "Bucket", reason="The bucket you tried to delete is not empty", times=1)
    assert all(isinstance(outcome, Done) for outcome in deployed.destroy())
    assert gone(deployed)


@pytest.mark.slow
def test_a_table_whose_deletion_is_refused_loses_its_replicas_first(deployed: Rig) -> None:
    deployed.world.quirks.young_replicas_block_deletion = True
    assert all(isinstance(outcome, Done) for outcome in deployed.destroy())
    assert deployed.operations("UpdateTable") >= 1
    assert gone(deployed)


def test_a_deletion_that_already_runs_is_joined(deployed: Rig) -> None:
    deployed.clients.cloudformation(Region("us-west-2")).delete_stack(StackName="tap-dev-service")
    assert all(isinstance(outcome, Done) for outcome in deployed.destroy())
    assert gone(deployed)


@pytest.mark.slow
def test_throttled_and_failing_calls_are_repeated(deployed: Rig) -> None:
    fill(deployed)
    deployed.world.faults.add(Fault.THROTTLE, probability=0.3)
    deployed.world.faults.add(Fault.SERVER_ERROR, probability=0.05)
    assert all(isinstance(outcome, Done) for outcome in deployed.destroy())
    deployed.world.faults.clear()
    assert gone(deployed)


TABLE_PROTECTION = "us-east-1/table/TerminationProtection"


def protect(rig: Rig, name: str = "tap-dev-table") -> None:
    client = rig.clients.cloudformation(Region("us-east-1"))
    client.update_termination_protection(StackName=name, EnableTerminationProtection=True)


def test_a_protected_stack_stops_it_all_before_anything_is_touched(deployed: Rig) -> None:
    fill(deployed)
    protect(deployed)
    protect(deployed, "tap-dev-storage")
    deployed.world.calls.clear()
    with pytest.raises(Stopped, match="protected from deletion") as caught:
        deployed.destroy([TABLE_PROTECTION])
    assert caught.value.next_step.startswith("--allow us-east-1/storage/TerminationProtection ")
    assert not [call for call in deployed.world.calls if call.mutating]


def test_protection_is_lifted_where_that_is_allowed_by_name_and_is_said_to_be(deployed: Rig) -> None:
    protect(deployed)
    assert all(isinstance(outcome, Done) for outcome in deployed.destroy([TABLE_PROTECTION]))
    assert gone(deployed)
    assert Started(StackId("us-east-1/table"), "LIFT PROTECTION") in deployed.events
    assert deployed.operations("UpdateTerminationProtection") == 2


def test_a_pattern_lifts_the_protection_of_all_that_it_fits_and_of_no_other(deployed: Rig) -> None:
    for name in ("tap-dev-table", "tap-dev-storage"):
        protect(deployed, name)
    with pytest.raises(Stopped, match="us-east-1/table/TerminationProtection"):
        deployed.destroy(["us-east-1/st*/TerminationProtection"])
    assert not gone(deployed)
    assert all(isinstance(outcome, Done) for outcome in deployed.destroy(["us-east-1/*/TerminationProtection"]))
    assert gone(deployed)


def test_a_name_that_protects_nothing_is_told(deployed: Rig) -> None:
    with pytest.raises(BadInput, match="names nothing"):
        deployed.destroy([TABLE_PROTECTION])
    assert not gone(deployed)


@pytest.mark.parametrize("shows_tags", [True, False])
def test_stacks_that_only_hold_our_change_sets_go_tagged_or_not(rig: Rig, *, shows_tags: bool) -> None:
    rig.world.quirks.review_shows_tags = shows_tags
    rig.plan()
    rig.world.stack("theirs").put("REVIEW_IN_PROGRESS")
    assert {type(outcome) for outcome in rig.destroy()} == {Done}
    assert gone(rig)
    assert rig.world.stack("theirs").exists


@pytest.mark.slow
@pytest.mark.parametrize("fails_at_once", [False, True])
def test_a_deletion_whose_answer_is_lost_is_taken_for_begun(deployed: Rig, *, fails_at_once: bool) -> None:
    if fails_at_once:
        deployed.world.script.takes(0.01)
        deployed.world.script.takes(0.01, action="STACK")
        deployed.world.script.fails("DELETE", "ExecutionRole", reason="It is in use", region="us-west-2")
    deployed.world.faults.add(Fault.LOSE_ANSWER, operation="DeleteStack", region="us-west-2", nth=1)
    assert all(isinstance(outcome, Done) for outcome in deployed.destroy())


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "DELETE_FAILED"])
def test_what_is_to_be_left_behind_is_not_emptied(rig: Rig, status: str) -> None:
    kept = "Resources:\n  Kept: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: kept}}\n"
    rig.deployment = make_deployment(make_stack(StackId("us-east-1/kept"), kept))
    rig.deploy()
    fill(rig, "kept")
    stack = rig.world.stack("tap-dev-kept")
    stack.put(status)
    if status == "DELETE_FAILED":  # at another resource, when this one was left behind already
        stack.record.resources["Kept"].status = "DELETE_SKIPPED"
    assert all(isinstance(outcome, Done) for outcome in rig.destroy())
    assert rig.world.buckets["kept"].versions


@pytest.mark.slow
def test_without_an_assembly_what_was_created_last_goes_first(deployed: Rig) -> None:
    deployed.world.stack("tap-dev-newest").deploy(tags={"builder:deployment": "tap-dev"})
    stacks = deployed.run(
        lambda: find_deployed("tap-dev", tuple(Site(None, Region(name)) for name in REGIONS), deployed.clients)
    )
    removal = Removal(stacks=stacks, needs=make_needs(stacks, {}))
    ended = deployed.watched(lambda emit: delete_deployment(removal, deployed.clients, "lost", emit))
    assert all(isinstance(outcome, Done) for outcome in ended)
    order = [event.stack for event in deployed.events_of(Started)]
    assert order[0] == "us-east-1/tap-dev-newest"
    by_age = sorted(stacks, key=lambda entry: entry.stack.created)
    assert order == [entry.id for entry in reversed(by_age)]


def test_stacks_that_an_assembly_knows_keep_its_needs_and_others_go_before_what_is_older(deployed: Rig) -> None:
    deployed.world.stack("tap-dev-old").deploy(tags={"builder:deployment": "tap-dev"})
    stacks = deployed.run(lambda: find_deployed("tap-dev", deployed.deployment.sites, deployed.clients))
    known = {stack.id: stack.needs for stack in deployed.deployment.stacks}
    needs = make_needs(stacks, known)
    assert known.items() <= needs.items()
    assert set(needs[StackId("us-east-1/tap-dev-old")]) == set(known)


def test_two_stacks_of_one_id_leave_an_order(deployed: Rig) -> None:
    stacks = deployed.run(lambda: find_deployed("tap-dev", deployed.deployment.sites, deployed.clients))
    oldest, between, *_, newest = sorted(stacks, key=lambda entry: entry.stack.created)
    assert find_circle(make_needs((oldest, between, replace(newest, id=oldest.id)), {})) == ()
