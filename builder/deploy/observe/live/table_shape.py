"""A table that was read in all of its regions, with the properties that AWS::DynamoDB::GlobalTable would state; pure.

First for any template; then as near to one template as the table allows.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from builder.deploy.observe.live.record import LiveResource, TemplateSide, tag_list
from builder.deploy.observe.live.table_obstacles import kept_for_good, notes_of, obstacles_of
from builder.deploy.observe.live.table_seen import ON, ReplicaKey, SeenReplica, SeenTable, by_name
from builder.deploy.observe.live.taken_back import losses_of_table
from builder.deploy.resources.holder import Properties
from builder.deploy.resources.table_changes import is_on
from builder.resource_types import GLOBAL_TABLE
from builder.template import as_list, at
from builder.terms import Region

_MOST_DAYS = 35


def as_live(seen: SeenTable) -> LiveResource:
    """Return a table as it is, whichever template is to have it."""
    return LiveResource(
        type=GLOBAL_TABLE,
        name=seen.name,
        region=seen.own.region,
        identifier={"TableName": seen.name},
        definition=_definition(seen),
        obstacles=tuple(dict.fromkeys(obstacles_of(seen))),
        notes=tuple(notes_of(seen)),
    )


def _definition(seen: SeenTable) -> Properties:
    table = seen.own.table
    expires = seen.expiry.get("TimeToLiveStatus") in ON
    return _without_empty(
        {
            "TableName": seen.name,
            "BillingMode": at(table, "BillingModeSummary", "BillingMode"),
            "AttributeDefinitions": sorted(
                (dict(attribute) for attribute in table.get("AttributeDefinitions", [])),
                key=lambda attribute: str(attribute["AttributeName"]),
            ),
            "KeySchema": _key_schema(table),
            "GlobalSecondaryIndexes": [_index(index) for index in by_name(table, "GlobalSecondaryIndexes")],
            "LocalSecondaryIndexes": [
                {"IndexName": index["IndexName"], "KeySchema": _key_schema(index), "Projection": _projection(index)}
                for index in by_name(table, "LocalSecondaryIndexes")
            ],
            "StreamSpecification": _stream(table),
            "TimeToLiveSpecification": (
                {"AttributeName": seen.expiry.get("AttributeName"), "Enabled": True} if expires else None
            ),
            "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS"} if seen.own.key else None,
            "WriteOnDemandThroughputSettings": _most(table, "MaxWriteRequestUnits"),
            "Replicas": [
                *(_replica(replica) for replica in seen.replicas),
                *(_unasked(seen, region) for region in seen.lost),
            ],
        }
    )


def _without_empty(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that are not empty."""
    return {name: value for name, value in properties.items() if value not in (None, [], {})}


def _key_schema(holder: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"AttributeName": attribute["AttributeName"], "KeyType": attribute["KeyType"]}
        for attribute in holder.get("KeySchema", [])
    ]


def _projection(index: Mapping[str, Any]) -> dict[str, Any]:
    projection = index.get("Projection", {})
    # DynamoDB does not keep their order.
    return _without_empty(
        {
            "ProjectionType": projection.get("ProjectionType"),
            "NonKeyAttributes": sorted(projection.get("NonKeyAttributes", [])),
        }
    )


def _index(index: Mapping[str, Any]) -> dict[str, Any]:
    return _without_empty(
        {
            "IndexName": index["IndexName"],
            "KeySchema": _key_schema(index),
            "Projection": _projection(index),
            "WriteOnDemandThroughputSettings": _most(index, "MaxWriteRequestUnits"),
        }
    )


def _stream(table: Mapping[str, Any]) -> dict[str, Any] | None:
    stream = table.get("StreamSpecification", {})
    return {"StreamViewType": stream.get("StreamViewType")} if stream.get("StreamEnabled") else None


