import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builder.local.adapter.cloudformation.stack_policies import find_denial, find_fault
from local.account import Account, deploy, destroy, update
from local.adapter.templates import TABLE, function, log_group, table

_OPEN = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}


def _policy(**denied: Any) -> str:
    return json.dumps({"Statement": [_OPEN, {"Effect": "Deny", "Principal": "*", "Resource": "*", **denied}]})


def _set(account: Account, policy: str) -> None:
    account.cloudformation().set_stack_policy(StackName="app", StackPolicyBody=policy)


def _resources(days: int = 7, name: str = "one", *, table_too: bool = True, **properties: Any) -> dict[str, Any]:
    return {**log_group(name, RetentionInDays=days), **(table(**properties) if table_too else {})}


_EXPIRES: dict[str, Any] = {"TimeToLiveSpecification": {"AttributeName": "t", "Enabled": True}}
_DELETE = {"Action": "Update:Delete", "Resource": "LogicalResourceId/Tab*"}
_TABLE = {"Condition": {"StringLike": {"ResourceType": ["AWS::DynamoDB::*"]}}}


@pytest.mark.parametrize(
    ("denied", "resources", "action"),
    [
        ({"Action": "Update:Modify", **_TABLE}, _resources(**_EXPIRES), "Update:Modify"),
        ({"Action": ["Update:Replace"], **_TABLE}, _resources(TableName="other"), "Update:Replace"),
        (_DELETE, _resources(days=3, table_too=False), "Update:Delete"),
        ({"Action": "Update:*", "Resource": "LogicalResourceId/LogGroup"}, _resources(days=3), "Update:Modify"),
    ],
    ids=["modify", "replace", "delete", "all"],
)  # fmt: skip
def test_what_the_policy_denies_fails_the_update_and_changes_nothing(
    account: Account, denied: dict[str, Any], resources: dict[str, Any], action: str
) -> None:
    assert deploy(account, "app", _resources()).status == "CREATE_COMPLETE"
    _set(account, _policy(**denied))
    ended = update(account, "app", resources)
    assert ended.status == "UPDATE_ROLLBACK_COMPLETE"
    assert f"Action denied by stack policy: Statement [#2] does not allow [{action}]" in ended.reason
    assert account.dynamodb().list_tables()["TableNames"] == [TABLE]
    (group,) = account.logs().describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 7
    _set(account, json.dumps({"Statement": [_OPEN]}))
    assert update(account, "app", resources).status == "UPDATE_COMPLETE"


def test_what_no_statement_allows_is_denied_and_a_deletion_is_no_update(account: Account) -> None:
    deploy(account, "app", _resources())
    _set(account, json.dumps({"Statement": [{**_OPEN, "Resource": "LogicalResourceId/Table"}]}))
    assert "Action not allowed by stack policy" in update(account, "app", _resources(days=3)).reason
    added = {**_resources(), "More": log_group("more")["LogGroup"]}
    assert update(account, "app", added).status == "UPDATE_COMPLETE"
    assert account.cloudformation().get_stack_policy(StackName="app")["StackPolicyBody"]
    assert destroy(account, "app").status == "DELETE_COMPLETE"


def test_a_resource_that_only_a_new_name_replaces_is_modified(account: Account) -> None:
    deploy(account, "app", function("tap"))
    _set(account, _policy(Action="Update:Replace"))
    changed = function("tap", "def handler(event, context):\n    return 2\n")
    assert update(account, "app", changed).status == "UPDATE_COMPLETE"
    assert "Update:Replace" in update(account, "app", function("other")).reason


def test_an_update_may_have_a_policy_of_its_own(account: Account) -> None:
    deploy(account, "app", log_group("one", RetentionInDays=7))
    _set(account, _policy(Action="Update:*"))
    body = json.dumps({"Resources": log_group("one", RetentionInDays=3)})
    client = account.cloudformation()
    waiter = client.get_waiter("stack_update_complete")
    client.update_stack(
        StackName="app", TemplateBody=body, StackPolicyDuringUpdateBody=json.dumps({"Statement": [_OPEN]})
    )
    waiter.wait(StackName="app", WaiterConfig={"Delay": 0.05, "MaxAttempts": 100})  # type: ignore[typeddict-item]
    assert account.logs().describe_log_groups()["logGroups"][0]["retentionInDays"] == 3
    assert "Deny" in client.get_stack_policy(StackName="app")["StackPolicyBody"]


