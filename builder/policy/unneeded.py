"""Permissions in the schemas' lists that a template may not need, and why; each list is that of a whole handler."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from builder.policy.resource import Resource


@dataclass(frozen=True, slots=True)
class Only:
    """Actions that a handler calls for the sake of some properties alone."""

    properties: tuple[str, ...]
    actions: tuple[str, ...]
    """Patterns. Only of what reaches beyond the resource's own ARN: who may delete it may as well change it."""


_KEY = ("kms:*",)

FOR_PROPERTIES: dict[str, tuple[Only, ...]] = {
    "AWS::DynamoDB::GlobalTable": (
        Only(
            ("ReadProvisionedThroughputSettings", "WriteProvisionedThroughputSettings"),
            # Reading them stays: whether a table has any is found out by asking.
            tuple(f"application-autoscaling:{verb}*" for verb in ("Delete", "Deregister", "Put", "Register")),
        ),
        Only(("KinesisStreamSpecification",), ("kinesis:*",)),
        Only(("KMSMasterKeyId",), _KEY),
    ),
    "AWS::IAM::Role": (Only(("ManagedPolicyArns",), ("iam:AttachRolePolicy",)),),
    "AWS::Lambda::Function": (
        Only(("S3Bucket",), ("s3:GetObject", "s3:GetObjectVersion")),
        Only(("VpcConfig",), ("ec2:Describe*",)),
        Only(("FileSystemConfigs",), ("elasticfilesystem:*", "s3files:*")),
        Only(("KmsKeyArn", "SourceKMSKeyArn"), _KEY),
        Only(("Layers",), ("lambda:GetLayerVersion",)),
        Only(("CodeSigningConfigArn",), ("lambda:GetCodeSigningConfig",)),
        Only(("CapacityProviderConfig",), ("lambda:PassCapacityProvider",)),
    ),
    "AWS::Logs::LogGroup": (
        Only(("DataProtectionPolicy",), ("logs:CreateLogDelivery", "s3:*", "firehose:*")),
        Only(("FieldIndexPolicies",), ("logs:PutIndexPolicy", "logs:DeleteIndexPolicy")),
        Only(("ResourcePolicyDocument",), ("logs:PutResourcePolicy", "logs:DeleteResourcePolicy")),
    ),
    "AWS::S3::Bucket": (Only(("MetadataConfiguration", "MetadataTableConfiguration"), ("s3tables:*",)),),
}

# Operations of S3's API, listed as if they were actions; IAM has each under another name, which is listed as well.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
NO_ACTIONS = frozenset(
    f"s3:{name}"
    for name in (
        "DeleteBucketAnalyticsConfiguration",
        "DeleteBucketCors",
        "DeleteBucketEncryption",
        "DeleteBucketLifecycle",
        "DeleteBucketMetricsConfiguration",
        "DeleteBucketReplication",
        "DeleteBucketTagging",
        "PutBucketReplication",
        "PutObjectLockConfiguration",
    )
)


def why_unneeded(action: str, resource: Resource) -> str | None:
    """Return why a handler's action is not needed for this resource, or None if it is."""
    if action in NO_ACTIONS:
        return "IAM has no action of this name"
    for only in FOR_PROPERTIES.get(resource.type, ()):
        concerned = any(fnmatchcase(action, pattern) for pattern in only.actions)
        if concerned and not any(resource.says(name) for name in only.properties):
            return f"for {' or '.join(only.properties)} of {resource.type}"
    return None
