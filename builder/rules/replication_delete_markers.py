"""E9512: a replication rule with a filter that says nothing of delete markers."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import replication_rules


class ReplicationDeleteMarkers(Rule):
    """A Filter makes it a rule of the second version, where this is no longer optional."""

    id = "E9512"
    shortdesc = "A replication rule with a Filter must say what happens to delete markers"
    description = "S3 refuses a replication rule that has a Filter and no DeleteMarkerReplication."
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
        "aws-properties-s3-bucket-replicationrule.html"
    )
    topics = ("resources", "s3", "replication")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every filtered rule without a word on delete markers."""
        for rule in replication_rules(cfn):
            if rule.get("Filter").present and rule.get("DeleteMarkerReplication").absent:
                yield fault(rule.get("Filter"), "a rule with a Filter needs DeleteMarkerReplication")