def _most(holder: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return the limit of on-demand throughput; DynamoDB shows -1 where there is none."""
    units = at(holder, "OnDemandThroughput", name)
    return {name: units} if isinstance(units, int) and units > 0 else None


def _replica(seen: SeenReplica) -> dict[str, Any]:
    table_class = at(seen.table, "TableClassSummary", "TableClass")
    return _without_empty(
        {
            "Region": seen.region,
            "SSESpecification": {"KMSMasterKeyId": seen.key.arn} if seen.key and not seen.key.is_aws else None,
            "TableClass": None if table_class == "STANDARD" else table_class,
            "DeletionProtectionEnabled": bool(seen.table.get("DeletionProtectionEnabled", False)),
            "PointInTimeRecoverySpecification": _recovery(seen.recovery),
            "ContributorInsightsSpecification": _insights(seen, ""),
            "KinesisStreamSpecification": _kinesis(seen.kinesis[0]) if len(seen.kinesis) == 1 else None,
            "ReadOnDemandThroughputSettings": _most(seen.table, "MaxReadRequestUnits"),
            "GlobalSecondaryIndexes": [
                own for index in by_name(seen.table, "GlobalSecondaryIndexes") if (own := _index_here(seen, index))
            ],
            "Tags": tag_list(seen.tags),
        }
    )


def _recovery(shown: Mapping[str, Any]) -> dict[str, Any]:
    if shown.get("PointInTimeRecoveryStatus") not in ON:
        return {"PointInTimeRecoveryEnabled": False}
    return _without_empty(
        {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": shown.get("RecoveryPeriodInDays")}
    )


def _insights(seen: SeenReplica, index: str) -> dict[str, Any] | None:
    if index not in seen.insights:
        return None
    return (
        _without_empty({"Enabled": True, "Mode": seen.insights[index]}) if seen.insights[index] else {"Enabled": True}
    )


def _kinesis(stream: Mapping[str, Any]) -> dict[str, Any]:
    precision = "ApproximateCreationDateTimePrecision"
    return _without_empty({"StreamArn": stream.get("StreamArn"), precision: stream.get(precision)})


def _index_here(seen: SeenReplica, index: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what an index has only in this region; None where it has nothing."""
    name = index["IndexName"]
    own = _without_empty(
        {
            "ContributorInsightsSpecification": _insights(seen, name),
            "ReadOnDemandThroughputSettings": _most(index, "MaxReadRequestUnits"),
        }
    )
    return {"IndexName": name, **own} if own else None


def _unasked(seen: SeenTable, region: Region) -> dict[str, Any]:
    """Return a replica as another region shows it."""
    shown = seen.members.get(region, {})
    table_class = at(shown, "ReplicaTableClassSummary", "TableClass")
    key = shown.get("KMSMasterKeyId")
    read = at(shown, "OnDemandThroughputOverride", "MaxReadRequestUnits")
    return _without_empty(
        {
            "Region": region,
            "SSESpecification": {"KMSMasterKeyId": key} if key and seen.own.key and not seen.own.key.is_aws else None,
            "TableClass": None if table_class == "STANDARD" else table_class,
            "ReadOnDemandThroughputSettings": {"MaxReadRequestUnits": read}
            if isinstance(read, int) and read > 0
            else None,
        }
    )


def fit_table(
    live: LiveResource, side: TemplateSide, keys: Mapping[str, ReplicaKey], lost: Collection[str] = ()
) -> LiveResource:
    """Return a live table as near to a template as the table allows, with the obstacles to this template.

    Lists are in the template's order. Settings that are off, and tags of the stack, are stated where the template
    states them. A key, one of `keys` by region, is named as the template names it. `lost` regions were not read.
    """
    properties = side.properties
    definition = dict(live.definition)
    for name, named_by in (
        ("AttributeDefinitions", "AttributeName"),
        ("GlobalSecondaryIndexes", "IndexName"),
        ("LocalSecondaryIndexes", "IndexName"),
        ("Replicas", "Region"),
    ):
        if name in definition:
            definition[name] = in_order_of(definition[name], as_list(properties.get(name)), named_by)
    indexes = {str(at(index, "IndexName")): index for index in as_list(properties.get("GlobalSecondaryIndexes"))}
    for index in definition.get("GlobalSecondaryIndexes", []):
        names = as_list(at(indexes.get(index["IndexName"]), "Projection", "NonKeyAttributes"))
        if sorted(map(str, names)) == index["Projection"].get("NonKeyAttributes"):
            index["Projection"] = {**index["Projection"], "NonKeyAttributes": names}
    replicas = {str(at(replica, "Region")): replica for replica in as_list(properties.get("Replicas"))}
    definition["Replicas"] = [
        _fitted(replica, replicas.get(replica["Region"]), side.stack_tags, keys) for replica in definition["Replicas"]
    ]
    return replace(
        live,
        definition=definition,
        obstacles=(*live.obstacles, *kept_for_good(live.definition, properties)),
        losses=tuple(losses_of_table(definition, properties, lost)),
    )


def in_order_of(
    items: Iterable[Mapping[str, Any]], template_items: Sequence[object], named_by: str
) -> list[dict[str, Any]]:
    """Return copies of the items in the order of the template's items; others follow in their own order."""
    places = {at(item, named_by): place for place, item in enumerate(template_items)}
    return [dict(item) for item in sorted(items, key=lambda item: places.get(item[named_by], len(places)))]


def _fitted(
    replica: Mapping[str, Any], template_replica: object, given: Mapping[str, str], keys: Mapping[str, ReplicaKey]
) -> dict[str, Any]:
    fitted = dict(replica)
    if not is_on(fitted.get("DeletionProtectionEnabled")) and at(template_replica, "DeletionProtectionEnabled") is None:
        fitted.pop("DeletionProtectionEnabled", None)
    recovery, template_recovery = (
        dict(fitted.get("PointInTimeRecoverySpecification", {})),
        at(template_replica, "PointInTimeRecoverySpecification"),
    )
    if recovery.get("RecoveryPeriodInDays") == _MOST_DAYS and at(template_recovery, "RecoveryPeriodInDays") is None:
        del recovery["RecoveryPeriodInDays"]
    fitted["PointInTimeRecoverySpecification"] = recovery
    if template_recovery is None and not is_on(recovery.get("PointInTimeRecoveryEnabled")):
        del fitted["PointInTimeRecoverySpecification"]
    if "Tags" in fitted:
        listed = as_list(at(template_replica, "Tags"))
        template_keys = {str(at(tag, "Key")) for tag in listed}
        tags = [tag for tag in fitted["Tags"] if tag["Key"] in template_keys or given.get(tag["Key"]) != tag["Value"]]
        fitted["Tags"] = in_order_of(tags, listed, "Key")
    name = at(template_replica, "SSESpecification", "KMSMasterKeyId")
    shown = str(at(fitted, "SSESpecification", "KMSMasterKeyId") or "")
    if shown and isinstance(name, str) and _names_key(name, shown, keys.get(fitted["Region"])):
        fitted["SSESpecification"] = {"KMSMasterKeyId": name}
    return _without_empty(fitted)


def _names_key(name: str, shown: str, key: ReplicaKey | None) -> bool:
    """Return whether a template's name of a key names the shown key; `key` is None in a lost region.

    In a lost region any alias is taken for the key's: it cannot be read, and a replica keeps its key for good. The same
    key by another name would be a change that DynamoDB refuses.
    """
    alias = name.rpartition(":")[2]
    is_alias = alias.startswith("alias/") if key is None else alias in key.aliases
    return is_alias or name == shown.rpartition("/")[2]
