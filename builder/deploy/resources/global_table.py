"""AWS::DynamoDB::GlobalTable: its replicas hold the data, and one more or less is one operation of its own.

DynamoDB may refuse to delete a region that was the source of a young replica.
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, Pace, call
from builder.deploy.resources.holder import Holder, Properties, Seen, Singly
from builder.errors import AwsError, Failed
from builder.template import at
from builder.terms import Region

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import ReplicaDescriptionTypeDef

_GONE = "ResourceNotFoundException"
_PACE = Pace(first_s=1.0, every_s=1.0)
# A replica of many terabytes, or one whose region does not answer, is not waited for without end.
_PATIENCE_S = 3600.0
INDEXES = Singly("GlobalSecondaryIndexes", "IndexName", "global secondary index", alone=False)
"""Of a global table and of one in a single region.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
"""
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
_REPLICAS = Singly("Replicas", "Region", "replica", alone=True)


def replica_regions(properties: Properties) -> tuple[str, ...]:
    """Return the regions of a table's replicas, in the template's order; only those that are said as plain text."""
    replicas = properties.get("Replicas")
    listed = replicas if isinstance(replicas, list) else []
    regions = [replica.get("Region") for replica in listed if isinstance(replica, Mapping)]
    return tuple(region for region in regions if isinstance(region, str))


def weakened_recovery(before: Properties, after: Properties) -> bool:
    """Return whether point-in-time recovery was on and will not be; of a table, or of one replica."""
    return _recovers(before) and not _recovers(after)


def _recovers(properties: Properties) -> bool:
    said = properties.get("PointInTimeRecoverySpecification")
    return isinstance(said, Mapping) and is_on(said.get("PointInTimeRecoveryEnabled"))


def is_on(value: object) -> bool:
    """Return whether a boolean property is true; a change set may show it as text."""
    return str(value).lower() == "true"


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
    """Yield the replicas that would get another key: DynamoDB refuses that through the table's own region.

    All of them together take keys, or lose them, in one update.
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
    return {name: at(one, "SSESpecification", "KMSMasterKeyId") for name, one in _replicas(properties).items()}


def _weakens(before: Properties, after: Properties) -> tuple[str, ...]:
    was, will = _replicas(before), _replicas(after)
    both = [region for region in was if region in will]
    told = [
        *(
            f"point-in-time recovery is switched off in {region}"
            for region in both
            if weakened_recovery(was[region], will[region])
        ),
        *(
            f"deletion protection is switched off in {region}"
            for region in both
            if is_on(was[region].get("DeletionProtectionEnabled"))
            and not is_on(will[region].get("DeletionProtectionEnabled"))
        ),
        *expiry_warnings(before, after),
        *_key_warnings(before, after),
    ]
    return tuple(told)


def _key_warnings(before: Properties, after: Properties) -> Iterator[str]:
    was, will = any(_keys(before).values()), any(_keys(after).values())
    if was and not will:
        yield "it is encrypted anew, by a key of DynamoDB's own: whoever may read the table needs no other right"
    if will and not was:
        yield "it is encrypted anew, by your keys: whoever reads or writes it needs kms:Decrypt too from then on"


def expiry_warnings(before: Properties, after: Properties) -> tuple[str, ...]:
    """Return a warning where items begin to expire that did not before."""
    was, will = before.get("TimeToLiveSpecification"), after.get("TimeToLiveSpecification")
    if was == will or not isinstance(will, Mapping) or not is_on(will.get("Enabled")):
        return ()
    return (f"items whose {will.get('AttributeName')} lies in the past are deleted from now on",)


def _replicas(properties: Properties) -> dict[str, Mapping[str, Any]]:
    listed = properties.get("Replicas")
    replicas = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    return {str(replica.get("Region")): replica for replica in replicas}


async def stands(clients: Clients, region: Region, physical_id: str) -> bool:
    """Return whether the table's replica in a region can be read and written."""
    try:
        answer = await call(f"{region}: {physical_id}", clients.dynamodb(region).describe_table, TableName=physical_id)
    except AwsError as error:
        if error.code == _GONE:
            return False
        raise
    return answer["Table"]["TableStatus"] in {"ACTIVE", "UPDATING"}


async def release(clients: Clients, region: Region, physical_id: str) -> None:
    """Remove every replica outside the stack's region, one at a time, as DynamoDB wants it.

    Raises Failed, naming the replica, where one is still there after an hour.
    A region that was the source of a replica less than 24 hours old cannot be deleted while that replica is there.
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_reqs_bestpractices.html
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    while replica := await _other_replica(clients, region, physical_id):
        if replica.get("ReplicaStatus") != "DELETING":
            await _remove(clients, region, physical_id, replica["RegionName"])
        passed_s = loop.time() - started
        if passed_s > _PATIENCE_S:
            raise Failed(
                where=f"{region}: {physical_id}",
                what=f"its replica in {replica['RegionName']} is {replica.get('ReplicaStatus')} after an hour",
                next_step="python -m builder destroy    goes on from here",
            )
        await asyncio.sleep(_PACE.wait_s(passed_s))


async def _remove(clients: Clients, region: Region, table: str, replica: str) -> None:
    """Ask for a replica's removal. A refusal is fine where the table is being changed, or the replica is gone.

    After a lost answer boto3 asks again, and is told just that.
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
        if error.code == "ResourceInUseException":
            return
        left = await _other_replica(clients, region, table)
        if left is not None and left["RegionName"] == replica:
            raise


async def _other_replica(clients: Clients, region: Region, table: str) -> "ReplicaDescriptionTypeDef | None":
    try:
        answer = await call(f"{region}: {table}", clients.dynamodb(region).describe_table, TableName=table)
    except AwsError as error:
        if error.code == _GONE:
            return None
        raise
    others = [replica for replica in answer["Table"].get("Replicas", []) if replica["RegionName"] != region]
    return min(others, key=lambda replica: replica["RegionName"], default=None)


HOLDER = Holder(
    losses=_losses,
    weakens=_weakens,
    stands=stands,
    regions=replica_regions,
    singly=(INDEXES, _REPLICAS),
    release=release,
)


def _table_weakens(before: Properties, after: Properties) -> tuple[str, ...]:
    told = list(expiry_warnings(before, after))
    if weakened_recovery(before, after):
        told.append("point-in-time recovery is switched off")
    if is_on(before.get("DeletionProtectionEnabled")) and not is_on(after.get("DeletionProtectionEnabled")):
        told.append("deletion protection is switched off")
    return tuple(told)


TABLE = Holder(weakens=_table_weakens, singly=(INDEXES,))
"""AWS::DynamoDB::Table: a table in one region, deleted with its items."""
