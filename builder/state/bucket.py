"""A bucket, and how far its replication is."""

import asyncio
from typing import TYPE_CHECKING

from builder.aws import call, together
from builder.errors import AwsError
from builder.state.look import Look
from builder.state.metric import Metric, observe_metric
from builder.state.records import BucketState, RuleState
from builder.terms import Region

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ReplicationRuleOutputTypeDef

TYPE = "AWS::S3::Bucket"


async def observe_bucket(look: Look, bucket: str) -> BucketState:
    """Return a bucket's versioning and rules, with what is pending and failed of each."""
    client, where = look.clients.s3(look.region), f"{look.region}: {bucket}"
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
        rules=tuple(await together(_observe_rule(look, bucket, rule) for rule in rules)),
    )


async def _observe_rule(look: Look, bucket: str, rule: "ReplicationRuleOutputTypeDef") -> RuleState:
    destination = rule["Destination"]["Bucket"].rpartition(":")[2]
    dimensions = {"SourceBucket": bucket, "DestinationBucket": destination, "RuleId": rule.get("ID", "")}
    pending, failed = await asyncio.gather(
        _pending(look, destination, dimensions),
        observe_metric(look, Metric("AWS/S3", "OperationsFailedReplication", dimensions, "Sum")),
    )
    return RuleState(
        id=rule.get("ID", ""), status=rule["Status"], destination=destination, pending=pending, failed=failed
    )


async def _pending(look: Look, destination: str, dimensions: dict[str, str]) -> float | None:
    """Ask the destination's region, where what is pending is published; None where that one does not answer in time.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
    """
    metric = Metric("AWS/S3", "OperationsPendingReplication", dimensions, "Maximum")
    s3 = look.clients.s3(look.region)
    try:
        async with asyncio.timeout_at(look.until):
            head = await call(f"{look.region}: {destination}", s3.head_bucket, Bucket=destination)
            return await observe_metric(look.at(Region(head.get("BucketRegion", look.region))), metric)
    except (AwsError, TimeoutError):
        return None
