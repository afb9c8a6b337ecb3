"""E9002: a global table without a replica in the stack's own region."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import scenes


class GlobalTableOwnRegion(Rule):
    """The stack's region is one of the regions cfn-lint was told (`--regions`).

    With several of them nobody knows which; only what is wrong in each is then a fault.
    """

    id = "E9002"
    shortdesc = "A global table needs a replica in the stack's own region"
    description = (
        "Replicas must name the region that the stack is deployed to, which is the run's --regions. With several "
        "regions the rule speaks only where none of them would do."
    )
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html"
    )
    topics = ("resources", "dynamodb", "multi-region")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every table that no region of the run could hold."""
        wrong = [_tables_without(region, cfn) for region in cfn.regions]
        for table in wrong[0] if wrong else ():
            if all(table.path in {other.path for other in tables} for tables in wrong):
                yield fault(
                    table.get("Properties", "Replicas"),
                    f"no replica in {' or '.join(cfn.regions)}, the region this template was checked for (--regions)",
                )


def _tables_without(region: str, cfn: Template) -> list[Node]:
    """Return the tables that, deployed to a region, would have no replica there in one of its worlds."""
    return [
        table
        for scene in scenes(cfn, "AWS::DynamoDB::GlobalTable", region=region)
        for table in scene.resources("AWS::DynamoDB::GlobalTable")
        if _surely_elsewhere(table.get("Properties", "Replicas").items(), region)
    ]


def _surely_elsewhere(replicas: tuple[Node, ...] | None, region: str) -> bool:
    regions = [replica.get("Region").text for replica in replicas or ()]
    return bool(regions) and None not in regions and region not in regions
