"""What an AWS::DynamoDB::GlobalTable does to DynamoDB as its stack creates, imports, updates and deletes it.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fake_aws.dynamodb.changes import (
    SOURCE_OF_YOUNG,
    add_replica,
    check_deletable,
    check_expiry,
    check_indexes,
    find,
    forget,
    in_use,
    invalid,
    is_source_of_young,
    keep,
    move_index,
    not_found,
    protected,
)
from fake_aws.dynamodb.definition import aligned as in_words_of
from fake_aws.dynamodb.definition import (
    canonical,
    configure,
    configure_replica,
    definition_of,
    expiry,
    indexes,
    is_on,
    regions,
)
from fake_aws.dynamodb.records import Expiry, Replica, Table
from fake_aws.kms import effects as kms
from fake_aws.refusals import AwsRefusal

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World

TYPE = "AWS::DynamoDB::GlobalTable"


def create(world: "World", place: "Place", resource: "Resource") -> None:
    """Begin to make the table with all its replicas."""
    name, definition = resource.physical_id or "", canonical(resource.properties)
    replicas = regions(definition)
    _check_own_region(place, replicas)
    _check_up(world, replicas)
    if len(replicas) > 1 and "StreamSpecification" not in resource.properties:
        raise invalid("StreamSpecification is required when there is more than one replica")
    if taken := sorted(each for each in replicas if find(world, place.account, each, name) is not None):
        raise AwsRefusal("AlreadyExists", f"one or more replicas already existed as tables: {', '.join(taken)}")
    now = world.datetime()
    _check_keys_are_there(world, place, replicas)
    table = Table(name, place.account, place.region, now, indexes=indexes(definition), expiry=expiry(definition))
    configure(table, definition)
    for region, replica in replicas.items():
        source = None if region == place.region else place.region
        table.replicas[region] = Replica(region, now, "CREATING", source=source)
        configure_replica(table.replicas[region], replica)
    keep(world, table)


def update(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Begin to add or remove one replica or one index, and take over all other settings."""
    table = _table(world, place, resource)
    definition = canonical(resource.properties)
    replicas, new_indexes = regions(definition), indexes(definition)
    present = {region for region, each in table.replicas.items() if each.status != "DELETING"}
    moved = replicas.keys() ^ present
    _check_up(world, present | replicas.keys())
    _check_replicas(table, moved, indexes_move=new_indexes.keys() != table.indexes.keys())
    moved_index = check_indexes(table, new_indexes)
    stream = definition.get("StreamSpecification", {}).get("StreamViewType")
    if len(replicas) > 1 and stream is None:
        raise invalid("StreamSpecification is required when there is more than one replica")
    if max(len(replicas), len(present)) > 1 and table.stream not in {None, stream}:
        raise invalid("StreamViewType can only be changed on a table without replicas")
    new_expiry = check_expiry(world, table, _expiry_of(resource.properties))
    _check_own_region(place, replicas)
    _check_keys_are_there(world, place, replicas)
    _check_keys(world, table, {region: replicas[region] for region in present & replicas.keys()})
    for region in moved - replicas.keys():
        check_deletable(world, table, region)
        table.replicas[region].status = "DELETING"
    for region, replica in replicas.items():
        if region not in present:
            add_replica(world, table, region, source=place.region)
        configure_replica(table.replicas[region], replica)
    configure(table, definition)
    move_index(world, table, moved_index, new_indexes)
    table.expiry = new_expiry


def settle(world: "World", place: "Place", resource: "Resource") -> None:
    """Let every replica under way come or go."""
    table = find(world, place.account, place.region, resource.physical_id or "")
    if table is not None:
        table.settle()


