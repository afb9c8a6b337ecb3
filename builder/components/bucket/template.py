"""The bucket of a region; where it replicates also the rules and the role for that."""

from collections.abc import Iterator
from typing import Any

from awacs import kms
from awacs.aws import Action, Allow, PolicyDocument, Statement
from troposphere import AWS_NO_VALUE, Equals, GetAtt, If, Output, Parameter, Ref, Sub, Template, iam, s3

from builder.components.bucket.stacks import REPLICATES, destinations
from builder.components.encryption import (
    HERE,
    bucket_encryption,
    bucket_key,
    key_id_parameter,
    may_use_key,
    via,
)
from builder.components.options import BUCKET
from builder.components.private_bucket import make_private_bucket, make_tls_only
from builder.components.role import make_role
from builder.components.skeleton import add, drop_unused_suffix, make_skeleton
from builder.components.varying import Varying
from builder.config import Config, LoadedConfig
from builder.terms import Region
from builder.topology import Stack, names


def make_template(loaded: LoadedConfig, stack: Stack) -> Template:
    """Return the template that this piece of dr.yaml leads to, for the stack's region.

    regions: {primary: us-east-1, secondaries: [us-west-2]}
    bucket: {expire_noncurrent_days: 30}
    """
    config, name = loaded.config, stack.of
    what = _description(config, stack)
    if to := destinations(config, name, stack.region):
        template = make_skeleton(f"{config.project}: {what}", *key_id_parameter(config))
        bucket = _bucket(config, stack, template)
        bucket.ReplicationConfiguration = _once_they_exist(template, stack, _replication(config, name, to))
        add(template, bucket, make_tls_only(), _replication_role(config, name, stack.region, to))
        if config.buckets_by_name[name].has_batch_role:
            add(template, _batch_role(config, name, stack.region))
            arn = GetAtt("BatchRole", "Arn")
            template.add_output(Output("BatchRoleArn", Description="ARN of the role that backfill takes", Value=arn))
    else:
        template = make_skeleton(f"{config.project}: {what}")
        add(template, _bucket(config, stack, template), make_tls_only())
    template.add_output(Output("BucketName", Description="Name of this region's bucket", Value=Ref("Bucket")))
    template.add_output(Output("BucketArn", Description="ARN of this region's bucket", Value=GetAtt("Bucket", "Arn")))
    if stack.existing:
        drop_unused_suffix(template)
    return template


def _description(config: Config, stack: Stack) -> str:
    match config.buckets_by_name[stack.of].replication:
        case "two-way":
            return "bucket, replicated to every other region and from it"
        case "none":
            return "bucket"
        case "one-way":
            is_primary = stack.region == config.regions.primary
            received = "secondary bucket, receives the primary's objects"
            return "primary bucket, replicated to every secondary region" if is_primary else received


def _once_they_exist(
    template: Template, stack: Stack, rules: s3.ReplicationConfiguration
) -> s3.ReplicationConfiguration | If:
    """Return the rules, which a stack that is made before one of their destinations is created without."""
    if stack.interim is None:
        return rules
    description = "Whether every bucket stands that this one replicates to"
    template.add_parameter(
        Parameter(REPLICATES, Type="String", AllowedValues=["true", "false"], Description=description)
    )
    template.add_condition("IsReplicated", Equals(Ref(REPLICATES), "true"))
    return If("IsReplicated", rules, Ref(AWS_NO_VALUE))


def _bucket(config: Config, stack: Stack, template: Template) -> s3.Bucket:
    rules = _lifecycle_rules(Varying(config, BUCKET, stack.of, template), template)
    encryption = bucket_encryption(bucket_key(config, stack.region, HERE))
    name = names.bucket_name(config, stack.of, stack.region, HERE)
    return make_private_bucket(name, rules, encryption, is_existing=bool(stack.existing))


def _lifecycle_rules(options: Varying, template: Template) -> list[s3.LifecycleRule]:
    # Lifecycle actions are not replicated, so each bucket expires its own old versions.
    paused = options.of("pause_lifecycle")
    status: str | If = "Disabled" if paused else "Enabled"
    if options.varies("pause_lifecycle"):
        template.add_condition("LifecyclePaused", Equals(paused, "true"))
        status = If("LifecyclePaused", "Disabled", "Enabled")
    return [
        s3.LifecycleRule(
            Id="expire-noncurrent-versions",
            Status=status,
            NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(
                NoncurrentDays=options.of("expire_noncurrent_days")
            ),
            ExpiredObjectDeleteMarker=True,
            AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=7),
        )
    ]


def _replication(config: Config, name: str, to: tuple[Region, ...]) -> s3.ReplicationConfiguration:
    """One V2 rule a destination for every object and delete marker.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html
    """
    return s3.ReplicationConfiguration(
        Role=GetAtt("ReplicationRole", "Arn"),
        Rules=[
            s3.ReplicationConfigurationRules(
                Id=f"to-{region}",
                Status="Enabled",
                Priority=priority,
                Filter=s3.ReplicationRuleFilter(Prefix=""),
                DeleteMarkerReplication=s3.DeleteMarkerReplication(Status="Enabled"),
                Destination=s3.ReplicationConfigurationRulesDestination(
                    Bucket=_bucket_arn(config, name, region),
                    Metrics=s3.Metrics(Status="Enabled"),
                    **_replica_key(config, region),
                ),
                **_also_replicated(config, name),
            )
            for priority, region in enumerate(to, start=1)
        ],
    )


