from dataclasses import replace

import pytest

from builder.deploy import Deployment, Done, narrow
from builder.errors import BadInput, BuilderError, Stopped
from builder.terms import Region, StackId
from deploy.rig import Rig, edited

EAST, WEST = Region("us-east-1"), Region("us-west-2")
SERVICE = "us-west-2/service"


def larger(deployment: Deployment) -> Deployment:
    both = edited(deployment, SERVICE, "MemorySize: 256", "MemorySize: 512")
    return edited(both, "us-east-1/service", "MemorySize: 256", "MemorySize: 512")


@pytest.fixture
def alone(deployed: Rig) -> Rig:
    """A rig whose primary region answers nothing at all."""
    deployed.world.region_down(EAST)
    return deployed


def test_a_function_is_updated_without_a_call_to_the_lost_region(alone: Rig) -> None:
    plan = alone.plan(narrow(larger(alone.deployment), [EAST]))
    assert [step.stack for step in plan.steps] == [SERVICE]
    assert plan.left_out == ("us-east-1/storage", "us-east-1/table", "us-east-1/service")
    assert all(isinstance(outcome, Done) for outcome in alone.execute(plan))
    assert {call.region for call in alone.world.calls} == {WEST}


@pytest.mark.slow
def test_it_takes_no_longer_than_with_both_regions_healthy(rig: Rig) -> None:
    rig.deploy()
    updated = larger(rig.deployment)

    def took(deployment: Deployment) -> float:
        started = rig.world.now
        assert all(isinstance(outcome, Done) for outcome in rig.deploy(deployment))
        return rig.world.now - started

    healthy = took(updated)
    rig.deploy(rig.deployment)
    rig.world.region_down(EAST)
    assert took(narrow(updated, [EAST])) <= 1.2 * healthy


@pytest.mark.parametrize(
    ("stack", "old", "new", "why"),
    [
        ("us-west-2/storage", "Status: Enabled", "Status: Suspended", "S3's bucket configuration is in us-east-1"),
        ("us-west-2/storage", "aws:SecureTransport: 'false'", "aws:SecureTransport: 'true'", "bucket configuration"),
        (SERVICE, "dynamodb:GetItem", "dynamodb:Query", "IAM's control plane is in us-east-1"),
    ],
)
def test_what_hangs_on_the_lost_region_stops_and_says_why(alone: Rig, stack: str, old: str, new: str, why: str) -> None:
    with pytest.raises(BuilderError, match=why) as caught:
        alone.plan(narrow(edited(alone.deployment, stack, old, new), [EAST]))
    assert caught.value.exit_code == 4
    assert "--skip-region" in caught.value.next_step
    assert alone.operations("ExecuteChangeSet") == 0
    listed = alone.clients.cloudformation(WEST).list_change_sets(StackName=f"tap-dev-{stack.split('/')[1]}")
    assert not [summary for summary in listed["Summaries"] if summary["ExecutionStatus"] == "AVAILABLE"]


def test_a_need_on_the_lost_region_is_checked_at_the_thing_itself(alone: Rig) -> None:
    alone.plan(narrow(larger(alone.deployment), [EAST]))
    assert [call.region for call in alone.world.calls if call.operation == "DescribeTable"] == [WEST]


def test_a_need_that_is_not_met_there_stops(alone: Rig) -> None:
    alone.world.tables.clear()
    with pytest.raises(
        Stopped, match=r"us-east-1/table: is left out, and what is needed of it by us-west-2/service is"
    ):
        alone.plan(narrow(larger(alone.deployment), [EAST]))


def test_all_that_hangs_on_the_lost_region_is_told_at_once(alone: Rig) -> None:
    alone.world.tables.clear()
    updated = edited(larger(alone.deployment), "us-west-2/storage", "Status: Enabled", "Status: Suspended")
    with pytest.raises(BuilderError, match="S3's bucket configuration is in us-east-1") as caught:
        alone.plan(narrow(updated, [EAST]))
    assert "us-east-1/table: is left out" in str(caught.value)


def test_a_table_with_a_replica_in_the_lost_region_is_left_alone(deployed: Rig) -> None:
    deployed.world.region_down(WEST)
    other = edited(
        deployed.deployment, "us-east-1/table", "PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false"
    )
    with pytest.raises(Stopped, match="it has a replica in us-west-2, which is skipped"):
        deployed.plan(narrow(other, [WEST]))


def test_afterwards_a_deployment_without_the_option_brings_the_region_to_the_same(alone: Rig) -> None:
    updated = larger(alone.deployment)
    alone.deploy(narrow(updated, [EAST]))
    alone.world.region_up(EAST)
    plan = alone.plan(updated)
    assert [step.stack for step in plan.steps] == ["us-east-1/service"]
    assert all(isinstance(outcome, Done) for outcome in alone.execute(plan))
    assert alone.plan(updated).is_empty


def test_only_regions_of_the_deployment_can_be_skipped_and_not_all(rig: Rig) -> None:
    with pytest.raises(BadInput, match="its regions are us-west-2, us-east-1"):
        narrow(rig.deployment, [Region("eu-west-1")])
    with pytest.raises(BadInput, match="leaves no region"):
        narrow(rig.deployment, [EAST, WEST])
    assert narrow(rig.deployment, []) == replace(rig.deployment)


def test_outputs_of_the_lost_region_are_left_out(rig: Rig) -> None:
    assert set(narrow(rig.deployment, [EAST]).outputs.values()) >= {(StackId(SERVICE), "FunctionUrl")}
    assert all(stack.startswith(WEST) for stack, _ in narrow(rig.deployment, [EAST]).outputs.values())
