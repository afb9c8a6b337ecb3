"""What the fake answers of a table's items, each region's replica by itself: Scan and BatchGetItem.

Items are kept as they cross the wire, bytes in base 64. What a test puts into a replica stays there; what a call writes
goes to the others (`writes`).
Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html, API_BatchGetItem
"""

import hashlib
import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.dynamodb.records import Replica, Table
from fake_aws.refusals import AwsRefusal

Json = dict[str, Any]
MOST_KEYS = 100


def scan(request: Request, table: Table, params: Json) -> Reply:
    """Answer Scan: in the order of a hash of each key, `world.page_size` items a page."""
    listed = _in_order(request, table)
    segments, segment = params.get("TotalSegments", 1), params.get("Segment", 0)
    listed = [(place, item) for place, item in listed if int(place[:8], 16) % segments == segment]
    if "ExclusiveStartKey" in params:
        after = _place(request, params["ExclusiveStartKey"])
        listed = [(place, item) for place, item in listed if place > after]
    shown = [item for _, item in listed[: min(request.world.page_size, params.get("Limit", MOST_KEYS))]]
    more = len(shown) < len(listed)
    return {
        "Items": [projected(item, params) for item in shown],
        "Count": len(shown),
        "ScannedCount": len(shown),
        "LastEvaluatedKey": table.key_of(shown[-1]) if more else None,
    }


def batch_get_item(request: Request, tables: Mapping[str, Table], params: Json) -> Reply:
    """Answer BatchGetItem: of more than `world.page_size` keys together the rest is unprocessed."""
    keys = [(name, key) for name, of_table in params["RequestItems"].items() for key in of_table["Keys"]]
    if len(keys) > MOST_KEYS:
        raise AwsRefusal("ValidationException", "Too many items requested for the BatchGetItem call")
    if len({(name, key_text(key)) for name, key in keys}) < len(keys):
        raise AwsRefusal("ValidationException", "Provided list of item keys contains duplicates")
    responses: dict[str, list[Json]] = {name: [] for name in params["RequestItems"]}
    left: dict[str, Json] = {}
    for number, (name, key) in enumerate(keys):
        if number < request.world.page_size:
            item = tables[name].replicas[request.region].items.get(key_text(key))
            responses[name] += [item] if item is not None else []
        else:
            left.setdefault(name, {**params["RequestItems"][name], "Keys": []})["Keys"].append(key)
    return {"Responses": responses, "UnprocessedKeys": left}


def key_text(key: Json) -> str:
    """Return a key as text, the same however it and its numbers are written."""
    known = {
        name: str(Fraction(value["N"])) if "N" in value else "".join([*value, *value.values()])
        for name, value in key.items()
    }
    return json.dumps(known, sort_keys=True)


def put(table: Table, item: Json, *regions: str) -> None:
    """Have an item in these regions' replicas, in all where none is named."""
    for region in regions or table.replicas:
        table.replicas[region].items[key_text(table.key_of(item))] = item


def remove(table: Table, item: Json, *regions: str) -> None:
    """Have no item of this key in these regions' replicas, in none where none is named."""
    for region in regions or table.replicas:
        table.replicas[region].items.pop(key_text(table.key_of(item)), None)


def size_of(replica: Replica) -> int:
    """Return about how many bytes a replica's items are."""
    return sum(map(len, map(json.dumps, replica.items.values())))


def _in_order(request: Request, table: Table) -> list[tuple[str, Json]]:
    items = table.replicas[request.region].items.values()
    return sorted(((_place(request, table.key_of(item)), item) for item in items), key=lambda each: each[0])


def _place(request: Request, key: Json) -> str:
    salt = "" if request.world.quirks.replicas_scan_alike else request.region
    return hashlib.sha256(f"{salt} {key_text(key)}".encode()).hexdigest()


def projected(item: Json, params: Json) -> Json:
    """Return what a projection leaves of an item, by plain names."""
    if "ProjectionExpression" not in params:
        return item
    names = params.get("ExpressionAttributeNames", {})
    kept = {names.get(name, name) for name in params["ProjectionExpression"].replace(" ", "").split(",")}
    return {name: value for name, value in item.items() if name in kept}
