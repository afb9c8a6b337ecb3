"""AWS::DynamoDB::GlobalTable with real replicas; the emulator makes one table and ignores Replicas.

Then the settings of each replica, and those that all replicas share:

    Replicas:
      - Region: us-east-1
        PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
        Tags: [{Key: team, Value: red}]

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-globaltable-replicaspecification.html
"""

import json
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, region_name, touch
from builder.local.adapter.handlers import (
    AlreadyExists,
    HandlerError,
    PhysicalResource,
    Properties,
    Reply,
    check_reply,
    is_true,
)

TYPE = "AWS::DynamoDB::GlobalTable"
_DRIFT_PROPERTIES = frozenset({"BillingMode", "Replicas", "StreamSpecification", "TableName"})
_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_DDB = "ministack.services.dynamodb"


def install(handlers: MutableMapping[str, Any]) -> None:
    """Add the handlers of the type, what replaces a table of a custom name, and the reader for drift."""
    handlers[TYPE].update(create=create, update=update, update_with_logical_id=True, delete=delete)
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
    check_reply(touch(f"{_DDB}:_create_table")({"TableName": name, **shared(props)}), service="DynamoDb")
    try:
        _apply_ttl(name, {}, props)
        for region, settings in by_region(props).items():
            if region != home:
                _replicate(name, {"Create": {"RegionName": region}})
            apply_settings(name, region, {}, settings)
    except HandlerError:
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
    before, after = by_region(old), by_region(new)
    added = [region for region in after if region not in before]
    removed = [region for region in before if region not in after]
    _check_one_at_a_time(old, new, added=added, removed=removed)
    _check_free(physical_id, added)
    for region in removed:
        _check_unprotected(physical_id, region)
    present = [region for region in after if region in before]
    _check_present(physical_id, present)
    for region in present:
        with acting_in(AccountRegion(account_id(), region)):
            touch(f"{_PROVISIONERS}:_ddb_update")(
                physical_id,
                {"TableName": physical_id, **shared(old)},
                {"TableName": physical_id, **shared(new)},
                stack_name,
            )
        apply_settings(physical_id, region, before[region], after[region])
    _apply_ttl(physical_id, old, new)
    for region in removed:
        _replicate(physical_id, {"Delete": {"RegionName": region}})
    for region in added:
        _replicate(physical_id, {"Create": {"RegionName": region}})
        apply_settings(physical_id, region, {}, after[region])
    return physical_id, _attributes(physical_id)


def delete(physical_id: str, props: Properties) -> None:
    """Delete every replica, this region's last. Raises HandlerError while one of them is protected."""
    del props
    for region in find_regions(physical_id):
        _check_unprotected(physical_id, region)
    _remove(physical_id)


def _check(props: Properties, home: str) -> None:
    """Raise HandlerError unless the replicas are such as AWS accepts, as far as cfn-lint does not check."""
    regions = [replica["Region"] for replica in props.get("Replicas", [])]
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
            raise HandlerError(f"Requested resource not found: Table: {name} not found in {region}", service="DynamoDb")


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
    ttl = after or {**(before or {}), "Enabled": False}
    spec = {**ttl, "Enabled": is_true(ttl["Enabled"])}
    check_reply(touch(f"{_DDB}:_update_ttl")({"TableName": name, "TimeToLiveSpecification": spec}), service="DynamoDb")


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


def by_region(props: Properties) -> dict[str, Properties]:
    """Return the replicas of a global table's properties by their region, in the template's order."""
    return {replica["Region"]: replica for replica in props.get("Replicas", [])}


