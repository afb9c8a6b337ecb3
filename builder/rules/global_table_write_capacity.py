"""E9504: provisioned billing without the write capacity."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources


class GlobalTableWriteCapacity(Rule):
    """PROVISIONED is also what a table gets that says no BillingMode."""

    id = "E9504"
    shortdesc = "A provisioned global table needs write settings, its indexes too"
    description = (
        "WriteProvisionedThroughputSettings must be there on the table and on every global secondary index where "
        "BillingMode is PROVISIONED, which it is by default."
    )
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/"
        "aws-properties-dynamodb-globaltable-writeprovisionedthroughputsettings.html"
    )
    topics = ("resources", "dynamodb")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every table and index that nobody gave a write capacity."""
        for table in resources(cfn, "AWS::DynamoDB::GlobalTable"):
            properties = table.get("Properties")
            billing = properties.get("BillingMode")
            if not billing.absent and billing.text != "PROVISIONED":
                continue
            billing_text = "BillingMode is PROVISIONED" if billing.present else "BillingMode is PROVISIONED by default"
            if properties.get("WriteProvisionedThroughputSettings").absent:
                yield fault(
                    billing if billing.present else properties,
                    f"{billing_text} and WriteProvisionedThroughputSettings is missing; on demand is PAY_PER_REQUEST",
                )
            for index in properties.get("GlobalSecondaryIndexes").items() or ():
                if index.get("WriteProvisionedThroughputSettings").absent:
                    yield fault(index, f"{billing_text} and the index has no WriteProvisionedThroughputSettings")
