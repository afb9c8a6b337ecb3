"""AWS::DynamoDB::GlobalTable: its replicas hold the data, and adding or removing each one is an operation of its own.

DynamoDB may refuse to delete a region that was the source of a young replica.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, Pace, call, together
from builder.deploy.resources.holder import DeletionHold, Holder, Properties, Seen, Singly
from builder.deploy.resources.table_changes import (
    INDEXES,
    busy_table,
    describe_table,
    held_expiry,
    index_refusals,
    is_on,
    table_refusals,
)
from builder.errors import AwsError, Failed
from builder.template import at
from builder.terms import Region

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import ReplicaDescriptionTypeDef, TableDescriptionTypeDef

_GONE = "ResourceNotFoundException"
_BUSY = "ResourceInUseException"
_REFUSED = "ValidationException"
_PACE = Pace(first_s=1.0, every_s=1.0)
# The longest wait for a replica of many terabytes, or for one whose region does not answer.
_PATIENCE_S = 3600.0
_MOST_DAYS = 35
"""The most days that point-in-time recovery goes back, and the default."""
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
_REPLICAS = Singly("Replicas", "Region", "replica")


def replica_regions(properties: Properties) -> tuple[str, ...]:
    """Return the regions of a table's replicas that are literal text, in the template's order."""
    replicas = properties.get("Replicas")
    listed = replicas if isinstance(replicas, list) else []
    regions = [replica.get("Region") for replica in listed if isinstance(replica, Mapping)]
    return tuple(region for region in regions if isinstance(region, str))


def weakened_recovery(before: Properties, after: Properties, where: str = "") -> tuple[str, ...]:
    """Return what point-in-time recovery of a table or of one replica loses: all of it, or the older days.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
    """
    was, will = _recovery_days(before), _recovery_days(after)
    if not will:
        lost = f"point-in-time recovery is switched off{where}: what it could go back to is gone with it"
        return (lost,) if was else ()
    return (f"point-in-time recovery goes back {will} days{where}, not {was} any more",) if will < was else ()


def _recovery_days(properties: Properties) -> int:
    """Return how many days back recovery goes, 0 where it is off; an unknown number counts as the maximum."""
    recovery = properties.get("PointInTimeRecoverySpecification")
    if not isinstance(recovery, Mapping) or not is_on(recovery.get("PointInTimeRecoveryEnabled")):
        return 0
    days = str(recovery.get("RecoveryPeriodInDays"))
    return int(days) if days.isdecimal() else _MOST_DAYS


def _losses(seen: Seen) -> tuple[str, ...]:
    if seen.before is None or seen.after is None:
        unknown = "perhaps a replica: CloudFormation does not show the list before and after"
        return (unknown,) if seen.may_touch("Replicas") else ()
    gone = [region for region in replica_regions(seen.before) if region not in replica_regions(seen.after)]
    return (
        *(f"its replica in {region}, with what was written there and nowhere else yet" for region in gone),
        *_other_keys(seen.before, seen.after),
    )


def _other_keys(before: Properties, after: Properties) -> Iterator[str]:
    """Yield the replicas that would get another key: DynamoDB refuses that in the table's own region.

    All replicas together can get keys, or lose them, in one update.
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateReplicationGroupMemberAction.html
    """
    was, will = _keys(before), _keys(after)
    is_off = not any(will.values())
    for region in was.keys() & will.keys():
        if was[region] and was[region] != will[region] and not is_off:
            yield (
                f"its key in {region}, which a replica keeps for good: DynamoDB refuses another one, and the update "
                "would fail"
            )


def _keys(properties: Properties) -> dict[str, object]:
    return {name: at(replica, "SSESpecification", "KMSMasterKeyId") for name, replica in _replicas(properties).items()}


def _weakens(before: Properties, after: Properties) -> tuple[str, ...]:
    was, will = _replicas(before), _replicas(after)
    both = [region for region in was if region in will]
    warnings = [
        *(line for region in both for line in weakened_recovery(was[region], will[region], f" in {region}")),
        *(
            f"deletion protection is switched off in {region}"
            for region in both
            if is_on(was[region].get("DeletionProtectionEnabled"))
            and not is_on(will[region].get("DeletionProtectionEnabled"))
        ),
        *expiry_warnings(before, after),
        *_key_warnings(before, after),
    ]
    return tuple(warnings)


def _key_warnings(before: Properties, after: Properties) -> Iterator[str]:
    was, will = any(_keys(before).values()), any(_keys(after).values())
    if was and not will:
        yield "it is encrypted anew, by a key of DynamoDB's own: whoever may read the table needs no other right"
    if will and not was:
        yield "it is encrypted anew, by your keys: whoever reads or writes it needs kms:Decrypt too from then on"


def expiry_warnings(before: Properties, after: Properties) -> tuple[str, ...]:
    """Return a warning where items begin to expire that did not expire before."""
    was, will = before.get("TimeToLiveSpecification"), after.get("TimeToLiveSpecification")
    if was == will or not isinstance(will, Mapping) or not is_on(will.get("Enabled")):
        return ()
    return (f"items whose {will.get('AttributeName')} lies in the past are deleted from now on",)


def _replicas(properties: Properties) -> dict[str, Mapping[str, Any]]:
    listed = properties.get("Replicas")
    replicas = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
    return {str(replica.get("Region")): replica for replica in replicas}


async def is_usable(clients: Clients, region: Region, physical_id: str) -> bool:
    """Return whether the table's replica in a region can be read and written."""
    table = await describe_table(clients, region, physical_id)
    return table is not None and table["TableStatus"] in {"ACTIVE", "UPDATING"}


