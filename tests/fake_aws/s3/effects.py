"""What AWS::S3::Bucket and AWS::S3::BucketPolicy do to S3 as their stacks create, import, update and delete them.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-requirements.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html and
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucketpolicy.html
"""

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from fake_aws.refusals import AwsRefusal
from fake_aws.s3 import definition
from fake_aws.s3.definition import DEFAULTS, SETTINGS, UNSAYABLE, in_s3_words, is_as_s3_has_it
from fake_aws.s3.records import Bucket

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World

_APART = frozenset(
    {"BucketName", "LifecycleConfiguration", "ObjectLockConfiguration", "ObjectLockEnabled"}
    | {"ReplicationConfiguration", "Tags", "VersioningConfiguration"}
)
"""Properties that a bucket keeps apart from its other settings."""


def create(world: "World", place: "Place", resource: "Resource") -> None:
    """Make the bucket, if it may replicate as it wants to."""
    name = resource.physical_id or ""
    bucket = Bucket(name, place.account, place.region, world.datetime())
    _configure(world, bucket, resource)
    world.buckets[name] = bucket


def update(world: "World", _: "Place", resource: "Resource", __: dict[str, Any]) -> None:
    """Configure the bucket anew."""
    bucket = world.buckets.get(resource.physical_id or "")
    if bucket is None:
        raise AwsRefusal(
            "NotFound",
            'Resource handler returned message: "The specified bucket does not exist" (RequestToken: fake,'
            " HandlerErrorCode: NotFound)",
        )
    _configure(world, bucket, resource)


def delete(world: "World", _: "Place", resource: "Resource") -> None:
    """Remove the bucket, if it is empty or gone already."""
    bucket = world.buckets.get(resource.physical_id or "")
    if bucket is not None and bucket.versions:
        raise AwsRefusal(
            "BucketNotEmpty",
            'Resource handler returned message: "The bucket you tried to delete is not empty. You must delete all'
            ' versions in the bucket. (Service: S3, Status Code: 409, Request ID: FAKE)" (RequestToken: fake,'
            " HandlerErrorCode: GeneralServiceException)",
        )
    world.buckets.pop(resource.physical_id or "", None)


def live(world: "World", place: "Place", name: str) -> dict[str, Any] | None:
    """Return what a bucket of the account's, in the region, has, or None."""
    bucket = world.buckets.get(name)
    here = bucket is not None and (bucket.account, bucket.region) == (place.account, place.region)
    return definition.live(bucket) if bucket is not None and here else None


def is_taken(world: "World", _: "Place", name: str) -> bool:
    """Return whether anybody has a bucket of this name, wherever it is."""
    return name in world.buckets


def aligned(_: "Place", given: dict[str, Any], there: dict[str, Any]) -> dict[str, Any]:
    """Return what a bucket has in the words of a template's where both mean the same."""
    return definition.aligned(given, there)


def _configure(world: "World", bucket: Bucket, resource: "Resource") -> None:
    properties = resource.properties
    versioning = properties.get("VersioningConfiguration", {}).get("Status")
    replication = None
    if (configuration := properties.get("ReplicationConfiguration")) is not None:
        replication = in_s3_words("ReplicationConfiguration", configuration)
        check_replication(world, versioning, replication)
    lifecycle = in_s3_words("LifecycleConfiguration", properties.get("LifecycleConfiguration", {}))
    others = {name: value for name, value in properties.items() if name not in _APART}
    played = {name for name, value in others.items() if name in SETTINGS or is_as_s3_has_it(value)}
    bucket.versioning, bucket.replication, bucket.lifecycle = versioning, replication, lifecycle
    if properties.get("ObjectLockEnabled"):
        rule = properties.get("ObjectLockConfiguration", {}).get("Rule")
        bucket.object_lock = {"ObjectLockEnabled": "Enabled", **({"Rule": rule} if rule else {})}
    # What no template can say stays; what this one does not say is as in a new bucket.
    kept = {name: bucket.settings[name] for name in UNSAYABLE & bucket.settings.keys()}
    bucket.settings = {**deepcopy(DEFAULTS), **kept, **{name: in_s3_words(name, others[name]) for name in played}}
    bucket.unplayed = {name: value for name, value in others.items() if name not in played}
    bucket.tags = resource.all_tags


def check_replication(world: "World", versioning: str | None, replication: dict[str, Any]) -> None:
    """Refuse rules, as S3 writes them, without versioning at both ends."""
    if versioning != "Enabled":
        raise AwsRefusal(
            "InvalidRequest", "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
        )
    for rule in replication["Rules"]:
        destination = world.buckets.get(rule["Destination"]["Bucket"].removeprefix("arn:aws:s3:::"))
        if destination is None:
            raise AwsRefusal("InvalidRequest", "Destination bucket must exist.")
        if destination.versioning != "Enabled":
            raise AwsRefusal("InvalidRequest", "Destination bucket must have versioning enabled.")


# -- policies ----------------------------------------------------------------------------------------------------------


def create_policy(world: "World", place: "Place", resource: "Resource") -> None:
    """Give a bucket a policy, if it has none."""
    bucket = _of_policy(world, place, resource)
    if bucket.policy is not None:
        raise AwsRefusal(
            "AlreadyExists",
            f'Resource handler returned message: "The bucket policy already exists on bucket {bucket.name}."'
            " (RequestToken: fake, HandlerErrorCode: AlreadyExists)",
        )
    bucket.policy = json.dumps(resource.properties["PolicyDocument"])


def update_policy(world: "World", place: "Place", resource: "Resource", _: dict[str, Any]) -> None:
    """Give a bucket another policy."""
    _of_policy(world, place, resource).policy = json.dumps(resource.properties["PolicyDocument"])


def delete_policy(world: "World", _: "Place", resource: "Resource") -> None:
    """Take a bucket's policy away; that there is none any more is no error."""
    bucket = world.buckets.get(resource.physical_id or "")
    if bucket is not None:
        bucket.policy = None


def live_policy(world: "World", place: "Place", name: str) -> dict[str, Any] | None:
    """Return the policy of a bucket, or None."""
    bucket = world.buckets.get(name)
    if bucket is None or bucket.policy is None or bucket.account != place.account:
        return None
    return {"Bucket": name, "PolicyDocument": json.loads(bucket.policy)}


def _of_policy(world: "World", place: "Place", resource: "Resource") -> Bucket:
    bucket = world.buckets.get(resource.physical_id or "")
    if bucket is None or bucket.account != place.account:
        raise AwsRefusal(
            "NotFound",
            'Resource handler returned message: "The specified bucket does not exist" (RequestToken: fake,'
            " HandlerErrorCode: NotFound)",
        )
    return bucket
