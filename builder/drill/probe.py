"""A probe: an item of the table or an object of a bucket that a drill writes, to see it arrive in other regions."""

import hashlib
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from builder.aws import Clients, aws_errors, call, together
from builder.drill.records import DrillClock, RegionAttempt, Sighting, Write
from builder.drill.target import Side
from builder.errors import AwsError, Failed
from builder.terms import Region

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef
    from mypy_boto3_s3.type_defs import ErrorTypeDef, ObjectIdentifierTypeDef


_OBJECTS = "drill/"
_EVERY = 5
_OVERWRITES, _DELETES = 3, 0
"""Of five slots in a row the third overwrites a key and the fifth deletes one, if there is a key for it."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A write that is about to be made."""

    id: str
    key: str
    """The name of the item or object."""
    number: int
    """The number of the write to this key, from 1."""
    body: str
    """The text to write, empty for a deletion."""
    deletes: bool = False


def probe_key(drill: str, series: str, slot: int) -> str:
    """Return the new key that a slot of a series writes, unless it overwrites or deletes an old one."""
    return f"drill-{drill}-{series}-{slot:06}"


def counter_key(drill: str) -> str:
    """Return the key of a drill's counter."""
    return f"drill-{drill}-counter"


def hold_key(drill: str) -> str:
    """Return the key of the item that is the hold of a drill's clients."""
    return f"drill-{drill}-hold"


def make_probe(key: str, number: int, at: datetime, *, deletes: bool = False) -> Probe:
    """Return a write to a key; the first one has the key as its id."""
    mark = {"probe": f"{key}#{number}", "sent": at.isoformat(timespec="milliseconds")}
    name = key if number == 1 else f"{key}.{number}"
    return Probe(name, key, number, "" if deletes else json.dumps(mark), deletes)


def shown_number(key: str, text: str) -> int:
    """Return the number of the latest write to a key that a text shows, 0 if it shows none."""
    return max((int(number) for number in re.findall(rf"{re.escape(key)}#([0-9]+)", text)), default=0)


def make_count(key: str, turn: int, value: int, at: datetime) -> Probe:
    """Return the write of a turn of the counter: its text has the value and the turn's number."""
    mark = {"probe": f"{key}#{turn}={value}", "sent": at.isoformat(timespec="milliseconds")}
    return Probe(f"{key}.{turn}", key, turn, json.dumps(mark))


def shown_count(key: str, text: str) -> tuple[int, int] | None:
    """Return the turn that wrote the counter that a text shows, and its value; None if the text shows no counter."""
    match = re.search(rf"{re.escape(key)}#([0-9]+)=([0-9]+)", text)
    return (int(match[1]), int(match[2])) if match else None


def object_prefix(drill: str) -> str:
    """Return the prefix of the keys of all objects of a drill."""
    return f"{_OBJECTS}{drill}/"


def object_key(drill: str, name: str) -> str:
    """Return the key that a probe has in a bucket."""
    return f"{object_prefix(drill)}{name}"


def object_name(drill: str, key: str) -> str:
    """Return the key of a probe by the key that it has in a bucket."""
    return key.removeprefix(object_prefix(drill))


@dataclass(slots=True)
class _Known:
    """The last write to a key, and how far it has been replicated."""

    number: int
    seen: set[Region] = field(default_factory=set)
    """The regions that have shown that write."""


