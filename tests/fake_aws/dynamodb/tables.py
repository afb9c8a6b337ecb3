"""Calls that make, change and delete tables.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html, API_UpdateTable,
API_DeleteTable and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_reqs_bestpractices.html
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.types import Place
from fake_aws.dynamodb.changes import (
    SOURCE_OF_YOUNG,
    add_replica,
    check_deletable,
    find,
    is_source_of_young,
    move_index,
    protected,
    settle_later,
)
from fake_aws.dynamodb.definition import as_global, canonical, configure, definition_of, indexes, is_on_demand
from fake_aws.dynamodb.describe import shown, table_named
from fake_aws.dynamodb.local_table import make
from fake_aws.dynamodb.records import Table
from fake_aws.kms import effects as kms
from fake_aws.refusals import AwsRefusal, Unsupported

if TYPE_CHECKING:
    from fake_aws.world import World

Params = dict[str, Any]


def create_table(request: Request, params: Params) -> Reply:
    """Answer CreateTable; the table belongs to no stack."""
    world, name = request.world, params["TableName"]
    if find(world, request.account, request.region, name) is not None:
        raise AwsRefusal("ResourceInUseException", f"Table already exists: {name}")
    _check_attributes(params)
    _check_billing(params)
    properties = {each: value for each, value in params.items() if each != "StreamSpecification"}
    stream = params.get("StreamSpecification", {})
    if stream.get("StreamEnabled"):
        properties["StreamSpecification"] = {"StreamViewType": stream["StreamViewType"]}
    if "SSESpecification" in params:
        properties["SSESpecification"] = _encryption(params["SSESpecification"])
    place = Place(request.account, request.region, "")
    definition = canonical(as_global(properties, request.region))
    if key := properties.get("SSESpecification", {}).get("KMSMasterKeyId"):
        kms.find(world, place, key)
    table = make(world, place, name, definition, status="CREATING")
    settle_later(world, table)
    return {"TableDescription": shown(world, table, request.region)}


def _check_attributes(params: Params) -> None:
    held = [params, *params.get("GlobalSecondaryIndexes", []), *params.get("LocalSecondaryIndexes", [])]
    used = {each["AttributeName"] for holder in held for each in holder["KeySchema"]}
    defined = {each["AttributeName"] for each in params["AttributeDefinitions"]}
    if used - defined:
        raise _invalid(
            "One or more parameter values were invalid: Some index key attributes are not defined in"
            f" AttributeDefinitions. Keys: {sorted(used)}, AttributeDefinitions: {sorted(defined)}"
        )
    if defined - used:
        raise _invalid(
            "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number"
            " of attributes defined in AttributeDefinitions"
        )


def _check_billing(params: Params) -> None:
    on_demand = params.get("BillingMode") == "PAY_PER_REQUEST"
    if on_demand and "ProvisionedThroughput" in params:
        raise _invalid(
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be"
            " specified when BillingMode is PAY_PER_REQUEST"
        )
    if not on_demand and "ProvisionedThroughput" not in params:
        raise _invalid(
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified"
            " when BillingMode is PROVISIONED"
        )


def _encryption(specification: Params) -> Params:
    encryption = {"SSEEnabled": specification.get("Enabled", False), "SSEType": specification.get("SSEType", "KMS")}
    return {
        **encryption,
        **({"KMSMasterKeyId": specification["KMSMasterKeyId"]} if "KMSMasterKeyId" in specification else {}),
    }


# -- one change at a time ----------------------------------------------------------------------------------------------


def update_table(request: Request, params: Params) -> Reply:
    """Answer UpdateTable with one kind of change; one that is asked of any region of a table."""
    table = table_named(request, params["TableName"])
    changes = [name for name in _CHANGES if name in params]
    besides = params.keys() - {"TableName", *changes[:1], *_BESIDE.get(changes[0] if changes else "", ())}
    if len(changes) != 1 or besides:
        raise Unsupported(f"UpdateTable with {sorted(params.keys() - {'TableName'})} at once")
    if table.busy:
        raise _busy(table)
    _CHANGES[changes[0]](request, table, params)
    return {"TableDescription": shown(request.world, table, request.region)}


def _update_replicas(request: Request, table: Table, params: Params) -> None:
    updates, world = params["ReplicaUpdates"], request.world
    if len(updates) != 1 or updates[0].keys() - {"Create", "Delete"}:
        raise Unsupported(f"ReplicaUpdates {updates}: the fake adds or deletes one replica at a time")
    if table.reindexing:
        raise _busy(table)
    ((action, replica),) = updates[0].items()
    region = replica["RegionName"]
    if region == request.region:
        raise _invalid(
            "Cannot add or delete the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or UpdateTable"
            " as required."
        )
    if region in world.down:
        raise Unsupported(f"ReplicaUpdates of {region} while it is down")
    if action == "Create":
        _create_replica(request, table, replica)
    else:
        if region not in table.replicas:
            raise _invalid(
                "Update global table operation failed because one or more replicas were not part of the global table."
                f" Please retry the request without these replicas: [{region}]."
            )
        check_deletable(world, table, region)
        table.replicas[region].status = "DELETING"
    settle_later(world, table)


def _create_replica(request: Request, table: Table, replica: Params) -> None:
    if unknown := replica.keys() - {"RegionName", "KMSMasterKeyId", "TableClassOverride", "OnDemandThroughputOverride"}:
        raise Unsupported(f"a replica with {sorted(unknown)}")
    key, group_has_key = replica.get("KMSMasterKeyId"), any(each.key for each in table.replicas.values())
    if bool(key) != group_has_key:
        raise _invalid("All replicas must have a KMSMasterKeyId, or none")
    region = replica["RegionName"]
    if key:
        kms.find(request.world, Place(request.account, region, ""), key)
    made = add_replica(request.world, table, region, source=request.region)
    made.key = key
    # What the group shares, and a replica may have otherwise.
    shared = table.replicas[request.region].settings
    made.settings = {name: shared[name] for name in ("ReadOnDemandThroughputSettings", "TableClass") if name in shared}
    if "TableClassOverride" in replica:
        made.settings["TableClass"] = replica["TableClassOverride"]
    if "OnDemandThroughputOverride" in replica:
        made.settings["ReadOnDemandThroughputSettings"] = replica["OnDemandThroughputOverride"]


def _update_indexes(request: Request, table: Table, params: Params) -> None:
    updates = params["GlobalSecondaryIndexUpdates"]
    if len(updates) != 1 or updates[0].keys() - {"Create", "Delete"}:
        raise Unsupported(f"GlobalSecondaryIndexUpdates {updates}: the fake makes or deletes one index at a time")
    ((action, update),) = updates[0].items()
    name = update["IndexName"]
    given_up = (
        action == "Delete" and "CREATING" in table.indexes[name].statuses.values() if name in table.indexes else 0
    )
    if table.reindexing and not given_up:
        raise _busy(table)
    if (name in table.indexes) == (action == "Create"):
        what = "already exists" if action == "Create" else "does not exist"
        raise _invalid(f"One or more parameter values were invalid: the index {name} {what}")
    if action == "Delete":
        move_index(request.world, table, frozenset({name}), {})
        return
    definition = definition_of(table)
    index = {"IndexName": name, "KeySchema": update["KeySchema"], "Projection": update["Projection"]}
    if "ProvisionedThroughput" in update:
        index["ProvisionedThroughput"] = update["ProvisionedThroughput"]
    attributes = {each["AttributeName"]: each for each in definition.get("AttributeDefinitions", [])}
    attributes |= {each["AttributeName"]: each for each in params.get("AttributeDefinitions", [])}
    changed = canonical(
        {**definition, "AttributeDefinitions": [*attributes.values()], "GlobalSecondaryIndexes": [index]}
    )
    _check_attributes_of_index(index, attributes)
    table.group["AttributeDefinitions"] = changed["AttributeDefinitions"]
    move_index(request.world, table, frozenset({name}), indexes(changed))


def _check_attributes_of_index(index: Params, attributes: Iterable[str]) -> None:
    if lacking := {each["AttributeName"] for each in index["KeySchema"]} - set(attributes):
        raise _invalid(
            "One or more parameter values were invalid: Some index key attributes are not defined in"
            f" AttributeDefinitions. Keys: {sorted(lacking)}, AttributeDefinitions: {sorted(attributes)}"
        )


def _update_stream(_: Request, table: Table, params: Params) -> None:
    specification = params["StreamSpecification"]
    if specification["StreamEnabled"] and table.stream:
        raise AwsRefusal("ResourceInUseException", f"Table already has an enabled stream: TableName: {table.name}")
    if not specification["StreamEnabled"] and not table.stream:
        raise _invalid(f"Table is already disabled: TableName: {table.name}")
    if not specification["StreamEnabled"] and len(table.replicas) > 1:
        raise _invalid("Stream cannot be disabled on a table with replicas")
    table.stream = specification["StreamViewType"] if specification["StreamEnabled"] else None


def _update_protection(request: Request, table: Table, params: Params) -> None:
    """Set the deletion protection of the region's own replica; the others keep theirs."""
    table.replicas[request.region].deletion_protection = params["DeletionProtectionEnabled"]


