"""E9514: replication time control without metrics, or with other minutes than 15."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import replication_rules


class ReplicationTimeControl(Rule):
    """Time control is a promise of 15 minutes, and metrics are how it is kept."""

    id = "E9514"
    shortdesc = "Replication time control needs metrics, and 15 is its only number of minutes"
    description = (
        "A destination with ReplicationTime Enabled needs Metrics Enabled; Time and the metrics' EventThreshold "
        "take 15 minutes and nothing else."
    )
    source_url = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-time-control.html"
    topics = ("resources", "s3", "replication")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every destination whose time control S3 would refuse."""
        for rule in replication_rules(cfn):
            time = rule.get("Destination", "ReplicationTime")
            metrics = rule.get("Destination", "Metrics")
            yield from _minutes(time.get("Time", "Minutes"))
            yield from _minutes(metrics.get("EventThreshold", "Minutes"))
            status = metrics.get("Status")
            without = metrics.absent or status.absent or status.text == "Disabled"
            if time.get("Status").text == "Enabled" and without:
                yield fault(time, "ReplicationTime needs Metrics with Status: Enabled beside it")


def _minutes(minutes: Node) -> Iterator[Fault]:
    if minutes.text not in {None, "15"}:
        yield fault(minutes, f"{minutes.text} minutes: 15 is the only value")
