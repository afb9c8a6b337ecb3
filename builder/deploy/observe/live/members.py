"""The members of DescribeTable's answer: which a template states, which are judged, which no template has; pure.

A table that shows any other member, which may mean anything, is not imported.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
"""

from collections.abc import Iterator, Mapping

STATED = frozenset(
    {
        "TableName",
        "AttributeDefinitions",
        "KeySchema",
        "BillingModeSummary.BillingMode",
        "DeletionProtectionEnabled",
        "GlobalSecondaryIndexes.IndexName",
        "GlobalSecondaryIndexes.KeySchema",
        "GlobalSecondaryIndexes.OnDemandThroughput",
        "GlobalSecondaryIndexes.Projection",
        "LocalSecondaryIndexes.IndexName",
        "LocalSecondaryIndexes.KeySchema",
        "LocalSecondaryIndexes.Projection",
        "OnDemandThroughput",
        "Replicas.RegionName",
        "SSEDescription.KMSMasterKeyArn",
        "SSEDescription.SSEType",
        "StreamSpecification",
        "TableClassSummary.TableClass",
    }
)
"""The members of DescribeTable that a template states."""
JUDGED = frozenset(
    {
        "ArchivalSummary",
        "DisassociationProtectionEnabled",
        "GlobalSecondaryIndexes.Backfilling",
        "GlobalSecondaryIndexes.IndexStatus",
        "GlobalSecondaryIndexes.WarmThroughput",
        "GlobalTableSettingsReplicationMode",
        "GlobalTableVersion",
        "GlobalTableWitnesses",
        "MultiRegionConsistency",
        "Replicas.GlobalTableSettingsReplicationMode",
        "Replicas.ReplicaArn",
        "Replicas.ReplicaStatus",
        "SSEDescription.InaccessibleEncryptionDateTime",
        "SSEDescription.Status",
        "TableStatus",
        "VectorIndexes",
        "WarmThroughput",
    }
)
"""Members of which some values are obstacles, or stay and are noted."""
FACTS = frozenset(
    {
        "BillingModeSummary.LastUpdateToPayPerRequestDateTime",
        "CreationDateTime",
        "GlobalSecondaryIndexes.IndexArn",
        "GlobalSecondaryIndexes.IndexSizeBytes",
        "GlobalSecondaryIndexes.ItemCount",
        "GlobalSecondaryIndexes.ProvisionedThroughput",
        "ItemCount",
        "LatestStreamArn",
        "LatestStreamLabel",
        "LocalSecondaryIndexes.IndexArn",
        "LocalSecondaryIndexes.IndexSizeBytes",
        "LocalSecondaryIndexes.ItemCount",
        "ProvisionedThroughput",
        "RestoreSummary",
        "TableArn",
        "TableClassSummary.LastUpdateDateTime",
        "TableId",
        "TableSizeBytes",
        # These are read from each replica.
        "Replicas.GlobalSecondaryIndexes",
        "Replicas.KMSMasterKeyId",
        "Replicas.OnDemandThroughputOverride",
        "Replicas.ProvisionedThroughputOverride",
        "Replicas.ReplicaInaccessibleDateTime",
        "Replicas.ReplicaStatusDescription",
        "Replicas.ReplicaStatusPercentProgress",
        "Replicas.ReplicaTableClassSummary",
        "Replicas.WarmThroughput",
    }
)
"""Members that no template states."""
_KNOWN = STATED | JUDGED | FACTS


def unknown_members(described: Mapping[str, object]) -> tuple[str, ...]:
    """Return the members, by their paths, that have a value and are in none of the three lists."""
    return tuple(dict.fromkeys(_unknown(described, "")))


def _unknown(value: object, path: str) -> Iterator[str]:
    if path in _KNOWN or value is None or value in ({}, []):
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _unknown(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _unknown(inner, path)
    else:
        yield path
