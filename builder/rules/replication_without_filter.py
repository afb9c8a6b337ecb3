"""E9516: a replication rule of the first version that says what only the second version knows."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import replication_rules

_LATER = (("DeleteMarkerReplication",), ("SourceSelectionCriteria", "ReplicaModifications"))


class ReplicationWithoutFilter(Rule):
    """A Filter, be it of an empty prefix, makes a rule one of the second version."""

    id = "E9516"
    shortdesc = "Delete markers and changes of replicas are replicated by rules with a Filter alone"
    description = (
        "S3 refuses DeleteMarkerReplication and ReplicaModifications in a rule without a Filter, which is one of the "
        'first version; Filter: {Prefix: ""} takes all objects.'
    )
    source_url = (
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html"
        "#replication-backward-compat-considerations"
    )
    topics = ("resources", "s3", "replication")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every word of the second version in a rule of the first."""
        for rule in replication_rules(cfn):
            for path in _LATER:
                value = rule.get(*path)
                if rule.get("Filter").absent and value.present:
                    yield fault(value, f'{path[-1]} needs a Filter beside it, {{Prefix: ""}} for all objects')
