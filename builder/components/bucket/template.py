"""The bucket of a region; in the primary also the rule and the role that replicate it to the secondaries."""

from awacs.aws import Action, Allow, PolicyDocument, Statement
from troposphere import GetAtt, Output, Ref, Sub, Template, iam, s3

from builder.components.options import BUCKET
from builder.components.private_bucket import make_private_bucket, make_tls_only
from builder.components.role import make_role
from builder.components.skeleton import add, make_skeleton
from builder.components.varying import Varying
from builder.config import Config, Wanted
from builder.topology import Stack, names


def make_template(wanted: Wanted, stack: Stack) -> Template:
    """Return the template that this piece of dr.yaml leads to, for the stack's region.

    regions: {primary: us-east-1, secondaries: [us-west-2]}
    bucket: {expire_noncurrent_days: 30}
    """
    config, name = wanted.config, stack.of
    if stack.region == config.regions.primary:
        template = make_skeleton(f"{config.project}: primary bucket, replicated to every secondary region")
        bucket = _bucket(config, name, template)
        bucket.ReplicationConfiguration = _replication(config, name)
        add(template, bucket, make_tls_only(), _replication_role(config, name))
    else:
        template = make_skeleton(f"{config.project}: secondary bucket, receives the primary's objects")
        add(template, _bucket(config, name, template), make_tls_only())
    template.add_output(Output("BucketName", Description="Name of this region's bucket", Value=Ref("Bucket")))
    template.add_output(Output("BucketArn", Description="ARN of this region's bucket", Value=GetAtt("Bucket", "Arn")))
    return template


def _bucket(config: Config, name: str, template: Template) -> s3.Bucket:
    rules = _lifecycle_rules(Varying(config, BUCKET, name, template))
    return make_private_bucket(names.bucket_name(config.project, name, "${AWS::Region}"), rules)


def _lifecycle_rules(options: Varying) -> list[s3.LifecycleRule]:
    # Lifecycle actions are not replicated, so each bucket expires its own old versions.
    return [
        s3.LifecycleRule(
            Id="expire-noncurrent-versions",
            Status="Enabled",
            NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(
                NoncurrentDays=options.of("expire_noncurrent_days")
            ),
            ExpiredObjectDeleteMarker=True,
            AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=7),
        )
    ]


def _replication(config: Config, name: str) -> s3.ReplicationConfiguration:
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
                    Bucket=_bucket_arn(config, name, region), Metrics=s3.Metrics(Status="Enabled")
                ),
            )
            for priority, region in enumerate(config.regions.secondaries, start=1)
        ],
    )


def _replication_role(config: Config, name: str) -> iam.Role:
    """Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html."""
    source = _bucket_arn(config, name, "${AWS::Region}")
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
                        [_bucket_arn(config, name, "${AWS::Region}", "/*")],
                    ),
                    _allow(
                        "WriteReplicas",
                        ["ReplicateObject", "ReplicateDelete", "ReplicateTags"],
                        [_bucket_arn(config, name, region, "/*") for region in config.regions.secondaries],
                    ),
                ],
            ),
        ),
    )


def _allow(sid: str, actions: list[str], resources: list[Sub]) -> Statement:
    return Statement(Sid=sid, Effect=Allow, Action=[Action("s3", name) for name in actions], Resource=resources)


def _bucket_arn(config: Config, name: str, region: str, path: str = "") -> Sub:
    # By name, not by reference: the bucket needs the role before it can replicate, and the destination is not here.
    return Sub(f"arn:${{AWS::Partition}}:s3:::{names.bucket_name(config.project, name, region)}{path}")
