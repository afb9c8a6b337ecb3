"""What DynamoDB refuses of a table's settings where the emulator takes it, and the days of point-in-time recovery.

The attribute of TTL is changed by disabling it first; a stream that is on stays as it is; a table that is protected
against deletion is not deleted as a replica either.
Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html,
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PointInTimeRecoverySpecification.html,
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html and
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_StreamSpecification.html
"""

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import account_id, replace, touch
from builder.local.adapter.handlers import Reply, text_of

Action = Callable[[Mapping[str, Any]], Reply]

PROTECTED = (
    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
)

_DDB = "ministack.services.dynamodb"
_DAYS = "RecoveryPeriodInDays"
_LONGEST = 35
# On the emulator's own record of a table, which it writes and reads with the rest of its state.
_RECOVERY_DAYS = "_recovery_days"


def install() -> None:
    """Wrap the actions that change or show these settings."""
    replace(f"{_DDB}:_update_table", _make_update)
    replace(f"{_DDB}:_delete_table", _make_delete)
    replace(f"{_DDB}:_update_ttl", _make_update_ttl)
    replace(f"{_DDB}:_update_continuous_backups", _make_update_recovery)
    replace(f"{_DDB}:_describe_continuous_backups", _make_describe_recovery)
    replace(f"{_DDB}:handle_request", _make_handle)


def _make_handle(handle: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """Answer that no table is in a global table of version 2017.11.29, of which the emulator knows nothing.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeGlobalTable.html
    """

    async def handle_request(method: str, path: str, headers: Mapping[str, str], *rest: object) -> object:
        if headers.get("x-amz-target", "").endswith(".DescribeGlobalTable"):
            return refused("Global table not found.", "GlobalTableNotFoundException")
        return await handle(method, path, headers, *rest)

    return handle_request


def refused(message: str, code: str = "ValidationException") -> Reply:
    """Return the reply to a request that DynamoDB refuses."""
    reply: Reply = touch("ministack.core.responses:error_response_json")(code, message, 400)
    return reply


def _table(data: Mapping[str, Any]) -> MutableMapping[str, Any] | None:
    """Return the emulator's own record of a request's table, or None."""
    name = str(data.get("TableName", "")).rpartition("/")[2]
    table: MutableMapping[str, Any] | None = touch(f"{_DDB}:_tables").get(name)
    return table


def _make_update(update: Action) -> Action:
    def update_table(data: Mapping[str, Any]) -> Reply:
        table = _table(data)
        if table is not None:
            if _streams(table) and (data.get("StreamSpecification") or {}).get("StreamEnabled"):
                return refused(f"Table already has an enabled stream: TableName: {table['TableName']}")
            for change in data.get("ReplicaUpdates") or []:
                if "Delete" in change and _is_protected(table["TableName"], change["Delete"]["RegionName"]):
                    return refused(PROTECTED)
        return update(data)

    return update_table


def _streams(table: Mapping[str, Any]) -> bool:
    return bool((table.get("StreamSpecification") or {}).get("StreamEnabled"))


def _is_protected(name: str, region: str) -> bool:
    replica = touch(f"{_DDB}:_tables").get_scoped(account_id(), region, name) or {}
    return bool(replica.get("DeletionProtectionEnabled"))


def _make_delete(delete: Action) -> Action:
    def delete_table(data: Mapping[str, Any]) -> Reply:
        table = _table(data)
        return refused(PROTECTED) if table and table.get("DeletionProtectionEnabled") else delete(data)

    return delete_table


# -- TTL


def _make_update_ttl(update: Action) -> Action:
    def update_ttl(data: Mapping[str, Any]) -> Reply:
        table = _table(data)
        record = touch(f"{_DDB}:_ttl_settings").get(table["TableName"]) if table else None
        specification = data.get("TimeToLiveSpecification") or {}
        current = record["AttributeName"] if record and record["TimeToLiveStatus"] == "ENABLED" else None
        enabled = current is not None
        if enabled and specification.get("AttributeName") != current:
            return refused(f"TimeToLive is active on a different AttributeName: current AttributeName is {current}")
        if table is not None and enabled == bool(specification.get("Enabled")):
            return refused(f"TimeToLive is already {'enabled' if enabled else 'disabled'}")
        return update(data)

    return update_ttl


# -- point-in-time recovery


def read_recovery(name: str) -> dict[str, Any]:
    """Return the specification of a table's point-in-time recovery in the request's region."""
    enabled = bool(touch(f"{_DDB}:_pitr_settings").get(name, False))
    if not enabled:
        return {"PointInTimeRecoveryEnabled": False}
    days = touch(f"{_DDB}:_tables")[name].get(_RECOVERY_DAYS, _LONGEST)
    return {"PointInTimeRecoveryEnabled": True, _DAYS: days}


def _make_update_recovery(update: Action) -> Action:
    def update_recovery(data: Mapping[str, Any]) -> Reply:
        specification = data.get("PointInTimeRecoverySpecification") or {}
        days = specification.get(_DAYS)
        if days is not None and not 1 <= int(days) <= _LONGEST:
            limit = "greater than or equal to 1" if int(days) < 1 else f"less than or equal to {_LONGEST}"
            return refused(
                f"1 validation error detected: Value '{days}' at 'pointInTimeRecoverySpecification."
                f"recoveryPeriodInDays' failed to satisfy constraint: Member must have value {limit}"
            )
        if days is not None and not specification.get("PointInTimeRecoveryEnabled"):
            # AWS's wording is unverified.
            return refused(f"{_DAYS} can only be specified when PointInTimeRecoveryEnabled is true")
        reply, table = update(data), _table(data)
        if reply[0] == 200 and table is not None:
            table[_RECOVERY_DAYS] = int(days) if days is not None else _LONGEST
        return _with_days(reply, table)

    return update_recovery


def _make_describe_recovery(describe: Action) -> Action:
    def describe_recovery(data: Mapping[str, Any]) -> Reply:
        return _with_days(describe(data), _table(data))

    return describe_recovery


def _with_days(reply: Reply, table: Mapping[str, Any] | None) -> Reply:
    status, headers, body = reply
    if status != 200 or table is None:
        return reply
    document = json.loads(text_of(body))
    description = document["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    if description["PointInTimeRecoveryStatus"] == "ENABLED":
        description[_DAYS] = table.get(_RECOVERY_DAYS, _LONGEST)
    return status, headers, json.dumps(document).encode()
