"""What an AWS::DynamoDB::GlobalTable does to DynamoDB as its stack creates, updates and deletes it.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fake_aws.dynamodb.changes import (
    check_expiry,
    check_indexes,
    expiry,
    in_use,
    indexes,
    invalid,
    is_protected,
    key_schema,
    move_index,
    stream,
)
from fake_aws.dynamodb.operations import SOURCE_OF_YOUNG, is_source_of_young, protected
from fake_aws.dynamodb.records import Replica, Table
from fake_aws.kms import effects as kms
from fake_aws.refusals import AwsRefusal

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World


def create(world: "World", place: "Place", resource: "Resource") -> None:
    """Begin to make the table with all its replicas."""
    name = resource.physical_id or ""
    wanted = _regions(resource.properties)
    if place.region not in wanted:
        raise invalid(f"Replicas must contain the region of the stack, {place.region}")
    if len(wanted) > 1 and "StreamSpecification" not in resource.properties:
        raise invalid("StreamSpecification is required when there is more than one replica")
    now, keys = world.datetime(), _keys(world, place, resource.properties)
    replicas = {
        region: Replica(region, now, "CREATING", deletion_protection=kept, key=keys[region])
        for region, kept in wanted.items()
    }
    world.tables[place.account, name] = Table(
        name,
        place.account,
        place.region,
        now,
        replicas,
        indexes(resource.properties),
        expiry(resource.properties),
        stream(resource.properties),
        key_schema(resource.properties),
    )


def update(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Begin to add or remove one replica or one index, and take over deletion protection and time to live."""
    table = world.tables[place.account, resource.physical_id or ""]
    wanted, wanted_indexes = _regions(resource.properties), indexes(resource.properties)
    standing = {region for region, each in table.replicas.items() if each.status != "DELETING"}
    moved = wanted.keys() ^ standing
    _check_replicas(table, moved, indexes_move=wanted_indexes.keys() != table.indexes.keys())
    moved_index = check_indexes(table, wanted_indexes)
    if max(len(wanted), len(standing)) > 1 and table.stream not in {None, stream(resource.properties)}:
        raise invalid("StreamViewType can only be changed on a table without replicas")
    wanted_expiry = check_expiry(world, table, resource.properties)
    if place.region not in wanted:
        raise invalid(f"Replicas must contain the region of the stack, {place.region}")
    keys = _keys(world, place, resource.properties)
    _check_keys(table, {region: keys[region] for region in standing & wanted.keys()})
    for region in moved - wanted.keys():
        if table.replicas[region].deletion_protection:
            raise protected(table, region)
        table.replicas[region].status = "DELETING"
    for region, kept in wanted.items():
        if region not in standing:
            table.replicas[region] = Replica(region, world.datetime(), "CREATING")
        table.replicas[region].deletion_protection, table.replicas[region].key = kept, keys[region]
    move_index(world, table, moved_index, wanted_indexes)
    table.expiry, table.stream = wanted_expiry, stream(resource.properties)


def _check_replicas(table: Table, moved: set[str], *, indexes_move: bool) -> None:
    if len(moved) > 1:
        raise invalid("Cannot add, delete, or update more than one replica in a single update")
    if moved and indexes_move:
        raise invalid("Cannot add or delete a replica and a global secondary index in a single update")
    if moved and table.reindexing:
        raise in_use(table)


def _check_keys(table: Table, keys: dict[str, str | None]) -> None:
    """Refuse another key of a replica that stays, unless none of them has one any more."""
    for region, key in keys.items():
        was = table.replicas[region].key
        if was and was != key and any(keys.values()):
            raise invalid("Cannot update KMSMasterKeyId of a replica")


def settle(world: "World", place: "Place", resource: "Resource") -> None:
    """Let every replica under way come or go."""
    if (table := world.tables.get((place.account, resource.physical_id or ""))) is not None:
        table.settle()


def delete(world: "World", place: "Place", resource: "Resource") -> None:
    """Delete the table in every region, unless a replica is protected or too young."""
    where = (place.account, resource.physical_id or "")
    table = world.tables.get(where)
    if table is None:
        return
    for region, replica in table.replicas.items():
        if replica.deletion_protection:
            raise protected(table, region)
    if table.reindexing:
        raise in_use(table)
    if is_source_of_young(world, table):
        raise AwsRefusal("ValidationException", SOURCE_OF_YOUNG)
    del world.tables[where]


def _regions(properties: dict[str, Any]) -> dict[str, bool]:
    return {each["Region"]: is_protected(each) for each in properties["Replicas"]}


def _keys(world: "World", place: "Place", properties: dict[str, Any]) -> dict[str, str | None]:
    """Return each replica's key; all of them have one that is there in its region, or none has."""
    keys = {each["Region"]: each.get("SSESpecification", {}).get("KMSMasterKeyId") for each in properties["Replicas"]}
    if any(keys.values()) and not all(keys.values()):
        raise invalid("All replicas must have a KMSMasterKeyId, or none")
    for region, key in keys.items():
        if key:
            kms.find(world, replace(place, region=region), key)
    return keys