async def holds(clients: Clients, region: Region, physical_id: str) -> tuple[DeletionHold, ...]:
    """Return the deletion protection of the table and of each of its replicas: a region shows only its own.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html
    """
    table = await describe_table(clients, region, physical_id)
    if table is None:
        return ()
    others = [Region(replica["RegionName"]) for replica in table.get("Replicas", [])]
    regions = [other for other in others if other != region]
    replicas = await together(describe_table(clients, other, physical_id) for other in regions)
    seen = {
        region: table,
        **{other: replica for other, replica in zip(regions, replicas, strict=True) if replica is not None},
    }
    return tuple(DeletionHold("DeletionProtection", where) for where, shown in seen.items() if _is_protected(shown))


def _is_protected(table: "TableDescriptionTypeDef") -> bool:
    return table.get("DeletionProtectionEnabled", False)


async def lift(clients: Clients, region: Region, physical_id: str) -> None:
    """Switch off deletion protection in one region, and return once the table there can be deleted.

    Raises Failed where it cannot be deleted after an hour.
    """
    is_asked = False
    async for table in _watched(clients, region, physical_id):
        if table is None or (not _is_protected(table) and table["TableStatus"] != "UPDATING"):
            return
        if _is_protected(table) and not is_asked:
            is_asked = await _switch_off(clients, region, physical_id)


def lifts(region: Region, physical_id: str) -> str:
    """Return the command that switches off deletion protection in one region."""
    return f"aws dynamodb update-table --region {region} --table-name {physical_id} --no-deletion-protection-enabled"


async def _switch_off(clients: Clients, region: Region, table: str) -> bool:
    """Ask to switch protection off; return False where the table is being changed. Ignore a refusal where it is off."""
    client = clients.dynamodb(region)
    try:
        await call(f"{region}: {table}", client.update_table, TableName=table, DeletionProtectionEnabled=False)
    except AwsError as error:
        if error.code == _BUSY:
            return False
        # boto3 repeats a request whose answer was lost.
        shown = await describe_table(clients, region, table)
        if shown is not None and _is_protected(shown):
            raise
    return True


async def remove(clients: Clients, region: Region, physical_id: str) -> None:
    """Delete the table in every region, last in this region, and return once it is deleted. Raises Failed."""
    await unblock(clients, region, physical_id)
    await _delete_last(clients, region, physical_id)


async def _delete_last(clients: Clients, region: Region, physical_id: str) -> None:
    client = clients.dynamodb(region)
    async for table in _watched(clients, region, physical_id):
        if table is None:
            return
        if table["TableStatus"] == "DELETING":
            continue
        try:
            await call(f"{region}: {physical_id}", client.delete_table, TableName=physical_id)
        except AwsError as error:
            if error.code not in {_BUSY, _GONE}:
                raise


