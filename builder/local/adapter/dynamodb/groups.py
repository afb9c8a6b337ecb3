"""What the replicas of a table share however it is changed, and what DynamoDB refuses of a change of its replicas.

The emulator changes the replica that is asked. Indexes and the billing mode are every replica's; one replica comes or
goes in a request, and none of a table of provisioned capacity that nobody scales (a table of CloudFormation's is scaled
by its template). The wording of the first refusal is *unverified*.
Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables_reqs_bestpractices.html and
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, region_name, replace, touch
from builder.local.adapter.handlers import Reply

Action = Callable[[Mapping[str, Any]], Reply]
Record = MutableMapping[str, Any]
"""The emulator's own, of a table in a region."""

_DDB = "ministack.services.dynamodb"
_SHARED = ("BillingMode", "ProvisionedThroughput")
_INDEXES = "GlobalSecondaryIndexUpdates"
# On the emulator's own record of a table.
_SCALED = "_scaled"


def install() -> None:
    """Wrap the update of tables."""
    replace(f"{_DDB}:_update_table", _make_update)


def scale(table: Record) -> None:
    """Note that the capacity of a table is scaled, so that it may have replicas."""
    table[_SCALED] = True


def _make_update(update: Action) -> Action:
    def update_table(data: Mapping[str, Any]) -> Reply:
        name = str(data.get("TableName", "")).rpartition("/")[2]
        table: Record | None = touch(f"{_DDB}:_tables").get(name)
        if table is not None and (refusal := _find_refusal(table, data)):
            reply: Reply = touch("ministack.core.responses:error_response_json")("ValidationException", refusal, 400)
            return reply
        reply = update(data)
        if reply[0] == 200 and table is not None:
            _share(update, name, table, data)
        return reply

    return update_table


def _find_refusal(table: Record, data: Mapping[str, Any]) -> str | None:
    changes = [kind for change in data.get("ReplicaUpdates") or [] for kind in change if kind in {"Create", "Delete"}]
    if len(changes) > 1:
        return "Only one replica can be created or deleted in an update of a table"
    mode = data.get("BillingMode") or (table.get("BillingModeSummary") or {}).get("BillingMode")
    if "Create" in changes and mode != "PAY_PER_REQUEST" and not table.get(_SCALED):
        return "Table write capacity should either be Pay-Per-Request or AutoScaled."
    return None


def _share(update: Action, name: str, table: Record, data: Mapping[str, Any]) -> None:
    """Make the change in every other replica, as far as that has not got it."""
    shared = {key: data[key] for key in _SHARED if key in data}
    for region in touch(f"{_DDB}:_replica_group")(table):
        if region == region_name():
            continue
        with acting_in(AccountRegion(account_id(), region)):
            present = {index["IndexName"] for index in _record(name).get("GlobalSecondaryIndexes") or []}
            if indexes := list(_missing(data.get(_INDEXES) or [], present)):
                attributes = {"AttributeDefinitions": data.get("AttributeDefinitions", table["AttributeDefinitions"])}
                update({"TableName": name, **attributes, _INDEXES: indexes})
            if shared:
                update({"TableName": name, **shared})


def _record(name: str) -> Record:
    table: Record = touch(f"{_DDB}:_tables")[name]
    return table


def _missing(updates: list[Mapping[str, Any]], present: set[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the updates of indexes that a replica has not had yet."""
    for change in updates:
        for kind, index in change.items():
            if (kind == "Create") != (index["IndexName"] in present):
                yield {kind: index}
