"""What every bucket has that we make: a name that nobody else can have taken, versions, encryption, no open door."""

from typing import Any

from awacs.aws import Action, Bool, Condition, Deny, PolicyDocument, Principal, Statement
from troposphere import GetAtt, Ref, Sub, s3

from builder.components.encryption import bucket_encryption
from builder.components.skeleton import written


def make_private_bucket(
    name: str,
    rules: list[s3.LifecycleRule],
    encryption: s3.BucketEncryption | None = None,
    *,
    is_existing: bool = False,
) -> s3.Bucket:
    """Return a bucket that nobody else can have taken, versioned, encrypted, and closed to the world.

    Of one that stands already nothing says where its name is unique: that it is, and another place is another bucket.
    """
    namespace: dict[str, Any] = {} if is_existing else {"BucketNamespace": "account-regional"}
    return s3.Bucket(
        "Bucket",
        BucketName=written(name),
        **namespace,
        VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
        LifecycleConfiguration=s3.LifecycleConfiguration(Rules=rules),
        BucketEncryption=encryption or bucket_encryption(),
        OwnershipControls=s3.OwnershipControls(Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
        PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
    )


def make_tls_only(*also: Statement) -> s3.BucketPolicy:
    """Return the policy that refuses whoever comes without TLS, and says what else is given."""
    return s3.BucketPolicy(
        "BucketPolicy",
        Bucket=Ref("Bucket"),
        PolicyDocument=PolicyDocument(
            Version="2012-10-17",
            Statement=[
                Statement(
                    Sid="TlsOnly",
                    Effect=Deny,
                    Principal=Principal("*"),
                    Action=[Action("s3", "*")],
                    Resource=[GetAtt("Bucket", "Arn"), Sub("${Bucket.Arn}/*")],
                    Condition=Condition(Bool({"aws:SecureTransport": "false"})),
                ),
                *also,
            ],
        ),
    )
