from typing import Any

import boto3
import pytest

from local.account import Account, deploy, destroy
from local.adapter.templates import function, log_group

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