async def _watched(
    clients: Clients, region: Region, physical_id: str
) -> "AsyncIterator[TableDescriptionTypeDef | None]":
    """Yield the table at growing intervals, None once it is deleted. Raises Failed after an hour."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        table = await describe_table(clients, region, physical_id)
        yield table
        passed_s = loop.time() - started
        if passed_s > _PATIENCE_S:
            raise Failed(
                where=f"{region}: {physical_id}",
                what=f"the table is {table['TableStatus'] if table else 'gone'} after an hour",
                next_step="python -m builder destroy    goes on from here",
            )
        await asyncio.sleep(_PACE.wait_s(passed_s))


async def unblock(clients: Clients, region: Region, physical_id: str) -> None:
    """Remove every replica outside the stack's region, one at a time, as DynamoDB requires; then wait for its indexes.

    Raises Failed, naming the replica, where one still exists after an hour.
    A region that was the source of a replica less than 24 hours old cannot be deleted before that replica. That is the
    case after a promotion: then the whole table is deleted from the source's region, the stack's own replica first.
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_reqs_bestpractices.html
    """
    source = await _remove_others(clients, region, physical_id)
    if source is not None:
        if refused := await _remove_others(clients, source, physical_id):
            raise Failed(
                where=f"{region}: {physical_id}",
                what=f"of its replicas in {source} and {refused} neither goes before the other: from each one was made "
                "that is less than a day old",
                next_step="python -m builder destroy    goes on from here, once a day has passed",
            )
        await _delete_last(clients, source, physical_id)
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html
    await _until_none(partial(busy_table, clients, region, physical_id, frozenset()), f"{region}: {physical_id}")


async def _remove_others(clients: Clients, region: Region, physical_id: str) -> Region | None:
    """Remove every replica but this region's; return the region of one that is a young replica's source, else None."""
    sources: list[Region] = []

    async def left() -> str:
        replica = await _other_replica(clients, region, physical_id)
        if replica is None:
            return ""
        if replica.get("ReplicaStatus") != "DELETING":
            goes = await _remove(clients, region, physical_id, replica["RegionName"])
            sources.extend([] if goes else [Region(replica["RegionName"])])
        return "" if sources else f"its replica in {replica['RegionName']} is {replica.get('ReplicaStatus')}"

    await _until_none(left, f"{region}: {physical_id}")
    return sources[0] if sources else None


async def _until_none(read: Callable[[], Coroutine[Any, Any, str]], where: str) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    while because := await read():
        passed_s = loop.time() - started
        if passed_s > _PATIENCE_S:
            raise Failed(
                where=where,
                what=f"{because} after an hour",
                next_step="python -m builder destroy    goes on from here",
            )
        await asyncio.sleep(_PACE.wait_s(passed_s))


async def _remove(clients: Clients, region: Region, table: str, replica: str) -> bool:
    """Ask for a replica's removal; return whether DynamoDB removes it: not where it is the source of a young replica.

    A refusal is ignored where the table is being changed, or the replica is gone: boto3 repeats a request whose answer
    was lost, and the repetition is refused.
    """
    client = clients.dynamodb(region)
    try:
        await call(
            f"{region}: {table}",
            client.update_table,
            TableName=table,
            ReplicaUpdates=[{"Delete": {"RegionName": replica}}],
        )
    except AwsError as error:
        if error.code == _BUSY:
            return True
        left = await _other_replica(clients, region, table)
        if left is None or left["RegionName"] != replica:
            return True
        shown = await describe_table(clients, Region(replica), table)
        if error.code != _REFUSED or (shown is not None and _is_protected(shown)):
            raise
        return False
    return True


async def _other_replica(clients: Clients, region: Region, table: str) -> "ReplicaDescriptionTypeDef | None":
    shown = await describe_table(clients, region, table)
    others = [replica for replica in shown.get("Replicas", []) if replica["RegionName"] != region] if shown else []
    return min(others, key=lambda replica: replica["RegionName"], default=None)


HOLDER = Holder(
    losses=_losses,
    weakens=_weakens,
    is_usable=is_usable,
    regions=replica_regions,
    singly=(INDEXES, _REPLICAS),
    refusals=table_refusals,
    held=held_expiry,
    busy=busy_table,
    unblock=unblock,
    holds=holds,
    lift=lift,
    lifts=lifts,
    remove=remove,
)


def _table_weakens(before: Properties, after: Properties) -> tuple[str, ...]:
    warnings = [*expiry_warnings(before, after), *weakened_recovery(before, after)]
    if is_on(before.get("DeletionProtectionEnabled")) and not is_on(after.get("DeletionProtectionEnabled")):
        warnings.append("deletion protection is switched off")
    return tuple(warnings)


TABLE = Holder(
    weakens=_table_weakens,
    singly=(INDEXES,),
    refusals=index_refusals,
    held=held_expiry,
    busy=busy_table,
    holds=holds,
    lift=lift,
    lifts=lifts,
)
"""AWS::DynamoDB::Table: a table in one region, deleted with its items."""
