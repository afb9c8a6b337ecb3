"""What an AWS::DynamoDB::Table does to DynamoDB: a table in one region, whatever replicas others give it.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
"""

from typing import TYPE_CHECKING, Any

from fake_aws.dynamodb.changes import (
    check_deletable,
    check_expiry,
    check_indexes,
    find,
    forget,
    in_use,
    keep,
    move_index,
    not_found,
)
from fake_aws.dynamodb.definition import aligned as in_words_of
from fake_aws.dynamodb.definition import (
    as_global,
    as_local,
    canonical,
    configure,
    configure_replica,
    definition_of,
    expiry,
    indexes,
    is_on,
)
from fake_aws.dynamodb.records import Expiry, Replica, Table
from fake_aws.refusals import AwsRefusal

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World

TYPE = "AWS::DynamoDB::Table"


def create(world: "World", place: "Place", resource: "Resource") -> None:
    """Make the table."""
    make(world, place, resource.physical_id or "", _definition(place, resource))


def make(world: "World", place: "Place", name: str, definition: dict[str, Any], status: str = "ACTIVE") -> Table:
    """Make a table of one region from the definition of a global one with one replica."""
    now = world.datetime()
    table = Table(name, place.account, place.region, now, indexes=indexes(definition), local=True)
    table.expiry = expiry(definition)
    configure(table, definition)
    table.replicas[place.region] = Replica(place.region, now, status)
    configure_replica(table.replicas[place.region], definition["Replicas"][0])
    keep(world, table)
    return table


def update(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Begin to add or remove one index, and take over all other settings."""
    table = find(world, place.account, place.region, resource.physical_id or "")
    if table is None:
        raise not_found(TYPE, resource.physical_id or "")
    definition = _definition(place, resource)
    new_indexes, specification = indexes(definition), resource.properties.get("TimeToLiveSpecification")
    moved = check_indexes(table, new_indexes)
    new_expiry = (
        None if specification is None else Expiry(specification.get("AttributeName"), is_on(specification["Enabled"]))
    )
    table.expiry = check_expiry(world, table, new_expiry)
    move_index(world, table, moved, new_indexes)
    stream = table.stream
    configure(table, definition)
    if len(table.replicas) > 1:
        table.stream = table.stream or stream  # a group's cannot be switched off
    configure_replica(table.replicas[place.region], definition["Replicas"][0])


def delete(world: "World", place: "Place", resource: "Resource") -> None:
    """Delete the region's table, unless it is protected or gone already; replicas elsewhere stay."""
    table = find(world, place.account, place.region, resource.physical_id or "")
    if table is None:
        return
    check_deletable(world, table, place.region)
    if table.reindexing:
        raise in_use(table)
    if table.busy:
        raise AwsRefusal("ResourceInUseException", f"Table is being updated: {table.name}")
    del table.replicas[place.region]
    if not table.replicas:
        forget(world, table)


def live(world: "World", place: "Place", name: str) -> dict[str, Any] | None:
    """Return the properties of the table that is in the region under a name, or None."""
    table = find(world, place.account, place.region, name)
    if table is None or table.replicas[place.region].status == "DELETING":
        return None
    return as_local(definition_of(table), place.region)


def aligned(place: "Place", given: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """Return a table's properties in the words of a template's where both mean the same."""
    return in_words_of(given, there, place.region)


def _definition(place: "Place", resource: "Resource") -> dict[str, Any]:
    tags = {key: value for key, value in resource.all_tags.items() if not key.startswith("aws:")}
    properties = {**resource.properties, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
    return canonical(as_global(properties, place.region))
