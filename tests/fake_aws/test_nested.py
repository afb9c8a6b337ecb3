"""Stacks that are resources of others: made, updated, rolled back and deleted with them."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

BUCKET = "templates-of-the-test"
GRANDCHILD = """
Parameters: {Name: {Type: String}}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}
  Data: {Type: AWS::S3::Bucket, Properties: {BucketName: data-of-the-test}}
Outputs:
  Topic: {Value: !Ref Topic}
  Name: {Value: !Sub "${Name} of ${AWS::StackName}"}
"""
CHILD = """
Parameters: {Name: {Type: String, Default: one}}
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://s3.amazonaws.com/templates-of-the-test/grandchild.yaml
      Parameters: {Name: !Ref Name}
  Queue: {Type: AWS::SQS::Queue}
Outputs:
  Topic: {Value: !GetAtt Inner.Outputs.Topic}
"""
ROOT = """
Parameters: {Name: {Type: String, Default: one}}
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://templates-of-the-test.s3.us-east-1.amazonaws.com/child.yaml
      Parameters: {Name: !Ref Name}
      Tags: [{Key: own, Value: child}]
  After: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt Child.Outputs.Topic}}
Outputs:
  Topic: {Value: !GetAtt Child.Outputs.Topic}
"""
NEW_NAME = [{"ParameterKey": "Name", "ParameterValue": "two"}]
Put = Callable[[str, str], None]


@pytest.fixture
def put(world: World) -> Put:
    """Put a template into the bucket that the templates are read from."""
    s3 = world.session().client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket=BUCKET)

    def put_template(name: str, body: str) -> None:
        s3.put_object(Bucket=BUCKET, Key=name, Body=body.encode())

    put_template("child.yaml", CHILD)
    put_template("grandchild.yaml", GRANDCHILD)
    return put_template


def stacks(cfn: "CloudFormationClient") -> dict[str, Any]:
    """Return every stack that is not deleted, by the logical ids that lead to it."""
    listed = [each for page in cfn.get_paginator("describe_stacks").paginate() for each in page["Stacks"]]
    by_id = {each["StackId"]: each for each in listed}

    def path(stack: Any) -> str:
        parent = by_id.get(stack.get("ParentId"))
        if parent is None:
            return str(stack["StackName"])
        return f"{path(parent)}/{stack['StackName'].removeprefix(parent['StackName'] + '-').split('-')[0]}"

    return {path(each): each for each in listed}


def statuses(cfn: "CloudFormationClient") -> dict[str, str]:
    return {path: each["StackStatus"] for path, each in stacks(cfn).items()}


def history(world: World, name: str) -> list[str]:
    """Return the statuses that a stack went through."""
    stack = next(
        each for each in world.region("111122223333", "us-east-1").cloudformation.stacks.values() if each.name == name
    )
    return [each.status for each in stack.events if each.physical_id == stack.id]


def test_children_are_stacks_with_names_parents_tags_outputs_and_resources(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    assert deploy(ROOT, Tags=[{"Key": "all", "Value": "root"}]) == "CREATE_COMPLETE"
    by_path = stacks(cfn)
    assert statuses(cfn) == dict.fromkeys(["app", "app/Child", "app/Child/Inner"], "CREATE_COMPLETE")
    root, child, inner = (by_path[path] for path in ("app", "app/Child", "app/Child/Inner"))
    assert (root.get("ParentId"), root.get("RootId")) == (None, None)
    assert (child["ParentId"], child["RootId"]) == (root["StackId"], root["StackId"])
    assert (inner["ParentId"], inner["RootId"]) == (child["StackId"], root["StackId"])
    assert {each["Key"]: each["Value"] for each in inner["Tags"]} == {"all": "root", "own": "child"}
    topic = inner["Outputs"][1]["OutputValue"]
    assert root["Outputs"] == [{"OutputKey": "Topic", "OutputValue": topic}]
    assert world.stack("app").record.resources["After"].properties == {"DisplayName": topic}
    row = cfn.describe_stack_resources(StackName="app", LogicalResourceId="Child")["StackResources"][0]
    assert (row["PhysicalResourceId"], row["ResourceType"]) == (child["StackId"], "AWS::CloudFormation::Stack")
    listed = cfn.list_stack_resources(StackName=inner["StackId"])["StackResourceSummaries"]
    assert [each["LogicalResourceId"] for each in listed] == ["Data", "Topic"]
    assert str(cfn.get_template(StackName=inner["StackId"])["TemplateBody"]) == GRANDCHILD
    events = cfn.describe_stack_events(StackName=inner["StackId"])["StackEvents"]
    assert events[0]["ResourceStatus"] == "CREATE_COMPLETE"
    summaries = [each for page in cfn.get_paginator("list_stacks").paginate() for each in page["StackSummaries"]]
    assert {each["StackName"]: each.get("RootId") for each in summaries}[inner["StackName"]] == root["StackId"]


@pytest.mark.parametrize(
    ("failing", "options", "left"),
    [
        ("Topic", {}, {"app": "ROLLBACK_COMPLETE"}),
        ("After", {}, {"app": "ROLLBACK_COMPLETE"}),
        (
            "Topic",
            {"OnStackFailure": "DO_NOTHING"},
            dict.fromkeys(["app", "app/Child", "app/Child/Inner"], "CREATE_FAILED"),
        ),
    ],
)
@pytest.mark.usefixtures("put")
def test_a_creation_that_fails_anywhere_takes_the_children_with_it(
    world: World, deploy: "Deploy", failing: str, options: dict[str, Any], left: dict[str, str]
) -> None:
    cfn = world.session().client("cloudformation", region_name="us-east-1")
    world.script.fails("CREATE", failing, reason="no")
    deploy(ROOT, **options)
    assert statuses(cfn) == left
    reasons = {
        each.logical_id: each.reason for each in world.stack("app").record.events if each.status == "CREATE_FAILED"
    }
    if failing == "Topic":
        arn = world.stack("app").record.resources["Child"].physical_id
        reason = "was not successfully created: The following resource(s) failed to create:"
        assert reasons["Child"] == f"Embedded stack {arn} {reason} [Inner]. "
    if not options:
        assert set(world.buckets) == {BUCKET}


def test_a_child_whose_template_or_parameters_will_not_do_fails_as_a_resource(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    put("child.yaml", CHILD.replace("Default: one", "Default: one}, More: {Type: String"))
    assert deploy(ROOT) == "ROLLBACK_COMPLETE"
    first = next(each.reason for each in world.stack("app").record.events if each.status == "CREATE_FAILED")
    assert first == "Parameters: [More] must have values"
    assert statuses(cfn) == {"app": "ROLLBACK_COMPLETE"}


def test_a_child_is_updated_though_only_the_object_at_its_url_changed(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    deploy(ROOT)
    before = stacks(cfn)["app/Child/Inner"]["StackId"]
    put("grandchild.yaml", GRANDCHILD.replace("of ${", "in ${"))
    assert deploy(ROOT, "second") == "UPDATE_COMPLETE"
    by_path = stacks(cfn)
    assert statuses(cfn) == dict.fromkeys(["app", "app/Child", "app/Child/Inner"], "UPDATE_COMPLETE")
    assert by_path["app/Child/Inner"]["StackId"] == before
    assert (
        by_path["app/Child/Inner"]["Outputs"][0]["OutputValue"] == f"one in {by_path['app/Child/Inner']['StackName']}"
    )
    child = history(world, by_path["app/Child"]["StackName"])
    assert child[-3:] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]


def test_a_child_in_which_nothing_changes_is_left_alone(
    cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    deploy(ROOT)
    assert deploy(ROOT + "  More: {Value: x}\n", "second") == "UPDATE_COMPLETE"
    assert statuses(cfn) == {
        "app": "UPDATE_COMPLETE",
        "app/Child": "CREATE_COMPLETE",
        "app/Child/Inner": "CREATE_COMPLETE",
    }


def test_children_keep_their_old_resources_until_all_of_the_root_is_updated(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy", plan: "Deploy"
) -> None:
    deploy(ROOT)
    world.script.takes(100, action="UPDATE", resource="After")
    put("grandchild.yaml", GRANDCHILD.replace("data-of", "more-of"))
    cfn.execute_change_set(
        ChangeSetName=plan(ROOT.replace("DisplayName: !GetAtt Child.Outputs.Topic", "DisplayName: x"), "second")
    )
    world.pass_time(60)
    assert statuses(cfn) == {
        "app": "UPDATE_IN_PROGRESS",
        "app/Child": "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "app/Child/Inner": "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    }
    assert {"data-of-the-test", "more-of-the-test"} <= world.buckets.keys()
    world.settle()
    assert set(statuses(cfn).values()) == {"UPDATE_COMPLETE"}
    assert "data-of-the-test" not in world.buckets


@pytest.mark.parametrize("failing", ["After", "Topic"])
def test_an_update_that_fails_anywhere_brings_the_children_back(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy", failing: str
) -> None:
    deploy(ROOT)
    before = {path: each.get("Outputs") for path, each in stacks(cfn).items()}
    put("grandchild.yaml", GRANDCHILD.replace("data-of", "more-of"))
    world.script.takes(60, action="UPDATE", resource="After")
    world.script.fails("UPDATE", failing, reason="no")
    changed = ROOT.replace("DisplayName: !GetAtt Child.Outputs.Topic", "DisplayName: x")
    assert deploy(changed, "second", Parameters=NEW_NAME) == "UPDATE_ROLLBACK_COMPLETE"
    assert set(statuses(cfn).values()) == {"UPDATE_ROLLBACK_COMPLETE"}
    assert {path: each.get("Outputs") for path, each in stacks(cfn).items()} == before
    assert "data-of-the-test" in world.buckets
    assert "more-of-the-test" not in world.buckets
    if failing == "Topic":
        reasons = [each.reason or "" for each in world.stack("app").record.events if each.status == "UPDATE_FAILED"]
        assert any(
            "was not successfully updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following"
            " resource(s) failed to update: [Inner]." in each
            for each in reasons
        )


def test_a_rollback_that_fails_below_can_be_continued_by_name(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    deploy(ROOT)
    world.script.fails("UPDATE", "After", reason="no")
    world.script.fails("UPDATE_ROLLBACK", "Topic", reason="no way back", times=None)
    changed = ROOT.replace("DisplayName: !GetAtt Child.Outputs.Topic", "DisplayName: x")
    world.script.takes(60, action="UPDATE", resource="After")
    assert deploy(changed, "second", Parameters=NEW_NAME) == "UPDATE_ROLLBACK_FAILED"
    assert set(statuses(cfn).values()) == {"UPDATE_ROLLBACK_FAILED"}
    inner = stacks(cfn)["app/Child/Inner"]["StackName"]
    with pytest.raises(ClientError, match="ResourcesToSkip"):
        cfn.continue_update_rollback(StackName="app", ResourcesToSkip=[f"{inner}.Data"])
    cfn.continue_update_rollback(StackName="app", ResourcesToSkip=[f"{inner}.Topic"])
    world.settle()
    assert set(statuses(cfn).values()) == {"UPDATE_ROLLBACK_COMPLETE"}


def test_a_removed_child_goes_with_all_below_it_unless_it_is_retained(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy", plan: "Deploy"
) -> None:
    deploy(ROOT)
    alone = "Resources: {After: {Type: AWS::SNS::Topic}}"
    row = cfn.describe_change_set(ChangeSetName=plan(alone, "second"))["Changes"][1]["ResourceChange"]
    assert (row["LogicalResourceId"], row["Action"], row["PolicyAction"]) == ("Child", "Remove", "Delete")
    assert deploy(alone, "third") == "UPDATE_COMPLETE"
    assert statuses(cfn) == {"app": "UPDATE_COMPLETE"}
    assert "data-of-the-test" not in world.buckets
    deploy(ROOT.replace("Stack\n    Prop", "Stack\n    DeletionPolicy: Retain\n    Prop"), "fourth")
    row = cfn.describe_change_set(ChangeSetName=plan(alone, "fifth"))["Changes"][1]["ResourceChange"]
    assert row["PolicyAction"] == "Retain"
    deploy(alone, "sixth")
    assert len(stacks(cfn)) == 3
    assert "data-of-the-test" in world.buckets


def test_a_filled_bucket_below_keeps_every_stack_above_it(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    deploy(ROOT)
    s3 = world.session().client("s3", region_name="us-east-1")
    s3.put_object(Bucket="data-of-the-test", Key="k", Body=b"x")
    cfn.delete_stack(StackName="app")
    world.settle()
    assert set(statuses(cfn).values()) == {"DELETE_FAILED"}
    arn = world.stack("app").record.resources["Child"].physical_id
    assert world.stack("app").record.resources["Child"].reason == (
        f"Embedded stack {arn} was not successfully deleted: The following resource(s) failed to delete: [Inner]. "
    )
    s3.delete_object(Bucket="data-of-the-test", Key="k")
    cfn.delete_stack(StackName="app")
    world.settle()
    assert stacks(cfn) == {}


def test_protection_sits_on_the_root(world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy") -> None:
    deploy(ROOT)
    inner = stacks(cfn)["app/Child/Inner"]["StackId"]
    with pytest.raises(ClientError, match=r"ValidationError.*nested stack"):
        cfn.update_termination_protection(StackName=inner, EnableTerminationProtection=True)
    cfn.update_termination_protection(StackName="app", EnableTerminationProtection=True)
    assert [each["EnableTerminationProtection"] for each in stacks(cfn).values()] == [True, True, True]
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        cfn.delete_stack(StackName=inner)


def test_a_child_that_is_gone_cannot_be_updated(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    deploy(ROOT)
    cfn.delete_stack(StackName=stacks(cfn)["app/Child"]["StackId"])
    world.settle()
    assert statuses(cfn) == {"app": "CREATE_COMPLETE"}
    assert deploy(ROOT, "second", Parameters=NEW_NAME) == "UPDATE_ROLLBACK_FAILED"  # its outputs are gone, too
    cfn.delete_stack(StackName="app")
    world.settle()
    assert stacks(cfn) == {}


def test_a_creation_that_takes_too_long_fails(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    world.script.takes(600, action="CREATE", resource="Data")
    assert deploy(ROOT.replace("Tags: [", "TimeoutInMinutes: 5\n      Tags: [")) == "ROLLBACK_COMPLETE"
    first = next(each.reason or "" for each in world.stack("app").record.events if each.status == "CREATE_FAILED")
    assert "Stack creation time exceeded the specified timeout" in first
    assert statuses(cfn) == {"app": "ROLLBACK_COMPLETE"}


def test_drift_detection_does_not_look_below(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    deploy(ROOT)
    inner = stacks(cfn)["app/Child/Inner"]["StackName"]
    world.stack(inner).drifts("Topic", DisplayName="by hand")
    for name, status in (("app", "IN_SYNC"), (inner, "DRIFTED")):
        number = cfn.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
        world.settle()
        assert cfn.describe_stack_drift_detection_status(StackDriftDetectionId=number)["StackDriftStatus"] == status


def test_a_stack_policy_of_the_parent_keeps_a_child(
    world: World, cfn: "CloudFormationClient", put: Put, deploy: "Deploy"
) -> None:
    deploy(ROOT)
    allow = {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}
    deny = allow | {"Effect": "Deny", "Resource": "LogicalResourceId/Child"}
    cfn.set_stack_policy(StackName="app", StackPolicyBody=json.dumps({"Statement": [allow, deny]}))
    assert deploy(ROOT, "second", Parameters=NEW_NAME) == "UPDATE_ROLLBACK_COMPLETE"
    assert statuses(cfn)["app/Child"] == "CREATE_COMPLETE"
