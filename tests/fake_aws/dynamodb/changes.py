"""What a table's update does to its replicas, its indexes and its time to live, whoever asks for it.

First where a table is found, then what is refused, then what takes its time.
Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html,
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html, API_UpdateTimeToLive and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_reqs_bestpractices.html
"""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from fake_aws.dynamodb.records import Expiry, Index, Replica, Table
from fake_aws.refusals import AwsRefusal, Unsupported

if TYPE_CHECKING:
    from fake_aws.world import World

SOURCE_OF_YOUNG = (
    "Replica cannot be deleted because it has acted as a source region for new replica(s) being added to the table in"
    " the last 24 hours."
)


# -- where it is -------------------------------------------------------------------------------------------------------


def find(world: "World", account: str, region: str, name: str) -> Table | None:
    """Return the table that a region has under a name: a replica of a global one, or one of that region alone."""
    table = world.tables.get((account, name))
    if table is not None and region in table.replicas:
        return table
    return world.local_tables.get((account, region, name))


def keep(world: "World", table: Table) -> None:
    """Keep a new table with those of its kind."""
    if table.local:
        world.local_tables[table.account, table.home, table.name] = table
    else:
        world.tables[table.account, table.name] = table


def forget(world: "World", table: Table) -> None:
    """Forget a table that is gone everywhere."""
    if table.local:
        world.local_tables.pop((table.account, table.home, table.name), None)
    elif world.tables.get((table.account, table.name)) is table:
        del world.tables[table.account, table.name]


def _become_global(world: "World", table: Table) -> None:
    if (table.account, table.name) in world.tables:
        raise Unsupported(f"a second global table {table.name} of one account, in other regions")
    forget(world, table)
    table.local = False
    keep(world, table)


# -- replicas ----------------------------------------------------------------------------------------------------------


def add_replica(world: "World", table: Table, region: str, *, source: str) -> Replica:
    """Begin to make a replica, through another region, and return it."""
    if find(world, table.account, region, table.name) is not None:
        raise AwsRefusal(
            "ValidationException",
            f"Failed to create a the new replica of table with name: ‘{table.name}’ because one or more replicas"
            " already existed as tables.",
        )
    provisioned = "ProvisionedThroughput" in table.group and table.group.get("BillingMode") != "PAY_PER_REQUEST"
    if provisioned and "WriteProvisionedThroughputSettings" not in table.group:
        raise AwsRefusal("ValidationException", "Table write capacity should either be Pay-Per-Request or AutoScaled.")
    if table.local:
        _become_global(world, table)
    # A group has a stream of both images where nobody asked for another.
    table.stream = table.stream or "NEW_AND_OLD_IMAGES"
    table.replicas[region] = Replica(region, world.datetime(), "CREATING", source=source)
    return table.replicas[region]


def check_deletable(world: "World", table: Table, region: str) -> None:
    """Refuse the deletion of a replica that is protected, or was the source of a young one."""
    if table.replicas[region].deletion_protection:
        raise protected(table, region)
    if is_source_of_young(world, table, region):
        raise AwsRefusal("ValidationException", SOURCE_OF_YOUNG)


def is_source_of_young(world: "World", table: Table, region: str) -> bool:
    """Return whether a region was the source of a replica that is younger than a day, if the world minds."""
    if not world.quirks.young_replicas_block_deletion:
        return False
    young = world.datetime() - timedelta(hours=24)
    others = (each for each in table.replicas.values() if each.region != region)
    return any(each.added > young and each.source == region for each in others)


def protected(table: Table, region: str) -> AwsRefusal:
    """Return the refusal to delete a table whose deletion protection is on."""
    return AwsRefusal(
        "ValidationException",
        f"Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
        f" ({table.arn(region)})",
    )


def settle_later(world: "World", table: Table) -> None:
    """Let replicas come and go in the time that DynamoDB takes, and the table with the last of them."""

    def settle() -> Iterator[float]:
        yield world.replica_change_s
        table.settle()
        if not table.replicas:
            forget(world, table)

    world.start(settle)


# -- indexes -----------------------------------------------------------------------------------------------------------


def check_indexes(table: Table, indexes: dict[str, Index]) -> frozenset[str]:
    """Return which index comes or goes. Raises what DynamoDB and CloudFormation refuse of that."""
    moved = frozenset(indexes.keys() ^ table.indexes.keys())
    if len(moved) > 1:
        raise invalid("Cannot perform more than one GSI creation or deletion in a single update")
    for name in indexes.keys() & table.indexes.keys():
        if indexes[name].definition != table.indexes[name].definition:
            raise invalid(f"Cannot update GSI's properties other than Provisioned Throughput: {name}")
    # One that is being filled may be given up.
    others = [each for name, each in table.indexes.items() if name not in moved]
    given_up = all(status == "CREATING" for name in moved & table.indexes.keys() for status in _statuses(table, name))
    if moved and (any(each.statuses for each in others) or not given_up):
        raise in_use(table)
    return moved


def _statuses(table: Table, name: str) -> list[str]:
    return list(table.indexes[name].statuses.values())


def move_index(world: "World", table: Table, moved: frozenset[str], indexes: dict[str, Index]) -> None:
    """Begin to fill a new index, or to delete one, in every region of the table."""
    for name in moved:
        comes = name in indexes
        index = indexes[name] if comes else table.indexes[name]
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


# -- time to live ------------------------------------------------------------------------------------------------------


def check_expiry(world: "World", table: Table, expiry: Expiry | None) -> Expiry:
    """Return the time to live after an update. Raises what DynamoDB and CloudFormation refuse of that."""
    was = table.expiry
    is_changing = world.now < was.until
    if expiry is None:
        if was.enabled or is_changing:
            raise invalid(
                "Invalid request provided: AttributeName property of TimeToLiveSpecification is required when TTL "
                "status is enabled or while enabling/disabling TTL."
            )
        return was
    if (expiry.attribute, expiry.enabled) == (was.attribute, was.enabled) or not (expiry.enabled or was.enabled):
        return was
    if is_changing:
        raise invalid("Time to live has been modified multiple times within a fixed interval")
    if was.enabled and expiry.attribute != was.attribute:
        raise invalid(f"TimeToLive is active on a different AttributeName: current AttributeName is {was.attribute}")
    return Expiry(expiry.attribute, expiry.enabled, world.now + world.expiry_change_s)


# -- refusals ----------------------------------------------------------------------------------------------------------


def invalid(text: str) -> AwsRefusal:
    """Return a resource handler's failure for what DynamoDB does not take."""
    return AwsRefusal(
        "ValidationException",
        f'Resource handler returned message: "{text}" (RequestToken: fake, HandlerErrorCode: InvalidRequest)',
    )


def not_found(type_name: str, name: str) -> AwsRefusal:
    """Return a resource handler's failure for a table that is gone."""
    return AwsRefusal(
        "NotFound",
        f"Resource of type '{type_name}' with identifier '{name}' was not found. (HandlerErrorCode: NotFound)",
    )


def in_use(table: Table) -> AwsRefusal:
    """Return the refusal of a table of which an index comes or goes."""
    return AwsRefusal(
        "ResourceInUseException",
        f"Attempt to change a resource which is still in use: Table is being updated: {table.name}",
    )
