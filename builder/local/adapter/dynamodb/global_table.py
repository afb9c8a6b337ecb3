"""AWS::DynamoDB::GlobalTable with real replicas; the emulator makes one table and ignores Replicas.

An update makes the table what the template says from whatever it is by now: another stack may own it too, or somebody
changed it or imported it with less than it has. What neither the old template nor the new one says stays, but for
replicas: one that the template does not list is deleted. What DynamoDB and CloudFormation refuse of an update comes
after the life of the table.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
"""

from collections.abc import Mapping, MutableMapping
from typing import Any

from builder.local.adapter.dynamodb import encryption
from builder.local.adapter.dynamodb.groups import scale
from builder.local.adapter.dynamodb.replicas import apply_settings, by_region, read_deployed, read_replica, shared
from builder.local.adapter.dynamodb.settings import PROTECTED
from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, region_name, touch
from builder.local.adapter.handlers import (
    CHECK_IMPORT,
    AlreadyExists,
    HandlerError,
    PhysicalResource,
    Properties,
    check_reply,
    is_true,
)

TYPE = "AWS::DynamoDB::GlobalTable"
_DRIFT_PROPERTIES = frozenset({"BillingMode", "Replicas", "StreamSpecification", "TableName"})
_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_CHANGE_SETS = "ministack.services.cloudformation.changesets"
_DDB = "ministack.services.dynamodb"


def install(handlers: MutableMapping[str, Any]) -> None:
    """Add the handlers of the type, what names one, what replaces a table of a custom name, and drift's reader."""
    handlers[TYPE].update(create=create, update=update, update_with_logical_id=True, delete=delete)
    handlers[TYPE].update({"import": import_table, CHECK_IMPORT: check_import})
    lookups = touch(f"{_CHANGE_SETS}:_IMPORT_LOOKUPS")
    lookups[TYPE] = (("TableName",), touch(f"{_CHANGE_SETS}:_table_import_problem"))
    names = touch(f"{_PROVISIONERS}:_CUSTOM_NAME_REPLACEMENT")
    names[TYPE] = {"name": "TableName", "requires_replacement": replaces_table}
    readers = touch("ministack.services.cloudformation.drift:_DRIFT_READERS")
    readers[TYPE] = (_read_table, _DRIFT_PROPERTIES)


