"""E9552: an object lock whose default retention is not exactly one number."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources


class BucketRetention(Rule):
    """How long is said once."""

    id = "E9552"
    shortdesc = "A default retention has a Mode and either Days or Years"
    description = (
        "S3 refuses DefaultRetention with both Days and Years, with neither, and without a Mode; what it takes "
        "cannot be made shorter for what was written by then."
    )
    source_url = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_DefaultRetention.html"
    topics = ("resources", "s3", "object lock")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every default retention that S3 would refuse."""
        for bucket in resources(cfn, "AWS::S3::Bucket"):
            retention = bucket.get("Properties", "ObjectLockConfiguration", "Rule", "DefaultRetention")
            if retention.mapping is None:
                continue
            days, years = retention.get("Days"), retention.get("Years")
            if days.present and years.present:
                yield fault(years, "Days is there already; say one of the two")
            elif days.absent and years.absent:
                yield fault(retention, "says neither Days nor Years")
            if retention.get("Mode").absent:
                yield fault(retention, "says no Mode: GOVERNANCE or COMPLIANCE")
