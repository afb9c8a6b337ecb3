"""AWS::DynamoDB::GlobalTable with real replicas; the emulator makes one table and ignores Replicas.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
"""

from collections.abc import Mapping
from typing import Any

from builder.local.adapter import replacement, replica
from builder.local.adapter.emulator import touch
from builder.local.adapter.refusals import AlreadyExists, Refused, accept

Properties = Mapping[str, Any]
Created = tuple[str, Mapping[str, str]]
"""A resource's physical id and attributes."""

TYPE = "AWS::DynamoDB::GlobalTable"

_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_DDB = "ministack.services.dynamodb"
_RESPONSES = "ministack.core.responses"


def create(logical_id: str, props: Properties, stack_name: str) -> Created:
    """Create the table in the stack's region, then every other replica; nothing is left behind if one is refused."""
    home = _region()
    _check(props, home)
    name = props.get("TableName") or touch(f"{_PROVISIONERS}:_physical_name")(stack_name, logical_id, max_len=255)
    _check_free(name, list(replica.by_region(props)))
    accept(touch(f"{_DDB}:_create_table")({"TableName": name, **replica.shared(props)}), service="DynamoDb")
    try:
        _apply_ttl(name, {}, props)
        for region, settings in replica.by_region(props).items():
            if region != home:
                _replicate(name, {"Create": {"RegionName": region}})
            replica.apply_settings(name, region, {}, settings)
    except Refused:
        _remove(name)
        raise
    return name, _attributes(name)


def update(physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str) -> Created:
    """Change what all replicas share, then each replica's own settings, then add or remove the one replica."""
    if replacement.replaces_table(old, new):
        replaced: Created = touch(f"{_PROVISIONERS}:_replace_resource")(
            TYPE, physical_id, old, new, stack_name, logical_id
        )
        return replaced
    _check(new, _region())
    before, after = replica.by_region(old), replica.by_region(new)
    added = [region for region in after if region not in before]
    removed = [region for region in before if region not in after]
    _check_one_at_a_time(old, new, added=added, removed=removed)
    _check_free(physical_id, added)
    for region in removed:
        _check_unprotected(physical_id, region)
    kept = [region for region in after if region in before]
    _check_present(physical_id, kept)
    for region in kept:
        with touch(f"{_RESPONSES}:request_scope")(_account(), region):
            touch(f"{_PROVISIONERS}:_ddb_update")(
                physical_id,
                {"TableName": physical_id, **replica.shared(old)},
                {"TableName": physical_id, **replica.shared(new)},
                stack_name,
            )
        replica.apply_settings(physical_id, region, before[region], after[region])
    _apply_ttl(physical_id, old, new)
    for region in removed:
        _replicate(physical_id, {"Delete": {"RegionName": region}})
    for region in added:
        _replicate(physical_id, {"Create": {"RegionName": region}})
        replica.apply_settings(physical_id, region, {}, after[region])
    return physical_id, _attributes(physical_id)


def delete(physical_id: str, props: Properties) -> None:
    """Delete every replica, this region's last; refused as a whole while any of them is protected."""
    del props
    for region in find_regions(physical_id):
        _check_unprotected(physical_id, region)
    _remove(physical_id)


HANDLERS = {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}


def _check(props: Properties, home: str) -> None:
    """Raise Refused for what AWS refuses before it touches anything, as far as cfn-lint does not see it."""
    regions = [one["Region"] for one in props.get("Replicas", [])]
    if home not in regions:
        raise _invalid(f"Replicas must include the region of the stack, {home}, and it can't be removed")
    if len(set(regions)) != len(regions):
        raise _invalid("Replicas must name each region once")
    if len(regions) > 1 and not props.get("StreamSpecification"):
        raise _invalid("StreamSpecification is required for a global table with more than one replica")


def _check_one_at_a_time(old: Properties, new: Properties, *, added: list[str], removed: list[str]) -> None:
    if len(added) + len(removed) > 1:
        raise _invalid("A single update can add or remove only one replica")
    indexes_before, indexes_after = _index_names(old), _index_names(new)
    if len(indexes_before ^ indexes_after) > 1:
        raise _invalid("Cannot perform more than one GSI creation or deletion in a single update")


def _index_names(props: Properties) -> set[str]:
    return {index["IndexName"] for index in props.get("GlobalSecondaryIndexes", [])}


def _check_free(name: str, regions: list[str]) -> None:
    for region in regions:
        if find_table(name, region) is not None:
            raise AlreadyExists(f"Table already exists: {name} in {region}", service="DynamoDb")


def _check_present(name: str, regions: list[str]) -> None:
    for region in regions:
        if find_table(name, region) is None:
            raise Refused(f"Requested resource not found: Table: {name} not found in {region}", service="DynamoDb")


def _check_unprotected(name: str, region: str) -> None:
    table = find_table(name, region)
    if table is not None and table.get("DeletionProtectionEnabled"):
        raise _invalid(
            f"Resource cannot be deleted as it is currently protected against deletion in {region}. "
            "Disable deletion protection first."
        )


def _apply_ttl(name: str, old: Properties, new: Properties) -> None:
    before, after = old.get("TimeToLiveSpecification"), new.get("TimeToLiveSpecification")
    if before == after:
        return
    wanted = after or {**(before or {}), "Enabled": False}
    spec = {**wanted, "Enabled": replica.is_true(wanted["Enabled"])}
    accept(touch(f"{_DDB}:_update_ttl")({"TableName": name, "TimeToLiveSpecification": spec}), service="DynamoDb")


def _replicate(name: str, change: Properties) -> None:
    data = {"TableName": name, "ReplicaUpdates": [change]}
    accept(touch(f"{_DDB}:_update_table")(data), service="DynamoDb")


def _remove(name: str) -> None:
    home = _region()
    for region in find_regions(name):
        if region != home:
            _replicate(name, {"Delete": {"RegionName": region}})
    if find_table(name, home) is not None:
        accept(touch(f"{_DDB}:_delete_table")({"TableName": name}), service="DynamoDb")


def find_regions(name: str) -> list[str]:
    """Return where the table really is, which the DynamoDB API may have changed since the stack's last update."""
    home = _region()
    table = find_table(name, home)
    if table is None:
        return []
    return touch(f"{_DDB}:_replica_group")(table) or [home]


def _attributes(name: str) -> Mapping[str, str]:
    table = find_table(name, _region())
    attributes: dict[str, str] = touch(f"{_PROVISIONERS}:_ddb_attrs")(table)
    return {**attributes, "TableId": table["TableId"]} if table else attributes


def find_table(name: str, region: str) -> dict[str, Any] | None:
    """Return the emulator's own record of a replica, or None if there is none."""
    found: dict[str, Any] | None = touch(f"{_DDB}:_tables").get_scoped(_account(), region, name)
    return found


def _region() -> str:
    return str(touch(f"{_RESPONSES}:get_region")())


def _account() -> str:
    return str(touch(f"{_RESPONSES}:get_account_id")())


def _invalid(message: str) -> Refused:
    return Refused(message, service="DynamoDb")
