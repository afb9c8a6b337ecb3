"""What the fake answers as DynamoDB: a table's replicas, the removal of one, deletion protection, and its items.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html, API_UpdateTable,
API_DeleteTable and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_reqs_bestpractices.html
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fake_aws.calls import Operation, Reply, Request, mutates, reads
from fake_aws.dynamodb import items
from fake_aws.dynamodb.records import Replica, Table
from fake_aws.refusals import AwsRefusal, Unsupported

if TYPE_CHECKING:
    from fake_aws.world import World

_KINDS = ("HASH", "RANGE")
SOURCE_OF_YOUNG = (
    "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the table in"
    " the last 24 hours."
)


def describe_table(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeTable in the region it is asked in; `Replicas` are those of other regions."""
    table = _table(request, params)
    return {"Table": _shown(table, request.region)}


def update_table(request: Request, params: dict[str, Any]) -> Reply:
    """Answer UpdateTable with one replica to add or delete, or with the deletion protection of the region asked."""
    table = _table(request, params)
    if "DeletionProtectionEnabled" in params:
        return _protect(request, table, params)
    if table.local:
        raise Unsupported(f"ReplicaUpdates of {table.name}, which is no global table")
    updates = params["ReplicaUpdates"]
    if len(updates) != 1 or updates[0].keys() - {"Create", "Delete"}:
        raise Unsupported(f"ReplicaUpdates {updates}: the fake adds or deletes one replica at a time")
    if table.busy or table.reindexing:
        raise AwsRefusal("ResourceInUseException", f"Table is being updated: {table.name}")
    ((action, asked),) = updates[0].items()
    region = asked["RegionName"]
    if region == request.region:
        raise AwsRefusal(
            "ValidationException",
            "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or UpdateTable"
            " as required.",
        )
    if action == "Create":
        _check_new(table, region)
        table.replicas[region] = Replica(region, request.world.datetime(), "CREATING")
    else:
        _check_deletable(request.world, table, region)
        table.replicas[region].status = "DELETING"
    request.world.start(lambda: _settle(request.world, table))
    return {"TableDescription": _shown(table, request.region)}


