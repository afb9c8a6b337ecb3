import pytest

from builder.deploy import FoundStacks, find_deployed, find_deployment
from builder.errors import AwsError
from builder.terms import Region, Site
from deploy.rig import Rig
from fake_aws import Fault

TAGS = {"builder:deployment": "tap-dev"}
EAST, WEST, THERE = (Site(None, Region(region)) for region in ("us-east-1", "us-west-2", "eu-west-1"))


def find(rig: Rig) -> FoundStacks:
    return rig.run(lambda: find_deployment("tap-dev", (EAST, WEST), (WEST, THERE), rig.clients))


def test_stacks_of_other_regions_are_found_and_none_twice(deployed: Rig) -> None:
    deployed.world.stack("tap-dev-moved", region="eu-west-1").deploy(tags=TAGS)
    deployed.world.stack("bystander", region="eu-west-1").deploy()
    names = [contents.stack.name for contents in find(deployed).stacks]
    assert sorted(names) == sorted([*(stack.name for stack in deployed.deployment.stacks), "tap-dev-moved"])


def test_a_region_elsewhere_that_refuses_is_said_not_to_be_seen(deployed: Rig) -> None:
    deployed.world.faults.add(Fault.DENIED, operation="DescribeStacks", region="eu-west-1")
    seen = find(deployed)
    assert [unseen.site for unseen in seen.unseen] == [THERE]
    assert "not allowed" in seen.unseen[0].because
    assert len(seen.stacks) == len(deployed.deployment.stacks)


def test_a_region_of_the_assembly_that_refuses_ends_it(deployed: Rig) -> None:
    deployed.world.faults.add(Fault.DENIED, operation="DescribeStacks", region="us-west-2")
    with pytest.raises(AwsError, match="not allowed"):
        find(deployed)


def begin_as_a_stranger(rig: Rig) -> None:
    """Let a stack wait for its first review."""
    rig.clients.cloudformation(EAST.region).create_change_set(
        StackName="stranger",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody="Resources: {Topic: {Type: AWS::SNS::Topic}}",
    )


def test_a_stranger_s_first_review_that_may_not_be_looked_at_is_said_and_stops_nothing(deployed: Rig) -> None:
    begin_as_a_stranger(deployed)
    deployed.world.faults.add(Fault.DENIED, operation="ListChangeSets")
    seen = find(deployed)
    assert [unseen.site for unseen in seen.unseen] == [EAST]
    assert seen.unseen[0].because.startswith("stranger, which holds but change sets: not allowed")
    assert len(seen.stacks) == len(deployed.deployment.stacks)


@pytest.mark.slow
def test_another_refusal_to_look_into_a_first_review_ends_it(deployed: Rig) -> None:
    begin_as_a_stranger(deployed)
    deployed.world.faults.add(Fault.THROTTLE, operation="ListChangeSets")
    with pytest.raises(AwsError, match="Throttling"):
        find(deployed)


def test_what_a_template_leaves_behind_is_known_whatever_its_type(rig: Rig) -> None:
    kept = "{Kept: {Type: AWS::SNS::Topic, DeletionPolicy: Retain}, Gone: {Type: AWS::SNS::Topic}}"
    rig.world.stack("tap-dev-kept").deploy(f"Resources: {kept}", tags=TAGS)
    (contents,) = rig.run(lambda: find_deployed("tap-dev", (EAST,), rig.clients))
    assert [kind for kind, _ in contents.retained] == ["AWS::SNS::Topic"]
    assert not contents.holders
