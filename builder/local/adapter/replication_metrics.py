"""What CloudWatch is told of replication, which the emulator's never is.

Recorded at once, in the region that writes come from, where AWS tells it by the minute; that S3's metrics are those of
the source's region is *unverified*.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html
"""

import time
from collections.abc import Mapping
from typing import Any

from builder.local.adapter.emulator import touch
from builder.local.adapter.propagation import Propagation, Way

# Nothing happened is worth saying once a second: a load of writes that take no time would else fill the memory.
_ZERO_EVERY_S = 1.0
_zeros: dict[tuple[Way, str], float] = {}


def record_table(way: Way, under_way_s: float) -> None:
    """Record how long a write took to another replica."""
    dimensions = {"TableName": way.resource, "ReceivingRegion": way.direction.destination}
    _record(way, "AWS/DynamoDB", "ReplicationLatency", round(under_way_s * 1000), ("Milliseconds", dimensions))


def find_dimensions(bucket: str, rule: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return by what the metrics of a replication rule are told apart, or None where it does not ask for them."""
    if rule["Destination"].get("Metrics", {}).get("Status") != "Enabled":
        return None
    destination = rule["Destination"]["Bucket"].rpartition(":")[2]
    return {"SourceBucket": bucket, "DestinationBucket": destination, "RuleId": rule.get("ID", "")}


def record_pending(propagation: Propagation, way: Way, dimensions: Mapping[str, str]) -> None:
    """Record how much of a bucket is under way."""
    operations, size, _ = propagation.pending().get(way, (0, 0, 0.0))
    _record(way, "AWS/S3", "OperationsPendingReplication", operations, ("Count", dimensions))
    _record(way, "AWS/S3", "BytesPendingReplication", size, ("Bytes", dimensions))


def record_object(way: Way, dimensions: Mapping[str, str], under_way_s: float, *, failed: bool) -> None:
    """Record how long an object took, and whether it arrived."""
    _record(way, "AWS/S3", "ReplicationLatency", round(under_way_s, 3), ("Seconds", dimensions))
    _record(way, "AWS/S3", "OperationsFailedReplication", int(failed), ("Count", dimensions))


def _record(way: Way, namespace: str, name: str, value: float, kind: tuple[str, Mapping[str, str]]) -> None:
    if value == 0 and _is_said(way, name):
        return
    with touch("ministack.core.responses:request_scope")(way.account, way.direction.source):
        touch("ministack.services.cloudwatch:record_metric")(namespace, name, value, *kind)


def _is_said(way: Way, name: str) -> bool:
    """Return whether the same was said within the last second; else it is now."""
    now = time.monotonic()
    if now < _zeros.get((way, name), -_ZERO_EVERY_S) + _ZERO_EVERY_S:
        return True
    _zeros[way, name] = now
    return False
