"""E9510: settings of a replica, or of a table, that DynamoDB does not have."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources

_CLASSES = ("STANDARD", "STANDARD_INFREQUENT_ACCESS")
_INDEXES = "GlobalSecondaryIndexes"


class GlobalTableReplica(Rule):
    """AWS's schema has neither the classes nor what one setting wants of another."""

    id = "E9510"
    shortdesc = "A replica's table class, days of recovery and indexes are ones that there are"
    description = (
        "TableClass is STANDARD or STANDARD_INFREQUENT_ACCESS; RecoveryPeriodInDays takes "
        "PointInTimeRecoveryEnabled; an index with settings in a replica is one of the table's own "
        "GlobalSecondaryIndexes."
    )
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
        "aws-properties-dynamodb-globaltable-replicaspecification.html"
    )
    topics = ("resources", "dynamodb", "multi-region")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every setting that DynamoDB refuses."""
        for table in resources(cfn, "AWS::DynamoDB::GlobalTable"):
            properties = table.get("Properties")
            known = _names(properties)
            for replica in properties.get("Replicas").items() or ():
                chosen = replica.get("TableClass")
                if chosen.text is not None and chosen.text not in _CLASSES:
                    yield fault(chosen, f"'{chosen.text}' is neither {' nor '.join(_CLASSES)}")
                yield from _recovery(replica)
                yield from _indexes(replica, known)
        for table in resources(cfn, "AWS::DynamoDB::Table"):
            yield from _recovery(table.get("Properties"))


def _recovery(holder: Node) -> Iterator[Fault]:
    recovery = holder.get("PointInTimeRecoverySpecification")
    days, enabled = recovery.get("RecoveryPeriodInDays"), recovery.get("PointInTimeRecoveryEnabled")
    if days.present and (enabled.absent or enabled.text == "false"):
        yield fault(days, "RecoveryPeriodInDays is of recovery that is switched off")


def _indexes(replica: Node, known: frozenset[str] | None) -> Iterator[Fault]:
    for index in replica.get(_INDEXES).items() or ():
        name = index.get("IndexName")
        if known is not None and name.text is not None and name.text not in known:
            yield fault(name, f"the table has no index '{name.text}'")


def _names(properties: Node) -> frozenset[str] | None:
    """Return the names of the table's indexes; None where one can't be known."""
    listed = properties.get(_INDEXES).items()
    names = [index.get("IndexName").text for index in listed or ()]
    return None if listed is None or None in names else frozenset(name for name in names if name is not None)
