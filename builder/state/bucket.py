"""A bucket, and how far its replication is."""

from datetime import datetime
from typing import TYPE_CHECKING

from builder.aws import Clients, call, together
from builder.errors import AwsError
from builder.state.metric import Metric, observe_metric
from builder.state.records import BucketState, RuleState
from builder.terms import Region

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ReplicationRuleOutputTypeDef

TYPE = "AWS::S3::Bucket"


async def observe_bucket(clients: Clients, region: Region, bucket: str, now: datetime) -> BucketState:
    """Return a bucket's versioning and rules, with what is pending and failed of each."""
    client, where = clients.s3(region), f"{region}: {bucket}"
    versioning = await call(where, client.get_bucket_versioning, Bucket=bucket)
    try:
        answer = await call(where, client.get_bucket_replication, Bucket=bucket)
        rules = answer["ReplicationConfiguration"]["Rules"]
    except AwsError as error:
        if error.code != "ReplicationConfigurationNotFoundError":
            raise
        rules = []
    return BucketState(
        bucket=bucket,
        versioning=versioning.get("Status", "Off"),
        rules=tuple(await together(_observe_rule(clients, region, bucket, rule, now) for rule in rules)),
    )


async def _observe_rule(
    clients: Clients, region: Region, bucket: str, rule: "ReplicationRuleOutputTypeDef", now: datetime
) -> RuleState:
    destination = rule["Destination"]["Bucket"].rpartition(":")[2]
    dimensions = {"SourceBucket": bucket, "DestinationBucket": destination, "RuleId": rule.get("ID", "")}
    return RuleState(
        id=rule.get("ID", ""),
        status=rule["Status"],
        destination=destination,
        pending=await _pending(clients, region, destination, dimensions, now),
        failed=await observe_metric(
            clients, region, Metric("AWS/S3", "OperationsFailedReplication", dimensions, "Sum"), now
        ),
    )


async def _pending(
    clients: Clients, region: Region, destination: str, dimensions: dict[str, str], now: datetime
) -> float | None:
    """Ask the destination's region, where what is pending is published; None where that one does not answer.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
    """
    try:
        head = await call(f"{region}: {destination}", clients.s3(region).head_bucket, Bucket=destination)
        there = Region(head.get("BucketRegion", region))
        return await observe_metric(
            clients, there, Metric("AWS/S3", "OperationsPendingReplication", dimensions, "Maximum"), now
        )
    except AwsError:
        return None
