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
_MORE = {
    "AWS::ACMPCA::CertificateAuthority",
    "AWS::AmazonMQ::Broker",
    "AWS::Backup::LogicallyAirGappedBackupVault",
    "AWS::Cassandra::Keyspace",
    "AWS::Cassandra::Table",
    "AWS::CloudTrail::EventDataStore",
    "AWS::CodeCommit::Repository",
    "AWS::Cognito::IdentityPool",
    "AWS::DSQL::Cluster",
    "AWS::DocDB::GlobalCluster",
    "AWS::DocDBElastic::Cluster",
    "AWS::DocDBElastic::ClusterSnapshot",
    "AWS::ECR::PublicRepository",
    "AWS::ECR::Repository",
    "AWS::ElastiCache::GlobalReplicationGroup",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::ElastiCache::ServerlessCacheSnapshot",
    "AWS::ElastiCache::Snapshot",
    "AWS::Events::Archive",
    "AWS::FSx::Backup",
    "AWS::FSx::Snapshot",
    "AWS::FSx::Volume",
    "AWS::HealthLake::FHIRDatastore",
    "AWS::KMS::ReplicaKey",
    "AWS::KinesisVideo::Stream",
    "AWS::Lightsail::Bucket",
    "AWS::Lightsail::Database",
    "AWS::Lightsail::DatabaseSnapshot",
    "AWS::Lightsail::Disk",
    "AWS::Lightsail::DiskSnapshot",
    "AWS::Lightsail::Instance",
    "AWS::Lightsail::InstanceSnapshot",
    "AWS::Logs::LogStream",
    "AWS::MSK::Cluster",
    "AWS::MSK::ServerlessCluster",
    "AWS::MSK::Topic",
    "AWS::MemoryDB::Cluster",
    "AWS::MemoryDB::MultiRegionCluster",
    "AWS::MemoryDB::Snapshot",
    "AWS::Neptune::GlobalCluster",
    "AWS::NeptuneGraph::Graph",
    "AWS::NeptuneGraph::GraphSnapshot",
    "AWS::OpenSearchServerless::Collection",
    "AWS::OpenSearchServerless::CollectionIndex",
    "AWS::OpenSearchServerless::Index",
    "AWS::PaymentCryptography::Key",
    "AWS::RDS::ClusterSnapshot",
    "AWS::RDS::DBShardGroup",
    "AWS::RDS::DBSnapshot",
    "AWS::RDS::GlobalCluster",
    "AWS::Redshift::Snapshot",
    "AWS::RedshiftServerless::Namespace",
    "AWS::RedshiftServerless::Snapshot",
    "AWS::S3Express::DirectoryBucket",
    "AWS::S3Outposts::Bucket",
    "AWS::S3Tables::Namespace",
    "AWS::S3Tables::Table",
    "AWS::S3Tables::TableBucket",
    "AWS::S3Vectors::Index",
    "AWS::S3Vectors::VectorBucket",
    "AWS::SageMaker::FeatureGroup",
    "AWS::Timestream::Database",
    "AWS::Timestream::InfluxDBBackup",
    "AWS::Timestream::InfluxDBCluster",
    "AWS::Timestream::InfluxDBInstance",
    "AWS::Timestream::Table",
    "AWS::WorkSpaces::Workspace",
}
_STATEFUL = json.loads(files(AdditionalSpecs).joinpath("StatefulResources.json").read_bytes())
HOLD_DATA = sorted(_STATEFUL["ResourceTypes"].keys() - _NEED_NO_POLICY | _MORE)
"""cfn-lint's own list of what is stateful (I3011), and what else a plan's guards count among what holds data.

That rule takes its list without buckets: S3 keeps one that is not empty, until somebody empties it.
"""


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
