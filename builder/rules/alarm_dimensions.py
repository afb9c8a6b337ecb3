"""E9562: an alarm on replication that names fewer dimensions than its metric is published with."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources

_OBJECTS = frozenset({"SourceBucket", "DestinationBucket", "RuleId"})
_NEEDED = {
    ("AWS/DynamoDB", "ReplicationLatency"): frozenset({"TableName", "ReceivingRegion"}),
    ("AWS/S3", "BytesPendingReplication"): _OBJECTS,
    ("AWS/S3", "OperationsFailedReplication"): _OBJECTS,
    ("AWS/S3", "OperationsPendingReplication"): _OBJECTS,
    ("AWS/S3", "ReplicationLatency"): _OBJECTS,
}
"""With which dimensions a metric is published, and with no others.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
"""


class AlarmDimensions(Rule):
    """CloudWatch adds nothing up over dimensions: an alarm on others than are published waits for ever."""

    id = "E9562"
    shortdesc = "An alarm on replication names every dimension of its metric"
    description = (
        "Replication metrics of S3 are published by SourceBucket, DestinationBucket and RuleId, ReplicationLatency of "
        "DynamoDB by TableName and ReceivingRegion. An alarm with fewer or others never has any data."
    )
    source_url = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/metrics-dimensions.html"
    topics = ("resources", "cloudwatch", "replication")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield the dimensions of every alarm on replication that are not those of its metric."""
        for alarm in resources(cfn, "AWS::CloudWatch::Alarm"):
            for metric in _metrics(alarm.get("Properties")):
                needed = _NEEDED.get((metric.get("Namespace").text or "", metric.get("MetricName").text or ""))
                dimensions = metric.get("Dimensions")
                named = _names(dimensions)
                if needed is not None and named is not None and named != needed:
                    words = ", ".join(sorted(needed))
                    yield fault(
                        dimensions if dimensions.present else metric, f"is published with {words}, and no others"
                    )


def _metrics(properties: Node) -> Iterator[Node]:
    yield properties
    for query in properties.get("Metrics").items() or ():
        yield query.get("MetricStat", "Metric")


def _names(dimensions: Node) -> frozenset[str] | None:
    items = dimensions.items()
    names = [item.get("Name").text for item in items or ()]
    if items is None or None in names:
        return None
    return frozenset(name for name in names if name is not None)
