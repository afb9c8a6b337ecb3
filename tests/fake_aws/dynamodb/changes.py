"""What a table's update does to its indexes, its time to live and its stream, whichever type of table it is.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html,
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from fake_aws.dynamodb.records import Expiry, Index, Table
from fake_aws.refusals import AwsRefusal

if TYPE_CHECKING:
    from fake_aws.world import World


def indexes(properties: dict[str, Any]) -> dict[str, Index]:
    """Return the global secondary indexes by name."""
    return {
        each["IndexName"]: Index(json.dumps([each.get("KeySchema"), each.get("Projection")], sort_keys=True))
        for each in properties.get("GlobalSecondaryIndexes", [])
    }


def key_schema(properties: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the attributes of the key with their types, the partition's first."""
    types = {each["AttributeName"]: each["AttributeType"] for each in properties.get("AttributeDefinitions", [])}
    schema = sorted(properties.get("KeySchema", []), key=lambda each: str(each["KeyType"]) != "HASH")
    return tuple((each["AttributeName"], types.get(each["AttributeName"], "S")) for each in schema)


def expiry(properties: dict[str, Any]) -> Expiry:
    """Return the time to live of a new table."""
    said = properties.get("TimeToLiveSpecification", {})
    return Expiry(said.get("AttributeName"), bool(said.get("Enabled", False)))


def stream(properties: dict[str, Any]) -> str | None:
    """Return what the stream shows."""
    view: str | None = properties.get("StreamSpecification", {}).get("StreamViewType")
    return view


def is_protected(properties: dict[str, Any]) -> bool:
    """Return whether a table, or a replica, is protected from deletion; a parameter gives it as text."""
    return str(properties.get("DeletionProtectionEnabled", False)).lower() == "true"


def check_indexes(table: Table, wanted: dict[str, Index]) -> frozenset[str]:
    """Return which index comes or goes. Raises what DynamoDB and CloudFormation refuse of that."""
    moved = frozenset(wanted.keys() ^ table.indexes.keys())
    if len(moved) > 1:
        raise invalid("Cannot perform more than one GSI creation or deletion in a single update")
    for name in wanted.keys() & table.indexes.keys():
        if wanted[name].definition != table.indexes[name].definition:
            raise invalid(f"Cannot update GSI's properties other than Provisioned Throughput: {name}")
    # One that is being filled may be given up.
    others = [each for name, each in table.indexes.items() if name not in moved]
    given_up = all(status == "CREATING" for name in moved & table.indexes.keys() for status in _statuses(table, name))
    if moved and (any(each.statuses for each in others) or not given_up):
        raise in_use(table)
    return moved


def _statuses(table: Table, name: str) -> list[str]:
    return list(table.indexes[name].statuses.values())


def move_index(world: "World", table: Table, moved: frozenset[str], wanted: dict[str, Index]) -> None:
    """Begin to fill a new index, or to delete one, in every region of the table."""
    for name in moved:
        comes = name in wanted
        index = wanted[name] if comes else table.indexes[name]
        index.statuses = dict.fromkeys(table.replicas, "CREATING" if comes else "DELETING")
        table.indexes[name] = index
        world.start(partial(_move, world, table, name, index, comes=comes))


def _move(world: "World", table: Table, name: str, index: Index, *, comes: bool) -> Iterator[float]:
    whole_s = world.backfill_s if comes else world.backfill_s / 10
    yield whole_s
    if comes:
        index.statuses.pop(table.home, None)
        yield whole_s / 2
    if table.indexes.get(name) is index and index.statuses:
        index.statuses.clear()
        if not comes:
            del table.indexes[name]


def check_expiry(world: "World", table: Table, properties: dict[str, Any]) -> Expiry:
    """Return the time to live after an update. Raises what DynamoDB and CloudFormation refuse of that."""
    was, said = table.expiry, properties.get("TimeToLiveSpecification")
    is_changing = world.now < was.until
    if said is None:
        if was.enabled or is_changing:
            raise invalid(
                "Invalid request provided: AttributeName property of TimeToLiveSpecification is required when TTL "
                "status is enabled or while enabling/disabling TTL."
            )
        return was
    attribute, enabled = said.get("AttributeName"), bool(said["Enabled"])
    if (attribute, enabled) == (was.attribute, was.enabled) or not (enabled or was.enabled):
        return was
    if is_changing:
        raise invalid("Time to live has been modified multiple times within a fixed interval")
    if was.enabled and attribute != was.attribute:
        raise invalid(f"TimeToLive is active on a different AttributeName: current AttributeName is {was.attribute}")
    return Expiry(attribute, enabled, world.now + world.expiry_change_s)


def invalid(text: str) -> AwsRefusal:
    """Return a resource handler's failure for what DynamoDB does not take."""
    return AwsRefusal(
        "ValidationException",
        f'Resource handler returned message: "{text}" (RequestToken: fake, HandlerErrorCode: InvalidRequest)',
    )


def in_use(table: Table) -> AwsRefusal:
    """Return the refusal of a table of which an index comes or goes."""
    return AwsRefusal(
        "ResourceInUseException",
        f"Attempt to change a resource which is still in use: Table is being updated: {table.name}",
    )
