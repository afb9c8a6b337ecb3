"""What the deployer relies on of change sets, wherever it runs."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract.conftest import Plan
from contract.stand_ins import StandIn
from fake_aws.conftest import TOPIC

OUTPUT = TOPIC + "  Name: {Value: !GetAtt Topic.TopicName}\n"
GROUP = """
Resources:
  Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /contract/one, RetentionInDays: 7}}
"""


def _code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def _changes(cfn: Any, arn: str) -> dict[str, dict[str, Any]]:
    shown = cfn.describe_change_set(ChangeSetName=arn)
    assert shown["Status"] == "CREATE_COMPLETE", shown.get("StatusReason")
    return {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in shown["Changes"]}


def test_a_new_stack_waits_in_review(cfn: Any, plan: Plan) -> None:
    shown = cfn.describe_change_set(ChangeSetName=plan())
    assert (shown["Status"], shown["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert [each["ResourceChange"]["Action"] for each in shown["Changes"]] == ["Add"]
    assert cfn.describe_stacks(StackName="app")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"


def test_an_executed_change_set_is_named_by_its_stack(cfn: Any, deploy: Plan) -> None:
    assert deploy() == "CREATE_COMPLETE"
    arn = cfn.describe_stacks(StackName="app")["Stacks"][0]["ChangeSetId"]
    assert cfn.describe_change_set(ChangeSetName=arn)["ExecutionStatus"] == "EXECUTE_COMPLETE"


def test_the_same_again_fails_for_having_no_changes(cfn: Any, plan: Plan, deploy: Plan) -> None:
    deploy()
    shown = cfn.describe_change_set(ChangeSetName=plan(TOPIC, "second", "UPDATE"))
    assert (shown["Status"], shown["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert shown["StatusReason"].startswith(
        ("The submitted information didn't contain", "No updates are to be performed")
    )


def test_a_change_of_outputs_alone_can_be_executed(cfn: Any, plan: Plan, deploy: Plan) -> None:
    deploy()
    assert _changes(cfn, plan(OUTPUT, "second", "UPDATE")) == {}
    assert deploy(OUTPUT, "third", "UPDATE") == "UPDATE_COMPLETE"


def test_a_name_is_used_once(cfn: Any, plan: Plan) -> None:
    plan()
    with pytest.raises(ClientError) as refused:
        plan()
    assert _code(refused) == "AlreadyExistsException"


def test_executing_twice_is_refused(cfn: Any, deploy: Plan) -> None:
    deploy()
    with pytest.raises(ClientError) as refused:
        cfn.execute_change_set(ChangeSetName="first", StackName="app")
    assert _code(refused) in {"InvalidChangeSetStatus", "ChangeSetNotFound"}


def test_executing_one_ends_the_others(cfn: Any, plan: Plan, deploy: Plan) -> None:
    other = plan()
    assert deploy(TOPIC, "second") == "CREATE_COMPLETE"
    with pytest.raises(ClientError) as refused:
        cfn.execute_change_set(ChangeSetName=other)
    assert _code(refused) in {"InvalidChangeSetStatus", "ChangeSetNotFound"}


def test_create_wants_no_stack_and_update_wants_one(cfn: Any, plan: Plan, deploy: Plan) -> None:
    with pytest.raises(ClientError, match="does not exist") as refused:
        plan(TOPIC, "first", "UPDATE")
    assert _code(refused) == "ValidationError"
    deploy()
    with pytest.raises(ClientError, match="already exists") as refused:
        plan(TOPIC, "second", "CREATE")
    assert _code(refused) == "ValidationError"


def test_a_create_only_property_is_a_replacement(cfn: Any, plan: Plan, deploy: Plan) -> None:
    deploy(GROUP)
    in_place = _changes(cfn, plan(GROUP.replace("7", "14"), "second", "UPDATE"))["Group"]
    assert (in_place["Action"], in_place["Replacement"]) == ("Modify", "False")
    assert [each["Target"]["Name"] for each in in_place["Details"]] == ["RetentionInDays"]
    replaced = _changes(cfn, plan(GROUP.replace("/one", "/two"), "third", "UPDATE"))["Group"]
    assert (replaced["Action"], replaced["Replacement"]) == ("Modify", "True")


def test_a_removed_resource_is_shown_and_goes(cfn: Any, plan: Plan, deploy: Plan) -> None:
    deploy(GROUP + "  Topic: {Type: AWS::SNS::Topic}\n")
    assert _changes(cfn, plan(GROUP, "second", "UPDATE"))["Topic"]["Action"] == "Remove"
    assert deploy(GROUP, "third", "UPDATE") == "UPDATE_COMPLETE"


def test_values_before_and_after_are_shown_when_asked_for(cfn: Any, plan: Plan, deploy: Plan) -> None:
    deploy(GROUP)
    arn = plan(GROUP.replace("7", "14"), "second", "UPDATE")
    shown = cfn.describe_change_set(ChangeSetName=arn, IncludePropertyValues=True)
    target = shown["Changes"][0]["ResourceChange"]["Details"][0]["Target"]
    assert (target["BeforeValue"], target["AfterValue"]) == ("7", "14")


def test_the_template_comes_back_byte_for_byte(cfn: Any, deploy: Plan) -> None:
    deploy()
    assert cfn.get_template(StackName="app", TemplateStage="Original")["TemplateBody"] == TOPIC


def test_description_and_parameters_are_kept(cfn: Any, plan: Plan) -> None:
    given = [{"ParameterKey": "EnvironmentSuffix", "ParameterValue": "prod"}]
    shown = cfn.describe_change_set(ChangeSetName=plan(Description='{"plan":"p1"}', Parameters=given))
    assert shown["Description"] == '{"plan":"p1"}'
    assert [(each["ParameterKey"], each["ParameterValue"]) for each in shown["Parameters"]] == [
        ("EnvironmentSuffix", "prod")
    ]


def test_an_unknown_property_fails_early_and_says_where(cfn: Any, plan: Plan) -> None:
    arn = plan(TOPIC.replace("DisplayName", "Nickname"))
    assert cfn.describe_change_set(ChangeSetName=arn)["Status"] == "FAILED"
    events = cfn.describe_events(ChangeSetName=arn)["OperationEvents"]
    paths = [each["ValidationPath"] for each in events if each["EventType"] == "VALIDATION_ERROR"]
    assert paths == ["/Resources/Topic/Properties/Nickname"]


def test_a_deleted_change_set_is_not_found(aws: StandIn, cfn: Any, plan: Plan) -> None:
    arn = plan()
    cfn.delete_change_set(ChangeSetName=arn)
    aws.settle()
    with pytest.raises(ClientError) as refused:
        cfn.describe_change_set(ChangeSetName=arn)
    assert _code(refused) == "ChangeSetNotFound"


def test_a_template_may_lie_in_a_bucket(aws: StandIn, cfn: Any) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="contract-artifacts")
    s3.put_object(Bucket="contract-artifacts", Key="a/topic.yaml", Body=TOPIC.encode())
    url = "https://s3.us-east-1.amazonaws.com/contract-artifacts/a/topic.yaml"
    made = cfn.create_change_set(StackName="app", ChangeSetName="first", TemplateURL=url, ChangeSetType="CREATE")
    aws.settle()
    assert list(_changes(cfn, made["Id"])) == ["Topic"]
    assert cfn.get_template(ChangeSetName=made["Id"], TemplateStage="Original")["TemplateBody"] == TOPIC


def test_what_exists_and_has_the_name_is_imported_when_asked_for(aws: StandIn, cfn: Any, plan: Plan) -> None:
    aws.client("s3").create_bucket(Bucket="contract-of-an-import")
    body = """
Resources:
  Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: contract-of-an-import}}
"""
    change = _changes(cfn, plan(body, ImportExistingResources=True))["Bucket"]
    assert (change["Action"], change["PhysicalResourceId"]) == ("Import", "contract-of-an-import")


def test_a_drift_aware_change_set_without_drift_has_no_changes(cfn: Any, plan: Plan, deploy: Plan) -> None:
    deploy()
    shown = cfn.describe_change_set(ChangeSetName=plan(TOPIC, "second", "UPDATE", DeploymentMode="REVERT_DRIFT"))
    assert (shown["Status"], shown["StackDriftStatus"]) == ("FAILED", "IN_SYNC")


def test_an_express_change_set_says_so(cfn: Any, plan: Plan) -> None:
    shown = cfn.describe_change_set(ChangeSetName=plan(DeploymentConfig={"Mode": "EXPRESS"}))
    assert shown["DeploymentConfig"]["Mode"] == "EXPRESS"
