"""AWS::DynamoDB::GlobalTable: DynamoDB may refuse to delete a region that was the source of a young replica."""

import asyncio
from collections.abc import Callable

from builder.aws import Clients, Pace, call
from builder.errors import AwsError
from builder.terms import Region

_GONE = "ResourceNotFoundException"
_PACE = Pace(first_s=1.0)


async def quiesce(clients: Clients, region: Region, physical_id: str) -> None:
    """Do nothing: replicas go with the table."""


async def empty(clients: Clients, region: Region, physical_id: str, emptied: Callable[[int], None]) -> None:
    """Do nothing: a table is deleted with its items."""


async def release(clients: Clients, region: Region, physical_id: str) -> None:
    """Remove every replica outside the stack's region, one at a time, as DynamoDB wants it.

    A region that was the source of a replica less than 24 hours old cannot be deleted while that replica is there.
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_reqs_bestpractices.html
    """
    client, where = clients.dynamodb(region), f"{region}: {physical_id}"
    while replica := await _other_replica(clients, region, physical_id):
        await call(
            where,
            client.update_table,
            TableName=physical_id,
            ReplicaUpdates=[{"Delete": {"RegionName": replica}}],
        )
        await _until_gone(clients, region, physical_id, replica)


async def _until_gone(clients: Clients, region: Region, table: str, replica: str) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    while await _other_replica(clients, region, table) == replica:  # noqa: ASYNC110 - DynamoDB sends no event
        await asyncio.sleep(_PACE.wait_s(loop.time() - started))


async def _other_replica(clients: Clients, region: Region, table: str) -> str | None:
    try:
        answer = await call(f"{region}: {table}", clients.dynamodb(region).describe_table, TableName=table)
    except AwsError as error:
        if error.code == _GONE:
            return None
        raise
    others = sorted(
        name for replica in answer["Table"].get("Replicas", []) if (name := replica["RegionName"]) != region
    )
    return others[0] if others else None
