"""Deleting stacks: what holds on, what is protected, what is left."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from fake_aws import World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

TWO = """
Resources:
  First: {Type: AWS::SNS::Topic}
  Second: {Type: AWS::SNS::Topic, DependsOn: First}
"""


def test_dependants_go_first(world: World, cfn: "CloudFormationClient", deploy: "Deploy") -> None:
    deploy(TWO)
    cfn.delete_stack(StackName="app", ClientRequestToken="bye")
    world.settle()
    gone = [each.logical_id for each in world.stack("app").record.events if each.status == "DELETE_COMPLETE"]
    assert gone == ["Second", "First", "app"]
    assert {each.token for each in world.stack("app").record.events if "DELETE" in each.status} == {"bye"}


def test_what_holds_on_fails_the_deletion_and_can_be_left_behind(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(TWO)
    with pytest.raises(ClientError, match="DELETE_FAILED state"):
        cfn.delete_stack(StackName="app", RetainResources=["First"])
    world.script.fails("DELETE", "First", reason="held", times=None)
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "DELETE_FAILED"
    resources = cfn.describe_stack_resources(StackName="app")["StackResources"]
    assert [(each["ResourceStatus"], each.get("ResourceStatusReason")) for each in resources] == [
        ("DELETE_FAILED", "held"),
        ("DELETE_COMPLETE", None),
    ]
    with pytest.raises(ClientError, match="must be in a valid state"):
        cfn.delete_stack(StackName="app", RetainResources=["Second"])
    cfn.delete_stack(StackName="app", RetainResources=["First"])
    world.settle()
    assert world.stack("app").status == "DELETE_COMPLETE"


def test_a_failed_deletion_can_be_forced(world: World, cfn: "CloudFormationClient", deploy: "Deploy") -> None:
    deploy(TWO)
    with pytest.raises(ClientError, match="FORCE_DELETE_STACK"):
        cfn.delete_stack(StackName="app", DeletionMode="FORCE_DELETE_STACK")
    world.script.fails("DELETE", "First", reason="held", times=None)
    for mode, status in (("STANDARD", "DELETE_FAILED"), ("FORCE_DELETE_STACK", "DELETE_COMPLETE")):
        cfn.delete_stack(StackName="app", DeletionMode=mode)  # type: ignore[arg-type]  # both are modes
        world.settle()
        assert world.stack("app").status == status


def test_a_protected_stack_stays(world: World, cfn: "CloudFormationClient", deploy: "Deploy") -> None:
    deploy()
    cfn.update_termination_protection(StackName="app", EnableTerminationProtection=True)
    with pytest.raises(ClientError, match=r"Stack \[app\] cannot be deleted while TerminationProtection is enabled"):
        cfn.delete_stack(StackName="app")
    assert cfn.describe_stacks(StackName="app")["Stacks"][0]["EnableTerminationProtection"]


def test_a_missing_or_going_stack_is_no_error(world: World, cfn: "CloudFormationClient", deploy: "Deploy") -> None:
    cfn.delete_stack(StackName="none")
    deploy()
    cfn.delete_stack(StackName="app")
    cfn.delete_stack(StackName="app")
    world.settle()
    assert sum(each.status == "DELETE_IN_PROGRESS" for each in world.stack("app").record.events) == 2


def test_deletion_takes_over_a_creation_but_not_an_update(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    cfn.execute_change_set(ChangeSetName=plan(TWO))
    world.pass_time(3)
    cfn.delete_stack(StackName="app")
    world.settle()
    assert world.stack("app").status == "DELETE_COMPLETE"
    assert world.names == set()
    deploy(TWO)
    cfn.execute_change_set(ChangeSetName=plan(TWO + "  Third: {Type: AWS::SNS::Topic}\n", name="second"))
    with pytest.raises(ClientError, match="cannot be deleted while in status UPDATE_IN_PROGRESS"):
        cfn.delete_stack(StackName="app")


def test_a_repeated_token_is_refused_or_honoured_by_a_switch(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(TWO)
    world.script.fails("DELETE", "First", reason="held")
    cfn.delete_stack(StackName="app", ClientRequestToken="bye")
    world.settle()
    with pytest.raises(ClientError) as refused:
        cfn.delete_stack(StackName="app", ClientRequestToken="bye")
    assert refused.value.response["Error"]["Code"] == "TokenAlreadyExistsException"
    world.quirks.repeated_request_token_is_honoured = True
    cfn.delete_stack(StackName="app", ClientRequestToken="bye")
    assert world.stack("app").status == "DELETE_FAILED"


def test_a_new_stack_of_the_same_name_is_another_stack(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(TWO)
    first = world.stack("app").record.id
    cfn.delete_stack(StackName="app")
    world.settle()
    deploy(TWO, name="again")
    second = world.stack("app").record.id
    assert first != second
    assert cfn.describe_stacks(StackName=first)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    assert cfn.describe_stacks(StackName="app")["Stacks"][0]["StackId"] == second
