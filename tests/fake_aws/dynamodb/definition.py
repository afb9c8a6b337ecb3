"""What a table is, in the words of AWS::DynamoDB::GlobalTable: as it is asked for, as it is kept, as it really is.

First one form of a definition, in which nothing is said that goes without saying; then a table of it, and it of a
table; last the same of AWS::DynamoDB::Table, which CreateTable's words are.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
and aws-resource-dynamodb-table.html
"""

import json
from collections.abc import Iterable
from typing import Any

from fake_aws.cloudformation.compare import same
from fake_aws.dynamodb.records import Expiry, Index, Replica, Table

Properties = dict[str, Any]
_BY_THEMSELVES = frozenset(
    {"GlobalSecondaryIndexes", "Replicas", "StreamSpecification", "TableName", "TimeToLiveSpecification"}
)
"""What a table keeps apart from the rest of its group's settings."""
_OF_REPLICA = frozenset(
    {"ContributorInsightsSpecification", "DeletionProtectionEnabled", "KinesisStreamSpecification"}
    | {"PointInTimeRecoverySpecification", "ResourcePolicy", "TableClass", "Tags"}
)
"""What AWS::DynamoDB::Table says of the table, and AWS::DynamoDB::GlobalTable of each replica."""


# -- one form ----------------------------------------------------------------------------------------------------------


def is_on(value: object) -> bool:
    """Return whether a flag is on; a parameter gives it as text."""
    return str(value).lower() == "true"


def canonical(properties: Properties) -> Properties:
    """Return a global table's properties in one form: without what is off, lists in one order."""
    definition = dict(properties)
    definition["BillingMode"] = definition.get("BillingMode", "PROVISIONED")
    definition["KeySchema"] = sorted(definition.get("KeySchema", []), key=lambda each: str(each["KeyType"]) != "HASH")
    definition["AttributeDefinitions"] = _by("AttributeName", definition.get("AttributeDefinitions", []))
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        definition[kind] = [_index(each) for each in _by("IndexName", definition.get(kind, []))]
    for name, flag in (("TimeToLiveSpecification", "Enabled"), ("SSESpecification", "SSEEnabled")):
        if not is_on(definition.get(name, {}).get(flag)):
            definition.pop(name, None)
    definition["Replicas"] = [_replica(each) for each in _by("Region", definition.get("Replicas", []))]
    return _not_empty(definition)


def _by(name: str, items: Iterable[Properties]) -> list[Properties]:
    return sorted(items, key=lambda each: str(each[name]))


def _not_empty(properties: Properties) -> Properties:
    return {name: value for name, value in properties.items() if value not in (None, [], {})}


def _index(index: Properties) -> Properties:
    projection = dict(index.get("Projection", {}))
    if "NonKeyAttributes" in projection:
        projection["NonKeyAttributes"] = sorted(projection["NonKeyAttributes"])
    return _not_empty({**index, "Projection": projection})


def _replica(replica: Properties) -> Properties:
    settings = dict(replica)
    if not is_on(settings.get("DeletionProtectionEnabled")):
        settings.pop("DeletionProtectionEnabled", None)
    for name, flag in (
        ("ContributorInsightsSpecification", "Enabled"),
        ("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"),
    ):
        if not is_on(settings.get(name, {}).get(flag)):
            settings.pop(name, None)
    recovery = settings.get("PointInTimeRecoverySpecification", {})
    if str(recovery.get("RecoveryPeriodInDays")) == "35":
        rest = {name: value for name, value in recovery.items() if name != "RecoveryPeriodInDays"}
        settings["PointInTimeRecoverySpecification"] = rest
    if settings.get("TableClass") == "STANDARD":
        del settings["TableClass"]
    settings["Tags"] = _by("Key", settings.get("Tags", []))
    settings["GlobalSecondaryIndexes"] = _by("IndexName", settings.get("GlobalSecondaryIndexes", []))
    return _not_empty(settings)


# -- a table of it, and it of a table ----------------------------------------------------------------------------------


def configure(table: Table, definition: Properties) -> None:
    """Give a table the settings of its group, but for indexes, replicas and time to live, which take their time."""
    table.group = {name: value for name, value in definition.items() if name not in _BY_THEMSELVES}
    table.stream = definition.get("StreamSpecification", {}).get("StreamViewType")
    table.key = key_schema(definition)
    table.once_on_demand = table.once_on_demand or is_on_demand(table)
    for name, index in indexes(definition).items():
        if name in table.indexes:
            table.indexes[name].throughput = index.throughput


def configure_replica(replica: Replica, definition: Properties) -> None:
    """Give a replica the settings of its own."""
    replica.deletion_protection = is_on(definition.get("DeletionProtectionEnabled"))
    replica.key = definition.get("SSESpecification", {}).get("KMSMasterKeyId")
    besides = {"DeletionProtectionEnabled", "Region", "SSESpecification"}
    replica.settings = {name: value for name, value in definition.items() if name not in besides}


