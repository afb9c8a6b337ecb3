"""Reading a bucket: each setting by its own call, concurrently; nothing is changed."""

from collections.abc import Callable, Mapping
from typing import Any

from builder.aws import Clients, call, observe_account, together
from builder.deploy.observe.live.bucket_shape import DEFAULT, KEPT, SeenBucket, as_live, in_other_region
from builder.deploy.observe.live.record import LiveResource, TemplateSide
from builder.deploy.resources.holder import Properties
from builder.errors import AwsError, Stopped
from builder.terms import Region, Site

READ = (
    "get_bucket_acl",
    "get_bucket_encryption",
    "get_bucket_lifecycle_configuration",
    "get_bucket_ownership_controls",
    "get_bucket_policy",
    "get_bucket_replication",
    "get_bucket_tagging",
    "get_bucket_versioning",
    "get_object_lock_configuration",
    "get_public_access_block",
    *KEPT,
)
"""Every setting that is read."""
UNSET = frozenset(
    {
        "NoSuchBucketPolicy",
        "NoSuchCORSConfiguration",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchTagSet",
        "NoSuchWebsiteConfiguration",
        "ObjectLockConfigurationNotFoundError",
        "OwnershipControlsNotFoundError",
        "ReplicationConfigurationNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
        # The error codes of regions without a setting: some have no transfer acceleration.
        "MethodNotAllowed",
        "NotImplemented",
    }
)
"""The error codes by which S3 answers that a bucket lacks a setting.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""
# HeadBucket's answer has no body, so no reason: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
_GONE, _DENIED = frozenset({"404", "NoSuchBucket", "NotFound"}), frozenset({"403", "AccessDenied", "Forbidden"})
_MOVED = frozenset({"301", "PermanentRedirect"})


async def observe_live_bucket(  # noqa: PLR0913 - by keyword but for three
    clients: Clients,
    site: Site,
    name: str,
    *,
    properties: Properties | None = None,
    stack_tags: Mapping[str, str] | None = None,
    makes_policy: bool = True,
    policy: object = None,
) -> LiveResource | None:
    """Return a bucket of the site's account as it is; None where no bucket has this name.

    `properties` are the bound properties of the template that is to have it, `stack_tags` those of its stack.
    `makes_policy` is whether the template has a bucket policy too, `policy` its document, where known. Without
    properties the template is taken to have rules and a policy of its own. Raises Stopped for a bucket that is another
    account's, or that these credentials may not see; AwsError, also where a setting may not be read.
    """
    at_site = clients.of(site)
    client, where = at_site.s3(site.region), f"{site.region}: {name}"
    account = site.account or await observe_account(at_site, site.region)
    try:
        head = await call(where, client.head_bucket, Bucket=name, ExpectedBucketOwner=account)
    except AwsError as error:
        if error.code in _GONE:
            return None
        if error.code in _MOVED:
            return in_other_region(name, None, site.region)
        if error.code not in _DENIED:
            raise
        what = f"the bucket {name} is another account's, or these credentials may not see it (s3:ListBucket)"
        raise Stopped(where=where, what=what, next_step=f"aws s3api get-bucket-location --bucket {name}") from error
    region = Region(head.get("BucketRegion") or site.region)
    if region != site.region:
        return in_other_region(name, region, site.region)
    answers = await together(
        read_setting(where, getattr(client, operation), name, ExpectedBucketOwner=account) for operation in READ
    )
    seen = SeenBucket(name=name, region=region, answers=dict(zip(READ, answers, strict=True)))
    if properties is None:
        return as_live(seen, DEFAULT)
    side = TemplateSide(properties=properties, stack_tags=stack_tags or {}, makes_policy=makes_policy, policy=policy)
    return as_live(seen, side)


async def read_setting(
    where: str, operation: Callable[..., Mapping[str, Any]], bucket: str, **more: str
) -> dict[str, Any]:
    """Return a bucket's setting; empty where S3 answers that it has none. Raises AwsError."""
    try:
        answer = await call(where, operation, Bucket=bucket, **more)
    except AwsError as error:
        if error.code in UNSET:
            return {}
        raise
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}
