"""What S3 is told and tells of a bucket beside its objects: each setting by itself, as its own API writes it.

A setting that nobody made is an error of its own with some, and an empty answer with others.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fake_aws.calls import Operation, Reply, Request, mutates, reads
from fake_aws.refusals import AwsRefusal
from fake_aws.s3.records import Bucket
from fake_aws.s3.store import expected

OWNER = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
"""The canonical user that every account of the fake is."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: how an answer has it, and what it is where nobody made it."""

    member: str | None = None
    """The answer's member; None where the setting is the whole answer."""
    missing: tuple[str, str] | None = None
    """Code and message, with status 404, where none is answered by an error."""
    default: Any = None


_BY_S3 = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]}
_ALL_CLOSED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
SETTINGS: Mapping[str, Setting] = {
    "BucketEncryption": Setting("ServerSideEncryptionConfiguration", default=_BY_S3),
    "PublicAccessBlock": Setting("PublicAccessBlockConfiguration", default=_ALL_CLOSED),
    "BucketOwnershipControls": Setting(
        "OwnershipControls", default={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    ),
    "BucketPolicy": Setting("Policy", ("NoSuchBucketPolicy", "The bucket policy does not exist")),
    "BucketCors": Setting("CORSRules", ("NoSuchCORSConfiguration", "The CORS configuration does not exist")),
    "BucketWebsite": Setting(
        None, ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration")
    ),
    "BucketNotificationConfiguration": Setting(default={}),
    "BucketLogging": Setting("LoggingEnabled"),
    "BucketAccelerateConfiguration": Setting("Status"),
    "BucketRequestPayment": Setting("Payer", default="BucketOwner"),
    "BucketAnalyticsConfigurations": Setting("AnalyticsConfigurationList"),
    "BucketIntelligentTieringConfigurations": Setting("IntelligentTieringConfigurationList"),
    "BucketInventoryConfigurations": Setting("InventoryConfigurationList"),
    "BucketMetricsConfigurations": Setting("MetricsConfigurationList"),
}
"""By the noun of the call: a new bucket is closed, and nobody's but its owner's, since April 2023."""


def _read(noun: str, request: Request, params: dict[str, Any]) -> Reply:
    setting, bucket = SETTINGS[noun], expected(request, params)
    value = bucket.settings.get(noun, setting.default)
    if value is None and setting.missing:
        code, message = setting.missing
        raise AwsRefusal(code, message, status=404)
    listed = {"IsTruncated": False} if noun.endswith("Configurations") else {}
    return {**listed, setting.member: value} if setting.member else dict(value)


def get_bucket_acl(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetBucketAcl."""
    own = {"Grantee": {"ID": OWNER, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    granted = expected(request, params).settings.get("BucketAcl", [])
    return {"Owner": {"ID": OWNER}, "Grants": [own, *granted]}


def put_bucket_policy(request: Request, params: dict[str, Any]) -> Reply:
    """Answer PutBucketPolicy."""
    expected(request, params).settings["BucketPolicy"] = bytes(params["Policy"]).decode()
    return {}


def delete_bucket_policy(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteBucketPolicy; having none is no error."""
    expected(request, params).settings.pop("BucketPolicy", None)
    return {}


def put_bucket_versioning(request: Request, params: dict[str, Any]) -> Reply:
    """Answer PutBucketVersioning: from then on it is never as if there had been none."""
    expected(request, params).versioning = params["VersioningConfiguration"]["Status"]
    return {}


def put_bucket_tagging(request: Request, params: dict[str, Any]) -> Reply:
    """Answer PutBucketTagging: all tags at once."""
    tags = {tag["Key"]: tag["Value"] for tag in params["Tagging"]["TagSet"]}
    expected(request, params).tags = tags
    return {}


def put_bucket_lifecycle_configuration(request: Request, params: dict[str, Any]) -> Reply:
    """Answer PutBucketLifecycleConfiguration: all rules at once."""
    expected(request, params).lifecycle = list(params["LifecycleConfiguration"]["Rules"])
    return {}


def delete_bucket_lifecycle(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteBucketLifecycle; having none is no error."""
    expected(request, params).lifecycle = []
    return {}


def of_template(bucket: Bucket, properties: Mapping[str, Any]) -> None:
    """Set what a template says of a bucket; what it does not say stays."""
    encryption = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration")
    if encryption is not None:
        names = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}
        rules = [{names.get(name, name): value for name, value in rule.items()} for rule in encryption]
        bucket.settings["BucketEncryption"] = {
            "Rules": [{**rule, "BucketKeyEnabled": _is_true(rule.get("BucketKeyEnabled"))} for rule in rules]
        }
    if (block := properties.get("PublicAccessBlockConfiguration")) is not None:
        bucket.settings["PublicAccessBlock"] = {name: _is_true(value) for name, value in block.items()}
    if (owners := properties.get("OwnershipControls")) is not None:
        bucket.settings["BucketOwnershipControls"] = owners


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"


_OWNED = ("Bucket", "ExpectedBucketOwner")
OPERATIONS: dict[str, Operation] = {
    **{
        f"{'List' if noun.endswith('Configurations') else 'Get'}{noun}": reads(partial(_read, noun), *_OWNED)
        for noun in SETTINGS
    },
    "GetBucketAcl": reads(get_bucket_acl, *_OWNED),
    "PutBucketPolicy": mutates(put_bucket_policy, "Policy", *_OWNED),
    "DeleteBucketPolicy": mutates(delete_bucket_policy, *_OWNED),
    "PutBucketVersioning": mutates(put_bucket_versioning, "VersioningConfiguration", *_OWNED),
    "PutBucketTagging": mutates(put_bucket_tagging, "Tagging", *_OWNED),
    "PutBucketLifecycleConfiguration": mutates(put_bucket_lifecycle_configuration, "LifecycleConfiguration", *_OWNED),
    "DeleteBucketLifecycle": mutates(delete_bucket_lifecycle, *_OWNED),
}
