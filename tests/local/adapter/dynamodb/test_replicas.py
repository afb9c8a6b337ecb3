import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account, deploy, update
from local.adapter.templates import TABLE, table

_RECOVERY = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}


def _deploy(account: Account, secondary: dict[str, Any]) -> None:
    resources = table({"Region": PRIMARY}, {"Region": SECONDARY, **secondary})
    assert deploy(account, "table", resources).status == "CREATE_COMPLETE"


def _update(account: Account, secondary: dict[str, Any]) -> None:
    resources = table({"Region": PRIMARY}, {"Region": SECONDARY, **secondary})
    assert update(account, "table", resources).status == "UPDATE_COMPLETE"


def _arn(account: Account, region: str) -> str:
    return account.dynamodb(region).describe_table(TableName=TABLE)["Table"]["TableArn"]


def _tags(account: Account, region: str) -> dict[str, str]:
    tags = account.dynamodb(region).list_tags_of_resource(ResourceArn=_arn(account, region))["Tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}


def _recovery(account: Account, region: str) -> str:
    backups = account.dynamodb(region).describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]
    return backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]


def _policy(account: Account, region: str) -> dict[str, Any]:
    answer = account.dynamodb(region).get_resource_policy(ResourceArn=_arn(account, region))
    policy: dict[str, Any] = json.loads(answer["Policy"])
    return policy


def test_point_in_time_recovery_is_each_replicas_own(account: Account) -> None:
    _deploy(account, _RECOVERY)
    assert (_recovery(account, PRIMARY), _recovery(account, SECONDARY)) == ("DISABLED", "ENABLED")
    _update(account, {})
    assert _recovery(account, SECONDARY) == "DISABLED"


def test_a_setting_given_as_a_parameters_text_counts(account: Account) -> None:
    recovery = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": "true"}}
    _deploy(account, {**recovery, "DeletionProtectionEnabled": "true"})
    assert _recovery(account, SECONDARY) == "ENABLED"
    assert account.dynamodb(SECONDARY).describe_table(TableName=TABLE)["Table"]["DeletionProtectionEnabled"] is True
    _update(account, {**recovery, "DeletionProtectionEnabled": "false"})
    assert account.dynamodb(SECONDARY).describe_table(TableName=TABLE)["Table"]["DeletionProtectionEnabled"] is False


def test_tags_are_added_changed_and_removed_in_their_replica_only(account: Account) -> None:
    _deploy(account, {"Tags": [{"Key": "kept", "Value": "old"}, {"Key": "gone", "Value": "1"}]})
    assert _tags(account, SECONDARY) == {"kept": "old", "gone": "1"}
    _update(account, {"Tags": [{"Key": "kept", "Value": "new"}, {"Key": "more", "Value": "2"}]})
    assert _tags(account, SECONDARY) == {"kept": "new", "more": "2"}
    assert _tags(account, PRIMARY) == {}


def test_deletion_protection_is_each_replicas_own(account: Account) -> None:
    _deploy(account, {"DeletionProtectionEnabled": True})
    described = [account.dynamodb(region).describe_table(TableName=TABLE)["Table"] for region in (PRIMARY, SECONDARY)]
    assert [table["DeletionProtectionEnabled"] for table in described] == [False, True]
    _update(account, {})
    account.dynamodb(SECONDARY).delete_table(TableName=TABLE)


def test_a_table_class_is_each_replicas_own(account: Account) -> None:
    _deploy(account, {"TableClass": "STANDARD_INFREQUENT_ACCESS"})
    described = account.dynamodb(SECONDARY).describe_table(TableName=TABLE)["Table"]
    assert described["TableClassSummary"]["TableClass"] == "STANDARD_INFREQUENT_ACCESS"
    assert "TableClassSummary" not in account.dynamodb(PRIMARY).describe_table(TableName=TABLE)["Table"]


def test_contributor_insights_are_each_replicas_own(account: Account) -> None:
    _deploy(account, {"ContributorInsightsSpecification": {"Enabled": True}})
    described = account.dynamodb(SECONDARY).describe_contributor_insights(TableName=TABLE)
    assert described["ContributorInsightsStatus"] == "ENABLED"
    _update(account, {})
    described = account.dynamodb(SECONDARY).describe_contributor_insights(TableName=TABLE)
    assert described["ContributorInsightsStatus"] == "DISABLED"


def test_a_resource_policy_is_put_and_deleted_in_its_replica_only(account: Account) -> None:
    document = {"Version": "2012-10-17", "Statement": []}
    _deploy(account, {"ResourcePolicy": {"PolicyDocument": document}})
    assert _policy(account, SECONDARY) == document
    with pytest.raises(ClientError, match="PolicyNotFoundException"):
        _policy(account, PRIMARY)
    _update(account, {})
    with pytest.raises(ClientError, match="PolicyNotFoundException"):
        _policy(account, SECONDARY)
