from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, update
from local.adapter.templates import TABLE, table

_REGIONS = (PRIMARY, SECONDARY)


def _expires(attribute: str, *, enabled: bool = True) -> dict[str, Any]:
    return table(TimeToLiveSpecification={"AttributeName": attribute, "Enabled": enabled})


def _recovery(account: Account, region: str) -> Any:
    backups = account.dynamodb(region).describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]
    return backups["PointInTimeRecoveryDescription"]


def test_another_attribute_of_expiry_takes_two_updates(account: Account) -> None:
    assert deploy(account, "table", _expires("until")).status == "CREATE_COMPLETE"
    refused = update(account, "table", _expires("expires_at"))
    assert refused.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "TimeToLive is active on a different AttributeName: current AttributeName is until" in refused.reason
    assert update(account, "table", _expires("until", enabled=False)).status == "UPDATE_COMPLETE"
    assert update(account, "table", _expires("expires_at")).status == "UPDATE_COMPLETE"
    for region in _REGIONS:
        expiry = account.dynamodb(region).describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]
        assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    for attribute, enabled, reason in (("expires_at", True, "already enabled"), ("until", True, "different")):
        with pytest.raises(ClientError, match=reason):
            account.dynamodb().update_time_to_live(
                TableName=TABLE, TimeToLiveSpecification={"AttributeName": attribute, "Enabled": enabled}
            )


def test_recovery_has_the_days_of_each_replica(account: Account) -> None:
    recovery = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}
    days = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": "7"}}
    deploy(account, "table", table({"Region": PRIMARY, **days}, {"Region": SECONDARY, **recovery}))
    assert [_recovery(account, region)["RecoveryPeriodInDays"] for region in _REGIONS] == [7, 35]
    assert update(account, "table", table({"Region": PRIMARY}, {"Region": SECONDARY, **days})).status
    assert "RecoveryPeriodInDays" not in _recovery(account, PRIMARY)
    assert _recovery(account, SECONDARY)["RecoveryPeriodInDays"] == 7
    for specification, reason in (({"PointInTimeRecoveryEnabled": False}, "can only be"), ({}, "less than or equal")):
        wrong = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 36, **specification}
        if specification:
            wrong["RecoveryPeriodInDays"] = 1
        refused = update(
            account,
            "table",
            table({"Region": PRIMARY, "PointInTimeRecoverySpecification": wrong}, {"Region": SECONDARY}),
        )
        assert reason in refused.reason


def test_a_protected_table_is_deleted_by_nobody(account: Account) -> None:
    protected = [{"Region": region, "DeletionProtectionEnabled": True} for region in _REGIONS]
    deploy(account, "table", table(*protected))
    with pytest.raises(ClientError, match="currently protected against deletion"):
        account.dynamodb().delete_table(TableName=TABLE)
    with pytest.raises(ClientError, match="currently protected against deletion"):
        account.dynamodb().update_table(TableName=TABLE, ReplicaUpdates=[{"Delete": {"RegionName": SECONDARY}}])
    ended = destroy(account, "table")
    assert ended.status == "DELETE_FAILED"
    assert "is currently protected against deletion. Disable deletion protection first." in ended.reason
    for region in _REGIONS:
        account.dynamodb(region).update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    assert destroy(account, "table").status == "DELETE_COMPLETE"


def test_a_table_that_is_refused_is_not_left_behind_protected(account: Account) -> None:
    replicas: list[Any] = [
        {"Region": PRIMARY, "DeletionProtectionEnabled": True},
        {"Region": SECONDARY, "TableClass": "NONE"},
    ]
    assert deploy(account, "table", table(*replicas)).status == "ROLLBACK_COMPLETE"
    assert account.dynamodb().list_tables()["TableNames"] == []


def test_a_stream_changes_with_a_single_replica_only_and_becomes_another(account: Account) -> None:
    keys = {"StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}
    deploy(account, "table", table())
    assert "StreamViewType cannot be updated" in update(account, "table", table(**keys)).reason
    update(account, "table", table({"Region": PRIMARY}))
    first = account.dynamodb().describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    assert update(account, "table", table({"Region": PRIMARY}, **keys)).status == "UPDATE_COMPLETE"
    description = account.dynamodb().describe_table(TableName=TABLE)["Table"]
    assert description["StreamSpecification"]["StreamViewType"] == "KEYS_ONLY"
    assert description["LatestStreamArn"] != first
    with pytest.raises(ClientError, match="already has an enabled stream"):
        account.dynamodb().update_table(
            TableName=TABLE, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
        )


def _indexed(*names: str, projection: str = "ALL", replicas: tuple[str, ...] = _REGIONS) -> dict[str, Any]:
    """A table with a sort key that is a number, and indexes with sort keys of each type."""
    attributes = {"id": "S", "at": "N", **dict.fromkeys(names, "B")}
    index = {"Projection": {"ProjectionType": projection}}
    schema = [{"AttributeName": "id", "KeyType": "HASH"}]
    return table(
        *({"Region": region} for region in replicas),
        KeySchema=[*schema, {"AttributeName": "at", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in attributes.items()],
        GlobalSecondaryIndexes=[
            {"IndexName": f"by_{name}", "KeySchema": [*schema, {"AttributeName": name, "KeyType": "RANGE"}], **index}
            for name in names
        ],
    )


def test_an_index_comes_alone_and_cannot_be_changed(account: Account) -> None:
    assert deploy(account, "table", _indexed("digest")).status == "CREATE_COMPLETE"
    for number in (2, 10):
        item: Any = {"id": {"S": "a"}, "at": {"N": str(number)}, "digest": {"B": bytes([255 - number])}}
        account.dynamodb().put_item(TableName=TABLE, Item=item)
    for index, order in ((None, ["2", "10"]), ("by_digest", ["10", "2"])):
        named = {"IndexName": index} if index else {}
        query: Any = {"KeyConditionExpression": "id = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}, **named}
        items = account.dynamodb(SECONDARY).query(TableName=TABLE, **query)["Items"]
        assert [item["at"]["N"] for item in items] == order
    for resources, reason in (
        (_indexed("digest", "a", "b"), "more than one GSI creation or deletion"),
        (_indexed("other"), "more than one GSI creation or deletion"),
        (_indexed("digest", projection="KEYS_ONLY"), "Cannot update GSI's properties"),
        (_indexed("digest", "a", replicas=(PRIMARY,)), "still in use"),
    ):
        refused = update(account, "table", resources)
        assert (refused.status, reason in refused.reason) == ("UPDATE_ROLLBACK_COMPLETE", True), refused.reason
    assert update(account, "table", _indexed("digest", "a")).status == "UPDATE_COMPLETE"
    assert update(account, "table", _indexed("a")).status == "UPDATE_COMPLETE"
    indexes = account.dynamodb(SECONDARY).describe_table(TableName=TABLE)["Table"]["GlobalSecondaryIndexes"]
    assert [index["IndexName"] for index in indexes] == ["by_a"]


def test_no_table_is_in_a_global_table_of_the_old_version(account: Account) -> None:
    with pytest.raises(ClientError) as caught:
        account.dynamodb().describe_global_table(GlobalTableName=TABLE)
    assert caught.value.response["Error"]["Code"] == "GlobalTableNotFoundException"
