"""Probes in one region's replica of the table, by DynamoDB's own calls; every read is consistent.

How a probe lies there is a `Layout`: as the function of this project keeps it, or under the table's own key, whatever
that is made of.
"""

import hashlib
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from builder.aws import Clients, call, together
from builder.drill.target import Side
from builder.errors import Failed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

T = TypeVar("T")
KeyType = Literal["S", "N", "B"]
Item = Mapping[str, str]
"""Those of an item's attributes that are text."""

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_READ_AT_ONCE = 100
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_WRITTEN_AT_ONCE = 25
# 38 digits are the most that a number keeps; below this nobody's own numbers are likely to be.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_NUMBERS_BELOW = 9 * 10**37
_DIGEST_BYTES = 15


@dataclass(frozen=True, slots=True)
class Layout:
    """Where in a table a probe lies, by its name, and which attribute holds its text."""

    table: str
    key: tuple[tuple[str, KeyType], ...]
    """The attributes of the table's key: the partition's, then the sort key's where there is one."""
    text: str
    prefix: str = ""
    """What stands before the name in each value of the key that is text."""

    def place(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the key of a probe: each value begins with its name, and a number is one that only drills write."""
        return {attribute: {kind: self._value(kind, name)} for attribute, kind in self.key}

    def _value(self, kind: KeyType, name: str) -> str | bytes:
        match kind:
            case "S":
                return f"{self.prefix}{name}"
            case "B":
                return f"{self.prefix}{name}".encode()
            case "N":
                digest = hashlib.sha256(name.encode()).digest()[:_DIGEST_BYTES]
                return str(-_NUMBERS_BELOW - int.from_bytes(digest))


def handler_layout(table: str) -> Layout:
    """Return how the function of this project keeps what it is given: PUT /items/<id> makes the item `item#<id>`."""
    return Layout(table, (("id", "S"),), "body", "item#")


async def observe_layout(clients: Clients, side: Side, table: str) -> Layout:
    """Return where probes lie in a table of any key. Raises Failed for a table whose key is not understood."""
    where = f"{side.region}: {table}"
    answer = await call(where, clients.of(side.site).dynamodb(side.region).describe_table, TableName=table)
    return read_layout(where, answer["Table"])


def read_layout(where: str, table: "TableDescriptionTypeDef") -> Layout:
    """Return where probes lie in a table as DescribeTable describes it."""
    types = {one["AttributeName"]: one["AttributeType"] for one in table.get("AttributeDefinitions", [])}
    # HASH is the partition's; the order in which they are told is not promised.
    schema = sorted(table.get("KeySchema", []), key=lambda one: one["KeyType"] != "HASH")
    key = tuple((one["AttributeName"], types.get(one["AttributeName"])) for one in schema)
    known: list[tuple[str, KeyType]] = [(name, kind) for name, kind in key if kind is not None]
    if not known or len(known) != len(key):
        raise Failed(where=where, what=f"has a key that is not understood: {key}")
    return Layout(str(table.get("TableName")), tuple(known), "builder-drill")


async def see_items(clients: Clients, side: Side, layout: Layout, names: Collection[str]) -> dict[str, str | None]:
    """Return the text of each of the probes as the region has it now, None for one that is not there.

    One for which DynamoDB has no answer this time is left out.
    """
    pages = await together(_read(clients, side, layout, part, whole=False) for part in _parts(names, _READ_AT_ONCE))
    return {
        name: found[name].get(layout.text, "") if name in found else None
        for asked, found, unanswered in pages
        for name in asked
        if name not in unanswered
    }


async def read_items(clients: Clients, side: Side, layout: Layout, names: Collection[str]) -> dict[str, Item]:
    """Return every one of the probes that the region has, all its attributes by its name."""
    there: dict[str, Item] = {}
    left: Collection[str] = names
    while left:
        pages = await together(_read(clients, side, layout, part, whole=True) for part in _parts(left, _READ_AT_ONCE))
        for _, found, _ in pages:
            there |= found
        left = [name for _, _, unanswered in pages for name in unanswered]
    return there


async def delete_items(clients: Clients, side: Side, layout: Layout, names: Collection[str]) -> None:
    """Delete the probes in this region, those that are not there included; replication takes the deletion further."""
    where, client = f"{side.region}: {layout.table}", clients.of(side.site).dynamodb(side.region)
    for part in _parts(names, _WRITTEN_AT_ONCE):
        wanted: Mapping[str, Any] = {layout.table: [{"DeleteRequest": {"Key": layout.place(name)}} for name in part]}
        while wanted:
            answer = await call(where, client.batch_write_item, RequestItems=wanted)
            wanted = answer.get("UnprocessedItems", {})


def write_item(clients: Clients, side: Side, layout: Layout, name: str, text: str | None) -> None:
    """Write a probe in this region, or delete it where there is no text; for any thread. Raises ClientError."""
    client, place = clients.of(side.site).dynamodb(side.region), layout.place(name)
    if text is None:
        client.delete_item(TableName=layout.table, Key=place)
    else:
        client.put_item(TableName=layout.table, Item={**place, layout.text: {"S": text}})


def read_item(clients: Clients, side: Side, layout: Layout, name: str) -> str | None:
    """Return the text of a probe in this region, None where it is not there; for any thread. Raises ClientError."""
    client = clients.of(side.site).dynamodb(side.region)
    item = client.get_item(TableName=layout.table, Key=layout.place(name), ConsistentRead=True).get("Item")
    return None if item is None else str(item.get(layout.text, {}).get("S", ""))


async def _read(
    clients: Clients, side: Side, layout: Layout, names: Sequence[str], *, whole: bool
) -> tuple[Sequence[str], dict[str, Item], frozenset[str]]:
    """Return the names asked for, the items found, and the names that DynamoDB did not answer for."""
    places = {name: layout.place(name) for name in names}
    named = {_identity(layout, place): name for name, place in places.items()}
    asked: Any = {"Keys": list(places.values()), "ConsistentRead": True}
    if not whole:
        # By other names than their own, which may be reserved words.
        attributes = {f"#{number}": attribute for number, (attribute, _) in enumerate(layout.key)}
        attributes["#text"] = layout.text
        asked |= {"ProjectionExpression": ", ".join(attributes), "ExpressionAttributeNames": attributes}
    answer = await call(
        f"{side.region}: {layout.table}",
        clients.of(side.site).dynamodb(side.region).batch_get_item,
        RequestItems={layout.table: asked},
    )
    found = {named[_identity(layout, item)]: _texts(item) for item in answer["Responses"].get(layout.table, [])}
    left = answer.get("UnprocessedKeys", {})
    unanswered = left[layout.table]["Keys"] if layout.table in left else []
    return names, found, frozenset(named[_identity(layout, key)] for key in unanswered)


def _identity(layout: Layout, item: Mapping[str, Any]) -> Hashable:
    """Return an item's key in one form: a number comes back written otherwise than it was sent."""
    values = ((kind, item[name][kind]) for name, kind in layout.key)
    return tuple(Decimal(value) if kind == "N" else bytes(value) if kind == "B" else value for kind, value in values)


def _texts(item: Mapping[str, Any]) -> Item:
    return {name: str(value["S"]) for name, value in item.items() if "S" in value}


def _parts(names: Collection[T], size: int) -> Iterator[Sequence[T]]:
    listed = list(names)
    return (listed[first : first + size] for first in range(0, len(listed), size))
