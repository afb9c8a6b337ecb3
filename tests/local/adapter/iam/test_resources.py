import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core.responses import request_scope

from builder.components.bucket.options import RESOURCE_TYPES as BUCKET
from builder.components.function.options import RESOURCE_TYPES as FUNCTION
from builder.components.table.options import RESOURCE_TYPES as TABLE
from builder.local.adapter.iam import alarms
from builder.local.adapter.iam.calls import ApiCall
from builder.local.adapter.iam.resources import CALLS
from local.adapter.strict import Strict, allow, reasons, settled
from local.adapter.templates import log_group

ACCOUNT = "123456789012"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/b"


@pytest.fixture(autouse=True)
def request_of_an_account() -> Iterator[None]:
    with request_scope(ACCOUNT, "us-east-1"):
        yield


def actions(calls: Iterator[ApiCall], service: str) -> list[str]:
    return [call.action.partition(":")[2] for call in calls if call.action.startswith(f"{service}:")]


def test_every_type_of_the_system_is_known() -> None:
    assert set(CALLS) == {*TABLE, *BUCKET, *FUNCTION, *alarms.CALLS}


def table(*regions: str, **properties: Any) -> dict[str, Any]:
    return {"TableName": "t", "Replicas": [{"Region": region} for region in regions], **properties}


def test_a_replica_is_made_with_all_that_dynamodb_wants_in_its_own_region() -> None:
    calls = list(CALLS["AWS::DynamoDB::GlobalTable"].create(table("us-east-1", "us-west-2"), "stack", "Table"))
    there = {call.action for call in calls if ":us-west-2:" in call.arn}
    assert len(there) == 9
    linked = next(call for call in calls if call.action == "iam:CreateServiceLinkedRole")
    assert linked.keys == {"iam:AWSServiceName": "replication.dynamodb.amazonaws.com"}


def test_a_replica_more_is_made_and_one_less_is_removed() -> None:
    update = CALLS["AWS::DynamoDB::GlobalTable"].update
    more = list(update("t", table("us-east-1"), table("us-east-1", "us-west-2")))
    assert "CreateTableReplica" in actions(iter(more), "dynamodb")
    less = list(update("t", table("us-east-1", "us-west-2"), table("us-east-1")))
    assert actions(iter(less), "dynamodb") == ["UpdateTable", "DeleteTable", "DeleteTableReplica"]


def test_a_setting_of_the_table_itself_is_an_update_of_it() -> None:
    update = CALLS["AWS::DynamoDB::GlobalTable"].update
    changed = update("t", table("us-east-1"), table("us-east-1", BillingMode="PAY_PER_REQUEST"))
    assert actions(changed, "dynamodb") == ["UpdateTable"]


def test_only_what_changes_of_a_bucket_is_put() -> None:
    update = CALLS["AWS::S3::Bucket"].update
    before, after = {"BucketName": "b", "Tags": []}, {"BucketName": "b", "ReplicationConfiguration": {"Role": "arn:r"}}
    calls = list(update("b", before, after))
    assert [call.action for call in calls] == ["s3:PutReplicationConfiguration", "iam:PassRole", "s3:PutBucketTagging"]
    gone = update("b", after, {"BucketName": "b"})
    assert [call.action for call in gone] == ["s3:PutReplicationConfiguration"]


def test_a_bucket_policy_is_replaced_by_putting_it() -> None:
    assert actions(CALLS["AWS::S3::BucketPolicy"].update("b", {}, {"Bucket": "b"}), "s3") == ["PutBucketPolicy"]


def test_a_role_comes_with_its_boundary_and_may_lose_it() -> None:
    calls = CALLS["AWS::IAM::Role"]
    bounded = {"RoleName": "r", "PermissionsBoundary": BOUNDARY}
    (created,) = calls.create(bounded, "stack", "Role")
    assert (created.arn, created.keys) == (f"arn:aws:iam::{ACCOUNT}:role/r", {"iam:PermissionsBoundary": BOUNDARY})
    (lifted,) = calls.update("r", bounded, {"RoleName": "r"})
    assert lifted.action == "iam:DeleteRolePermissionsBoundary"
    (put,) = calls.update("r", {"RoleName": "r"}, bounded)
    assert (put.action, put.keys) == ("iam:PutRolePermissionsBoundary", {"iam:PermissionsBoundary": BOUNDARY})


def test_a_function_s_code_and_its_configuration_are_changed_apart() -> None:
    update = CALLS["AWS::Lambda::Function"].update
    assert actions(update("f", {"Code": 1}, {"Code": 2}), "lambda") == ["UpdateFunctionCode"]
    assert actions(update("f", {"Timeout": 1}, {"Timeout": 2}), "lambda") == ["UpdateFunctionConfiguration"]


