"""Buckets and their policies that are taken into a stack as they stand.

A bucket is imported where it is, and keeps what its template does not say; the stack's tags are added to its own
(*unverified*). A policy is called like its bucket, which the emulator calls otherwise, and is made only where there is
none: the emulator puts it in the place of what somebody else wrote.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucketpolicy.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-manually.html
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import region_name, touch
from builder.local.adapter.handlers import ADD_TAGS, AlreadyExists, PhysicalResource, Properties, check_reply
from builder.local.adapter.s3.bucket import make_body

_BUCKET = "AWS::S3::Bucket"
_POLICY = "AWS::S3::BucketPolicy"
_LOOKUPS = "ministack.services.cloudformation.changesets:_IMPORT_LOOKUPS"
_S3 = "ministack.services.s3"


def install(handlers: MutableMapping[str, Any]) -> None:
    """Add what names a bucket and a policy, a policy's import, and how a bucket gets its stack's tags."""
    lookups = touch(_LOOKUPS)
    lookups[_BUCKET] = (("BucketName",), _make_find_bucket(lookups[_BUCKET][1]))
    lookups[_POLICY] = (("Bucket",), _find_policy_problem)
    handlers[_BUCKET][ADD_TAGS] = _add_tags
    policy = handlers[_POLICY]
    policy.update({"create": _make_create(policy["create"]), "update": _make_update(policy["update"])})
    policy["import"] = _import_policy


def _make_find_bucket(find_problem: Callable[[str], str | None]) -> Callable[[str], str | None]:
    def find_bucket_problem(name: str) -> str | None:
        problem = find_problem(name)
        # What CloudFormation says of a bucket of another region is unverified.
        is_here = problem is not None or (touch(f"{_S3}:_buckets")[name].get("region") == region_name())
        return problem if is_here else "Bucket not found"

    return find_bucket_problem


def _add_tags(name: str, tags: Mapping[str, str]) -> None:
    merged = {**touch(f"{_S3}:_bucket_tags").get(name, {}), **tags}
    tag_set = [{"Key": key, "Value": value} for key, value in merged.items()]
    body = make_body("PutBucketTagging", Tagging={"TagSet": tag_set})
    check_reply(touch(f"{_S3}:_put_bucket_tagging")(name, body), service="S3")


# -- AWS::S3::BucketPolicy


def _find_policy_problem(bucket: str) -> str | None:
    if bucket in touch(f"{_S3}:_bucket_policies"):
        return None
    return f"Resource of type '{_POLICY}' with identifier '{bucket}' was not found."


def _import_policy(identifier: Mapping[str, str]) -> PhysicalResource:
    return identifier["Bucket"], {}


def _make_create(create: Callable[..., PhysicalResource]) -> Callable[..., PhysicalResource]:
    def create_policy(logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
        bucket = str(props.get("Bucket", ""))
        if bucket in touch(f"{_S3}:_bucket_policies"):
            raise AlreadyExists(f"The bucket policy already exists on bucket {bucket}.", service="S3")
        return bucket, create(logical_id, props, stack_name)[1]

    return create_policy


def _make_update(update: Callable[..., PhysicalResource]) -> Callable[..., PhysicalResource]:
    def update_policy(physical_id: str, old: Properties, new: Properties, stack_name: str) -> PhysicalResource:
        return str(new.get("Bucket", "")), update(physical_id, old, new, stack_name)[1]

    return update_policy
