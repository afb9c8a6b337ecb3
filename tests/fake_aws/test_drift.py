"""Resources that are changed behind CloudFormation's back, who sees it, and who puts it right."""

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import World
from fake_aws.test_deployment_config import TABLE

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from fake_aws.conftest import Deploy

BODY = """
Parameters: {Name: {Type: String, Default: one}}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name, KmsMasterKeyId: alias/aws/sns}}
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /x, RetentionInDays: 7}}
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {BucketName: kept, VersioningConfiguration: {Status: Enabled}}
"""
REVERT = {"DeploymentMode": "REVERT_DRIFT"}
TWO = {"Parameters": [{"ParameterKey": "Name", "ParameterValue": "two"}]}


def _changes(cfn: "CloudFormationClient", arn: str, *, values: bool = True) -> dict[str, Any]:
    pages = cfn.get_paginator("describe_change_set").paginate(ChangeSetName=arn, IncludePropertyValues=values)
    changes = [each["ResourceChange"] for page in pages for each in page["Changes"]]
    return {each["LogicalResourceId"]: each for each in changes}


def test_an_ordinary_change_set_sees_no_drift(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy(BODY)
    world.stack("app").drifts("Topic", DisplayName="by hand", KmsMasterKeyId=None)
    shown = cfn.describe_change_set(ChangeSetName=plan(BODY, name="second"))
    assert (shown["Status"], "StackDriftStatus" in shown) == ("FAILED", False)
    assert deploy(BODY, name="third", **TWO) == "UPDATE_COMPLETE"
    assert world.stack("app").record.resources["Topic"].live == {"DisplayName": "two"}


def test_a_drift_aware_change_set_shows_what_it_will_put_right(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy(BODY)
    world.stack("app").drifts("Topic", DisplayName="by hand")
    arn = plan(BODY, name="second", **REVERT)
    shown = cfn.describe_change_set(ChangeSetName=arn)
    assert (shown["Status"], shown["DeploymentMode"], shown["StackDriftStatus"]) == (
        "CREATE_COMPLETE",
        "REVERT_DRIFT",
        "DRIFTED",
    )
    change = _changes(cfn, arn)["Topic"]
    assert (change["Action"], change["Replacement"], change["ResourceDriftStatus"]) == ("Modify", "False", "MODIFIED")
    target = change["Details"][0]["Target"]
    assert target["Drift"].pop("DriftDetectionTimestamp").year == 2026
    assert target == {
        "Attribute": "Properties",
        "Name": "DisplayName",
        "RequiresRecreation": "Never",
        "Path": "/Properties/DisplayName",
        "AttributeChangeType": "Modify",
        "BeforeValue": "by hand",
        "AfterValue": "one",
        "BeforeValueFrom": "ACTUAL_STATE",
        "AfterValueFrom": "TEMPLATE",
        "Drift": {"PreviousValue": "one", "ActualValue": "by hand"},
    }
    contexts = [
        json.loads(change[f"{name}Context"])["Properties"] for name in ("Before", "After", "PreviousDeployment")
    ]
    assert [each["DisplayName"] for each in contexts] == ["by hand", "one", "one"]
    plain = _changes(cfn, arn, values=False)["Topic"]
    assert "BeforeContext" not in plain
    assert plain["Details"][0]["Target"]["Drift"]["ActualValue"] == "by hand"
    cfn.execute_change_set(ChangeSetName=arn)
    world.settle()
    assert world.stack("app").status == "UPDATE_COMPLETE"
    assert world.stack("app").record.resources["Topic"].actual is None


def test_without_drift_it_has_nothing_to_do(cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy") -> None:
    deploy(BODY)
    shown = cfn.describe_change_set(ChangeSetName=plan(BODY, name="second", **REVERT))
    assert (shown["Status"], shown["StackDriftStatus"]) == ("FAILED", "IN_SYNC")


def test_drift_is_there_in_the_service_too_and_goes_there(world: World, deploy: "Deploy") -> None:
    s3 = world.session().client("s3", region_name="us-east-1")
    deploy(BODY)
    world.stack("app").drifts("Bucket", VersioningConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_versioning(Bucket="kept")["Status"] == "Suspended"
    assert deploy(BODY, name="second", **REVERT) == "UPDATE_COMPLETE"
    assert s3.get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"


def test_a_replica_taken_away_by_hand_comes_back(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy(TABLE)
    world.stack("app").drifts("Table", Replicas=[{"Region": "us-east-1"}])
    assert list(world.tables["111122223333", "things"].replicas) == ["us-east-1"]
    change = _changes(cfn, plan(TABLE, name="second", **REVERT))["Table"]
    assert [each["Target"]["Path"] for each in change["Details"]] == ["/Properties/Replicas/1"]
    assert deploy(TABLE, name="third", **REVERT) == "UPDATE_COMPLETE"
    assert list(world.tables["111122223333", "things"].replicas) == ["us-east-1", "us-west-2"]


def test_a_template_that_follows_the_drift_only_takes_note_of_it(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy(BODY)
    world.stack("app").drifts("Group", RetentionInDays=30)
    followed = BODY.replace("RetentionInDays: 7", "RetentionInDays: 30")
    change = _changes(cfn, plan(followed, name="second", **REVERT))["Group"]
    assert change["Action"] == "SyncWithActual"
    assert [each["Target"]["AttributeChangeType"] for each in change["Details"]] == ["SyncWithActual"]
    assert deploy(followed, name="third", **REVERT) == "UPDATE_COMPLETE"
    group = world.stack("app").record.resources["Group"]
    assert (group.status, group.actual, group.properties["RetentionInDays"]) == ("CREATE_COMPLETE", None, 30)


def test_one_resource_may_be_put_right_and_taken_note_of_at_once(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy(BODY)
    world.stack("app").drifts("Topic", DisplayName="by hand", KmsMasterKeyId="alias/mine")
    change = _changes(cfn, plan(BODY.replace("alias/aws/sns", "alias/mine"), name="second", **REVERT))["Topic"]
    kinds = {each["Target"]["Name"]: each["Target"]["AttributeChangeType"] for each in change["Details"]}
    assert (change["Action"], kinds) == ("Modify", {"DisplayName": "Modify", "KmsMasterKeyId": "SyncWithActual"})


def test_a_failed_revert_restores_what_was_really_there(world: World, deploy: "Deploy") -> None:
    deploy(BODY)
    world.stack("app").drifts("Topic", DisplayName="by hand")
    world.stack("app").drifts("Group", RetentionInDays=30)
    world.script.fails("UPDATE", "Topic", reason="no")
    assert deploy(BODY, name="second", **REVERT) == "UPDATE_ROLLBACK_COMPLETE"
    resources = world.stack("app").record.resources
    assert resources["Topic"].live["DisplayName"] == "by hand"
    assert resources["Group"].live["RetentionInDays"] == 30
    assert resources["Group"].properties["RetentionInDays"] == 7


def test_a_lost_resource_is_made_anew_by_a_drift_aware_change_set_only(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy(BODY)
    world.stack("app").loses("Topic")
    world.stack("app").loses("Bucket")
    assert deploy(BODY, name="second", **TWO) == "UPDATE_ROLLBACK_FAILED"
    reason = str(world.stack("app").record.resources["Topic"].reason)
    assert reason.endswith("was not found. (HandlerErrorCode: NotFound)")
    cfn.continue_update_rollback(StackName="app", ResourcesToSkip=["Topic"])
    world.settle()
    changes = _changes(cfn, plan(BODY, name="third", **REVERT))
    assert [(changes[each]["Action"], changes[each]["ResourceDriftStatus"]) for each in ("Topic", "Bucket")] == [
        ("Add", "DELETED"),
        ("Add", "DELETED"),
    ]
    assert deploy(BODY, name="fourth", **REVERT) == "UPDATE_COMPLETE"
    assert "kept" in world.buckets
    assert not world.stack("app").record.resources["Topic"].lost


def test_what_needs_a_replacement_keeps_its_drift(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    deploy(BODY)
    world.stack("app").drifts("Group", LogGroupName="/other")
    assert cfn.describe_change_set(ChangeSetName=plan(BODY, name="second", **REVERT))["Status"] == "FAILED"


def test_a_detection_takes_time_and_tells_each_difference(
    world: World, cfn: "CloudFormationClient", deploy: "Deploy"
) -> None:
    deploy(BODY)
    world.stack("app").drifts("Topic", DisplayName="by hand", KmsMasterKeyId=None, TracingConfig="Active")
    world.stack("app").loses("Group")
    assert cfn.describe_stacks(StackName="app")["Stacks"][0]["DriftInformation"]["StackDriftStatus"] == "NOT_CHECKED"
    number = cfn.detect_stack_drift(StackName="app")["StackDriftDetectionId"]
    with pytest.raises(ClientError, match="already in progress"):
        cfn.detect_stack_drift(StackName="app")
    status = cfn.describe_stack_drift_detection_status(StackDriftDetectionId=number)
    assert status["DetectionStatus"] == "DETECTION_IN_PROGRESS"
    world.settle()
    status = cfn.describe_stack_drift_detection_status(StackDriftDetectionId=number)
    assert (status["DetectionStatus"], status["StackDriftStatus"]) == ("DETECTION_COMPLETE", "DRIFTED")
    assert status["DriftedStackResourceCount"] == 2
    first = cfn.describe_stack_resource_drifts(StackName="app")
    rest = cfn.describe_stack_resource_drifts(StackName="app", NextToken=first["NextToken"])
    drifts = {each["LogicalResourceId"]: each for each in first["StackResourceDrifts"] + rest["StackResourceDrifts"]}
    assert {lid: each["StackResourceDriftStatus"] for lid, each in drifts.items()} == {
        "Bucket": "IN_SYNC",
        "Group": "DELETED",
        "Topic": "MODIFIED",
    }
    assert drifts["Topic"]["PropertyDifferences"] == [
        {
            "PropertyPath": "/DisplayName",
            "ExpectedValue": "one",
            "ActualValue": "by hand",
            "DifferenceType": "NOT_EQUAL",
        },
        {
            "PropertyPath": "/KmsMasterKeyId",
            "ExpectedValue": "alias/aws/sns",
            "ActualValue": "null",
            "DifferenceType": "REMOVE",
        },
    ]
    gone = cfn.describe_stack_resource_drifts(StackName="app", StackResourceDriftStatusFilters=["DELETED"])
    assert [each["LogicalResourceId"] for each in gone["StackResourceDrifts"]] == ["Group"]
    resources = cfn.describe_stack_resources(StackName="app", LogicalResourceId="Topic")["StackResources"]
    assert resources[0]["DriftInformation"]["StackResourceDriftStatus"] == "MODIFIED"


def test_only_a_stack_at_rest_is_looked_at_and_its_next_operation_forgets(
    world: World, cfn: "CloudFormationClient", plan: "Deploy", deploy: "Deploy"
) -> None:
    cfn.execute_change_set(ChangeSetName=plan(BODY))
    with pytest.raises(ClientError, match="cannot be performed"):
        cfn.detect_stack_drift(StackName="app")
    with pytest.raises(ClientError, match="Drift detection id none does not exist"):
        cfn.describe_stack_drift_detection_status(StackDriftDetectionId="none")
    world.settle()
    cfn.detect_stack_drift(StackName="app")
    world.settle()
    assert cfn.list_stacks()["StackSummaries"][0]["DriftInformation"]["StackDriftStatus"] == "IN_SYNC"
    deploy(BODY, name="second", **TWO)
    assert cfn.list_stacks()["StackSummaries"][0]["DriftInformation"]["StackDriftStatus"] == "NOT_CHECKED"