def _update_billing(_: Request, table: Table, params: Params) -> None:
    mode = params["BillingMode"]
    _check_billing(params)
    if mode == "PROVISIONED" and len(table.replicas) > 1:
        raise Unsupported("provisioned capacity of a table with replicas, which takes auto scaling")
    table.group["BillingMode"] = mode
    table.group.pop("ProvisionedThroughput", None)
    if mode == "PROVISIONED":
        table.group["ProvisionedThroughput"] = params["ProvisionedThroughput"]
    table.once_on_demand = table.once_on_demand or is_on_demand(table)


def _update_encryption(request: Request, table: Table, params: Params) -> None:
    encryption = _encryption(params["SSESpecification"])
    if len(table.replicas) > 1:
        raise Unsupported("another encryption of a table with replicas")
    if key := encryption.pop("KMSMasterKeyId", None):
        kms.find(request.world, Place(request.account, request.region, ""), key)
    definition = definition_of(table)
    configure(table, canonical({**definition, "SSESpecification": encryption}))
    table.replicas[request.region].key = key


def _update_class(request: Request, table: Table, params: Params) -> None:
    settings = table.replicas[request.region].settings
    settings.pop("TableClass", None)
    if params["TableClass"] != "STANDARD":
        settings["TableClass"] = params["TableClass"]


