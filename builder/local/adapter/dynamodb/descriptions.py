"""What DynamoDB says of a table, and the emulator leaves out: its warm throughput, the mode of its insights.

A table on demand is warm for 12,000 reads and 4,000 writes a second though nobody asked for it, one of provisioned
capacity for that.
Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html and
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeContributorInsights.html
"""

import json
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.handlers import Reply, text_of

Action = Callable[[Mapping[str, Any]], Reply]
Throughput = Mapping[str, Any]

_DDB = "ministack.services.dynamodb"
_WARM = "WarmThroughput"
_MODE = "ContributorInsightsMode"
_ON_DEMAND: Throughput = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000}


def install() -> None:
    """Wrap the description and the update of tables and of their insights."""
    replace(f"{_DDB}:_table_description", _make_describe)
    replace(f"{_DDB}:_update_table", _make_update)
    replace(f"{_DDB}:_update_contributor_insights", _make_update_insights)
    replace(f"{_DDB}:_describe_contributor_insights", _make_describe_insights)


# -- warm throughput


def _make_describe(describe: Callable[[str], dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    def describe_table(name: str) -> dict[str, Any]:
        description = describe(name)
        on_demand = (description.get("BillingModeSummary") or {}).get("BillingMode") == "PAY_PER_REQUEST"
        kept = touch(f"{_DDB}:_tables")[name].get(_WARM)
        description[_WARM] = {**(kept or _warm(description, on_demand=on_demand)), "Status": "ACTIVE"}
        if "GlobalSecondaryIndexes" in description:
            # A copy: the emulator shows its own records of them.
            description["GlobalSecondaryIndexes"] = [
                {_WARM: {**_warm(index, on_demand=on_demand), "Status": "ACTIVE"}, **index}
                for index in description["GlobalSecondaryIndexes"]
            ]
        return description

    return describe_table


def _warm(described: Mapping[str, Any], *, on_demand: bool) -> Throughput:
    if on_demand:
        return _ON_DEMAND
    capacity = described.get("ProvisionedThroughput") or {}
    reads, writes = (int(capacity.get(f"{kind}CapacityUnits", 0)) for kind in ("Read", "Write"))
    return {"ReadUnitsPerSecond": reads, "WriteUnitsPerSecond": writes}


def _make_update(update: Action) -> Action:
    def update_table(data: Mapping[str, Any]) -> Reply:
        reply = update(data)
        if reply[0] == 200 and _WARM in data:
            table: MutableMapping[str, Any] = touch(f"{_DDB}:_tables")[str(data["TableName"]).rpartition("/")[2]]
            table[_WARM] = dict(data[_WARM])
        return reply

    return update_table


# -- contributor insights


def _insights(data: Mapping[str, Any]) -> MutableMapping[str, Any] | None:
    """Return the emulator's own record of a request's insights, of a table or an index."""
    name = str(data.get("TableName", "")).rpartition("/")[2]
    index = data.get("IndexName")
    record: MutableMapping[str, Any] | None = touch(f"{_DDB}:_contributor_insights").get(
        f"{name}/index/{index}" if index else name
    )
    return record


def _make_update_insights(update: Action) -> Action:
    def update_insights(data: Mapping[str, Any]) -> Reply:
        reply, record = update(data), _insights(data)
        if reply[0] != 200 or record is None:
            return reply
        record[_MODE] = data.get(_MODE, "ACCESSED_AND_THROTTLED_KEYS")
        return _with_mode(reply, record)

    return update_insights


def _make_describe_insights(describe: Action) -> Action:
    def describe_insights(data: Mapping[str, Any]) -> Reply:
        reply, record = describe(data), _insights(data)
        return reply if reply[0] != 200 or record is None else _with_mode(reply, record)

    return describe_insights


def _with_mode(reply: Reply, record: Mapping[str, Any]) -> Reply:
    status, headers, body = reply
    document = json.loads(text_of(body))
    if document["ContributorInsightsStatus"].startswith("ENABL") and _MODE in record:
        document[_MODE] = record[_MODE]
    return status, headers, json.dumps(document).encode()
