"""W9531: something that holds data, without a word on what becomes of it."""

import json
from collections.abc import Iterator
from importlib.resources import files

from cfnlint.data import AdditionalSpecs
from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources

# A nested stack's own template has the policies, and the data of a cluster's instance is the cluster's.
_NEED_NO_POLICY = {"AWS::CloudFormation::Stack", "AWS::DocDB::DBInstance", "AWS::Neptune::DBInstance"}
_NEWER = {
    "AWS::DSQL::Cluster",
    "AWS::ECR::Repository",
    "AWS::KMS::ReplicaKey",
    "AWS::MemoryDB::Cluster",
    "AWS::RDS::GlobalCluster",
    "AWS::S3Express::DirectoryBucket",
    "AWS::S3Tables::Table",
    "AWS::S3Tables::TableBucket",
    "AWS::Timestream::Table",
}
_STATEFUL = json.loads(files(AdditionalSpecs).joinpath("StatefulResources.json").read_bytes())
HOLD_DATA = sorted(_STATEFUL["ResourceTypes"].keys() - _NEED_NO_POLICY | _NEWER)
"""cfn-lint's own list of what is stateful (I3011), which that rule takes without buckets: S3 keeps one that is not
empty, until somebody empties it."""


class DeletionPolicies(Rule):
    """Delete is as good a word as Retain, as long as somebody said it."""

    id = "W9531"
    shortdesc = "What holds data says what becomes of it"
    description = (
        "DeletionPolicy and UpdateReplacePolicy are both said on everything that holds data: tables, buckets, keys, "
        "log groups, databases, queues. The default deletes most of them with the stack or on a replacement."
    )
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html"
    )
    topics = ("resources", "deletionpolicy", "updatereplacepolicy")

    def faults(self, cfn: Template) -> Iterator[Fault]:
        """Yield every resource whose end is left to the default."""
        for resource in resources(cfn, *HOLD_DATA):
            unsaid = [key for key in ("DeletionPolicy", "UpdateReplacePolicy") if resource.get(key).absent]
            if unsaid and resource.get("Properties", "DBClusterIdentifier").absent:
                yield fault(resource, f"{resource.path[-1]} holds data: say {' and '.join(unsaid)}")