@pytest.mark.slow
def test_statements_name_what_they_cover_or_what_they_do_not() -> None:
    policy = json.dumps(
        {
            "Statement": [
                {**_OPEN, "Action": "Update:Modify"},
                {
                    "Effect": "Allow",
                    "NotAction": "Update:Delete",
                    "Principal": "*",
                    "NotResource": "LogicalResourceId/A",
                },
            ]
        }
    )
    allowed = {
        (action, name)
        for action in ("Update:Modify", "Update:Replace", "Update:Delete")
        for name in ("A", "B")
        if find_denial(policy, action, name, "AWS::S3::Bucket") is None
    }
    assert allowed == {("Update:Modify", "A"), ("Update:Modify", "B"), ("Update:Replace", "B")}


@pytest.mark.parametrize(
    "policy",
    [
        "{",
        "{}",
        json.dumps({"Statement": [{**_OPEN, "Action": "Update:Remove"}]}),
        json.dumps({"Statement": [{**_OPEN, "Effect": "Maybe"}]}),
        json.dumps({"Statement": [{name: value for name, value in _OPEN.items() if name != "Principal"}]}),
        json.dumps({"Statement": [{**_OPEN, "NotResource": "x"}]}),
        json.dumps({"Statement": [{**_OPEN, "Condition": {"StringEquals": {"Tag": "x"}}}]}),
    ],
)
def test_a_policy_that_is_none_is_not_set(account: Account, policy: str) -> None:
    assert find_fault(policy)
    deploy(account, "app", log_group("one"))
    with pytest.raises(ClientError, match="Error validating stack policy"):
        _set(account, policy)


def test_a_protected_stack_is_not_deleted(account: Account) -> None:
    deploy(account, "app", log_group("one"))
    client = account.cloudformation()
    client.update_termination_protection(StackName="app", EnableTerminationProtection=True)
    with pytest.raises(
        ClientError, match=r"Stack \[.*/app/.*\] cannot be deleted while TerminationProtection is enabled"
    ):
        client.delete_stack(StackName="app")
    assert client.describe_stacks(StackName="app")["Stacks"][0]["EnableTerminationProtection"] is True
    client.update_termination_protection(StackName="app", EnableTerminationProtection=False)
    assert destroy(account, "app").status == "DELETE_COMPLETE"


def test_policies_of_resources_keep_them_and_change_sets_say_so(account: Account) -> None:
    def kept(name: str) -> dict[str, Any]:
        group = log_group(name)["LogGroup"]
        return {"LogGroup": {**group, "DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}}

    assert deploy(account, "app", kept("one")).status == "CREATE_COMPLETE"
    replaced = update(account, "app", kept("two"))
    assert replaced.changes[0]["ResourceChange"]["PolicyAction"] == "ReplaceAndRetain"
    removed = update(account, "app", {"Other": log_group("three")["LogGroup"]})
    rows = {row["ResourceChange"]["LogicalResourceId"]: row["ResourceChange"] for row in removed.changes}
    assert rows["LogGroup"]["PolicyAction"] == "Retain"
    named = {group["logGroupName"] for group in account.logs().describe_log_groups()["logGroups"]}
    assert named == {"one", "two", "three"}
    failing = {
        **kept("four"),
        "Bad": {"Type": "AWS::S3::Bucket", "DependsOn": "LogGroup", "Properties": {"BucketName": "Not_A_Bucket"}},
    }
    assert deploy(account, "failed", failing).status == "ROLLBACK_COMPLETE"
    named = {group["logGroupName"] for group in account.logs().describe_log_groups()["logGroups"]}
    assert named == {"one", "two", "three"}
