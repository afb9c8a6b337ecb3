"""What an AWS::DynamoDB::Table does to DynamoDB: a table in one region, which no replica can join here.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
"""

from typing import TYPE_CHECKING, Any

from fake_aws.dynamodb.changes import (
    check_expiry,
    check_indexes,
    expiry,
    in_use,
    indexes,
    is_protected,
    key_schema,
    move_index,
)
from fake_aws.dynamodb.operations import protected
from fake_aws.dynamodb.records import Replica, Table

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World


def create(world: "World", place: "Place", resource: "Resource") -> None:
    """Make the table."""
    name, now = resource.physical_id or "", world.datetime()
    only = Replica(place.region, now, deletion_protection=is_protected(resource.properties))
    world.local_tables[place.account, place.region, name] = Table(
        name,
        place.account,
        place.region,
        now,
        {place.region: only},
        indexes(resource.properties),
        expiry(resource.properties),
        key=key_schema(resource.properties),
        local=True,
    )


def update(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Begin to add or remove one index, and take over deletion protection and time to live."""
    table, wanted = world.local_tables[_key(place, resource)], indexes(resource.properties)
    moved = check_indexes(table, wanted)
    table.expiry = check_expiry(world, table, resource.properties)
    move_index(world, table, moved, wanted)
    table.replicas[place.region].deletion_protection = is_protected(resource.properties)


def delete(world: "World", place: "Place", resource: "Resource") -> None:
    """Delete the table, unless it is protected or gone already."""
    table = world.local_tables.get(_key(place, resource))
    if table is not None and table.replicas[place.region].deletion_protection:
        raise protected(table, place.region)
    if table is not None and table.reindexing:
        raise in_use(table)
    world.local_tables.pop(_key(place, resource), None)


def _key(place: "Place", resource: "Resource") -> tuple[str, str, str]:
    return (place.account, place.region, resource.physical_id or "")