def create(logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
    """Create the table in the stack's region, then every other replica; delete all if one is refused."""
    home = region_name()
    _check(props, home)
    name = props.get("TableName") or touch(f"{_PROVISIONERS}:_physical_name")(stack_name, logical_id, max_len=255)
    _check_free(name, list(by_region(props)))
    check_reply(touch(f"{_DDB}:_create_table")({"TableName": name, **shared(props, home)}), service="DynamoDb")
    try:
        _scale(name, props)
        _apply_ttl(name, {}, props)
        for region, settings in by_region(props).items():
            if region != home:
                _replicate(name, _creation(region, settings))
            apply_settings(name, region, {}, settings)
    except HandlerError:
        for region in find_regions(name):
            (find_table(name, region) or {})["DeletionProtectionEnabled"] = False
        _remove(name)
        raise
    return name, _attributes(name)


def update(physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str) -> PhysicalResource:
    """Change what all replicas share, then each replica's own settings, then add or remove the one replica."""
    if replaces_table(old, new):
        replaced: PhysicalResource = touch(f"{_PROVISIONERS}:_replace_resource")(
            TYPE, physical_id, old, new, stack_name, logical_id
        )
        return replaced
    _check(new, region_name())
    _check_present(physical_id, [region for region in by_region(new) if region in by_region(old)])
    old = _as_deployed(physical_id, old, new)
    before, after = by_region(old), by_region(new)
    added = [region for region in after if region not in before]
    removed = [region for region in before if region not in after]
    _check_one_at_a_time(old, new, added=added, removed=removed)
    _check_stream(old, new)
    _check_ttl(old, new)
    _check_free(physical_id, added)
    for region in removed:
        _check_unprotected(physical_id, region)
    _scale(physical_id, new)
    # The stack's own region first: what replicas share reaches the others from there.
    present = sorted((region for region in after if region in before), key=region_name().__ne__)
    _stop_stream(physical_id, old, new)
    for region in present:
        change = [{"TableName": physical_id, **props} for props in _change(old, new, region)]
        with acting_in(AccountRegion(account_id(), region)):
            touch(f"{_PROVISIONERS}:_ddb_update")(physical_id, *change, stack_name)
        apply_settings(physical_id, region, before[region], after[region])
    _apply_ttl(physical_id, old, new)
    for region in removed:
        _replicate(physical_id, {"Delete": {"RegionName": region}})
    for region in added:
        _replicate(physical_id, _creation(region, after[region]))
        apply_settings(physical_id, region, {}, after[region])
    return physical_id, _attributes(physical_id)


def _scale(name: str, props: Properties) -> None:
    """Let a table of provisioned capacity have replicas: a template of this type has its capacity scaled."""
    table = find_table(name, region_name())
    if table is not None and props.get("BillingMode", "PROVISIONED") == "PROVISIONED":
        scale(table)


def _change(old: Properties, new: Properties, region: str) -> tuple[Properties, Properties]:
    """Return what a replica has and what it gets; outside of the stack's region only what replicas do not share."""
    before, after = shared(old, region), shared(new, region)
    if region == region_name():
        return before, after
    own = ("SSESpecification", "StreamSpecification")
    same = {name: value for name, value in after.items() if name not in own}
    return {**same, **{name: before[name] for name in own if name in before}}, after


def delete(physical_id: str, props: Properties) -> None:
    """Delete every replica, this region's last. Raises HandlerError while one of them is protected."""
    del props
    for region in find_regions(physical_id):
        _check_unprotected(physical_id, region)
    _remove(physical_id)


def import_table(identifier: Mapping[str, str]) -> PhysicalResource:
    """Return a table that stands in the stack's region, as it is."""
    name = identifier["TableName"]
    return name, _attributes(name)


def check_import(logical_id: str, props: Properties) -> None:
    """Raise HandlerError unless the stack's region is among the replicas; nothing else is compared with the table."""
    del logical_id
    _check_regions(props, region_name())


def _check(props: Properties, home: str) -> None:
    """Raise HandlerError unless the replicas are such as AWS accepts, as far as cfn-lint does not check."""
    regions = _check_regions(props, home)
    if len(regions) > 1 and not props.get("StreamSpecification"):
        raise _invalid("StreamSpecification is required for a global table with more than one replica")
    encryption.check(props)


def _check_regions(props: Properties, home: str) -> list[str]:
    regions = [replica["Region"] for replica in props.get("Replicas", [])]
    if home not in regions:
        raise _invalid(f"Replicas must include the region of the stack, {home}, and it can't be removed")
    if len(set(regions)) != len(regions):
        raise _invalid("Replicas must name each region once")
    return regions


def _check_one_at_a_time(old: Properties, new: Properties, *, added: list[str], removed: list[str]) -> None:
    if len(added) + len(removed) > 1:
        raise _invalid("A single update can add or remove only one replica")
    before, after = _indexes(old), _indexes(new)
    changed = before.keys() ^ after.keys()
    if len(changed) > 1:
        raise _invalid("Cannot perform more than one GSI creation or deletion in a single update")
    if changed and (added or removed):
        # Refused by DynamoDB while the index is made; the wording is unverified.
        raise _invalid("Attempt to change a resource which is still in use: Table is being updated")
    if any(before[name] != after[name] for name in before.keys() & after.keys()):
        raise _invalid(_FIXED_INDEX)


_FIXED_INDEX = (
    "Cannot update GSI's properties other than Provisioned Throughput and Contributor Insights Specification. "
    "You can create a new GSI with a different name."
)


def _indexes(props: Properties) -> dict[str, Any]:
    """Return what an update cannot change of each index, by its name."""
    return {
        index["IndexName"]: (index.get("KeySchema"), index.get("Projection"))
        for index in props.get("GlobalSecondaryIndexes", [])
    }


def _check_stream(old: Properties, new: Properties) -> None:
    """Raise HandlerError for another view type while there is more than one replica; the wording is unverified."""
    before, after = (props.get("StreamSpecification", {}).get("StreamViewType") for props in (old, new))
    if before and before != after and max(len(by_region(old)), len(by_region(new))) > 1:
        raise _invalid("StreamViewType cannot be updated for a global table with more than one replica")


def _stop_stream(name: str, old: Properties, new: Properties) -> None:
    """Turn the stream of a single replica off that an update gives another view type: a stream cannot be changed."""
    before, after = old.get("StreamSpecification"), new.get("StreamSpecification")
    if before and after and before != after:
        data = {"TableName": name, "StreamSpecification": {"StreamEnabled": False}}
        check_reply(touch(f"{_DDB}:_update_table")(data), service="DynamoDb")


def _check_free(name: str, regions: list[str]) -> None:
    for region in regions:
        if find_table(name, region) is not None:
            raise AlreadyExists(f"Table already exists: {name} in {region}", service="DynamoDb")


def _check_present(name: str, regions: list[str]) -> None:
    for region in regions:
        if find_table(name, region) is None:
            raise HandlerError(f"Requested resource not found: Table: {name} not found in {region}", service="DynamoDb")


def _check_unprotected(name: str, region: str) -> None:
    table = find_table(name, region)
    if table is not None and table.get("DeletionProtectionEnabled"):
        raise _invalid(PROTECTED)


def _ttl(props: Properties) -> str | None:
    """Return the attribute by which items expire, or None."""
    spec: Properties = props.get("TimeToLiveSpecification") or {}
    return str(spec["AttributeName"]) if is_true(spec.get("Enabled")) else None


def _check_ttl(old: Properties, new: Properties) -> None:
    """Raise HandlerError for another attribute, which takes one update that disables and one that enables."""
    before, after = _ttl(old), _ttl(new)
    if before and after and before != after:
        raise _invalid(f"TimeToLive is active on a different AttributeName: current AttributeName is {before}")


def _apply_ttl(name: str, old: Properties, new: Properties) -> None:
    before, after = _ttl(old), _ttl(new)
    if before == after:
        return
    spec = {"AttributeName": after or before, "Enabled": after is not None}
    check_reply(touch(f"{_DDB}:_update_ttl")({"TableName": name, "TimeToLiveSpecification": spec}), service="DynamoDb")


def _creation(region: str, settings: Properties) -> Properties:
    key = encryption.key_of(settings)
    return {"Create": {"RegionName": region, **({"KMSMasterKeyId": key} if key else {})}}


def _replicate(name: str, change: Properties) -> None:
    data = {"TableName": name, "ReplicaUpdates": [change]}
    check_reply(touch(f"{_DDB}:_update_table")(data), service="DynamoDb")


def _remove(name: str) -> None:
    home = region_name()
    for region in find_regions(name):
        if region != home:
            _replicate(name, {"Delete": {"RegionName": region}})
    if find_table(name, home) is not None:
        check_reply(touch(f"{_DDB}:_delete_table")({"TableName": name}), service="DynamoDb")


def find_regions(name: str) -> list[str]:
    """Return the regions of the table, which the DynamoDB API may have changed since the stack's last update."""
    home = region_name()
    table = find_table(name, home)
    if table is None:
        return []
    return touch(f"{_DDB}:_replica_group")(table) or [home]


def _attributes(name: str) -> Mapping[str, str]:
    table = find_table(name, region_name())
    attributes: dict[str, str] = touch(f"{_PROVISIONERS}:_ddb_attrs")(table)
    return {**attributes, "TableId": table["TableId"]} if table else attributes


def find_table(name: str, region: str) -> dict[str, Any] | None:
    """Return the emulator's own record of a replica, or None if there is none."""
    table: dict[str, Any] | None = touch(f"{_DDB}:_tables").get_scoped(account_id(), region, name)
    return table


def _invalid(message: str) -> HandlerError:
    return HandlerError(message, service="DynamoDb")


def _as_deployed(name: str, old: Properties, new: Properties) -> Properties:
    """Return the old properties as the table has them now, as far as one of the templates says them."""
    table, before, after = find_table(name, region_name()) or {}, by_region(old), by_region(new)
    stream, ttl = table.get("StreamSpecification") or {}, touch(f"{_DDB}:_ttl_settings").get(name) or {}
    named = {index["IndexName"]: index for index in old.get("GlobalSecondaryIndexes", [])}
    live = {
        "BillingMode": (table.get("BillingModeSummary") or {}).get("BillingMode", "PROVISIONED"),
        "GlobalSecondaryIndexes": [
            # In the template's words where it has some: an index never changes.
            named.get(index["IndexName"], {part: index[part] for part in ("IndexName", "KeySchema", "Projection")})
            for index in table.get("GlobalSecondaryIndexes") or []
        ],
        "StreamSpecification": {"StreamViewType": stream["StreamViewType"]} if stream.get("StreamEnabled") else {},
        "TimeToLiveSpecification": {
            "AttributeName": ttl.get("AttributeName", ""),
            "Enabled": ttl.get("TimeToLiveStatus") == "ENABLED",
        },
    }
    names = old.keys() | new.keys()
    replicas = [
        read_deployed(name, region, before.get(region, {}), after.get(region, {})) for region in find_regions(name)
    ]
    return {**old, **{prop: value for prop, value in live.items() if prop in names}, "Replicas": replicas}


def replaces_table(old: Properties, new: Properties) -> bool:
    """Return whether an update replaces a global table, its name aside."""
    if any(old.get(name) != new.get(name) for name in ("KeySchema", "LocalSecondaryIndexes")):
        return True
    return bool(touch(f"{_PROVISIONERS}:_requires_replacement_dynamodb")(old, new))


def _read_table(physical_id: str, props: Properties) -> dict[str, Any] | None:
    """Return a table as its template would have to describe it, or None if it is gone.

    Only what the template says is compared; a replica that it does not have is shown by its region.
    """
    regions = find_regions(physical_id)
    if not regions:
        return None
    table = find_table(physical_id, regions[0]) or {}
    in_template = by_region(props)
    present = [region for region in in_template if region in regions]
    return {
        "TableName": physical_id,
        "BillingMode": table["BillingModeSummary"]["BillingMode"],
        "StreamSpecification": {"StreamViewType": (table["StreamSpecification"] or {}).get("StreamViewType")},
        "Replicas": [
            *(read_replica(physical_id, region, in_template[region]) for region in present),
            *({"Region": region} for region in regions if region not in in_template),
        ],
    }
