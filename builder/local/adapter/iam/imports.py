"""The API calls by which CloudFormation reads what it imports, checked against policies.

Source: each service's API reference, for S3 with the names that IAM has for its operations:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.iam.calls import ApiCall, each, make_arn

Identifier = Mapping[str, str]
Check = Callable[[Iterator[ApiCall]], None]

_TABLE = (
    *("DescribeTable", "DescribeContinuousBackups", "DescribeContributorInsights", "DescribeTimeToLive"),
    *("DescribeKinesisStreamingDestination", "GetResourcePolicy", "ListTagsOfResource"),
)
_BUCKET = (
    *("ListBucket", "GetBucketVersioning", "GetReplicationConfiguration", "GetLifecycleConfiguration"),
    *("GetEncryptionConfiguration", "GetBucketTagging", "GetBucketPublicAccessBlock", "GetBucketOwnershipControls"),
    *("GetBucketNotification", "GetBucketObjectLockConfiguration"),
)
READS: Mapping[str, Callable[[Identifier], Iterator[ApiCall]]] = {
    "AWS::DynamoDB::GlobalTable": lambda named: each(
        "dynamodb", make_arn("dynamodb", f"table/{named['TableName']}"), *_TABLE
    ),
    "AWS::S3::Bucket": lambda named: each("s3", f"arn:aws:s3:::{named['BucketName']}", *_BUCKET),
    "AWS::S3::BucketPolicy": lambda named: each("s3", f"arn:aws:s3:::{named['Bucket']}", "GetBucketPolicy"),
}
"""By type, the calls for what is named."""


def wrap(handlers: Mapping[str, MutableMapping[str, Any]], check: Check) -> None:
    """Check the calls of a type before its import."""
    for kind, reads in READS.items():
        handlers[kind]["import"] = _make_import(handlers[kind]["import"], reads, check)


def _make_import(
    import_: Callable[..., object], reads: Callable[[Identifier], Iterator[ApiCall]], check: Check
) -> Callable[..., object]:
    def import_checked(identifier: Identifier) -> object:
        check(reads(identifier))
        return import_(identifier)

    return import_checked