def test_a_permission_is_changed_by_removing_and_adding_it() -> None:
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
    calls = list(CALLS["AWS::Lambda::Permission"].update("p", {}, {"FunctionName": arn}))
    assert [(call.action, call.arn) for call in calls] == [
        ("lambda:RemovePermission", arn),
        ("lambda:AddPermission", arn),
    ]


def test_a_log_group_s_tags_are_none_of_its_settings() -> None:
    calls = CALLS["AWS::Logs::LogGroup"]
    assert actions(calls.create({"LogGroupName": "/a"}, "stack", "LogGroup"), "logs") == ["CreateLogGroup"]
    assert actions(calls.update("/a", {"Tags": []}, {}), "logs") == []


def test_a_role_without_policies_is_deleted_at_once() -> None:
    assert actions(CALLS["AWS::IAM::Role"].delete("r", {}), "iam") == ["DeleteRole"]


def test_an_unchanged_function_is_not_called() -> None:
    assert actions(CALLS["AWS::Lambda::Function"].update("f", {"Tags": 1}, {"Tags": 2}), "lambda") == []


def template(**properties: int) -> str:
    return json.dumps({"Resources": log_group("/a", **properties)})


def test_what_may_not_be_changed_is_rolled_back(strict: Strict) -> None:
    person = strict.person(
        allow("cloudformation:*"), allow("logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:TagResource")
    )
    person.create_stack(StackName="one", TemplateBody=template())
    assert settled(person, "one") == "CREATE_COMPLETE"
    person.update_stack(StackName="one", TemplateBody=template(RetentionInDays=1))
    assert settled(person, "one").startswith("UPDATE_ROLLBACK_")
    assert "logs:PutRetentionPolicy on resource: arn:aws:logs:us-east-1:" in reasons(person, "one")


def test_what_may_be_done_is_done(strict: Strict) -> None:
    person = strict.person(
        allow("cloudformation:*"), allow("logs:*", resource="arn:aws:logs:us-east-1:*:log-group:/a*")
    )
    person.create_stack(StackName="one", TemplateBody=template())
    assert settled(person, "one") == "CREATE_COMPLETE"
    person.update_stack(StackName="one", TemplateBody=template(RetentionInDays=1))
    assert settled(person, "one") == "UPDATE_COMPLETE"


def _notified() -> str:
    """A key with its alias, a topic with a subscriber, and an alarm that notifies it."""
    root = {"Effect": "Allow", "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}}
    policy = {"Version": "2012-10-17", "Statement": [{**root, "Action": "kms:*", "Resource": "*"}]}
    topic = {"Ref": "Topic"}
    alarm = {
        "AlarmName": "a",
        "Namespace": "own",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": [topic],
    }
    resources = {
        "Key": ("AWS::KMS::Key", {"KeyPolicy": policy, "EnableKeyRotation": True}),
        "Alias": ("AWS::KMS::Alias", {"AliasName": "alias/a", "TargetKeyId": {"Ref": "Key"}}),
        "Topic": ("AWS::SNS::Topic", {"TopicName": "t"}),
        "Mail": ("AWS::SNS::Subscription", {"TopicArn": topic, "Protocol": "email", "Endpoint": "a@example.com"}),
        "Alarm": ("AWS::CloudWatch::Alarm", alarm),
    }
    shaped = {name: {"Type": kind, "Properties": props} for name, (kind, props) in resources.items()}
    return json.dumps({"Resources": shaped})


_NOTIFIED = (
    *("kms:CreateKey", "kms:DescribeKey", "kms:EnableKeyRotation", "kms:CreateAlias", "sns:CreateTopic"),
    *("sns:GetTopicAttributes", "sns:Subscribe", "cloudwatch:PutMetricAlarm"),
    *("kms:TagResource", "sns:TagResource", "cloudwatch:TagResource"),
    *("kms:ScheduleKeyDeletion", "kms:DeleteAlias", "sns:DeleteTopic", "sns:Unsubscribe", "cloudwatch:DeleteAlarms"),
)


@pytest.mark.parametrize("missing", ["", "kms:CreateAlias", "kms:EnableKeyRotation", "sns:Subscribe", *_NOTIFIED[7:8]])
def test_keys_topics_and_alarms_are_made_by_whoever_may(strict: Strict, missing: str) -> None:
    person = strict.person(allow("cloudformation:*"), allow(*(name for name in _NOTIFIED if name != missing)))
    number = person.create_stack(StackName="one", TemplateBody=_notified())["StackId"]
    status = settled(person, "one")
    if not missing:
        assert status == "CREATE_COMPLETE", reasons(person, "one")
        person.delete_stack(StackName="one")
        assert settled(strict.root("cloudformation"), number) == "DELETE_COMPLETE"
    else:
        assert status == "ROLLBACK_COMPLETE"
        assert f"is not authorized to perform: {missing}" in reasons(person, "one")