def describe_time_to_live(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeTimeToLive: what it is, or on its way to."""
    expiry = _table(request, params).expiry
    is_changing = request.world.now < expiry.until
    status = (
        ("ENABLING" if is_changing else "ENABLED") if expiry.enabled else "DISABLING" if is_changing else "DISABLED"
    )
    named = {"AttributeName": expiry.attribute} if status != "DISABLED" else {}
    return {"TimeToLiveDescription": {"TimeToLiveStatus": status, **named}}


def scan(request: Request, params: dict[str, Any]) -> Reply:
    """Answer Scan of the region's replica."""
    return items.scan(request, _table(request, params), params)


def batch_get_item(request: Request, params: dict[str, Any]) -> Reply:
    """Answer BatchGetItem of the region's replicas."""
    tables = {name: _table(request, {"TableName": name}) for name in params["RequestItems"]}
    return items.batch_get_item(request, tables, params)


def _protect(request: Request, table: Table, params: dict[str, Any]) -> Reply:
    """Set the deletion protection of the region's own replica; the others keep theirs."""
    if "ReplicaUpdates" in params:
        raise Unsupported("ReplicaUpdates together with DeletionProtectionEnabled")
    if table.busy:
        raise AwsRefusal("ResourceInUseException", f"Table is being updated: {table.name}")
    table.replicas[request.region].deletion_protection = params["DeletionProtectionEnabled"]
    return {"TableDescription": _shown(table, request.region)}


def delete_table(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteTable: the replica of the region goes, with the last one the table; asked again it is no error."""
    world, region = request.world, request.region
    table = _table(request, params)
    own = table.replicas[region]
    if own.status != "DELETING":
        if own.deletion_protection:
            raise protected(table, region)
        if table.busy:
            raise AwsRefusal("ResourceInUseException", f"Table is being updated: {table.name}")
        if region == table.home and is_source_of_young(world, table):
            raise AwsRefusal("ValidationException", SOURCE_OF_YOUNG)
        own.status = "DELETING"
        world.start(lambda: _go(world, table))
    return {"TableDescription": _shown(table, region)}


def _go(world: "World", table: Table) -> Iterator[float]:
    yield from _settle(world, table)
    if table.replicas:
        return
    world.tables.pop((table.account, table.name), None)
    world.local_tables.pop((table.account, table.home, table.name), None)
    key = ("AWS::DynamoDB::GlobalTable", table.account, table.home, table.name)
    world.names.discard(key)
    world.unmanaged.pop(key, None)


def _check_new(table: Table, region: str) -> None:
    if region in table.replicas:
        raise AwsRefusal(
            "ValidationException",
            f"Failed to create a the new replica of table with name: ‘{table.name}’ because one or more replicas"
            " already existed as tables.",
        )


def _check_deletable(world: "World", table: Table, region: str) -> None:
    if region not in table.replicas:
        raise AwsRefusal(
            "ValidationException",
            "Update global table operation failed because one or more replicas were not part of the global table."
            f" Please retry the request without these replicas: [{region}].",
        )
    if table.replicas[region].deletion_protection:
        raise protected(table, region)
    if region == table.home and is_source_of_young(world, table):
        raise AwsRefusal("ValidationException", SOURCE_OF_YOUNG)


def protected(table: Table, region: str) -> AwsRefusal:
    """Return the refusal to delete a table whose deletion protection is on."""
    return AwsRefusal(
        "ValidationException",
        f"Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
        f" ({table.arn(region)})",
    )


def is_source_of_young(world: "World", table: Table) -> bool:
    """Return whether the home region was the source of a replica that is younger than a day, if the world minds."""
    if not world.quirks.young_replicas_block_deletion:
        return False
    young = world.datetime() - timedelta(hours=24)
    return any(each.added > young for region, each in table.replicas.items() if region != table.home)


def _settle(world: "World", table: Table) -> Iterator[float]:
    yield world.replica_change_s
    table.settle()


def _table(request: Request, params: dict[str, Any]) -> Table:
    world, name = request.world, params["TableName"]
    table = world.tables.get((request.account, name))
    if table is None or request.region not in table.replicas:
        table = world.local_tables.get((request.account, request.region, name))
    if table is None:
        raise AwsRefusal("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")
    return table


def _shown(table: Table, region: str) -> dict[str, Any]:
    own = table.replicas[region]
    status = own.status if own.status != "ACTIVE" else "UPDATING" if table.busy else "ACTIVE"
    return {
        "TableName": table.name,
        "TableArn": table.arn(region),
        "TableStatus": status,
        "CreationDateTime": own.added,
        "DeletionProtectionEnabled": own.deletion_protection,
        "KeySchema": [
            {"AttributeName": name, "KeyType": kind} for (name, _), kind in zip(table.key, _KINDS, strict=False)
        ],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in table.key],
        "ItemCount": len(own.items),
        "TableSizeBytes": items.size_of(own),
        "GlobalSecondaryIndexes": [_index(table, name, region) for name in sorted(table.indexes)],
        "GlobalTableVersion": None if table.local else "2019.11.21",
        "Replicas": [
            {"RegionName": each.region, "ReplicaStatus": each.status}
            for name, each in sorted(table.replicas.items())
            if name != region
        ],
    }


def _index(table: Table, name: str, region: str) -> dict[str, Any]:
    status = table.indexes[name].statuses.get(region, "ACTIVE")
    return {"IndexName": name, "IndexStatus": status, **({"Backfilling": True} if status == "CREATING" else {})}


OPERATIONS: dict[str, Operation] = {
    "DescribeTable": reads(describe_table, "TableName"),
    "DescribeTimeToLive": reads(describe_time_to_live, "TableName"),
    "Scan": reads(
        scan,
        *("TableName", "ConsistentRead", "ExclusiveStartKey", "Limit", "Segment", "TotalSegments"),
        *("ProjectionExpression", "ExpressionAttributeNames"),
    ),
    "BatchGetItem": reads(batch_get_item, "RequestItems"),
    "UpdateTable": mutates(update_table, "TableName", "ReplicaUpdates", "DeletionProtectionEnabled"),
    "DeleteTable": mutates(delete_table, "TableName"),
}
