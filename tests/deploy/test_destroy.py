from builder.deploy import Broke, Cancelled, Done
from builder.deploy.progress import Emptied, FirstFailure, Started
from builder.terms import Region, StackId
from deploy.rig import ACCOUNT, Rig
from fake_aws import Fault

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


def test_full_buckets_are_emptied_on_both_sides(standing: Rig) -> None:
    fill(standing)
    fill(standing, PRIMARY.replace("us-east-1", "us-west-2"), "us-west-2", objects=3)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert gone(standing)
    last = {event.bucket: event.versions for event in standing.events if isinstance(event, Emptied)}
    assert last == {PRIMARY: 5, PRIMARY.replace("us-east-1", "us-west-2"): 5 + 3}


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
    assert isinstance(broke, Broke)
    assert (broke.resource, broke.reason) == ("ExecutionRole (AWS::IAM::Role)", "It is in use")
    assert isinstance(outcomes[StackId("us-east-1/table")], Cancelled)
    assert [event.stack for event in standing.said(FirstFailure)] == ["us-west-2/service"]
    standing.world.script.failures.clear()
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert gone(standing)


def test_a_bucket_filled_again_behind_the_emptying_is_emptied_again(standing: Rig) -> None:
    fill(standing)
    # The first look at the bucket lags behind and shows it empty, as after a late replication.
    standing.world.script.fails("DELETE", "Bucket", reason="The bucket you tried to delete is not empty", times=1)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert gone(standing)


def test_a_table_whose_deletion_is_refused_loses_its_replicas_first(standing: Rig) -> None:
    standing.world.quirks.young_replicas_block_deletion = True
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert standing.operations("UpdateTable") >= 1
    assert gone(standing)


def test_a_deletion_that_already_runs_is_joined(standing: Rig) -> None:
    standing.clients.cloudformation(Region("us-west-2")).delete_stack(StackName="tap-dev-service")
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    assert gone(standing)


def test_throttled_and_failing_calls_are_repeated(standing: Rig) -> None:
    fill(standing)
    standing.world.faults.add(Fault.THROTTLE, probability=0.3)
    standing.world.faults.add(Fault.SERVER_ERROR, probability=0.05)
    assert all(isinstance(outcome, Done) for outcome in standing.destroy())
    standing.world.faults.clear()
    assert gone(standing)
