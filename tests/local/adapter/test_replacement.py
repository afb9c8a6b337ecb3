from typing import Any

import pytest

from builder.local.adapter import replacement
from local.account import PRIMARY, Account, deploy, update
from local.adapter.templates import bucket, function, log_group, table


def _permission(**properties: Any) -> dict[str, Any]:
    wanted = {
        "Action": "lambda:InvokeFunctionUrl",
        "Principal": "*",
        "FunctionName": {"Ref": "Function"},
        "FunctionUrlAuthType": "NONE",
        **properties,
    }
    return {**function("tap"), "Permission": {"Type": "AWS::Lambda::Permission", "Properties": wanted}}


def _url(**properties: Any) -> dict[str, Any]:
    wanted = {"TargetFunctionArn": {"Fn::GetAtt": ["Function", "Arn"]}, "AuthType": "NONE", **properties}
    return {**function("tap"), "Url": {"Type": "AWS::Lambda::Url", "Properties": wanted}}


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


def test_a_key_an_index_or_a_type_that_changes_replaces_a_table() -> None:
    plain = table()["Table"]["Properties"]
    assert not replacement.replaces_table(plain, {**plain, "BillingMode": "PROVISIONED"})
    assert replacement.replaces_table(plain, {**plain, "KeySchema": []})
    assert replacement.replaces_table(plain, {**plain, "LocalSecondaryIndexes": [{}]})
    number = [{"AttributeName": "id", "AttributeType": "N"}]
    assert replacement.replaces_table(plain, {**plain, "AttributeDefinitions": number})