def shared(props: Properties) -> dict[str, Any]:
    """Return what all replicas share, in the shape of the DynamoDB API."""
    names = ("AttributeDefinitions", "KeySchema", "LocalSecondaryIndexes", "BillingMode")
    settings = {name: props[name] for name in names if name in props}
    if stream := props.get("StreamSpecification"):
        settings["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream["StreamViewType"]}
    if encryption := props.get("SSESpecification"):
        kind = {"SSEType": encryption["SSEType"]} if "SSEType" in encryption else {}
        settings["SSESpecification"] = {"Enabled": is_true(encryption["SSEEnabled"]), **kind}
    if "GlobalSecondaryIndexes" in props:
        of_api = ("IndexName", "KeySchema", "Projection")
        settings["GlobalSecondaryIndexes"] = [
            {name: index[name] for name in of_api if name in index} for index in props["GlobalSecondaryIndexes"]
        ]
    if props.get("BillingMode", "PROVISIONED") == "PROVISIONED":
        settings["ProvisionedThroughput"] = {
            "ReadCapacityUnits": 5,
            "WriteCapacityUnits": _minimum(props.get("WriteProvisionedThroughputSettings", {})),
        }
    return settings


def _minimum(settings: Properties) -> int:
    return int(settings.get("WriteCapacityAutoScalingSettings", {}).get("MinCapacity", 5))


def apply_settings(table: str, region: str, before: Properties, after: Properties) -> None:
    """Update the settings of one replica of `table` from `before` to `after`; {} is a new replica."""
    account = account_id()
    arn = f"arn:aws:dynamodb:{region}:{account}:table/{table}"
    with acting_in(AccountRegion(account, region)):
        for change in _changes(table, arn, before, after):
            check_reply(change, service="DynamoDb")


def _changes(table: str, arn: str, before: Properties, after: Properties) -> Iterator[Reply]:
    """Yield the reply of each call that the change takes; the next is made only when it is asked for."""
    if changes := _table_changes(before, after):
        yield touch(f"{_DDB}:_update_table")({"TableName": table, **changes})
    if (recovery := _recovery(after)) != _recovery(before):
        spec = {"PointInTimeRecoveryEnabled": recovery}
        data = {"TableName": table, "PointInTimeRecoverySpecification": spec}
        yield touch(f"{_DDB}:_update_continuous_backups")(data)
    if (insights := _insights(after)) != _insights(before):
        data = {"TableName": table, "ContributorInsightsAction": "ENABLE" if insights else "DISABLE"}
        yield touch(f"{_DDB}:_update_contributor_insights")(data)
    yield from _tag_changes(arn, _tags(before), _tags(after))
    yield from _policy_changes(arn, before, after)


def _table_changes(before: Properties, after: Properties) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if (table_class := after.get("TableClass", "STANDARD")) != before.get("TableClass", "STANDARD"):
        changes["TableClass"] = table_class
    protected = is_true(after.get("DeletionProtectionEnabled"))
    if protected != is_true(before.get("DeletionProtectionEnabled")):
        changes["DeletionProtectionEnabled"] = protected
    key = after.get("SSESpecification", {}).get("KMSMasterKeyId")
    if key != before.get("SSESpecification", {}).get("KMSMasterKeyId"):
        changes["SSESpecification"] = {"Enabled": True, "SSEType": "KMS"} | ({"KMSMasterKeyId": key} if key else {})
    return changes


def _recovery(replica: Properties) -> bool:
    spec: Properties = replica.get("PointInTimeRecoverySpecification", {})
    return is_true(spec.get("PointInTimeRecoveryEnabled"))


def _insights(replica: Properties) -> bool:
    spec: Properties = replica.get("ContributorInsightsSpecification", {})
    return is_true(spec.get("Enabled"))


def _tags(replica: Properties) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in replica.get("Tags", [])}


def _tag_changes(arn: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Reply]:
    if gone := [key for key in before if key not in after]:
        yield touch(f"{_DDB}:_untag_resource")({"ResourceArn": arn, "TagKeys": gone})
    if put := [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]:
        yield touch(f"{_DDB}:_tag_resource")({"ResourceArn": arn, "Tags": put})


def _policy_changes(arn: str, before: Properties, after: Properties) -> Iterator[Reply]:
    document = after.get("ResourcePolicy", {}).get("PolicyDocument")
    if document == before.get("ResourcePolicy", {}).get("PolicyDocument"):
        return
    if document is None:
        yield touch(f"{_DDB}:_delete_resource_policy")({"ResourceArn": arn})
    else:
        yield touch(f"{_DDB}:_put_resource_policy")({"ResourceArn": arn, "Policy": json.dumps(document)})


def read_replica(table: str, region: str, in_template: Properties) -> dict[str, Any]:
    """Return a replica by the properties that its template gives it; what cannot be read is as the template says."""
    with acting_in(AccountRegion(account_id(), region)):
        record = touch(f"{_DDB}:_tables")[table]
        insights = touch(f"{_DDB}:_contributor_insights").get(table, {}).get("ContributorInsightsStatus", "")
        present = {
            "DeletionProtectionEnabled": record.get("DeletionProtectionEnabled", False),
            "TableClass": record.get("TableClassSummary", {}).get("TableClass", "STANDARD"),
            "Tags": touch(f"{_DDB}:_tags").get(record["TableArn"], []),
            "PointInTimeRecoverySpecification": {
                "PointInTimeRecoveryEnabled": touch(f"{_DDB}:_pitr_settings").get(table, False)
            },
            "ContributorInsightsSpecification": {"Enabled": insights.startswith("ENABL")},
        }
    return {name: present.get(name, value) for name, value in in_template.items()}