class Mix:
    """Decides what the slots of a series write: new keys, overwrites and deletions; for one thread.

    A key is overwritten or deleted only once its last write was seen in every region. So no later read can show an
    earlier write, and a missing key was deleted. A deleted key is never written again, and neither is a key whose last
    write was not acknowledged, since nobody knows whether that write happened.
    """

    def __init__(
        self, drill: str, series: str, regions: Collection[Region], *, overwrites: bool, deletes: bool
    ) -> None:
        self._drill = drill
        self._series = series
        self._regions = frozenset(regions)
        self._overwrites = overwrites
        self._deletes = deletes
        self._known: dict[str, _Known] = {}
        self._everywhere: deque[str] = deque()

    def next(self, slot: int, at: datetime) -> Probe:
        """Return the write of a slot. Slots are counted from 1."""
        deletes = self._deletes and slot % _EVERY == _DELETES
        if self._everywhere and (deletes or (self._overwrites and slot % _EVERY == _OVERWRITES)):
            key = self._everywhere.popleft()
            return make_probe(key, self._known.pop(key).number + 1, at, deletes=deletes)
        return make_probe(probe_key(self._drill, self._series, slot), 1, at)

    def ended(self, write: Write) -> None:
        """Take note of the outcome of a write of the series."""
        if write.acknowledged_by is not None and not write.deletes:
            self._known[write.key] = _Known(write.number)
            self._note(write.key, write.number, write.acknowledged_by)

    def seen(self, sighting: Sighting) -> None:
        """Take note of what a watch has seen; it may be a write of another series."""
        self._note(sighting.key, sighting.number, sighting.region)

    def _note(self, key: str, number: int, region: Region) -> None:
        known = self._known.get(key)
        if known is None or number < known.number or region in known.seen:
            return
        known.seen.add(region)
        if known.seen >= self._regions:
            self._everywhere.append(key)


T = TypeVar("T")
KeyType = Literal["S", "N", "B"]
ProbeItem = Mapping[str, str]
"""The attributes of an item whose type is text."""
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_READ_AT_ONCE = 100
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_WRITTEN_AT_ONCE = 25
# DynamoDB keeps 38 digits of a number. An application is unlikely to have numbers below the negative of this one.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_NUMBERS_BELOW = 9 * 10**37
_DIGEST_BYTES = 15


