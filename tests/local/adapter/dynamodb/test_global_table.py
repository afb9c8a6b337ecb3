from typing import Any

import pytest
from botocore.exceptions import ClientError

from builder.local.adapter.dynamodb.global_table import replaces_table
from local.account import PRIMARY, SECONDARY, Account, deploy, destroy, update
from local.adapter.templates import TABLE, table

THIRD = "eu-west-1"


def _put(account: Account, region: str, key: str) -> None:
    account.dynamodb(region).put_item(TableName=TABLE, Item={"id": {"S": key}})


def _keys(account: Account, region: str) -> set[str]:
    return {item["id"]["S"] for item in account.dynamodb(region).scan(TableName=TABLE)["Items"]}


def _regions(account: Account) -> set[str]:
    regions = (PRIMARY, SECONDARY, THIRD)
    return {region for region in regions if TABLE in account.dynamodb(region).list_tables()["TableNames"]}


def test_a_write_in_either_region_is_seen_in_both(account: Account) -> None:
    assert deploy(account, "table", table()).status == "CREATE_COMPLETE"
    _put(account, PRIMARY, "from primary")
    _put(account, SECONDARY, "from secondary")
    assert _keys(account, PRIMARY) == _keys(account, SECONDARY) == {"from primary", "from secondary"}


def test_a_table_without_a_name_gets_one(account: Account) -> None:
    resources = table()
    del resources["Table"]["Properties"]["TableName"]
    made = deploy(account, "table", resources, outputs={"Name": {"Value": {"Ref": "Table"}}})
    assert made.outputs["Name"].startswith("table-Table-")
    assert (
        account.dynamodb(SECONDARY).describe_table(TableName=made.outputs["Name"])["Table"]["TableStatus"] == "ACTIVE"
    )


def test_its_attributes_can_be_read(account: Account) -> None:
    attributes = {name: {"Value": {"Fn::GetAtt": ["Table", name]}} for name in ("Arn", "StreamArn", "TableId")}
    outputs = deploy(account, "table", table(), outputs=attributes).outputs
    described = account.dynamodb().describe_table(TableName=TABLE)["Table"]
    assert outputs == {
        "Arn": described["TableArn"],
        "StreamArn": described["LatestStreamArn"],
        "TableId": described["TableId"],
    }


def test_deleting_the_stack_deletes_every_replica(account: Account) -> None:
    deploy(account, "table", table())
    assert _regions(account) == {PRIMARY, SECONDARY}
    assert destroy(account, "table").status == "DELETE_COMPLETE"
    assert _regions(account) == set()


def test_a_replica_that_the_api_removed_does_not_stop_the_deletion(account: Account) -> None:
    deploy(account, "table", table())
    account.dynamodb().update_table(TableName=TABLE, ReplicaUpdates=[{"Delete": {"RegionName": SECONDARY}}])
    assert destroy(account, "table").status == "DELETE_COMPLETE"
    assert _regions(account) == set()


def test_a_table_that_is_gone_does_not_stop_the_deletion(account: Account) -> None:
    deploy(account, "table", table({"Region": PRIMARY}))
    account.dynamodb().delete_table(TableName=TABLE)
    assert destroy(account, "table").status == "DELETE_COMPLETE"


@pytest.mark.parametrize("protected", [PRIMARY, SECONDARY])
def test_one_protected_replica_refuses_the_deletion_of_all(account: Account, protected: str) -> None:
    deploy(
        account,
        "table",
        table(*({"Region": r, "DeletionProtectionEnabled": r == protected} for r in (PRIMARY, SECONDARY))),
    )
    ended = destroy(account, "table")
    assert ended.status == "DELETE_FAILED"
    assert "protected against deletion" in ended.reason
    assert _regions(account) == {PRIMARY, SECONDARY}


def test_a_replica_can_be_added_and_brings_what_is_stored(account: Account) -> None:
    deploy(account, "table", table({"Region": PRIMARY}))
    _put(account, PRIMARY, "before")
    added = update(account, "table", table())
    assert added.status == "UPDATE_COMPLETE"
    assert added.changes[0]["ResourceChange"]["Replacement"] == "False"
    assert _keys(account, SECONDARY) == {"before"}


def test_a_replica_can_be_removed(account: Account) -> None:
    deploy(account, "table", table())
    assert update(account, "table", table({"Region": PRIMARY})).status == "UPDATE_COMPLETE"
    assert _regions(account) == {PRIMARY}


