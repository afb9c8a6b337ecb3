"""A table's copy in one region."""

from builder.aws import call, together
from builder.errors import AwsError
from builder.state.look import Look
from builder.state.metric import Metric, observe_metric
from builder.state.records import ReplicaState

TYPES = ("AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table")


async def find_replica(look: Look, table: str) -> ReplicaState:
    """Return how a replica stands; one that is not there is ABSENT."""
    try:
        return await observe_replica(look, table)
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        return ReplicaState(table=table, status="ABSENT", items=0, bytes=0, point_in_time_recovery=False)


async def observe_replica(look: Look, table: str) -> ReplicaState:
    """Return how a replica stands. Raises AwsError where there is none."""
    region = look.region
    client, where = look.clients.dynamodb(region), f"{region}: {table}"
    found = (await call(where, client.describe_table, TableName=table))["Table"]
    backups = await call(where, client.describe_continuous_backups, TableName=table)
    recovery = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    others = [one["RegionName"] for one in found.get("Replicas", []) if one["RegionName"] != region]
    # Published in the region that was written to; not for strong consistency.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    latencies = await together(
        observe_metric(
            look, Metric("AWS/DynamoDB", "ReplicationLatency", {"TableName": table, "ReceivingRegion": other})
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