def delete(world: "World", place: "Place", resource: "Resource") -> None:
    """Delete the table in every region, unless a replica is protected or too young."""
    table = find(world, place.account, place.region, resource.physical_id or "")
    if table is None:
        return
    _check_up(world, table.replicas)
    for region, replica in table.replicas.items():
        if replica.deletion_protection:
            raise protected(table, region)
    if table.reindexing:
        raise in_use(table)
    if any(is_source_of_young(world, table, region) for region in table.replicas):
        raise AwsRefusal("ValidationException", SOURCE_OF_YOUNG)
    forget(world, table)


def live(world: "World", place: "Place", name: str) -> dict[str, Any] | None:
    """Return the properties of the table that is in the region under a name, or None."""
    table = find(world, place.account, place.region, name)
    return None if table is None else definition_of(table)


def found_early(world: "World", place: "Place", name: str) -> bool:
    """Return whether early validation finds the table: one that was made in another region only if the world minds."""
    table = find(world, place.account, place.region, name)
    return table is not None and (world.quirks.replicas_are_found_early or table.home == place.region)


def aligned(_: "Place", given: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """Return a table's properties in the words of a template's where both mean the same."""
    return in_words_of(given, there)


def check_import(world: "World", place: "Place", resource: "Resource") -> None:
    """Refuse the import of a table by a template that leaves the stack's own region out."""
    table = _table(world, place, resource)
    _check_own_region(place, regions(canonical(resource.properties)))
    if world.quirks.imports_of_tables_need_every_region:
        _check_up(world, table.replicas)


def _table(world: "World", place: "Place", resource: "Resource") -> Table:
    table = find(world, place.account, place.region, resource.physical_id or "")
    if table is None:
        raise not_found(TYPE, resource.physical_id or "")
    return table


def _expiry_of(properties: dict[str, Any]) -> Expiry | None:
    specification = properties.get("TimeToLiveSpecification")
    return (
        None if specification is None else Expiry(specification.get("AttributeName"), is_on(specification["Enabled"]))
    )


def _check_own_region(place: "Place", regions: Iterable[str]) -> None:
    if place.region not in regions:
        raise invalid(f"Replicas must contain the region of the stack, {place.region}")


def _check_up(world: "World", regions: Iterable[str]) -> None:
    """Refuse what the handler has to ask of a region that is down: it asks DynamoDB in each that has a replica."""
    if lost := sorted(world.down.intersection(regions)):
        raise AwsRefusal("HandlerFailed", f"{TYPE}: Service Unavailable (it has a replica in {', '.join(lost)})")


def _check_replicas(table: Table, moved: set[str], *, indexes_move: bool) -> None:
    if len(moved) > 1:
        raise invalid("Cannot add, delete, or update more than one replica in a single update")
    if moved and indexes_move:
        raise invalid("Cannot add or delete a replica and a global secondary index in a single update")
    if moved and table.reindexing:
        raise in_use(table)


def _check_keys(world: "World", table: Table, replicas: dict[str, dict[str, Any]]) -> None:
    """Refuse another key of a replica that stays, unless none of them has one any more."""
    keys = {region: _key(replica) for region, replica in replicas.items()}
    for region, key in keys.items():
        was = table.replicas[region].key
        if not was or not any(keys.values()):
            continue
        same = key and kms.arn_of(world, table.account, region, was) == kms.arn_of(world, table.account, region, key)
        if not same:
            raise invalid("Cannot update KMSMasterKeyId of a replica")


def _check_keys_are_there(world: "World", place: "Place", replicas: dict[str, dict[str, Any]]) -> None:
    """Refuse keys of which one is not there in its region, and a key for some of the replicas."""
    keys = {region: _key(replica) for region, replica in replicas.items()}
    if any(keys.values()) and not all(keys.values()):
        raise invalid("All replicas must have a KMSMasterKeyId, or none")
    for region, key in keys.items():
        if key:
            kms.find(world, replace(place, region=region), key)


def _key(replica: dict[str, Any]) -> str | None:
    key: str | None = replica.get("SSESpecification", {}).get("KMSMasterKeyId")
    return key
