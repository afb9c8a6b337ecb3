"""Tables that calls make: what is said of them is shown, in each region, and a change is asked of any of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import Fault, Unsupported, World

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EAST, WEST = "us-east-1", "us-west-2"
ON_DEMAND: dict[str, Any] = {
    "TableName": "things",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}
FIVE = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}
BY_DAY = {
    "IndexName": "by-day",
    "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["b", "a"]},
}
DAY = [{"AttributeName": "day", "AttributeType": "N"}, *ON_DEMAND["AttributeDefinitions"]]
Make = Callable[..., None]


@pytest.fixture
def east(world: World) -> "DynamoDBClient":
    return world.session().client("dynamodb", region_name=EAST)


@pytest.fixture
def west(world: World) -> "DynamoDBClient":
    return world.session().client("dynamodb", region_name=WEST)


@pytest.fixture
def make(world: World, east: "DynamoDBClient") -> Make:
    """Make the table in the east, with what is said besides, and let it become active."""

    def made(**more: Any) -> None:
        east.create_table(**ON_DEMAND | more)
        world.settle()

    return made


@pytest.fixture
def both(world: World, make: Make, east: "DynamoDBClient") -> None:
    """The table in both regions."""
    make()
    replicate(world, east, WEST)


def shown(client: "DynamoDBClient") -> dict[str, Any]:
    return dict(client.describe_table(TableName="things")["Table"])


def update(client: "DynamoDBClient", **params: Any) -> None:
    client.update_table(TableName="things", **params)


def replicate(world: World, client: "DynamoDBClient", region: str, action: str = "Create") -> None:
    update(client, ReplicaUpdates=[{action: {"RegionName": region}}])
    world.settle()


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    details = error.value.response["Error"]
    return details["Code"], details["Message"]


def test_a_new_table_is_active_after_a_while_and_nobody_else_has_its_name(
    world: World, east: "DynamoDBClient", make: Make
) -> None:
    assert east.create_table(**ON_DEMAND)["TableDescription"]["TableStatus"] == "CREATING"
    world.settle()
    table = shown(east)
    assert (table["TableStatus"], table["BillingModeSummary"]) == ("ACTIVE", {"BillingMode": "PAY_PER_REQUEST"})
    assert (table["KeySchema"], table["Replicas"]) == (ON_DEMAND["KeySchema"], [])
    assert {"GlobalTableVersion", "SSEDescription", "StreamSpecification"}.isdisjoint(table)
    with pytest.raises(ClientError) as taken:
        make()
    assert refused(taken)[0] == "ResourceInUseException"
    east.delete_table(TableName="things")
    world.settle()
    make()


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"BillingMode": "PROVISIONED"}, "must both be specified"),
        ({"ProvisionedThroughput": FIVE}, "Neither ReadCapacityUnits"),
        ({"AttributeDefinitions": DAY}, "does not exactly match"),
        ({"GlobalSecondaryIndexes": [BY_DAY]}, "not defined in AttributeDefinitions"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(make: Make, params: dict[str, Any], why: str) -> None:
    with pytest.raises(ClientError, match=why) as error:
        make(**params)
    assert refused(error)[0] == "ValidationException"


def test_all_that_a_creation_says_is_shown(east: "DynamoDBClient", make: Make) -> None:
    make(
        AttributeDefinitions=DAY,
        GlobalSecondaryIndexes=[BY_DAY],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        SSESpecification={"Enabled": True},
        Tags=[{"Key": "a", "Value": "b"}],
        TableClass="STANDARD_INFREQUENT_ACCESS",
        DeletionProtectionEnabled=True,
        OnDemandThroughput={"MaxReadRequestUnits": 7, "MaxWriteRequestUnits": 3},
    )
    table = shown(east)
    (index,) = table["GlobalSecondaryIndexes"]
    assert (index["KeySchema"], index["IndexStatus"]) == (BY_DAY["KeySchema"], "ACTIVE")
    assert index["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a", "b"]}
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert table["LatestStreamArn"].startswith(table["TableArn"] + "/stream/")
    assert table["SSEDescription"]["KMSMasterKeyArn"].endswith(":key/aws-managed-dynamodb")
    assert table["TableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
    assert table["DeletionProtectionEnabled"]
    assert table["OnDemandThroughput"] == {"MaxReadRequestUnits": 7, "MaxWriteRequestUnits": 3}
    tags = east.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]
    with pytest.raises(ClientError, match="protected against deletion"):
        east.delete_table(TableName="things")


@pytest.mark.usefixtures("both")
def test_a_replica_has_the_group_s_settings_and_nothing_of_another_replica_s(
    world: World, east: "DynamoDBClient", west: "DynamoDBClient"
) -> None:
    update(east, DeletionProtectionEnabled=True)
    east.update_continuous_backups(
        TableName="things", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    east.tag_resource(ResourceArn=shown(east)["TableArn"], Tags=[{"Key": "a", "Value": "b"}])
    here, there = shown(east), shown(west)
    assert [each["RegionName"] for each in here["Replicas"]] == [WEST]
    assert there["Replicas"][0]["ReplicaArn"] == here["TableArn"]
    # The server gives a group a stream where nobody asked for one.
    assert {each["StreamSpecification"]["StreamViewType"] for each in (here, there)} == {"NEW_AND_OLD_IMAGES"}
    assert {each["GlobalTableVersion"] for each in (here, there)} == {"2019.11.21"}
    assert (here["DeletionProtectionEnabled"], there["DeletionProtectionEnabled"]) == (True, False)
    status = [
        client.describe_continuous_backups(TableName="things")["ContinuousBackupsDescription"][
            "PointInTimeRecoveryDescription"
        ]["PointInTimeRecoveryStatus"]
        for client in (east, west)
    ]
    assert status == ["ENABLED", "DISABLED"]
    assert west.list_tags_of_resource(ResourceArn=there["TableArn"])["Tags"] == []
    assert world.local_tables == {}


@pytest.mark.usefixtures("both")
def test_a_change_is_asked_of_any_region_and_the_first_may_go(
    world: World, east: "DynamoDBClient", west: "DynamoDBClient"
) -> None:
    replicate(world, west, "eu-west-1")
    update(west, AttributeDefinitions=DAY, GlobalSecondaryIndexUpdates=[{"Create": {**BY_DAY, "IndexName": "new"}}])
    assert shown(east)["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    with pytest.raises(ClientError) as busy:
        replicate(world, west, "eu-west-1", "Delete")
    assert refused(busy)[0] == "ResourceInUseException"
    world.settle()
    replicate(world, west, EAST, "Delete")
    with pytest.raises(ClientError):
        shown(east)
    assert [each["RegionName"] for each in shown(west)["Replicas"]] == ["eu-west-1"]
    update(west, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "new"}}])
    world.settle()
    assert shown(west)["GlobalSecondaryIndexes"] == []
    world.session().client("dynamodb", region_name="eu-west-1").delete_table(TableName="things")
    world.settle()
    west.delete_table(TableName="things")
    world.settle()
    assert (world.tables, world.local_tables) == ({}, {})


def test_the_region_that_was_asked_for_a_replica_is_its_source(
    world: World, east: "DynamoDBClient", west: "DynamoDBClient", make: Make
) -> None:
    world.quirks.young_replicas_block_deletion = True
    make()
    replicate(world, east, WEST)
    world.pass_time(25 * 3600)
    replicate(world, west, "eu-west-1")
    with pytest.raises(ClientError, match="acted as a source region"):
        replicate(world, east, WEST, "Delete")
    replicate(world, west, EAST, "Delete")


def test_provisioned_capacity_is_shown_and_takes_no_replica(world: World, east: "DynamoDBClient", make: Make) -> None:
    make(BillingMode="PROVISIONED", ProvisionedThroughput=FIVE)
    table = shown(east)
    assert "BillingModeSummary" not in table
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
    with pytest.raises(ClientError, match=r"should either be Pay-Per-Request or AutoScaled\."):
        replicate(world, east, WEST)
    update(east, BillingMode="PAY_PER_REQUEST")
    assert shown(east)["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    update(east, BillingMode="PROVISIONED", ProvisionedThroughput=FIVE)
    assert shown(east)["BillingModeSummary"] == {"BillingMode": "PROVISIONED"}
    update(east, BillingMode="PAY_PER_REQUEST")
    replicate(world, east, WEST)


@pytest.mark.usefixtures("both")
def test_a_stream_is_switched_on_once_and_off_without_replicas_only(world: World, east: "DynamoDBClient") -> None:
    off: dict[str, Any] = {"StreamSpecification": {"StreamEnabled": False}}
    with pytest.raises(ClientError, match="cannot be disabled"):
        update(east, **off)
    replicate(world, east, WEST, "Delete")
    update(east, **off)
    assert "StreamSpecification" not in shown(east)
    update(east, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    with pytest.raises(ClientError) as again:
        update(east, StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    assert refused(again)[0] == "ResourceInUseException"
    replicate(world, east, WEST)
    assert shown(east)["StreamSpecification"]["StreamViewType"] == "NEW_IMAGE"


@pytest.mark.usefixtures("both")
def test_time_to_live_is_the_group_s_and_takes_its_time(
    world: World, east: "DynamoDBClient", west: "DynamoDBClient"
) -> None:
    on: Any = {"Enabled": True, "AttributeName": "until"}
    west.update_time_to_live(TableName="things", TimeToLiveSpecification=on)
    now = east.describe_time_to_live(TableName="things")["TimeToLiveDescription"]
    assert now == {"TimeToLiveStatus": "ENABLING", "AttributeName": "until"}
    with pytest.raises(ClientError, match="multiple times within a fixed interval"):
        east.update_time_to_live(TableName="things", TimeToLiveSpecification=on | {"Enabled": False})
    world.pass_time(4000)
    with pytest.raises(ClientError, match="already enabled"):
        east.update_time_to_live(TableName="things", TimeToLiveSpecification=on)
    with pytest.raises(ClientError, match="current AttributeName is until"):
        east.update_time_to_live(TableName="things", TimeToLiveSpecification={"Enabled": False, "AttributeName": "x"})


@pytest.mark.usefixtures("both")
def test_what_is_a_region_s_own_is_read_and_changed_there(east: "DynamoDBClient", west: "DynamoDBClient") -> None:
    arn = shown(west)["TableArn"]
    west.tag_resource(ResourceArn=arn, Tags=[{"Key": key, "Value": "x"} for key in "cab"])
    west.untag_resource(ResourceArn=arn, TagKeys=["b"])
    pages = west.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
    assert [tag["Key"] for page in pages for tag in page["Tags"]] == ["a", "c"]
    with pytest.raises(ClientError, match="of another region"):
        east.list_tags_of_resource(ResourceArn=arn)
    assert west.list_contributor_insights(TableName="things")["ContributorInsightsSummaries"] == []
    west.update_contributor_insights(TableName="things", ContributorInsightsAction="ENABLE")
    statuses = [
        client.describe_contributor_insights(TableName="things")["ContributorInsightsStatus"] for client in (east, west)
    ]
    assert statuses == ["DISABLED", "ENABLED"]
    for of in (arn, shown(west)["LatestStreamArn"]):
        with pytest.raises(ClientError) as none:
            west.get_resource_policy(ResourceArn=of)
        assert refused(none)[0] == "PolicyNotFoundException"
        west.put_resource_policy(ResourceArn=of, Policy='{"Statement": []}')
        assert west.get_resource_policy(ResourceArn=of)["Policy"] == '{"Statement": []}'
        west.delete_resource_policy(ResourceArn=of)
    assert west.describe_kinesis_streaming_destination(TableName="things")["KinesisDataStreamDestinations"] == []
    with pytest.raises(ClientError) as old:
        west.describe_global_table(GlobalTableName="things")
    assert refused(old)[0] == "GlobalTableNotFoundException"


def test_what_the_fake_does_not_change_is_loud(make: Make, east: "DynamoDBClient") -> None:
    make()
    for params in (
        {"TableClass": "STANDARD", "DeletionProtectionEnabled": True},
        {"WarmThroughput": {"ReadUnitsPerSecond": 20000}},
        {"ReplicaUpdates": [{"Update": {"RegionName": WEST}}]},
        {"ReplicaUpdates": [{"Create": {"RegionName": WEST, "GlobalSecondaryIndexes": [{"IndexName": "index"}]}}]},
    ):
        with pytest.raises(Unsupported):
            update(east, **params)


# -- items -------------------------------------------------------------------------------------------------------------


def put(client: "DynamoDBClient", key: str, value: str) -> None:
    client.put_item(TableName="things", Item={"id": {"S": key}, "is": {"S": value}})


def got(client: "DynamoDBClient", key: str) -> str | None:
    item = client.get_item(TableName="things", Key={"id": {"S": key}}).get("Item")
    return item["is"]["S"] if item else None


@pytest.mark.usefixtures("both")
def test_a_write_gets_to_the_other_region_after_a_while_and_the_last_one_wins(
    world: World, east: "DynamoDBClient", west: "DynamoDBClient"
) -> None:
    put(east, "a", "first")
    assert (got(east, "a"), got(west, "a")) == ("first", None)
    put(west, "a", "second")
    world.settle()
    assert (got(east, "a"), got(west, "a")) == ("second", "second")
    west.delete_item(TableName="things", Key={"id": {"S": "a"}})
    world.settle()
    assert (got(east, "a"), got(west, "a")) == (None, None)
    with pytest.raises(ClientError, match="Missing the key id"):
        east.put_item(TableName="things", Item={"is": {"S": "x"}})


@pytest.mark.usefixtures("both")
def test_a_region_that_is_down_gets_what_was_written_meanwhile_once_it_is_up(
    world: World, east: "DynamoDBClient", west: "DynamoDBClient"
) -> None:
    put(east, "late", "from the east")
    world.region_down(EAST)
    put(west, "b", "meanwhile")
    world.settle()
    assert got(west, "late") is None
    world.region_up(EAST)
    world.settle()
    assert (got(east, "b"), got(west, "late")) == ("meanwhile", "from the east")


@pytest.mark.usefixtures("both")
def test_many_are_written_at_once_and_found_by_their_key(
    world: World, east: "DynamoDBClient", west: "DynamoDBClient"
) -> None:
    left: Any = {"things": [{"PutRequest": {"Item": {"id": {"S": key}, "is": {"S": key}}}} for key in "abcde"]}
    calls = 0
    while left:
        left, calls = east.batch_write_item(RequestItems=left)["UnprocessedItems"], calls + 1
    assert calls == 3  # of two each
    world.settle()
    answer = west.query(
        TableName="things",
        KeyConditionExpression="#k = :v",
        ExpressionAttributeNames={"#k": "id"},
        ExpressionAttributeValues={":v": {"S": "c"}},
    )
    assert [item["is"]["S"] for item in answer["Items"]] == ["c"]
    with pytest.raises(Unsupported, match="Query by"):
        west.query(
            TableName="things",
            KeyConditionExpression="id > :v",
            ExpressionAttributeValues={":v": {"S": "c"}},
        )


def test_items_of_a_partition_come_in_the_order_of_their_sort_key_page_by_page(
    world: World, east: "DynamoDBClient", make: Make
) -> None:
    make(
        KeySchema=[{"AttributeName": "at", "KeyType": "RANGE"}, {"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "at", "AttributeType": "N"}, *ON_DEMAND["AttributeDefinitions"]],
    )
    for number in (10, 9, 1, 30, 2):
        east.put_item(TableName="things", Item={"id": {"S": "a"}, "at": {"N": str(number)}})
    params: Any = {"KeyConditionExpression": "id = :v", "ExpressionAttributeValues": {":v": {"S": "a"}}}
    for forward, order in ((True, "1 2 9 10 30"), (False, "30 10 9 2 1")):
        pages = east.get_paginator("query").paginate(TableName="things", ScanIndexForward=forward, **params)
        assert " ".join(item["at"]["N"] for page in pages for item in page["Items"]) == order


def test_a_description_is_late_where_a_rule_names_the_service(world: World, east: "DynamoDBClient", make: Make) -> None:
    world.faults.max_age_s = 5
    world.faults.add(Fault.STALE)
    make()
    update(east, DeletionProtectionEnabled=True)
    assert {shown(east)["DeletionProtectionEnabled"] for _ in range(20)} == {True}
    world.faults.add(Fault.STALE, service="dynamodb")
    world.pass_time(60)
    update(east, DeletionProtectionEnabled=True)
    world.pass_time(60)
    update(east, DeletionProtectionEnabled=False)
    put(east, "a", "b")
    assert {shown(east)["DeletionProtectionEnabled"] for _ in range(20)} == {True, False}
    assert got(east, "a") == "b"
    world.pass_time(60)
    assert not shown(east)["DeletionProtectionEnabled"]


def test_calls_are_counted_throttled_and_hang_with_their_region(
    world: World, east: "DynamoDBClient", west: "DynamoDBClient", make: Make
) -> None:
    world.faults.add(Fault.THROTTLE, service="dynamodb", operation="CreateTable", nth=1)
    make()
    assert [call.outcome for call in world.calls if call.operation == "CreateTable"] == ["ThrottlingException", "ok"]
    replicate(world, east, WEST)
    world.region_down(EAST)
    with pytest.raises(Unsupported, match="while it is down"):
        replicate(world, west, EAST, "Delete")
    with pytest.raises(Exception, match="Connect timeout"):
        shown(east)
    world.faults.add(Fault.UNAVAILABLE, region=WEST)
    with pytest.raises(ClientError) as error:
        shown(west)
    assert refused(error)[0] == "ServiceUnavailable"
