from typing import Any

import boto3
import pytest

from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, update
from local.adapter.templates import bucket, function, log_group, table

_ROLE = {
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {"RoleName": "taken", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
    }
}
_TABLE = {
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "taken",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        },
    }
}


@pytest.mark.parametrize(
    "resources",
    [
        pytest.param(log_group("taken"), id="log-group"),
        pytest.param(function("taken"), id="function"),
        pytest.param(_ROLE, id="role"),
        pytest.param(_TABLE, id="table"),
    ],
)
def test_what_another_stack_holds_is_neither_taken_over_nor_deleted(
    account: Account, resources: dict[str, Any]
) -> None:
    assert deploy(account, "owner", resources).status == "CREATE_COMPLETE"
    second = deploy(account, "second", resources)
    assert second.status == "ROLLBACK_COMPLETE"
    assert "already exist" in second.reason
    assert "HandlerErrorCode: AlreadyExists" in second.reason
    assert destroy(account, "second").status == "DELETE_COMPLETE"
    _check_kept(account, next(iter(resources)))


def _check_kept(account: Account, logical_id: str) -> None:
    match logical_id:
        case "LogGroup":
            assert account.logs().describe_log_groups()["logGroups"][0]["logGroupName"] == "taken"
        case "Function":
            assert account.functions().get_function(FunctionName="taken")
        case "Table":
            assert account.dynamodb().describe_table(TableName="taken")
        case "Role":
            client: Any = boto3.client(
                "iam",
                region_name="us-east-1",
                endpoint_url=account.endpoint,
                aws_access_key_id=account.id,
                aws_secret_access_key="any",
            )
            assert client.get_role(RoleName="taken")


def test_a_log_group_that_a_late_write_brought_back_fails_the_next_creation(account: Account) -> None:
    deploy(account, "service", log_group("/aws/lambda/tap"))
    destroy(account, "service")
    account.logs().create_log_group(logGroupName="/aws/lambda/tap")
    assert "already exists" in deploy(account, "service", log_group("/aws/lambda/tap")).reason


def test_the_same_name_is_free_in_the_other_region(account: Account) -> None:
    deploy(account, "one", log_group("shared"))
    assert deploy(account, "one", log_group("shared"), region="us-west-2").status == "CREATE_COMPLETE"


def test_a_resource_without_a_name_has_one_made_up(account: Account) -> None:
    resources = function("any")
    del resources["Function"]["Properties"]["FunctionName"]
    assert deploy(account, "one", resources).status == "CREATE_COMPLETE"


TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def role(**properties: object) -> dict[str, dict[str, object]]:
    return {"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, **properties}}}


def name_of(account: Account, region: str) -> str:
    (resource,) = account.cloudformation(region).describe_stack_resources(StackName="one")["StackResources"]
    return resource["PhysicalResourceId"]


def test_stacks_of_one_name_in_two_regions_have_a_role_each(account: Account) -> None:
    for region in (PRIMARY, SECONDARY):
        assert deploy(account, "one", role(), region=region).status == "CREATE_COMPLETE"
    first, second = name_of(account, PRIMARY), name_of(account, SECONDARY)
    assert first != second
    assert max(len(first), len(second)) <= 64
    destroy(account, "one", region=SECONDARY)
    client = account.cloudformation()
    client.detect_stack_drift(StackName="one")
    (drift,) = client.describe_stack_resource_drifts(StackName="one")["StackResourceDrifts"]
    assert drift["StackResourceDriftStatus"] == "IN_SYNC"


def test_an_update_keeps_the_role_of_each_region(account: Account) -> None:
    for region in (PRIMARY, SECONDARY):
        deploy(account, "one", role(), region=region)
    names = name_of(account, PRIMARY), name_of(account, SECONDARY)
    for region in (PRIMARY, SECONDARY):
        assert update(account, "one", role(Description="changed"), region=region).status == "UPDATE_COMPLETE"
    assert (name_of(account, PRIMARY), name_of(account, SECONDARY)) == names


def test_a_role_with_a_name_keeps_it(account: Account) -> None:
    deploy(account, "one", role(RoleName="mine"))
    assert name_of(account, PRIMARY) == "mine"


def _permission(**properties: Any) -> dict[str, Any]:
    permission = {
        "Action": "lambda:InvokeFunctionUrl",
        "Principal": "*",
        "FunctionName": {"Ref": "Function"},
        "FunctionUrlAuthType": "NONE",
        **properties,
    }
    return {**function("tap"), "Permission": {"Type": "AWS::Lambda::Permission", "Properties": permission}}


def _url(**properties: Any) -> dict[str, Any]:
    url = {"TargetFunctionArn": {"Fn::GetAtt": ["Function", "Arn"]}, "AuthType": "NONE", **properties}
    return {**function("tap"), "Url": {"Type": "AWS::Lambda::Url", "Properties": url}}


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        pytest.param(
            table(),
            table({"Region": PRIMARY, "DeletionProtectionEnabled": True}, {"Region": "us-west-2"}),
            "False",
            id="replica",
        ),
        pytest.param(table(), table(TableName="renamed"), "True", id="table-name"),
        pytest.param(log_group("/a"), log_group("/a", RetentionInDays=7), "False", id="retention"),
        pytest.param(log_group("/a"), log_group("/b"), "True", id="log-group-name"),
        pytest.param(_permission(), _permission(FunctionUrlAuthType="AWS_IAM"), "True", id="permission"),
        pytest.param(_url(), _url(AuthType="AWS_IAM"), "False", id="url-auth"),
    ],
)
def test_a_change_set_says_whether_a_resource_is_replaced(
    account: Account, before: dict[str, Any], after: dict[str, Any], shown: str
) -> None:
    deploy(account, "one", before)
    ended = update(account, "one", after)
    assert ended.status == "UPDATE_COMPLETE"
    (change,) = ended.changes
    assert change["ResourceChange"]["Replacement"] == shown


def test_a_bucket_cannot_move_into_another_namespace_under_its_name(account: Account) -> None:
    name = f"tap-{account.id}-{PRIMARY}-an"
    deploy(account, "one", bucket(name, BucketNamespace="account-regional"))
    ended = update(account, "one", bucket(name))
    assert ended.changes[0]["ResourceChange"]["Replacement"] == "True"
    assert ended.status == "UPDATE_ROLLBACK_COMPLETE"
    assert account.s3().head_bucket(Bucket=name)
