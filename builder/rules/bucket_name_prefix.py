"""E9515: a bucket with a name and a prefix for a name."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources


class BucketNamePrefix(Rule):
    """The prefix is for a name that S3 completes."""

    id = "E9515"
    shortdesc = "A bucket takes BucketName or BucketNamePrefix, not both"
    description = "BucketName is the full name, BucketNamePrefix the part before the account-regional suffix."
    source_url = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html"
    topics = ("resources", "s3")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every bucket that is named twice."""
        for bucket in resources(cfn, "AWS::S3::Bucket"):
            prefix = bucket.get("Properties", "BucketNamePrefix")
            if prefix.present and bucket.get("Properties", "BucketName").present:
                yield fault(prefix, "BucketName is there already; say one of the two")
