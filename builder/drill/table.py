"""Probes in one region's replica of the table, by DynamoDB's own calls; every read is consistent."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from builder.aws import Clients, call, together
from builder.drill.probe import item_key, item_name
from builder.drill.target import Side

T = TypeVar("T")
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_READ_AT_ONCE = 100
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_DELETED_AT_ONCE = 25


async def see_items(clients: Clients, side: Side, table: str, names: Collection[str]) -> Collection[str]:
    """Return which of the probes the region shows. What DynamoDB leaves unanswered is not seen this time."""
    pages = await together(_read(clients, side, table, part, {"ProjectionExpression": "id"}) for part in _parts(names))
    return {item_name(item["id"]) for page in pages for item in page[0]}


async def read_items(clients: Clients, side: Side, table: str, names: Collection[str]) -> dict[str, dict[str, str]]:
    """Return every probe that the region has, all its attributes by its id."""
    found: dict[str, dict[str, str]] = {}
    left = list(names)
    while left:
        pages = await together(_read(clients, side, table, part, {}) for part in _parts(left))
        found |= {item_name(item["id"]): item for items, _ in pages for item in items}
        left = [name for _, unanswered in pages for name in unanswered]
    return found


async def delete_items(clients: Clients, side: Side, table: str, names: Collection[str]) -> None:
    """Delete the probes in this region, those that are not there included; replication takes the deletion further."""
    for part in _parts(names, _DELETED_AT_ONCE):
        wanted: Mapping[str, Any] = {table: [{"DeleteRequest": {"Key": _key(name)}} for name in part]}
        while wanted:
            answer = await call(
                f"{side.region}: {table}",
                clients.of(side.site).dynamodb(side.region).batch_write_item,
                RequestItems=wanted,
            )
            wanted = answer.get("UnprocessedItems", {})


async def _read(
    clients: Clients, side: Side, table: str, names: Sequence[str], options: Mapping[str, str]
) -> tuple[list[dict[str, str]], list[str]]:
    """Return the items found, and the names that DynamoDB did not answer for."""
    asked: Any = {table: {"Keys": [_key(name) for name in names], "ConsistentRead": True, **options}}
    answer = await call(
        f"{side.region}: {table}", clients.of(side.site).dynamodb(side.region).batch_get_item, RequestItems=asked
    )
    items = [
        {name: str(value.get("S", "")) for name, value in item.items()} for item in answer["Responses"].get(table, [])
    ]
    left = answer.get("UnprocessedKeys", {})
    unanswered = left[table]["Keys"] if table in left else []
    return items, [item_name(str(key["id"].get("S"))) for key in unanswered]


def _key(name: str) -> dict[str, dict[str, str]]:
    return {"id": {"S": item_key(name)}}


def _parts(names: Collection[T], size: int = _READ_AT_ONCE) -> Iterator[Sequence[T]]:
    listed = list(names)
    return (listed[first : first + size] for first in range(0, len(listed), size))
