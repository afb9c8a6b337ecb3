"""A table's copy in one region."""

from datetime import datetime

from builder.aws import Clients, call, together
from builder.state.metric import Metric, observe_metric
from builder.state.records import ReplicaState
from builder.terms import Region

TYPES = ("AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table")


async def observe_replica(clients: Clients, region: Region, table: str, now: datetime) -> ReplicaState:
    """Return how a replica stands. Raises AwsError where there is none."""
    client, where = clients.dynamodb(region), f"{region}: {table}"
    found = (await call(where, client.describe_table, TableName=table))["Table"]
    backups = await call(where, client.describe_continuous_backups, TableName=table)
    recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    others = [one["RegionName"] for one in found.get("Replicas", []) if one["RegionName"] != region]
    # Published in the region that was written to; not for strong consistency.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    latencies = await together(
        observe_metric(
            clients,
            region,
            Metric("AWS/DynamoDB", "ReplicationLatency", {"TableName": table, "ReceivingRegion": other}),
            now,
        )
        for other in others
    )
    return ReplicaState(
        table=table,
        status=found["TableStatus"],
        items=found.get("ItemCount", 0),
        bytes=found.get("TableSizeBytes", 0),
        point_in_time_recovery=recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
        latency_ms=dict(zip(others, latencies, strict=True)),
    )
