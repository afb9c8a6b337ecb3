"""E9508: strong consistency with what it excludes."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources


class GlobalTableStrongOptions(Rule):
    """What expires would have to go in all regions at once."""

    id = "E9508"
    shortdesc = "A strongly consistent global table has neither time to live nor local secondary indexes"
    description = (
        "With MultiRegionConsistency STRONG DynamoDB refuses a TimeToLiveSpecification that is enabled, and "
        "LocalSecondaryIndexes."
    )
    source_url = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html"
    topics = ("resources", "dynamodb", "multi-region")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield what a strongly consistent table cannot have."""
        for table in resources(cfn, "AWS::DynamoDB::GlobalTable"):
            properties = table.get("Properties")
            if properties.get("MultiRegionConsistency").text != "STRONG":
                continue
            expiry, local = properties.get("TimeToLiveSpecification"), properties.get("LocalSecondaryIndexes")
            if expiry.get("Enabled").text == "true":
                yield fault(expiry, "MultiRegionConsistency is STRONG, which takes no time to live")
            if local.items():
                yield fault(local, "MultiRegionConsistency is STRONG, which takes no local secondary indexes")
