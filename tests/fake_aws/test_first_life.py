"""A stack's whole life, through real boto3 clients."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from fake_aws import Unsupported, World
from fake_aws.conftest import TOPIC

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy


def test_a_stack_is_reviewed_created_updated_and_deleted(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    arn = plan()
    assert world.stack("app").status == "REVIEW_IN_PROGRESS"
    seen = cfn.describe_change_set(ChangeSetName=arn)
    assert (seen["Status"], seen["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert [each["ResourceChange"]["LogicalResourceId"] for each in seen["Changes"]] == ["Topic"]
    cfn.execute_change_set(ChangeSetName=arn, ClientRequestToken="token-1")
    assert world.stack("app").status == "CREATE_IN_PROGRESS"
    world.settle()
    stack = cfn.describe_stacks(StackName="app")["Stacks"][0]
    assert (stack["StackStatus"], stack["ChangeSetId"]) == ("CREATE_COMPLETE", arn)
    assert stack["Outputs"][0]["OutputValue"].startswith("arn:aws:sns:us-east-1:111122223333:app-Topic-")
    parameters = [{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "prod"}]
    assert deploy(name="second", Parameters=parameters) == "UPDATE_COMPLETE"
    cfn.delete_stack(StackName="app")
    world.settle()
    assert cfn.describe_stacks(StackName=stack["StackId"])["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="Stack with id app does not exist") as refused:
        cfn.describe_stacks(StackName="app")
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_events_tell_the_whole_story_newest_first(world: World, cfn: "CloudFormationClient", plan: "Deploy") -> None:
    cfn.execute_change_set(ChangeSetName=plan(), ClientRequestToken="token-1")
    world.settle()
    pages = cfn.get_paginator("describe_stack_events").paginate(StackName="app")
    events = [event for page in pages for event in page["StackEvents"]]
    assert [
        (each["LogicalResourceId"], each["ResourceStatus"], each.get("ResourceStatusReason")) for each in events
    ] == [
        ("app", "CREATE_COMPLETE", None),
        ("Topic", "CREATE_COMPLETE", None),
        ("Topic", "CREATE_IN_PROGRESS", "Resource creation Initiated"),
        ("Topic", "CREATE_IN_PROGRESS", None),
        ("app", "CREATE_IN_PROGRESS", "User Initiated"),
        ("app", "REVIEW_IN_PROGRESS", "User Initiated"),
    ]
    assert [each.get("ClientRequestToken") for each in events] == ["token-1"] * 5 + [None]


def test_a_primed_failure_rolls_a_creation_back(world: World, deploy: "Deploy") -> None:
    world.script.fails("CREATE", "Topic", reason="Access Denied")
    assert deploy() == "ROLLBACK_COMPLETE"
    record = world.stack("app").record
    reasons = [event.reason for event in record.events if event.status == "ROLLBACK_IN_PROGRESS"]
    assert reasons == ["The following resource(s) failed to create: [Topic]. Rollback requested by user."]


def test_regions_and_accounts_know_nothing_of_each_other(world: World, deploy: "Deploy") -> None:
    deploy()
    west = world.session().client("cloudformation", region_name="us-west-2")
    another = world.session("444455556666").client("cloudformation", region_name="us-east-1")
    assert west.describe_stacks()["Stacks"] == []
    assert another.describe_stacks()["Stacks"] == []


def test_a_copy_of_a_world_is_a_world_of_its_own_and_goes_on_as_the_first_would(world: World, deploy: "Deploy") -> None:
    deploy()
    copied = world.copied()
    assert copied.now == world.now
    copied.session().client("cloudformation", "us-east-1").delete_stack(StackName="app")
    copied.settle()
    assert world.stack("app").status == "CREATE_COMPLETE"
    again = world.copied()
    assert again.stack("app").status == "CREATE_COMPLETE"
    assert again.new_uuid() == world.new_uuid()
    world.session().client("cloudformation", "us-east-1").delete_stack(StackName="app")
    with pytest.raises(Unsupported, match="at rest"):
        world.copied()


def test_what_the_fake_does_not_know_it_refuses_loudly(world: World, cfn: "CloudFormationClient") -> None:
    with pytest.raises(Unsupported, match="cloudformation:ListTypes"):
        cfn.list_types()
    with pytest.raises(Unsupported, match="DisableValidation"):
        cfn.create_change_set(
            StackName="app",
            ChangeSetName="x",
            TemplateBody=TOPIC,
            ChangeSetType="CREATE",
            DisableValidation=True,
        )
    body = "Resources:\n  Vpc:\n    Type: AWS::EC2::Subnet\n"
    with pytest.raises(Unsupported, match="AWS::EC2::Subnet"):
        cfn.create_change_set(StackName="app", ChangeSetName="x", TemplateBody=body, ChangeSetType="CREATE")
