"""What the schemas do not say of a resource type, in one table: what goes with it, its ARN, a word for it.

Something goes with a resource where deleting or replacing it loses what nobody can make again from a template.
Snapshots and backups that are resources themselves count; caches that refill by themselves do not.
"""

from dataclasses import dataclass

from builder.resource_types.schemas import stateful_types


@dataclass(frozen=True, slots=True)
class ArnFormat:
    """How the name of a resource stands in its ARN.

    Source:
    https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
    """

    service: str
    resource: str
    """The ARN's last part."""
    is_global: bool = False
    """True where a name is good in every region."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One resource type."""

    lost: str = ""
    """What goes with it, as in `with it goes ...`; empty where nothing does."""
    data: bool = True
    """Whether that is data; False for an address that clients know."""
    noun: str = ""
    """What a picture calls it, of what people look for in one; roles and policies are left to the templates."""
    arn: ArnFormat | None = None


def at_stake(type_name: str) -> str:
    """Return what goes with a resource of this type, as in `with it goes ...`; empty where nothing does."""
    known = RESOURCE_TYPES.get(type_name)
    if known is not None:
        return known.lost
    return "all that it holds" if type_name in stateful_types() else ""


def holds_data(type_name: str) -> bool:
    """Return whether a resource of this type holds anything that a template cannot make again."""
    return bool(at_stake(type_name)) and RESOURCE_TYPES.get(type_name, ResourceType()).data


