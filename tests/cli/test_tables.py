"""A table's options through the command line, on the embedded AWS: changed while there is data in it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from answer import Command

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REGIONS = ("us-east-1", "us-west-2")
NAME = "shop-dev-orders"
KEY = {"customer": "S", "placed_at": "N"}
BY_STATUS = {"by_status": {"key": {"status": "S"}}}
BY_DAY = {"by_day": {"key": {"day": "S"}, "projection": ["total"]}}
ITEMS: list[dict[str, Any]] = [
    {
        "customer": {"S": f"c-{number}"},
        "placed_at": {"N": str(number)},
        "status": {"S": "open"},
        "day": {"S": "monday"},
        "total": {"N": "7"},
        "ends": {"N": "99999999999"},
    }
    for number in range(5)
]


def write(folder: Path, **options: Any) -> None:
    """Write a dr.yaml of one table."""
    config = {
        "project": "shop",
        "environment": "dev",
        "regions": {"primary": REGIONS[0], "secondaries": [REGIONS[1]]},
        "tables": {"orders": {"key": KEY, **options}},
    }
    (folder / "dr.yaml").write_text(json.dumps(config))


@pytest.fixture
def clients(shared_session: boto3.Session) -> "dict[str, DynamoDBClient]":
    return {region: shared_session.client("dynamodb", region) for region in REGIONS}


@pytest.fixture
def orders(shared: Command, project: Path, clients: "dict[str, DynamoDBClient]") -> Iterator[Command]:
    """A deployed table with items in it, half of them written in each region."""
    write(project)
    assert shared("render").code == 0
    assert shared("deploy", "--yes").code == 0
    for number, item in enumerate(ITEMS):
        clients[REGIONS[number % 2]].put_item(TableName=NAME, Item=item)
    yield shared
    assert shared("destroy", "--yes").code == 0


def there(client: "DynamoDBClient", index: str | None) -> list[str]:
    items = (client.scan(TableName=NAME, IndexName=index) if index else client.scan(TableName=NAME))["Items"]
    return sorted(item["customer"]["S"] for item in items)


def test_a_table_changes_with_its_items_in_it(
    orders: Command, project: Path, clients: "dict[str, DynamoDBClient]"
) -> None:
    everything = sorted(item["customer"]["S"] for item in ITEMS)
    steps: list[tuple[dict[str, Any], str]] = [
        ({"indexes": BY_STATUS | BY_DAY, "ttl": "ends", "point_in_time_recovery": {"days": 7}}, "ends"),
        ({"indexes": BY_DAY, "ttl": "gone_at"}, "gone_at"),
    ]
    for options, expires in steps:
        write(project, **options)
        assert orders("render").code == 0
        answer = orders("deploy", "--yes")
        assert answer.code == 0, answer
        for client in clients.values():
            for index in (None, *options["indexes"]):
                assert there(client, index) == everything
            expiry = client.describe_time_to_live(TableName=NAME)["TimeToLiveDescription"]
            assert (expiry["TimeToLiveStatus"], expiry["AttributeName"]) == ("ENABLED", expires)
    assert "No changes" in orders("deploy", "--yes").out
