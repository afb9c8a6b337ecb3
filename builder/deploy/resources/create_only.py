"""The properties of guarded types that no update changes in place, so that another value makes another resource.

Change sets say this by themselves; it is needed where AWS has none, such as for the templates of StackSets. As the
resource schemas of AWS have it; a path leads into a property, `*` to each item of a list.
"""

_ALWAYS: dict[str, str] = {
    "AWS::ACMPCA::CertificateAuthority": (
        "CsrExtensions KeyAlgorithm KeyStorageSecurityStandard SigningAlgorithm Subject Type UsageMode"
    ),
    "AWS::AmazonMQ::Broker": (
        "AuthenticationStrategy BrokerName DeploymentMode EncryptionOptions EngineType PubliclyAccessible "
        "StorageType SubnetIds"
    ),
    "AWS::Backup::BackupVault": "BackupVaultName EncryptionKeyArn",
    "AWS::Backup::LogicallyAirGappedBackupVault": "BackupVaultName EncryptionKeyArn MaxRetentionDays MinRetentionDays",
    "AWS::Cassandra::Keyspace": "KeyspaceName",
    "AWS::Cassandra::Table": (
        "ClientSideTimestampsEnabled ClusteringKeyColumns KeyspaceName PartitionKeyColumns TableName"
    ),
    "AWS::CloudFormation::StackSet": "PermissionModel StackSetName",
    "AWS::DocDB::DBCluster": (
        "AvailabilityZones DBClusterIdentifier DBSubnetGroupName KmsKeyId MasterUsername SnapshotIdentifier "
        "SourceDBClusterIdentifier StorageEncrypted"
    ),
    "AWS::DocDB::GlobalCluster": (
        "Engine EngineVersion GlobalClusterIdentifier SourceDBClusterIdentifier StorageEncrypted"
    ),
    "AWS::DocDBElastic::Cluster": "AdminUserName AuthType ClusterName KmsKeyId",
    "AWS::DocDBElastic::ClusterSnapshot": "ClusterArn SnapshotName",
    "AWS::DynamoDB::GlobalTable": "TableName",
    "AWS::DynamoDB::Table": "ImportSourceSpecification TableName",
    "AWS::ECR::PublicRepository": "RepositoryName",
    "AWS::ECR::Repository": "EncryptionConfiguration RepositoryName",
    "AWS::EFS::FileSystem": "AvailabilityZoneName Encrypted KmsKeyId PerformanceMode",
    "AWS::ElastiCache::CacheCluster": (
        "CacheSubnetGroupName ClusterName Engine NetworkType Port SnapshotArns SnapshotName"
    ),
    "AWS::ElastiCache::ReplicationGroup": (
        "AtRestEncryptionEnabled CacheSubnetGroupName DataTieringEnabled GlobalReplicationGroupId KmsKeyId "
        "NetworkType Port PreferredCacheClusterAZs ReplicationGroupId SnapshotArns SnapshotName"
    ),
    "AWS::ElastiCache::ServerlessCache": (
        "ConnectionType KmsKeyId NetworkType ServerlessCacheName SnapshotArnsToRestore SubnetIds"
    ),
    "AWS::ElastiCache::ServerlessCacheSnapshot": "KmsKeyId ServerlessCacheName ServerlessCacheSnapshotName",
    "AWS::ElastiCache::Snapshot": "CacheClusterId KmsKeyId ReplicationGroupId SnapshotName",
    "AWS::Elasticsearch::Domain": "DomainName",
    "AWS::Events::Archive": "ArchiveName SourceArn",
    "AWS::FSx::Backup": "FileSystemId",
    "AWS::FSx::FileSystem": "BackupId FileSystemType KmsKeyId SecurityGroupIds SubnetIds",
    "AWS::FSx::Snapshot": "VolumeId",
    "AWS::FSx::Volume": (
        "BackupId OntapConfiguration/AggregateConfiguration OntapConfiguration/OntapVolumeType "
        "OntapConfiguration/SnaplockConfiguration/SnaplockType OntapConfiguration/StorageVirtualMachineId "
        "OntapConfiguration/VolumeStyle OpenZFSConfiguration/OriginSnapshot "
        "OpenZFSConfiguration/ParentVolumeId VolumeType"
    ),
    "AWS::HealthLake::FHIRDatastore": "DatastoreTypeVersion PreloadDataConfig SseConfiguration",
    "AWS::KMS::ReplicaKey": "PrimaryKeyArn",
    "AWS::Kinesis::Stream": "Name",
    "AWS::KinesisVideo::Stream": "Name",
    "AWS::Lambda::Url": "Qualifier TargetFunctionArn",
    "AWS::Lightsail::Bucket": "BucketName",
    "AWS::Lightsail::Database": (
        "AvailabilityZone MasterDatabaseName MasterUsername RelationalDatabaseBlueprintId "
        "RelationalDatabaseBundleId RelationalDatabaseName"
    ),
    "AWS::Lightsail::DatabaseSnapshot": "RelationalDatabaseName RelationalDatabaseSnapshotName",
    "AWS::Lightsail::Disk": "AvailabilityZone DiskName SizeInGb",
    "AWS::Lightsail::DiskSnapshot": "DiskName DiskSnapshotName",
    "AWS::Lightsail::Instance": "AvailabilityZone BlueprintId BundleId InstanceName",
    "AWS::Lightsail::InstanceSnapshot": "InstanceName InstanceSnapshotName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::LogStream": "LogGroupName LogStreamName",
    "AWS::MSK::Cluster": (
        "BrokerNodeGroupInfo/BrokerAZDistribution BrokerNodeGroupInfo/ClientSubnets "
        "BrokerNodeGroupInfo/SecurityGroups ClusterName EncryptionInfo/EncryptionAtRest "
        "EncryptionInfo/EncryptionInTransit/InCluster"
    ),
    "AWS::MSK::ServerlessCluster": "ClientAuthentication ClusterName Tags VpcConfigs",
    "AWS::MSK::Topic": "ClusterArn ReplicationFactor TopicName",
    "AWS::MemoryDB::Cluster": (
        "ClusterName DataTiering KmsKeyId MultiRegionClusterName NetworkType Port SnapshotArns SnapshotName "
        "SubnetGroupName TLSEnabled"
    ),
    "AWS::MemoryDB::MultiRegionCluster": (
        "EngineVersion MultiRegionClusterNameSuffix MultiRegionParameterGroupName TLSEnabled"
    ),
    "AWS::MemoryDB::Snapshot": "ClusterName KmsKeyId SnapshotName",
    "AWS::Neptune::DBCluster": (
        "AvailabilityZones DBClusterIdentifier DBSubnetGroupName GlobalClusterIdentifier KmsKeyId "
        "RestoreToTime RestoreType SnapshotIdentifier SourceDBClusterIdentifier StorageEncrypted "
        "UseLatestRestorableTime"
    ),
    "AWS::Neptune::GlobalCluster": "Engine GlobalClusterIdentifier SourceDBClusterIdentifier StorageEncrypted",
    "AWS::NeptuneGraph::Graph": "GraphName ImportTask KmsKeyIdentifier ReplicaCount VectorSearchConfiguration",
    "AWS::NeptuneGraph::GraphSnapshot": "GraphIdentifier SnapshotName",
    "AWS::OpenSearchServerless::Collection": "CollectionGroupName EncryptionConfig Name StandbyReplicas Tags Type",
    "AWS::OpenSearchServerless::CollectionIndex": "Id IndexName",
    "AWS::OpenSearchServerless::Index": "CollectionEndpoint IndexName Settings/Analysis",
    "AWS::OpenSearchService::Domain": "DomainName EngineMode",
    "AWS::QLDB::Ledger": "Name",
    "AWS::RDS::ClusterSnapshot": "DBClusterIdentifier DBClusterSnapshotIdentifier",
    "AWS::RDS::DBCluster": (
        "ClusterScalabilityType DBClusterIdentifier DBSubnetGroupName DBSystemId DatabaseName EngineMode "
        "KmsKeyId PubliclyAccessible RestoreToTime RestoreType SnapshotIdentifier SourceDBClusterIdentifier "
        "SourceDbClusterResourceId SourceRegion StorageEncrypted UseLatestRestorableTime"
    ),
    "AWS::RDS::DBInstance": (
        "BackupTarget CharacterSetName CustomIAMInstanceProfile DBClusterIdentifier DBInstanceIdentifier "
        "DBName DBSubnetGroupName DBSystemId KmsKeyId MasterUsername NcharCharacterSetName SourceRegion "
        "StorageEncrypted Timezone"
    ),
    "AWS::RDS::DBShardGroup": "DBClusterIdentifier DBShardGroupIdentifier PubliclyAccessible",
    "AWS::RDS::DBSnapshot": "DBInstanceIdentifier DBSnapshotIdentifier",
    "AWS::RDS::GlobalCluster": "Engine GlobalClusterIdentifier SourceDBClusterIdentifier StorageEncrypted",
    "AWS::Redshift::Cluster": (
        "ClusterIdentifier ClusterSubnetGroupName DBName MasterUsername OwnerAccount "
        "SnapshotClusterIdentifier SnapshotIdentifier"
    ),
    "AWS::Redshift::Snapshot": "ClusterIdentifier SnapshotIdentifier",
    "AWS::RedshiftServerless::Namespace": "NamespaceName",
    "AWS::RedshiftServerless::Snapshot": "NamespaceName SnapshotName Tags",
    "AWS::S3::Bucket": "BucketName BucketNamePrefix BucketNamespace",
    "AWS::S3Express::DirectoryBucket": "BucketName DataRedundancy LocationName",
    "AWS::S3Outposts::Bucket": "BucketName OutpostId",
    "AWS::S3Tables::Namespace": "Namespace TableBucketARN",
    "AWS::S3Tables::Table": "IcebergMetadata OpenTableFormat StorageClassConfiguration TableBucketARN WithoutMetadata",
    "AWS::S3Tables::TableBucket": "TableBucketName",
    "AWS::S3Vectors::Index": (
        "DataType Dimension DistanceMetric EncryptionConfiguration IndexName MetadataConfiguration "
        "VectorBucketArn VectorBucketName"
    ),
    "AWS::S3Vectors::VectorBucket": "EncryptionConfiguration VectorBucketName",
    "AWS::SQS::Queue": "FifoQueue QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::SageMaker::FeatureGroup": (
        "Description EventTimeFeatureName FeatureGroupName OfflineStoreConfig "
        "OnlineStoreConfig/EnableOnlineStore OnlineStoreConfig/SecurityConfig OnlineStoreConfig/StorageType "
        "RecordIdentifierFeatureName RoleArn Tags"
    ),
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Timestream::Database": "DatabaseName",
    "AWS::Timestream::InfluxDBBackup": "DbResourceId Name RetentionDays",
    "AWS::Timestream::InfluxDBCluster": (
        "AllocatedStorage Bucket DbStorageType DeploymentType Name NetworkType Organization Password "
        "PubliclyAccessible Username VpcSecurityGroupIds VpcSubnetIds"
    ),
    "AWS::Timestream::InfluxDBInstance": (
        "Bucket Name NetworkType Organization Password PubliclyAccessible Username VpcSecurityGroupIds VpcSubnetIds"
    ),
    "AWS::Timestream::Table": "DatabaseName TableName",
    "AWS::WorkSpaces::Workspace": "DirectoryId UserName",
}
"""Type to the properties whose change always replaces the resource."""

