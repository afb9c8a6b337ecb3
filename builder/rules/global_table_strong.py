"""E9503: strong consistency without its third region or its witness."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources


class GlobalTableStrong(Rule):
    """Strong consistency is a quorum of three."""

    id = "E9503"
    shortdesc = "A strongly consistent global table has three replicas, or two and a witness"
    description = (
        "MultiRegionConsistency STRONG takes exactly three replicas, or two replicas and one entry of "
        "GlobalTableWitnesses; DynamoDB refuses all else."
    )
    source_url = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html"
    topics = ("resources", "dynamodb", "multi-region")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every strongly consistent table that is not three."""
        for table in resources(cfn, "AWS::DynamoDB::GlobalTable"):
            properties = table.get("Properties")
            consistency = properties.get("MultiRegionConsistency")
            replicas = properties.get("Replicas").items()
            witnesses = properties.get("GlobalTableWitnesses").items()
            if consistency.text != "STRONG" or not replicas or witnesses is None:
                continue
            if (len(replicas), len(witnesses)) not in {(3, 0), (2, 1)}:
                yield fault(
                    consistency,
                    f"STRONG with {len(replicas)} replicas and {len(witnesses)} witnesses; "
                    "it takes 3 replicas, or 2 and 1 witness",
                )