def _update_most(request: Request, table: Table, params: Params) -> None:
    limits, settings = params["OnDemandThroughput"], table.replicas[request.region].settings
    for holder, name, unit in (
        (table.group, "WriteOnDemandThroughputSettings", "MaxWriteRequestUnits"),
        (settings, "ReadOnDemandThroughputSettings", "MaxReadRequestUnits"),
    ):
        if limits.get(unit) == -1:
            holder.pop(name, None)
        elif unit in limits:
            holder[name] = {unit: limits[unit]}


_CHANGES: dict[str, Callable[[Request, Table, Params], None]] = {
    "ReplicaUpdates": _update_replicas,
    "GlobalSecondaryIndexUpdates": _update_indexes,
    "StreamSpecification": _update_stream,
    "DeletionProtectionEnabled": _update_protection,
    "BillingMode": _update_billing,
    "SSESpecification": _update_encryption,
    "TableClass": _update_class,
    "OnDemandThroughput": _update_most,
}
_BESIDE = {
    "GlobalSecondaryIndexUpdates": frozenset({"AttributeDefinitions"}),
    "BillingMode": frozenset({"ProvisionedThroughput"}),
}
"""What a change may be asked for with."""
UPDATE_PARAMETERS = ("TableName", *_CHANGES, *(name for names in _BESIDE.values() for name in names))


# -- deletion ----------------------------------------------------------------------------------------------------------


def delete_table(request: Request, params: Params) -> Reply:
    """Answer DeleteTable: the replica of the region goes, with the last one the table; asked again it is no error."""
    world, region = request.world, request.region
    table = table_named(request, params["TableName"])
    own = table.replicas[region]
    if own.status != "DELETING":
        _check_deletion(world, table, region)
        own.status = "DELETING"
        settle_later(world, table)
    return {"TableDescription": shown(world, table, region)}


def _check_deletion(world: "World", table: Table, region: str) -> None:
    if table.replicas[region].deletion_protection:
        raise protected(table, region)
    if table.busy:
        raise _busy(table)
    if is_source_of_young(world, table, region):
        raise AwsRefusal("ValidationException", SOURCE_OF_YOUNG)


def _busy(table: Table) -> AwsRefusal:
    return AwsRefusal("ResourceInUseException", f"Table is being updated: {table.name}")


def _invalid(text: str) -> AwsRefusal:
    return AwsRefusal("ValidationException", text)
