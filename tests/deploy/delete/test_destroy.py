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


def test_everything_goes_in_reverse_order(standing: Rig) -> None:
    outcomes = standing.destroy()
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert gone(standing)
    order = [event.stack for event in standing.said(Started)]
    assert order.index(StackId("us-west-2/service")) < order.index(StackId("us-east-1/table"))
    assert order.index(StackId("us-east-1/storage")) < order.index(StackId("us-west-2/storage"))


@pytest.mark.slow
def test_full_buckets_are_emptied_on_both_sides(standing: Rig) -> None:
    fill(standing)
    fill(standing, PRIMARY.replace("us-east-1", "us-west-2"), "us-west-2", objects=3)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert gone(standing)
    last = {event.bucket: event.versions for event in standing.events if isinstance(event, BucketEmptied)}
    assert last == {PRIMARY: 5, PRIMARY.replace("us-east-1", "us-west-2"): 5 + 3}


@pytest.mark.slow
def test_stacks_of_another_deployment_stay(standing: Rig) -> None:
    standing.world.stack("bystander").deploy(tags={"builder:deployment": "tap-prod"})
    standing.world.stack("untagged").deploy()
    standing.destroy()
    assert standing.world.stack("bystander").exists
    assert standing.world.stack("untagged").exists


def test_a_stack_that_the_assembly_no_longer_has_goes_too(standing: Rig) -> None:
    standing.world.stack("tap-dev-old").deploy(tags={"builder:deployment": "tap-dev"})
    assert StackId("us-east-1/tap-dev-old") in {outcome.stack for outcome in standing.destroy()}
    assert not standing.world.stack("tap-dev-old").exists


def test_what_cannot_be_deleted_is_named_and_what_it_needs_stays(standing: Rig) -> None:
    standing.world.script.fails("DELETE", "ExecutionRole", reason="It is in use", region="us-west-2", times=None)
    outcomes = {outcome.stack: outcome for outcome in standing.destroy()}
    broke = outcomes[StackId("us-west-2/service")]
    assert isinstance(broke, StackFailed)
    assert (broke.resource, broke.reason) == ("ExecutionRole (AWS::IAM::Role)", "It is in use")
    assert isinstance(outcomes[StackId("us-east-1/table")], Cancelled)
    assert [event.stack for event in standing.said(FirstFailure)] == ["us-west-2/service"]
    standing.world.script.failures.clear()
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert gone(standing)


@pytest.mark.slow
def test_a_bucket_filled_again_behind_the_emptying_is_emptied_again(standing: Rig) -> None:
    fill(standing)
    # The first look at the bucket lags behind and shows it empty, as after a late replication.
    standing.world.script.fails("DELETE", "Bucket", reason="The bucket you tried to delete is not empty", times=1)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert gone(standing)


@pytest.mark.slow
def test_a_table_whose_deletion_is_refused_loses_its_replicas_first(standing: Rig) -> None:
    standing.world.quirks.young_replicas_block_deletion = True
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert standing.operations("UpdateTable") >= 1
    assert gone(standing)


def test_a_deletion_that_already_runs_is_joined(standing: Rig) -> None:
    standing.clients.cloudformation(Region("us-west-2")).delete_stack(StackName="tap-dev-service")
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert gone(standing)


@pytest.mark.slow
def test_throttled_and_failing_calls_are_repeated(standing: Rig) -> None:
    fill(standing)
    standing.world.faults.add(Fault.THROTTLE, probability=0.3)
    standing.world.faults.add(Fault.SERVER_ERROR, probability=0.05)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    standing.world.faults.clear()
    assert gone(standing)


TABLE_PROTECTION = "us-east-1/table/TerminationProtection"


def protect(rig: Rig, name: str = "tap-dev-table") -> None:
    client = rig.clients.cloudformation(Region("us-east-1"))
    client.update_termination_protection(StackName=name, EnableTerminationProtection=True)


def test_a_protected_stack_stops_it_all_before_anything_is_touched(standing: Rig) -> None:
    fill(standing)
    protect(standing)
    protect(standing, "tap-dev-storage")
    standing.world.calls.clear()
    with pytest.raises(Stopped, match="protected from deletion") as caught:
        standing.destroy([TABLE_PROTECTION])
    assert caught.value.next_step.startswith("--allow us-east-1/storage/TerminationProtection ")
    assert not [call for call in standing.world.calls if call.mutating]


def test_protection_is_lifted_where_that_is_allowed_by_name_and_is_said_to_be(standing: Rig) -> None:
    protect(standing)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy([TABLE_PROTECTION]))
    assert gone(standing)
    assert Started(StackId("us-east-1/table"), "LIFT PROTECTION") in standing.events
    assert standing.operations("UpdateTerminationProtection") == 2


def test_a_pattern_lifts_the_protection_of_all_that_it_fits_and_of_no_other(standing: Rig) -> None:
    for name in ("tap-dev-table", "tap-dev-storage"):
        protect(standing, name)
    with pytest.raises(Stopped, match="us-east-1/table/TerminationProtection"):
        standing.destroy(["us-east-1/st*/TerminationProtection"])
    assert not gone(standing)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy(["us-east-1/*/TerminationProtection"]))
    assert gone(standing)


def test_a_name_that_protects_nothing_is_told(standing: Rig) -> None:
    with pytest.raises(BadInput, match="names nothing"):
        standing.destroy([TABLE_PROTECTION])
    assert not gone(standing)


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
def test_a_deletion_whose_answer_is_lost_is_taken_for_begun(standing: Rig, *, fails_at_once: bool) -> None:
    if fails_at_once:
        standing.world.script.takes(0.01)
        standing.world.script.takes(0.01, action="STACK")
        standing.world.script.fails("DELETE", "ExecutionRole", reason="It is in use", region="us-west-2")
    standing.world.faults.add(Fault.LOSE_ANSWER, operation="DeleteStack", region="us-west-2", nth=1)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())


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
def test_without_an_assembly_what_was_created_last_goes_first(standing: Rig) -> None:
    standing.world.stack("tap-dev-newest").deploy(tags={"builder:deployment": "tap-dev"})
    found = standing.run(
        lambda: find_deployed("tap-dev", tuple(Site(None, Region(name)) for name in REGIONS), standing.clients)
    )
    removal = Removal(stacks=found, needs=make_needs(found, {}))
    ended = standing.watched(lambda emit: delete_deployment(removal, standing.clients, "lost", emit))
    assert all(isinstance(outcome, Done) for outcome in ended)
    order = [event.stack for event in standing.said(Started)]
    assert order[0] == "us-east-1/tap-dev-newest"
    by_age = sorted(found, key=lambda one: one.stack.created)
    assert order == [one.id for one in reversed(by_age)]


def test_stacks_that_an_assembly_knows_keep_its_needs_and_others_go_before_what_is_older(standing: Rig) -> None:
    standing.world.stack("tap-dev-old").deploy(tags={"builder:deployment": "tap-dev"})
    found = standing.run(lambda: find_deployed("tap-dev", standing.deployment.sites, standing.clients))
    known = {stack.id: stack.needs for stack in standing.deployment.stacks}
    needs = make_needs(found, known)
    assert known.items() <= needs.items()
    assert set(needs[StackId("us-east-1/tap-dev-old")]) == set(known)


def test_two_stacks_of_one_id_leave_an_order(standing: Rig) -> None:
    found = standing.run(lambda: find_deployed("tap-dev", standing.deployment.sites, standing.clients))
    oldest, between, *_, newest = sorted(found, key=lambda one: one.stack.created)
    assert find_circle(make_needs((oldest, between, replace(newest, id=oldest.id)), {})) == ()
