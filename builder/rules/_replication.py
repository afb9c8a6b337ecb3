"""The replication rules of a template's buckets."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._worlds import resources


def replication_rules(cfn: Template) -> Iterator[Node]:
    """Yield every rule of every bucket, in every world."""
    for bucket in resources(cfn, "AWS::S3::Bucket"):
        yield from bucket.get("Properties", "ReplicationConfiguration", "Rules").items() or ()
