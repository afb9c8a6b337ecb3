"""W9531: something that holds data, without a word on what becomes of it."""

from collections.abc import Iterator

from cfnlint.template.template import Template

from builder.rules._rule import Fault, Rule, fault
from builder.rules._worlds import resources

# cfn-lint's own list of what is stateful (I3011), with what it leaves out: a bucket, because S3 keeps one that is not
# empty (until somebody empties it), and what is newer. Without a nested stack, whose own template says it, and an
# instance of a database cluster: the cluster holds the data.
HOLD_DATA = (
    "AWS::Backup::BackupVault",
    "AWS::Cognito::UserPool",
    "AWS::DSQL::Cluster",
    "AWS::DocDB::DBCluster",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::EC2::Volume",
    "AWS::ECR::Repository",
    "AWS::EFS::FileSystem",
    "AWS::EMR::Cluster",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Elasticsearch::Domain",
    "AWS::FSx::FileSystem",
    "AWS::KMS::Key",
    "AWS::KMS::ReplicaKey",
    "AWS::Kinesis::Stream",
    "AWS::Logs::LogGroup",
    "AWS::MemoryDB::Cluster",
    "AWS::Neptune::DBCluster",
    "AWS::OpenSearchService::Domain",
    "AWS::Organizations::Account",
    "AWS::QLDB::Ledger",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::RDS::GlobalCluster",
    "AWS::Redshift::Cluster",
    "AWS::S3::Bucket",
    "AWS::S3Express::DirectoryBucket",
    "AWS::S3Tables::Table",
    "AWS::S3Tables::TableBucket",
    "AWS::SDB::Domain",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::Timestream::Table",
)


class DeletionSaid(Rule):
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
