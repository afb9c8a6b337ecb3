"""E9509: a global table with two replicas in one region."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources


class GlobalTableRegions(Rule):
    """The items of a list are different, and their regions may be the same for all that."""

    id = "E9509"
    shortdesc = "A global table has one replica in a region"
    description = "DynamoDB refuses a region that is among the Replicas twice, or also a witness of the table."
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html"
    )
    topics = ("resources", "dynamodb", "multi-region")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every region that is there a second time."""
        for table in resources(cfn, "AWS::DynamoDB::GlobalTable"):
            properties = table.get("Properties")
            lists = (properties.get("Replicas"), properties.get("GlobalTableWitnesses"))
            before: set[str] = set()
            for member in (member for listed in lists for member in listed.items() or ()):
                region = member.get("Region")
                if region.text is not None and region.text in before:
                    yield fault(region, f"{region.text} is among the table's regions already")
                before.add(region.text or "")
