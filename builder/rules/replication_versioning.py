"""E9511: a bucket that replicates and is not versioned."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources


class ReplicationVersioning(Rule):
    """Replication copies versions."""

    id = "E9511"
    shortdesc = "A bucket that replicates must be versioned"
    description = (
        "S3 refuses a ReplicationConfiguration on a bucket whose VersioningConfiguration is not Enabled; the "
        "destination must be versioned as well."
    )
    source_url = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-requirements.html"
    topics = ("resources", "s3", "replication")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every replicating bucket that keeps no versions."""
        for bucket in resources(cfn, "AWS::S3::Bucket"):
            properties = bucket.get("Properties")
            replication = properties.get("ReplicationConfiguration")
            status = properties.get("VersioningConfiguration", "Status")
            unversioned = status.absent or status.text not in {None, "Enabled"}
            if replication.get("Rules").present and unversioned:
                yield fault(replication, "the bucket replicates but is not versioned (Status: Enabled)")