def _replica_key(config: Config, region: Region) -> dict[str, Any]:
    key = bucket_key(config, region)
    return {} if key is None else {"EncryptionConfiguration": s3.EncryptionConfiguration(ReplicaKmsKeyID=key)}


def _also_replicated(config: Config, name: str) -> dict[str, Any]:
    """Return what has S3 replicate what a key of KMS encrypts, and what is changed of a replica: its tags and locks.

    S3 refuses SseKmsEncryptedObjects without a ReplicaKmsKeyID, also where it is Disabled (*unverified*), though its
    API calls it required; the user guide has changes of replicas by themselves.
    Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html and
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-for-metadata-changes.html
    """
    chosen: dict[str, Any] = {}
    if config.encryption is not None:
        chosen["SseKmsEncryptedObjects"] = s3.SseKmsEncryptedObjects(Status="Enabled")
    if config.buckets_by_name[name].replication == "two-way":
        chosen["ReplicaModifications"] = s3.ReplicaModifications(Status="Enabled")
    return {"SourceSelectionCriteria": s3.SourceSelectionCriteria(**chosen)} if chosen else {}


def _use_of_keys(config: Config, name: str, source: Region, to: tuple[Region, ...]) -> Iterator[Statement]:
    """Yield what replication takes of the keys; with Bucket Keys their context is the bucket, and no object in it.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
    """

    def context(region: str, arn: Sub) -> dict[str, Sub]:
        return {
            "kms:ViaService": via("s3", region),
            "kms:EncryptionContext:aws:s3:arn": arn,
        }

    yield from may_use_key(
        config, "DecryptObjects", source, [kms.Decrypt], context(HERE, _own_arn(config, name, source))
    )
    for number, region in enumerate(to, start=1):
        encrypt = [kms.Encrypt, kms.GenerateDataKey]
        arn = _bucket_arn(config, name, region)
        yield from may_use_key(config, f"EncryptReplicas{number}", region, encrypt, context(region, arn))


def _replication_role(config: Config, name: str, region: Region, to: tuple[Region, ...]) -> iam.Role:
    """Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html."""
    source = _own_arn(config, name, region)
    return make_role(
        config,
        "ReplicationRole",
        "s3.amazonaws.com",
        iam.Policy(
            PolicyName="replicate",
            PolicyDocument=PolicyDocument(
                Version="2012-10-17",
                Statement=[
                    _allow("ReadConfiguration", ["GetReplicationConfiguration", "ListBucket"], [source]),
                    _allow(
                        "ReadObjects",
                        [
                            "GetObjectVersionForReplication",
                            "GetObjectVersionAcl",
                            "GetObjectVersionTagging",
                        ],
                        [_own_arn(config, name, region, "/*")],
                    ),
                    _allow(
                        "WriteReplicas",
                        ["ReplicateObject", "ReplicateDelete", "ReplicateTags"],
                        [_bucket_arn(config, name, destination, below="/*") for destination in to],
                    ),
                    *_use_of_keys(config, name, region, to),
                ],
            ),
        ),
    )


def _batch_role(config: Config, name: str, region: Region) -> iam.Role:
    """What a job of S3 Batch Replication takes, whose list of objects S3 makes and keeps.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-batch-replication-policies.html
    """
    bucket = _own_arn(config, name, region)
    objects = _own_arn(config, name, region, "/*")
    reports = _own_arn(config, name, region, "/builder-backfill/*")
    return make_role(
        config,
        "BatchRole",
        "batchoperations.s3.amazonaws.com",
        iam.Policy(
            PolicyName="backfill",
            PolicyDocument=PolicyDocument(
                Version="2012-10-17",
                Statement=[
                    _allow("Replicate", ["InitiateReplication"], [objects]),
                    _allow("ListObjects", ["GetReplicationConfiguration", "PutInventoryConfiguration"], [bucket]),
                    _allow("WriteReports", ["PutObject"], [reports]),
                    *_use_of_key_for_reports(config, region),
                ],
            ),
        ),
    )


def _use_of_key_for_reports(config: Config, region: Region) -> Iterator[Statement]:
    """Yield what reports take of the key under which the bucket has everything that is put into it."""
    actions = [kms.Decrypt, kms.GenerateDataKey]
    yield from may_use_key(config, "EncryptReports", region, actions, {"kms:ViaService": via("s3")})


def _allow(sid: str, actions: list[str], resources: list[Sub]) -> Statement:
    return Statement(Sid=sid, Effect=Allow, Action=[Action("s3", name) for name in actions], Resource=resources)


def _own_arn(config: Config, name: str, region: Region, below: str = "") -> Sub:
    return _bucket_arn(config, name, region, HERE, below)


def _bucket_arn(config: Config, name: str, region: Region, written: str = "", below: str = "") -> Sub:
    # By name, not by reference: the bucket needs the role before it can replicate, and the destination is not here.
    return Sub(names.bucket_arn(config, name, region, written, below))