_SOMETIMES: dict[str, str] = {
    "AWS::DynamoDB::GlobalTable": "GlobalTableSourceArn KeySchema LocalSecondaryIndexes",
    "AWS::DynamoDB::Table": "KeySchema",
    "AWS::ElastiCache::CacheCluster": "IpDiscovery PreferredAvailabilityZones",
    "AWS::ElastiCache::ReplicationGroup": "AuthToken NodeGroupConfiguration",
    "AWS::NeptuneGraph::Graph": "ProvisionedMemory",
    "AWS::OpenSearchService::Domain": (
        "AdvancedSecurityOptions/Enabled EncryptionAtRestOptions/Enabled EncryptionAtRestOptions/KmsKeyId"
    ),
    "AWS::RDS::DBCluster": "AvailabilityZones Engine GlobalClusterIdentifier MasterUsername",
    "AWS::RDS::DBInstance": (
        "AutoMinorVersionUpgrade AvailabilityZone BackupRetentionPeriod DBClusterSnapshotIdentifier "
        "DBParameterGroupName DBSnapshotIdentifier Engine MultiAZ PerformanceInsightsKMSKeyId "
        "PreferredMaintenanceWindow RestoreTime SourceDBClusterIdentifier SourceDBInstanceAutomatedBackupsArn "
        "SourceDBInstanceIdentifier SourceDbiResourceId UseLatestRestorableTime"
    ),
    "AWS::WorkSpaces::Workspace": (
        "BundleId RootVolumeEncryptionEnabled UserVolumeEncryptionEnabled VolumeEncryptionKey"
    ),
}
"""Type to the properties whose change replaces the resource under conditions of their own."""


def create_only(type_name: str) -> tuple[str, ...]:
    """Return the paths of what always replaces the resource when it changes; none for a type that is not guarded."""
    return tuple(_ALWAYS.get(type_name, "").split())


def perhaps_create_only(type_name: str) -> tuple[str, ...]:
    """Return the paths of what may replace the resource when it changes."""
    return tuple(_SOMETIMES.get(type_name, "").split())
