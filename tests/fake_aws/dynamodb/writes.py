"""What the fake answers of a table's items beside Scan: written by calls, they go to the other regions after a while.

The last writer wins. A region that is down takes nothing and gives nothing away until it is up again.
Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html, API_GetItem, API_DeleteItem,
API_BatchWriteItem, API_Query and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fake_aws.calls import Reply, Request
from fake_aws.dynamodb.describe import table_named
from fake_aws.dynamodb.items import key_text, projected
from fake_aws.dynamodb.records import Table
from fake_aws.refusals import AwsRefusal, Unsupported

if TYPE_CHECKING:
    from fake_aws.world import World

Params = dict[str, Any]
_EQUALS = re.compile(r"\s*(?P<name>[#\w]+)\s*=\s*(?P<value>:\w+)\s*")


@dataclass(frozen=True, slots=True)
class Write:
    """A write on its way from one region to another; without an item it is a deletion."""

    table: Table
    key: str
    item: dict[str, Any] | None
    at: float
    source: str
    target: str


def put_item(request: Request, params: Params) -> Reply:
    """Answer PutItem."""
    table = _active(request, params["TableName"])
    _write(request, table, params["Item"], params["Item"])
    return {}


def delete_item(request: Request, params: Params) -> Reply:
    """Answer DeleteItem; one that is not there is no error."""
    _write(request, _active(request, params["TableName"]), params["Key"], None)
    return {}


def batch_write_item(request: Request, params: Params) -> Reply:
    """Answer BatchWriteItem: 25 at most; those beyond `world.page_size` are unprocessed."""
    requests = [(name, each) for name, writes in params["RequestItems"].items() for each in writes]
    if len(requests) > 25:
        raise AwsRefusal("ValidationException", "Too many items requested for the BatchWriteItem call")
    left: dict[str, list[Params]] = {}
    for number, (name, each) in enumerate(requests):
        if number >= request.world.page_size:
            left.setdefault(name, []).append(each)
        elif "PutRequest" in each:
            item = each["PutRequest"]["Item"]
            _write(request, _active(request, name), item, item)
        else:
            _write(request, _active(request, name), each["DeleteRequest"]["Key"], None)
    return {"UnprocessedItems": left}


def get_item(request: Request, params: Params) -> Reply:
    """Answer GetItem, of the region's replica."""
    table = _active(request, params["TableName"])
    item = table.replicas[request.region].items.get(key_text(table.key_of(params["Key"])))
    return {"Item": None if item is None else projected(item, params)}


def query(request: Request, params: Params) -> Reply:
    """Answer Query of the region's table by its partition key alone, in the order of the sort key."""
    table = _active(request, params["TableName"])
    condition = _EQUALS.fullmatch(params["KeyConditionExpression"])
    (partition, _), *sort = table.key
    if (
        condition is None
        or params.get("ExpressionAttributeNames", {}).get(condition["name"], condition["name"]) != partition
    ):
        raise Unsupported(f"Query by {params['KeyConditionExpression']}")
    value = params["ExpressionAttributeValues"][condition["value"]]
    items = [each for each in table.replicas[request.region].items.values() if each[partition] == value]
    items.sort(key=lambda item: [_sortable(item[name]) for name, _ in sort])
    if not params.get("ScanIndexForward", True):
        items.reverse()
    first = 0
    if "ExclusiveStartKey" in params:
        keys = [table.key_of(each) for each in items]
        first = keys.index(params["ExclusiveStartKey"]) + 1
    page = items[first : first + min(request.world.page_size, params.get("Limit", request.world.page_size))]
    more = first + len(page) < len(items)
    return {
        "Items": [projected(item, params) for item in page],
        "Count": len(page),
        "ScannedCount": len(page),
        "LastEvaluatedKey": table.key_of(page[-1]) if more else None,
    }


def _sortable(value: dict[str, str]) -> tuple[float, str]:
    ((kind, text),) = value.items()
    return (float(text), "") if kind == "N" else (0.0, text)


def _active(request: Request, name: str) -> Table:
    table = table_named(request, name)
    if table.replicas[request.region].status != "ACTIVE":
        raise AwsRefusal("ResourceNotFoundException", "Requested resource not found")
    return table


def _write(request: Request, table: Table, keyed: dict[str, Any], item: dict[str, Any] | None) -> None:
    if lacking := [name for name, _ in table.key if name not in keyed]:
        raise AwsRefusal(
            "ValidationException",
            f"One or more parameter values were invalid: Missing the key {lacking[0]} in the item",
        )
    world, key, here = request.world, key_text(table.key_of(keyed)), request.region
    for target in table.replicas:
        write = Write(table, key, item, world.now, here, target)
        if target == here:
            _apply(write)
        else:
            send(world, write)


def send(world: "World", write: Write) -> None:
    """Let a write arrive after a while; where either end is down by then, it waits until it is up."""

    def arrive() -> Iterator[float]:
        yield world.replication_s
        if {write.source, write.target} & world.down:
            world.held_writes.append(write)
        else:
            _apply(write)

    world.start(arrive)


def _apply(write: Write) -> None:
    replica = write.table.replicas.get(write.target)
    if replica is None or replica.written.get(write.key, -1.0) > write.at:
        return
    replica.written[write.key] = write.at
    if write.item is None:
        replica.items.pop(write.key, None)
    else:
        replica.items[write.key] = write.item
