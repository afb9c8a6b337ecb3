"""The replication rules of a template's buckets."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._node import Node
from builder.rules._worlds import scenes


def replication_rules(cfn: Template) -> Iterator[Node]:
    """Yield every rule of every bucket, in every world."""
    for scene in scenes(cfn, "AWS::S3::Bucket"):
        for bucket in scene.resources("AWS::S3::Bucket"):
            yield from bucket.get("Properties", "ReplicationConfiguration", "Rules").items() or ()
