"""Items of a table: each region's replica has its own, read page by page or by key."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from fake_aws import World
from fake_aws.dynamodb.items import put

if TYPE_CHECKING:
    from fake_aws.conftest import Deploy

ACCOUNT = "111122223333"
TABLE = """
Resources:
  Table:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      TableName: things
      KeySchema: [{AttributeName: at, KeyType: RANGE}, {AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: B}, {AttributeName: at, AttributeType: N}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      Replicas: [{Region: us-east-1}, {Region: us-west-2}]
"""


@pytest.fixture
def clients(world: World, deploy: "Deploy") -> dict[str, Any]:
    assert deploy(TABLE) == "CREATE_COMPLETE"
    table = world.tables[ACCOUNT, "things"]
    for number in range(5):
        item = {"id": {"B": "aWQ="}, "at": {"N": str(number)}, "more": {"S": "x"}}
        put(table, item, *(["us-east-1"] if number == 4 else []))
    return {region: world.session().client("dynamodb", region_name=region) for region in ("us-east-1", "us-west-2")}


def scanned(client: Any, **params: Any) -> list[dict[str, Any]]:
    pages = client.get_paginator("scan").paginate(TableName="things", **params)
    return [item for page in pages for item in page["Items"]]


def test_a_scan_shows_what_the_region_has_page_by_page_and_part_by_part(clients: dict[str, Any]) -> None:
    here, there = scanned(clients["us-east-1"]), scanned(clients["us-west-2"])
    assert [item for item in here if item["at"] != {"N": "4"}] == there
    assert len(here) == 5
    assert here[0]["id"] == {"B": b"id"}
    parts = [scanned(clients["us-east-1"], Segment=number, TotalSegments=3) for number in range(3)]
    assert sorted(item["at"]["N"] for part in parts for item in part) == ["0", "1", "2", "3", "4"]
    names = {"#0": "at"}
    shown = scanned(clients["us-west-2"], ProjectionExpression="#0", ExpressionAttributeNames=names)
    assert all(item.keys() == {"at"} for item in shown)


def test_regions_may_show_keys_in_orders_of_their_own(world: World, clients: dict[str, Any]) -> None:
    world.quirks.replicas_scan_alike = False
    here, there = (scanned(clients[region]) for region in ("us-east-1", "us-west-2"))
    assert [item for item in here if item["at"] != {"N": "4"}] != there


def test_items_are_read_by_key_and_what_is_too_much_at_once_is_unprocessed(clients: dict[str, Any]) -> None:
    keys = [{"id": {"B": b"id"}, "at": {"N": str(number)}} for number in (4, 0, 1)]
    answer = clients["us-west-2"].batch_get_item(RequestItems={"things": {"Keys": keys, "ConsistentRead": True}})
    assert [item["at"]["N"] for item in answer["Responses"]["things"]] == ["0"]
    assert answer["UnprocessedKeys"]["things"]["Keys"] == keys[2:]
    with pytest.raises(ClientError, match="duplicates"):
        clients["us-west-2"].batch_get_item(RequestItems={"things": {"Keys": [keys[0], keys[0]]}})


def test_a_table_says_its_key_and_how_much_is_in_it(clients: dict[str, Any]) -> None:
    table = clients["us-west-2"].describe_table(TableName="things")["Table"]
    assert table["KeySchema"][0] == {"AttributeName": "id", "KeyType": "HASH"}
    assert {"AttributeName": "at", "AttributeType": "N"} in table["AttributeDefinitions"]
    assert table["ItemCount"] == 4


def test_a_new_replica_begins_with_what_another_has(world: World, clients: dict[str, Any], deploy: "Deploy") -> None:
    more = TABLE.replace("{Region: us-west-2}]", "{Region: us-west-2}, {Region: eu-west-1}]")
    assert deploy(more, name="second") == "UPDATE_COMPLETE"
    assert len(scanned(world.session().client("dynamodb", region_name="eu-west-1"))) == 5
    assert len(scanned(clients["us-west-2"])) == 4
