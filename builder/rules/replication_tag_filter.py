"""E9513: a replication rule that filters by tag and wants delete markers replicated."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import replication_rules


class ReplicationTagFilter(Rule):
    """A delete marker has no tags to filter by."""

    id = "E9513"
    shortdesc = "A replication rule with a tag filter can't replicate delete markers"
    description = "DeleteMarkerReplication must be Disabled where the rule's Filter names tags; S3 refuses Enabled."
    source_url = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-marker-replication.html"
    topics = ("resources", "s3", "replication")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every rule that wants both."""
        for rule in replication_rules(cfn):
            status = rule.get("DeleteMarkerReplication", "Status")
            if status.text == "Enabled" and _by_tag(rule.get("Filter")):
                yield fault(status, "delete markers can't be replicated by a rule with a tag filter: Disabled")


def _by_tag(chosen: Node) -> bool:
    return chosen.get("TagFilter").present or bool(chosen.get("And", "TagFilters").items())
