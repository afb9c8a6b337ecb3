"""E9502: a global table without a replica in the stack's own region."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node, Path
from builder.rules._rule import Fault, Rule
from builder.rules._worlds import resources


class GlobalTableOwnRegion(Rule):
    """The stack's region is one of the regions cfn-lint was told (`--regions`).

    With several of them nobody knows which; only what is wrong in each is then a fault.
    """

    id = "E9502"
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
        wrong = [_without_replica(cfn, region) for region in cfn.regions]
        for path in wrong[0]:
            if all(path in paths for paths in wrong):
                regions = " or ".join(cfn.regions)
                yield Fault(path, f"no replica in {regions}, the region this template was checked for (--regions)")


def _without_replica(cfn: Template, region: str) -> list[Path]:
    """Return the Replicas of every table that, deployed to a region, has none there in one of its worlds."""
    return [
        replicas.path
        for table in resources(cfn, "AWS::DynamoDB::GlobalTable", region=region)
        if _surely_in_other_regions(replicas := table.get("Properties", "Replicas"), region)
    ]


def _surely_in_other_regions(replicas: Node, region: str) -> bool:
    regions = [replica.get("Region").text for replica in replicas.items() or ()]
    return bool(regions) and None not in regions and region not in regions