def test_an_update_does_not_bring_back_what_was_deleted_behind_its_back(account: Account) -> None:
    deploy(account, "table", table())
    account.dynamodb().update_table(TableName=TABLE, ReplicaUpdates=[{"Delete": {"RegionName": SECONDARY}}])
    ended = update(account, "table", table(TimeToLiveSpecification={"AttributeName": "until", "Enabled": True}))
    assert f"Table: {TABLE} not found in {SECONDARY}" in ended.reason
    assert _regions(account) == {PRIMARY}


def test_a_protected_replica_is_not_removed(account: Account) -> None:
    deploy(account, "table", table({"Region": PRIMARY}, {"Region": SECONDARY, "DeletionProtectionEnabled": True}))
    ended = update(account, "table", table({"Region": PRIMARY}))
    assert ended.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "protected against deletion" in ended.reason
    assert _regions(account) == {PRIMARY, SECONDARY}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([PRIMARY], [PRIMARY, SECONDARY, THIRD], id="two-added"),
        pytest.param([PRIMARY, SECONDARY, THIRD], [PRIMARY], id="two-removed"),
        pytest.param([PRIMARY, SECONDARY], [PRIMARY, THIRD], id="one-for-another"),
    ],
)
def test_an_update_moves_no_more_than_one_replica(account: Account, before: list[str], after: list[str]) -> None:
    deploy(account, "table", table(*({"Region": region} for region in before)))
    ended = update(account, "table", table(*({"Region": region} for region in after)))
    assert ended.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "only one replica" in ended.reason
    assert _regions(account) == set(before)


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        pytest.param(table({"Region": SECONDARY}), "must include the region of the stack", id="not-its-own-region"),
        pytest.param(table({"Region": PRIMARY}, {"Region": PRIMARY}), "each region once", id="a-region-twice"),
        pytest.param(table(StreamSpecification={}), "StreamSpecification is required", id="no-stream"),
        pytest.param(
            table(AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("id", "unused")]),
            "not used",
            id="unused-attribute",
        ),
    ],
)
def test_what_aws_refuses_creates_nothing(account: Account, resources: dict[str, Any], reason: str) -> None:
    ended = deploy(account, "table", resources)
    assert ended.status == "ROLLBACK_COMPLETE"
    assert reason in ended.reason
    assert _regions(account) == set()


def test_a_single_replica_needs_no_stream_until_a_second_is_added(account: Account) -> None:
    assert deploy(account, "table", table({"Region": PRIMARY}, StreamSpecification={})).status == "CREATE_COMPLETE"
    assert "StreamSpecification is required" in update(account, "table", table(StreamSpecification={})).reason
    assert update(account, "table", table()).status == "UPDATE_COMPLETE"
    _put(account, PRIMARY, "k")
    assert _keys(account, SECONDARY) == {"k"}


def test_the_region_of_the_stack_cannot_be_removed(account: Account) -> None:
    deploy(account, "table", table())
    ended = update(account, "table", table({"Region": SECONDARY}))
    assert "must include the region of the stack" in ended.reason
    assert _regions(account) == {PRIMARY, SECONDARY}


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
def test_a_table_of_that_name_is_neither_taken_over_nor_deleted(account: Account, region: str) -> None:
    account.dynamodb(region).create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    _put(account, region, "somebody else's")
    ended = deploy(account, "table", table())
    assert ended.status == "ROLLBACK_COMPLETE"
    assert "AlreadyExists" in ended.reason
    assert _regions(account) == {region}
    assert _keys(account, region) == {"somebody else's"}


def test_a_replica_that_is_refused_leaves_no_table_behind(account: Account) -> None:
    refused = {"Region": SECONDARY, "TableClass": "SOMETHING_ELSE"}
    ended = deploy(account, "table", table({"Region": PRIMARY}, refused))
    assert ended.status == "ROLLBACK_COMPLETE"
    assert "SOMETHING_ELSE" in ended.reason
    assert _regions(account) == set()


_INDEX = {
    "IndexName": "by-owner",
    "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
_ATTRIBUTES = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "owner")]


def test_an_index_added_later_reaches_every_replica(account: Account) -> None:
    deploy(account, "table", table())
    indexed = table(AttributeDefinitions=_ATTRIBUTES, GlobalSecondaryIndexes=[_INDEX])
    assert update(account, "table", indexed).status == "UPDATE_COMPLETE"
    account.dynamodb().put_item(TableName=TABLE, Item={"id": {"S": "1"}, "owner": {"S": "ann"}})
    answer = account.dynamodb(SECONDARY).query(
        TableName=TABLE,
        IndexName="by-owner",
        KeyConditionExpression="#o = :ann",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":ann": {"S": "ann"}},
    )
    assert answer["Count"] == 1