def key_schema(definition: Properties) -> tuple[tuple[str, str], ...]:
    """Return the attributes of the key with their types, the partition's first."""
    types = {each["AttributeName"]: each["AttributeType"] for each in definition.get("AttributeDefinitions", [])}
    return tuple(
        (each["AttributeName"], types.get(each["AttributeName"], "S")) for each in definition.get("KeySchema", [])
    )


def indexes(definition: Properties) -> dict[str, Index]:
    """Return the global secondary indexes by name."""
    return {
        each["IndexName"]: Index(
            json.dumps([each.get("KeySchema"), each.get("Projection")], sort_keys=True),
            throughput={
                name: value for name, value in each.items() if name not in {"IndexName", "KeySchema", "Projection"}
            },
        )
        for each in definition.get("GlobalSecondaryIndexes", [])
    }


def expiry(definition: Properties) -> Expiry:
    """Return the time to live of a new table."""
    specification = definition.get("TimeToLiveSpecification", {})
    return Expiry(specification.get("AttributeName"), is_on(specification.get("Enabled", False)))


def regions(definition: Properties) -> dict[str, Properties]:
    """Return what is said of each replica, by region."""
    return {each["Region"]: each for each in definition.get("Replicas", [])}


def is_on_demand(table: Table) -> bool:
    """Return whether a table is billed on demand."""
    return bool(table.group.get("BillingMode") == "PAY_PER_REQUEST")


def definition_of(table: Table) -> Properties:
    """Return what a table really is, in the form of `canonical`; replicas on their way out are none."""
    ttl = {"AttributeName": table.expiry.attribute, "Enabled": True} if table.expiry.enabled else {}
    return canonical(
        {
            **table.group,
            "TableName": table.name,
            "StreamSpecification": {"StreamViewType": table.stream} if table.stream else {},
            "TimeToLiveSpecification": ttl,
            "GlobalSecondaryIndexes": [index_of(table, name) for name in table.indexes],
            "Replicas": [_replica_of(each) for each in table.replicas.values() if each.status != "DELETING"],
        }
    )


def index_of(table: Table, name: str) -> Properties:
    """Return an index in a template's words."""
    index = table.indexes[name]
    key, projection = json.loads(index.definition)
    return {"IndexName": name, "KeySchema": key, "Projection": projection or {}, **index.throughput}


def _replica_of(replica: Replica) -> Properties:
    return {
        **replica.settings,
        "Region": replica.region,
        "DeletionProtectionEnabled": replica.deletion_protection,
        "SSESpecification": {"KMSMasterKeyId": replica.key} if replica.key else {},
    }


# -- a table of one region ---------------------------------------------------------------------------------------------


def as_global(properties: Properties, region: str) -> Properties:
    """Return the properties of an AWS::DynamoDB::Table as those of a global table with one replica."""
    shared = {name: value for name, value in properties.items() if name not in _OF_REPLICA}
    replica = {name: properties[name] for name in _OF_REPLICA & properties.keys()} | {"Region": region}
    encryption, most = dict(shared.get("SSESpecification", {})), shared.pop("OnDemandThroughput", {})
    if key := encryption.pop("KMSMasterKeyId", None):
        replica["SSESpecification"] = {"KMSMasterKeyId": key}
    if encryption:
        shared["SSESpecification"] = encryption
    if units := most.get("MaxWriteRequestUnits"):
        shared["WriteOnDemandThroughputSettings"] = {"MaxWriteRequestUnits": units}
    if units := most.get("MaxReadRequestUnits"):
        replica["ReadOnDemandThroughputSettings"] = {"MaxReadRequestUnits": units}
    return {**shared, "Replicas": [replica]}


def as_local(definition: Properties, region: str) -> Properties:
    """Return a global table's definition as what AWS::DynamoDB::Table says of it in one region."""
    shared = {name: value for name, value in definition.items() if name != "Replicas"}
    replica = regions(definition)[region]
    own = {name: replica[name] for name in _OF_REPLICA & replica.keys()}
    most = {
        **shared.pop("WriteOnDemandThroughputSettings", {}),
        **replica.get("ReadOnDemandThroughputSettings", {}),
    }
    encryption = {**shared.pop("SSESpecification", {}), **replica.get("SSESpecification", {})}
    return _not_empty({**shared, **own, "OnDemandThroughput": most, "SSESpecification": encryption})


def aligned(given: Properties, live: Properties, region: str | None = None) -> Properties:
    """Return what is live in the words of a template where the two mean the same.

    With a region both are of AWS::DynamoDB::Table.
    """
    desired, there = (canonical(each if region is None else as_global(each, region)) for each in (given, live))
    if region is not None:
        desired, there = as_local(desired, region), as_local(there, region)
    kept = {name: value for name, value in there.items() if name in live}
    return kept | {name: value for name, value in given.items() if same(desired.get(name), there.get(name))}
