"""E9501: a global table with several replicas and no stream."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources


class GlobalTableStream(Rule):
    """Replication runs over the stream; with strong consistency it does not, and none is needed."""

    id = "E9501"
    shortdesc = "A global table with several replicas needs a stream"
    description = (
        "StreamSpecification must be there as soon as Replicas names more than one region, unless "
        "MultiRegionConsistency is STRONG; without it the deployment fails."
    )
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html"
    )
    topics = ("resources", "dynamodb", "multi-region")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every global table that can't replicate."""
        for table in resources(cfn, "AWS::DynamoDB::GlobalTable"):
            properties = table.get("Properties")
            consistency = properties.get("MultiRegionConsistency")
            replicas = properties.get("Replicas").items() or ()
            eventual = consistency.absent or consistency.text == "EVENTUAL"
            if eventual and len(replicas) > 1 and properties.get("StreamSpecification").absent:
                yield fault(
                    properties.get("Replicas"),
                    f"{len(replicas)} replicas need a StreamSpecification (StreamViewType: NEW_AND_OLD_IMAGES)",
                )