def test_an_update_makes_no_more_than_one_index(account: Account) -> None:
    deploy(account, "table", table())
    two = [_INDEX, {**_INDEX, "IndexName": "by-owner-too"}]
    ended = update(account, "table", table(AttributeDefinitions=_ATTRIBUTES, GlobalSecondaryIndexes=two))
    assert "more than one GSI" in ended.reason


def test_expiry_is_set_and_unset_in_every_replica(account: Account) -> None:
    deploy(account, "table", table(TimeToLiveSpecification={"AttributeName": "until", "Enabled": True}))

    def statuses() -> list[str]:
        clients = [account.dynamodb(region) for region in (PRIMARY, SECONDARY)]
        return [c.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]["TimeToLiveStatus"] for c in clients]

    assert statuses() == ["ENABLED", "ENABLED"]
    update(account, "table", table())
    assert statuses() == ["DISABLED", "DISABLED"]


def test_encryption_and_capacity_reach_every_replica(account: Account) -> None:
    capacity = {"WriteCapacityAutoScalingSettings": {"MinCapacity": 7, "MaxCapacity": 9}}
    deploy(
        account,
        "table",
        table(
            BillingMode="PROVISIONED",
            WriteProvisionedThroughputSettings=capacity,
            SSESpecification={"SSEEnabled": True, "SSEType": "KMS"},
        ),
    )
    described = account.dynamodb(SECONDARY).describe_table(TableName=TABLE)["Table"]
    assert described["ProvisionedThroughput"]["WriteCapacityUnits"] == 7
    assert described["SSEDescription"]["SSEType"] == "KMS"


def test_encryption_with_the_default_key_can_be_added(account: Account) -> None:
    deploy(account, "table", table())
    assert update(account, "table", table(SSESpecification={"SSEEnabled": True})).status == "UPDATE_COMPLETE"
    for region in (PRIMARY, SECONDARY):
        described = account.dynamodb(region).describe_table(TableName=TABLE)["Table"]
        assert described["SSEDescription"]["Status"] == "ENABLED"


def test_a_new_key_under_the_same_name_is_refused(account: Account) -> None:
    deploy(account, "table", table())
    other = table(
        AttributeDefinitions=[{"AttributeName": "other", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "other", "KeyType": "HASH"}],
    )
    ended = update(account, "table", other)
    assert ended.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "custom-named resource requires replacing" in ended.reason


def test_a_new_name_replaces_the_table_and_its_replicas(account: Account) -> None:
    deploy(account, "table", table())
    renamed = update(account, "table", table(TableName="tap-test-renamed"))
    assert renamed.changes[0]["ResourceChange"]["Replacement"] == "True"
    for region in (PRIMARY, SECONDARY):
        assert account.dynamodb(region).list_tables()["TableNames"] == ["tap-test-renamed"]


def test_a_new_key_replaces_a_table_without_a_name(account: Account) -> None:
    before = table(TableName=None)
    after = table(
        AttributeDefinitions=[{"AttributeName": "other", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "other", "KeyType": "HASH"}],
    )
    for resources in (before, after):
        del resources["Table"]["Properties"]["TableName"]
    name = {"Name": {"Value": {"Ref": "Table"}}}
    first = deploy(account, "table", before, outputs=name).outputs["Name"]
    second = deploy(account, "table", after, outputs=name, kind="UPDATE").outputs["Name"]
    assert first != second
    assert account.dynamodb(SECONDARY).list_tables()["TableNames"] == [second]


def test_an_update_that_fails_later_takes_the_new_replica_back(account: Account) -> None:
    deploy(account, "table", table({"Region": PRIMARY}))
    bad = {"Type": "AWS::S3::Bucket", "DependsOn": "Table", "Properties": {"BucketName": "Not_A_Bucket"}}
    ended = update(account, "table", {**table(), "Bad": bad})
    assert ended.status == "UPDATE_ROLLBACK_COMPLETE"
    assert _regions(account) == {PRIMARY}


def test_regions_and_accounts_are_apart(account: Account) -> None:
    deploy(account, "table", table({"Region": PRIMARY}))
    stranger = Account(endpoint=account.endpoint, id="999999999999")
    for caller, region in ((account, SECONDARY), (stranger, PRIMARY)):
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            caller.dynamodb(region).describe_table(TableName=TABLE)


@pytest.mark.slow
def test_a_key_an_index_or_a_type_that_changes_replaces_a_table() -> None:
    plain = table()["Table"]["Properties"]
    assert not replaces_table(plain, {**plain, "BillingMode": "PROVISIONED"})
    assert replaces_table(plain, {**plain, "KeySchema": []})
    assert replaces_table(plain, {**plain, "LocalSecondaryIndexes": [{}]})
    number = [{"AttributeName": "id", "AttributeType": "N"}]
    assert replaces_table(plain, {**plain, "AttributeDefinitions": number})