@dataclass(frozen=True, slots=True)
class Layout:
    """The key that a probe has in a table by its name, and the attribute that has its text."""

    table: str
    key: tuple[tuple[str, KeyType], ...]
    """The attributes of the table's key: the partition's, then the sort key's where there is one."""
    text: str
    prefix: str = ""
    """The prefix of the name in each value of the key that is text."""

    def place(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the key of a probe: each value is its name with the prefix, or a number that only drills write."""
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
    """Return the layout of the function of this project, whose PUT /items/<id> writes the item `item#<id>`."""
    return Layout(table, (("id", "S"),), "body", "item#")


async def observe_layout(clients: Clients, side: Side, table: str) -> Layout:
    """Return the layout of probes in a table with any key. Raises Failed for a key that is not understood."""
    where = f"{side.region}: {table}"
    answer = await call(where, clients.of(side.site).dynamodb(side.region).describe_table, TableName=table)
    return read_layout(where, answer["Table"])


def read_layout(where: str, table: "TableDescriptionTypeDef") -> Layout:
    """Return the layout of probes in a table, by the answer of DescribeTable."""
    types = {
        attribute["AttributeName"]: attribute["AttributeType"] for attribute in table.get("AttributeDefinitions", [])
    }
    # HASH is the partition key. AWS promises no order of the schema's elements.
    schema = sorted(table.get("KeySchema", []), key=lambda element: element["KeyType"] != "HASH")
    key = tuple((element["AttributeName"], types.get(element["AttributeName"])) for element in schema)
    known: list[tuple[str, KeyType]] = [(name, kind) for name, kind in key if kind is not None]
    if not known or len(known) != len(key):
        raise Failed(where=where, what=f"has a key that is not understood: {key}")
    return Layout(str(table.get("TableName")), tuple(known), "builder-drill")


async def see_items(clients: Clients, side: Side, layout: Layout, names: Collection[str]) -> dict[str, str | None]:
    """Return the text of each of the probes as the region has it now, None for one that is not there.

    A probe that DynamoDB leaves unprocessed this time is left out.
    """
    pages = await together(
        _read_items(clients, side, layout, part, whole=False) for part in _parts(names, _READ_AT_ONCE)
    )
    return {
        name: items[name].get(layout.text, "") if name in items else None
        for requested, items, unanswered in pages
        for name in requested
        if name not in unanswered
    }


async def read_items(clients: Clients, side: Side, layout: Layout, names: Collection[str]) -> dict[str, ProbeItem]:
    """Return those of the probes that the region has, with all their attributes, by their names."""
    there: dict[str, ProbeItem] = {}
    left: Collection[str] = names
    while left:
        pages = await together(
            _read_items(clients, side, layout, part, whole=True) for part in _parts(left, _READ_AT_ONCE)
        )
        for _, items, _ in pages:
            there |= items
        left = [name for _, _, unanswered in pages for name in unanswered]
    return there


async def delete_items(clients: Clients, side: Side, layout: Layout, names: Collection[str]) -> None:
    """Delete the probes in this region, whether or not they are there. Replication deletes them in the others."""
    where, client = f"{side.region}: {layout.table}", clients.of(side.site).dynamodb(side.region)
    for part in _parts(names, _WRITTEN_AT_ONCE):
        requests: Mapping[str, Any] = {layout.table: [{"DeleteRequest": {"Key": layout.place(name)}} for name in part]}
        while requests:
            answer = await call(where, client.batch_write_item, RequestItems=requests)
            # A plain dict, since botocore finds the tables' names in no other mapping.
            requests = dict(answer.get("UnprocessedItems", {}))


def write_item(clients: Clients, side: Side, layout: Layout, name: str, text: str | None) -> None:
    """Write a probe in this region, or delete it if there is no text; for any thread. Raises ClientError."""
    client, place = clients.of(side.site).dynamodb(side.region), layout.place(name)
    if text is None:
        client.delete_item(TableName=layout.table, Key=place)
    else:
        client.put_item(TableName=layout.table, Item={**place, layout.text: {"S": text}})


def read_item(clients: Clients, side: Side, layout: Layout, name: str) -> str | None:
    """Return the text of a probe in this region, None if it is not there; for any thread. Raises ClientError."""
    client = clients.of(side.site).dynamodb(side.region)
    item = client.get_item(TableName=layout.table, Key=layout.place(name), ConsistentRead=True).get("Item")
    return None if item is None else str(item.get(layout.text, {}).get("S", ""))


async def _read_items(
    clients: Clients, side: Side, layout: Layout, names: Sequence[str], *, whole: bool
) -> tuple[Sequence[str], dict[str, ProbeItem], frozenset[str]]:
    """Return the names that were asked for, the items that are there, and the names that DynamoDB left unprocessed."""
    places = {name: layout.place(name) for name in names}
    named = {_identity(layout, place): name for name, place in places.items()}
    request: Any = {"Keys": list(places.values()), "ConsistentRead": True}
    if not whole:
        # By placeholders, since the attributes' own names may be reserved words.
        attributes = {f"#{number}": attribute for number, (attribute, _) in enumerate(layout.key)}
        attributes["#text"] = layout.text
        request |= {"ProjectionExpression": ", ".join(attributes), "ExpressionAttributeNames": attributes}
    answer = await call(
        f"{side.region}: {layout.table}",
        clients.of(side.site).dynamodb(side.region).batch_get_item,
        RequestItems={layout.table: request},
    )
    items: dict[str, ProbeItem] = {
        named[_identity(layout, item)]: {name: str(value["S"]) for name, value in item.items() if "S" in value}
        for item in answer["Responses"].get(layout.table, [])
    }
    left = answer.get("UnprocessedKeys", {})
    unanswered = left[layout.table]["Keys"] if layout.table in left else []
    return names, items, frozenset(named[_identity(layout, key)] for key in unanswered)


def _identity(layout: Layout, item: Mapping[str, Any]) -> Hashable:
    """Return an item's key in a form that compares: DynamoDB returns a number in another spelling than it was sent."""
    values = ((kind, item[name][kind]) for name, kind in layout.key)
    return tuple(Decimal(value) if kind == "N" else bytes(value) if kind == "B" else value for kind, value in values)


def _parts(names: Collection[T], size: int) -> Iterator[Sequence[T]]:
    listed = list(names)
    return (listed[first : first + size] for first in range(0, len(listed), size))


def object_writer(
    side: Side, drill: str, clients: Clients, clock: DrillClock
) -> Callable[[Probe], tuple[RegionAttempt, ...]]:
    """Return a function that puts an object into a side's bucket; for any thread."""
    s3, bucket = clients.of(side.site).s3(side.region), side.needed_bucket

    def write(probe: Probe) -> tuple[RegionAttempt, ...]:
        began_s, status = clock.passed_s(), None
        with suppress(AwsError), aws_errors(f"{side.region}: {bucket}"):
            s3.put_object(Bucket=bucket, Key=object_key(drill, probe.key), Body=probe.body.encode())
            status = 200
        return (RegionAttempt(side.region, began_s, clock.passed_s(), status),)

    return write


async def see_objects(clients: Clients, side: Side, drill: str, names: Collection[str]) -> dict[str, int | None]:
    """Return 1 for each of the probes that the region's bucket lists, None for the others; listings are consistent.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
    """
    listed = {object_name(drill, key) async for key in _listed(clients, side, drill)}
    return {name: 1 if name in listed else None for name in names}


async def read_objects(clients: Clients, side: Side, drill: str) -> dict[str, dict[str, str]]:
    """Return the probe objects of a drill that the region has, by their names, with their texts as `body`."""
    keys = [key async for key in _listed(clients, side, drill)]
    texts = await together(_read_object(clients, side, key) for key in keys)
    return {object_name(drill, key): {"body": text} for key, text in zip(keys, texts, strict=True)}


async def delete_objects(clients: Clients, side: Side, drill: str) -> None:
    """Delete every version of a drill's probe objects in this region, one listed page after the other."""
    client, where = clients.of(side.site).s3(side.region), f"{side.region}: {side.needed_bucket}"
    while True:
        page = await call(where, client.list_object_versions, Bucket=side.needed_bucket, Prefix=object_prefix(drill))
        batch: list[ObjectIdentifierTypeDef] = [
            {"Key": version["Key"], "VersionId": version["VersionId"]}
            for version in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]
        if not batch:
            return
        answer = await call(
            where, client.delete_objects, Bucket=side.needed_bucket, Delete={"Objects": batch, "Quiet": True}
        )
        check_deleted(where, answer.get("Errors", []))


def check_deleted(where: str, errors: "Sequence[ErrorTypeDef]") -> None:
    """Raise Failed if S3 could not delete all objects."""
    if errors:
        first = errors[0]
        raise Failed(
            where=where,
            what=f"{len(errors)} probe objects could not be deleted; the first, {first.get('Key')}: "
            f"{first.get('Code')}: {first.get('Message')}",
            next_step="python -m builder drill restore",
        )


async def _listed(clients: Clients, side: Side, drill: str) -> AsyncIterator[str]:
    after = ""
    while True:
        page = await call(
            f"{side.region}: {side.needed_bucket}",
            clients.of(side.site).s3(side.region).list_objects_v2,
            Bucket=side.needed_bucket,
            Prefix=object_prefix(drill),
            StartAfter=after,
        )
        for listed in page.get("Contents", []):
            after = listed["Key"]
            yield after
        if not page["IsTruncated"]:
            return


async def _read_object(clients: Clients, side: Side, key: str) -> str:
    where, s3 = f"{side.region}: {side.needed_bucket}/{key}", clients.of(side.site).s3(side.region)

    def read() -> str:
        return s3.get_object(Bucket=side.needed_bucket, Key=key)["Body"].read().decode()

    return await call(where, read)
