"""What stands without a stack is taken over by one, and given back when that fails."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import Unsupported, World

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

GROUP = """
Resources:
  Group:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: RetainExceptOnCreate
    Properties: {LogGroupName: /kept, RetentionInDays: 30}
"""
BUCKET = """
Parameters: {Name: {Type: String, Default: kept}}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    Properties: {BucketName: kept, VersioningConfiguration: {Status: Enabled}}
  Topic: {Type: AWS::SNS::Topic}
"""
IMPORT = {"ImportExistingResources": True}
NAMED = {"ResourceType": "AWS::Logs::LogGroup", "LogicalResourceId": "Group"}
BY_NAME: dict[str, Any] = {"ResourcesToImport": [NAMED | {"ResourceIdentifier": {"LogGroupName": "/kept"}}]}


@pytest.fixture
def by_hand(world: World) -> None:
    """A log group and a bucket that belong to no stack."""
    world.by_hand("AWS::Logs::LogGroup", {"LogGroupName": "/kept", "RetentionInDays": 1})
    world.by_hand("AWS::S3::Bucket", {"BucketName": "kept"})


def _changes(cfn: "CloudFormationClient", arn: str) -> dict[str, tuple[str, str | None]]:
    changes = [each["ResourceChange"] for each in cfn.describe_change_set(ChangeSetName=arn)["Changes"]]
    return {each["LogicalResourceId"]: (each["Action"], each.get("PhysicalResourceId")) for each in changes}


def _reason(cfn: "CloudFormationClient", arn: str) -> str:
    shown = cfn.describe_change_set(ChangeSetName=arn)
    assert shown["Status"] == "FAILED"
    return shown["StatusReason"]


def _history(world: World, logical_id: str) -> list[tuple[str, str | None]]:
    return [(each.status, each.reason) for each in world.stack("app").record.events if each.logical_id == logical_id]


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize("applied", [False, True])
def test_what_has_the_name_and_no_stack_is_imported_while_the_rest_is_created(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", *, applied: bool
) -> None:
    world.quirks.imports_apply_the_template = applied
    s3 = world.session().client("s3", region_name="us-east-1")
    s3.put_object(Bucket="kept", Key="k", Body=b"x")
    arn = plan(BUCKET, **IMPORT)
    assert _changes(cfn, arn) == {"Bucket": ("Import", "kept"), "Topic": ("Add", None)}
    cfn.execute_change_set(ChangeSetName=arn)
    world.settle()
    assert world.stack("app").status == "CREATE_COMPLETE"
    assert _history(world, "Bucket") == [
        ("IMPORT_IN_PROGRESS", "Resource import started."),
        ("IMPORT_COMPLETE", "Resource import completed."),
        ("UPDATE_IN_PROGRESS", "Apply stack-level tags to imported resource if applicable."),
        ("UPDATE_COMPLETE", None),
    ]
    assert s3.get_bucket_versioning(Bucket="kept").get("Status") == ("Enabled" if applied else None)
    assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"x"


@pytest.mark.usefixtures("by_hand")
def test_an_update_imports_too(world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy") -> None:
    topic = "Resources: {Topic: {Type: AWS::SNS::Topic}}"
    deploy(topic)
    arn = plan(BUCKET, name="second", **IMPORT)
    assert cfn.list_change_sets(StackName="app")["Summaries"][-1]["ImportExistingResources"]
    assert _changes(cfn, arn) == {"Bucket": ("Import", "kept")}
    world.script.fails("UPDATE", "Bucket", reason="Access Denied")
    assert deploy(BUCKET, name="third", **IMPORT) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Bucket" not in world.stack("app").record.resources
    assert deploy(BUCKET, name="fourth", **IMPORT) == "UPDATE_COMPLETE"


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize("change", ["kept, V -> !Ref Name, V", "DeletionPolicy: Retain -> DeletionPolicy: Delete"])
def test_a_computed_name_or_one_that_is_not_to_be_retained_is_taken(
    cfn: "CloudFormationClient", plan: "Deploy", change: str
) -> None:
    before, _, after = change.partition(" -> ")
    body = BUCKET.replace(before, after)
    assert "ResourceExistenceCheck" in _reason(cfn, plan(body, **IMPORT))


def test_what_another_stack_has_is_not_imported(world: World, cfn: "CloudFormationClient", plan: "Deploy") -> None:
    world.stack("owner").deploy(BUCKET)
    assert "ResourceExistenceCheck" in _reason(cfn, plan(BUCKET, **IMPORT))


def test_what_a_stack_left_behind_can_be_imported_by_the_next(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(BUCKET)
    cfn.delete_stack(StackName="app")
    world.settle()
    assert deploy(BUCKET, name="second", **IMPORT) == "CREATE_COMPLETE"


@pytest.mark.usefixtures("by_hand")
def test_a_failed_creation_gives_back_what_it_imported(world: World, deploy: "Deploy") -> None:
    world.script.fails("CREATE", "Topic", reason="no")
    world.script.takes(20, resource="Topic")
    before = dict(world.unmanaged)
    body = BUCKET.replace("Policy: Retain", "Policy: RetainExceptOnCreate")
    assert deploy(body, **IMPORT) == "ROLLBACK_COMPLETE"
    assert [status for status, _ in _history(world, "Bucket")][-2:] == [
        "IMPORT_ROLLBACK_IN_PROGRESS",
        "IMPORT_ROLLBACK_COMPLETE",
    ]
    assert (world.unmanaged, world.buckets["kept"].versioning) == (before, None)


@pytest.mark.usefixtures("by_hand")
def test_what_is_gone_by_then_fails_the_import(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    arn = plan(BUCKET, **IMPORT)
    deploy(BUCKET, stack="other", **IMPORT)
    cfn.execute_change_set(ChangeSetName=arn)
    world.settle()
    assert world.stack("app").status == "ROLLBACK_COMPLETE"
    status, reason = _history(world, "Bucket")[1]
    assert (status, str(reason).startswith("kept already exists in stack arn:")) == ("IMPORT_FAILED", True)
    assert "kept" in world.buckets


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize("new", [True, False])
def test_an_import_change_set_takes_over_what_it_names(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy", *, new: bool
) -> None:
    topic = "\n  Topic: {Type: AWS::SNS::Topic}\n"
    body = GROUP if new else GROUP + topic
    if not new:
        deploy("Resources:" + topic)
    arn = plan(body, name="second", ChangeSetType="IMPORT", **BY_NAME)
    assert _changes(cfn, arn) == {"Group": ("Import", "/kept")}
    cfn.execute_change_set(ChangeSetName=arn)
    assert world.stack("app").status == "IMPORT_IN_PROGRESS"
    world.settle()
    assert world.stack("app").status == "IMPORT_COMPLETE"
    assert cfn.describe_change_set(ChangeSetName=arn)["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert deploy(body.replace("30", "60"), name="third") == "UPDATE_COMPLETE"


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize(
    ("action", "status"),
    [("IMPORT_ROLLBACK", "IMPORT_ROLLBACK_FAILED"), ("DELETE", "IMPORT_ROLLBACK_COMPLETE")],
)
def test_a_failed_import_is_rolled_back_and_a_new_stack_has_nothing_then(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy", action: str, status: str
) -> None:
    world.script.fails("UPDATE", "Group", reason="no")
    world.script.fails(action, "Group", reason="no way back")
    assert deploy(GROUP, ChangeSetType="IMPORT", **BY_NAME) == status
    for kind, more in (("UPDATE", {}), ("IMPORT", BY_NAME)):
        with pytest.raises(ClientError, match=f"is in {status} state and can not be updated"):
            deploy(GROUP, name="second", ChangeSetType=kind, **more)
    world.script.failures.clear()
    cfn.delete_stack(StackName="app")
    world.settle()
    assert (world.stack("app").status, len(world.unmanaged)) == ("DELETE_COMPLETE", 1)
    assert deploy(GROUP, name="third", ChangeSetType="IMPORT", **BY_NAME) == "IMPORT_COMPLETE"


@pytest.mark.usefixtures("by_hand")
def test_a_new_stack_whose_import_was_rolled_back_may_take_another(world: World, deploy: "Deploy") -> None:
    world.quirks.rolled_back_stacks_import_again = True
    world.script.fails("UPDATE", "Group", reason="no", times=1)
    assert deploy(GROUP, ChangeSetType="IMPORT", **BY_NAME) == "IMPORT_ROLLBACK_COMPLETE"
    assert deploy(GROUP, name="second", ChangeSetType="IMPORT", **BY_NAME) == "IMPORT_COMPLETE"
    assert deploy(GROUP.replace("30", "60"), name="third") == "UPDATE_COMPLETE"


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (GROUP + "  Topic: {Type: AWS::SNS::Topic}\n", r"You have modified resources [Topic] in your template"),
        (GROUP.replace("    DeletionPolicy: RetainExceptOnCreate\n", ""), "must have DeletionPolicy attribute"),
        (GROUP.replace("Retention", "Other: 1, Retention"), "PropertyValidation"),
    ],
)
def test_an_import_that_cannot_be_made_says_why(
    cfn: "CloudFormationClient", plan: "Deploy", body: str, reason: str
) -> None:
    assert reason in _reason(cfn, plan(body, ChangeSetType="IMPORT", **BY_NAME))


def test_an_import_adds_no_outputs_and_takes_nothing_that_is_not_there(
    cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    topic = "\n  Topic: {Type: AWS::SNS::Topic}\n"
    assert "'/kept' does not exist" in _reason(cfn, plan(GROUP, ChangeSetType="IMPORT", **BY_NAME))
    deploy("Resources:" + topic, stack="other")
    output = GROUP + topic + "Outputs: {Arn: {Value: !Ref Topic}}\n"
    arn = plan(output, stack="other", name="second", ChangeSetType="IMPORT", **BY_NAME)
    assert _reason(cfn, arn) == "As part of the import operation, you cannot modify or add [Outputs]"


@pytest.mark.usefixtures("by_hand")
def test_an_import_changes_nothing_of_what_stands_not_even_its_order(
    cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    topics = "\n  A: {Type: AWS::SNS::Topic}\n  B: {Type: AWS::SNS::Topic}\n"
    deploy("Resources:" + topics)
    ordered = GROUP + topics.replace("B: {", "B: {DependsOn: A, ")
    arn = plan(ordered, name="second", ChangeSetType="IMPORT", **BY_NAME)
    assert "You have modified resources [B] in your template" in _reason(cfn, arn)


def test_a_handle_stands_alone_in_a_stack_and_cannot_be_imported(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    handle = "Resources: {Handle: {Type: AWS::CloudFormation::WaitConditionHandle, DeletionPolicy: Retain}}"
    named = {"ResourceType": "AWS::CloudFormation::WaitConditionHandle", "LogicalResourceId": "Handle"}
    with pytest.raises(ClientError, match=r"\[AWS::CloudFormation::WaitConditionHandle\] are not supported for Import"):
        plan(handle, ChangeSetType="IMPORT", ResourcesToImport=[named | {"ResourceIdentifier": {"Id": "x"}}])
    deploy(BUCKET)
    arn = plan(handle, name="second")
    rows = [each["ResourceChange"] for each in cfn.describe_change_set(ChangeSetName=arn)["Changes"]]
    assert [(each["LogicalResourceId"], each["Action"], each.get("PolicyAction")) for each in rows] == [
        ("Bucket", "Remove", "Retain"),
        ("Handle", "Add", None),
    ]
    cfn.execute_change_set(ChangeSetName=arn)
    world.settle()
    (row,) = cfn.describe_stack_resources(StackName="app")["StackResources"]
    assert row["PhysicalResourceId"].startswith("https://cloudformation-waitcondition-us-east-1.s3.amazonaws.com/arn")
    cfn.delete_stack(StackName="app")
    world.settle()
    assert (world.stack("app").status, [*world.buckets]) == ("DELETE_COMPLETE", ["kept"])


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"ChangeSetType": "IMPORT"}, "only with, ChangeSetType IMPORT"),
        (BY_NAME | {"ChangeSetType": "CREATE"}, "only with, ChangeSetType IMPORT"),
        (
            {
                "ChangeSetType": "IMPORT",
                "ResourcesToImport": [BY_NAME["ResourcesToImport"][0] | {"LogicalResourceId": "X"}],
            },
            r"\[X\] to import do not exist in the template",
        ),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_at_once(plan: "Deploy", more: dict[str, Any], reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        plan(GROUP, **more)


def test_a_resource_without_a_name_of_its_own_cannot_be_imported_here(world: World, plan: "Deploy") -> None:
    key = {"ResourceType": "AWS::KMS::Key", "LogicalResourceId": "Key", "ResourceIdentifier": {"KeyId": "1"}}
    with pytest.raises(Unsupported, match="import of a AWS::KMS::Key"):
        plan("Resources: {Key: {Type: AWS::KMS::Key}}", ChangeSetType="IMPORT", ResourcesToImport=[key])
    with pytest.raises(Unsupported, match="by hand needs a name"):
        world.by_hand("AWS::KMS::Key", {})