RESOURCE_TYPES: dict[str, ResourceType] = {
    "AWS::ACMPCA::CertificateAuthority": ResourceType("the authority's private key"),
    "AWS::AmazonMQ::Broker": ResourceType("every message that waits on it"),
    "AWS::Backup::BackupVault": ResourceType("every recovery point in it"),
    "AWS::Backup::LogicallyAirGappedBackupVault": ResourceType("every recovery point in it"),
    "AWS::Cassandra::Keyspace": ResourceType("every table in it"),
    "AWS::Cassandra::Table": ResourceType("every row"),
    # Its own template tells what is in it.
    "AWS::CloudFormation::Stack": ResourceType(),
    "AWS::CloudFormation::StackSet": ResourceType("its stack in every account and region, with all that is in them"),
    "AWS::CloudTrail::EventDataStore": ResourceType("every event in it"),
    "AWS::CodeCommit::Repository": ResourceType("every commit"),
    "AWS::Cognito::IdentityPool": ResourceType("every identity"),
    "AWS::Cognito::UserPool": ResourceType("every user, with passwords that cannot be read out"),
    "AWS::DSQL::Cluster": ResourceType("every row of its databases"),
    "AWS::DocDB::DBCluster": ResourceType("every document"),
    # Its cluster holds the data.
    "AWS::DocDB::DBInstance": ResourceType(),
    "AWS::DocDB::GlobalCluster": ResourceType("the link between its clusters"),
    "AWS::DocDBElastic::Cluster": ResourceType("every document"),
    "AWS::DocDBElastic::ClusterSnapshot": ResourceType("the snapshot"),
    "AWS::DynamoDB::GlobalTable": ResourceType(
        "every item, in every region", noun="global table", arn=ArnFormat("dynamodb", "table/{}", is_global=True)
    ),
    "AWS::DynamoDB::Table": ResourceType("every item", noun="table", arn=ArnFormat("dynamodb", "table/{}")),
    "AWS::EC2::Volume": ResourceType("every block on it"),
    "AWS::ECR::PublicRepository": ResourceType("every image"),
    "AWS::ECR::Repository": ResourceType("every image"),
    "AWS::EFS::FileSystem": ResourceType("every file"),
    "AWS::EMR::Cluster": ResourceType("all that is in HDFS and on its disks"),
    "AWS::ElastiCache::CacheCluster": ResourceType("every key in memory"),
    "AWS::ElastiCache::GlobalReplicationGroup": ResourceType("the link between its groups"),
    "AWS::ElastiCache::ReplicationGroup": ResourceType("every key in memory"),
    "AWS::ElastiCache::ServerlessCache": ResourceType("every key in memory"),
    "AWS::ElastiCache::ServerlessCacheSnapshot": ResourceType("the snapshot"),
    "AWS::ElastiCache::Snapshot": ResourceType("the snapshot"),
    "AWS::Elasticsearch::Domain": ResourceType("every index"),
    "AWS::Events::Archive": ResourceType("every archived event"),
    "AWS::FSx::Backup": ResourceType("the backup"),
    "AWS::FSx::FileSystem": ResourceType("every file"),
    "AWS::FSx::Snapshot": ResourceType("the snapshot"),
    "AWS::FSx::Volume": ResourceType("every file"),
    "AWS::HealthLake::FHIRDatastore": ResourceType("every record"),
    "AWS::IAM::Role": ResourceType(arn=ArnFormat("iam", "role/{}", is_global=True)),
    "AWS::KMS::Key": ResourceType("the key, and in the end all that it encrypts"),
    "AWS::KMS::ReplicaKey": ResourceType("the region's copy of the key, without which nothing there is decrypted"),
    "AWS::Kinesis::Stream": ResourceType("every record that nobody has read yet"),
    "AWS::KinesisVideo::Stream": ResourceType("every fragment of video"),
    "AWS::Lambda::Function": ResourceType(noun="function", arn=ArnFormat("lambda", "function:{}")),
    "AWS::Lambda::Url": ResourceType("the address that clients know", data=False, noun="function URL"),
    "AWS::Lightsail::Bucket": ResourceType("every object"),
    "AWS::Lightsail::Database": ResourceType("every row of its databases"),
    "AWS::Lightsail::DatabaseSnapshot": ResourceType("the snapshot"),
    "AWS::Lightsail::Disk": ResourceType("every block on it"),
    "AWS::Lightsail::DiskSnapshot": ResourceType("the snapshot"),
    "AWS::Lightsail::Instance": ResourceType("every block on its disk"),
    "AWS::Lightsail::InstanceSnapshot": ResourceType("the snapshot"),
    "AWS::Logs::LogGroup": ResourceType("every log event", arn=ArnFormat("logs", "log-group:{}")),
    "AWS::Logs::LogStream": ResourceType("every log event in it"),
    "AWS::MSK::Cluster": ResourceType("every record of its topics"),
    "AWS::MSK::ServerlessCluster": ResourceType("every record of its topics"),
    "AWS::MSK::Topic": ResourceType("every record in it"),
    "AWS::MemoryDB::Cluster": ResourceType("every key"),
    "AWS::MemoryDB::MultiRegionCluster": ResourceType("every key, in every region"),
    "AWS::MemoryDB::Snapshot": ResourceType("the snapshot"),
    "AWS::Neptune::DBCluster": ResourceType("the whole graph"),
    # Its cluster holds the data.
    "AWS::Neptune::DBInstance": ResourceType(),
    "AWS::Neptune::GlobalCluster": ResourceType("the link between its clusters"),
    "AWS::NeptuneGraph::Graph": ResourceType("the whole graph"),
    "AWS::NeptuneGraph::GraphSnapshot": ResourceType("the snapshot"),
    "AWS::OpenSearchServerless::Collection": ResourceType("every index"),
    "AWS::OpenSearchServerless::CollectionIndex": ResourceType("every document"),
    "AWS::OpenSearchServerless::Index": ResourceType("every document"),
    "AWS::OpenSearchService::Domain": ResourceType("every index"),
    "AWS::Organizations::Account": ResourceType("all that is in the account"),
    "AWS::PaymentCryptography::Key": ResourceType("the key, and with it all that it encrypts"),
    "AWS::QLDB::Ledger": ResourceType("every document, and its history"),
    "AWS::RDS::ClusterSnapshot": ResourceType("the snapshot"),
    "AWS::RDS::DBCluster": ResourceType("every row of its databases"),
    "AWS::RDS::DBInstance": ResourceType("every row of its databases, unless a cluster keeps them"),
    "AWS::RDS::DBShardGroup": ResourceType("every row of its databases"),
    "AWS::RDS::DBSnapshot": ResourceType("the snapshot"),
    "AWS::RDS::GlobalCluster": ResourceType("the link between its clusters"),
    "AWS::Redshift::Cluster": ResourceType("every row of its databases"),
    "AWS::Redshift::Snapshot": ResourceType("the snapshot"),
    "AWS::RedshiftServerless::Namespace": ResourceType("every row of its databases"),
    "AWS::RedshiftServerless::Snapshot": ResourceType("the snapshot"),
    "AWS::S3::Bucket": ResourceType(
        "every object and version", noun="bucket", arn=ArnFormat("s3", "{}", is_global=True)
    ),
    "AWS::S3Express::DirectoryBucket": ResourceType("every object"),
    "AWS::S3Outposts::Bucket": ResourceType("every object"),
    "AWS::S3Tables::Namespace": ResourceType("every table in it"),
    "AWS::S3Tables::Table": ResourceType("every row"),
    "AWS::S3Tables::TableBucket": ResourceType("every table in it"),
    "AWS::S3Vectors::Index": ResourceType("every vector"),
    "AWS::S3Vectors::VectorBucket": ResourceType("every vector"),
    "AWS::SDB::Domain": ResourceType("every item"),
    "AWS::SNS::Topic": ResourceType(noun="topic", arn=ArnFormat("sns", "{}")),
    "AWS::SQS::Queue": ResourceType("every message that waits in it", noun="queue", arn=ArnFormat("sqs", "{}")),
    "AWS::SSM::Parameter": ResourceType("its value, and its history"),
    "AWS::SageMaker::FeatureGroup": ResourceType("every feature of its online store"),
    "AWS::SecretsManager::Secret": ResourceType("the secret's value, where no template has it"),
    "AWS::Timestream::Database": ResourceType("every table in it"),
    "AWS::Timestream::InfluxDBBackup": ResourceType("the backup"),
    "AWS::Timestream::InfluxDBCluster": ResourceType("every measurement"),
    "AWS::Timestream::InfluxDBInstance": ResourceType("every measurement"),
    "AWS::Timestream::Table": ResourceType("every measurement"),
    "AWS::WorkSpaces::Workspace": ResourceType("every file of its user"),
}

ARN_FORMATS = {name: one.arn for name, one in RESOURCE_TYPES.items() if one.arn is not None}
NOUNS = {name: one.noun for name, one in RESOURCE_TYPES.items() if one.noun}
