"""What an AWS::S3::Bucket does to S3 as its stack creates, updates and deletes it.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-requirements.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html
"""

import json
from typing import TYPE_CHECKING, Any

from fake_aws.refusals import AwsRefusal
from fake_aws.s3 import settings
from fake_aws.s3.records import Bucket

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import Resource
    from fake_aws.cloudformation.types import Place
    from fake_aws.world import World


def create(world: "World", place: "Place", resource: "Resource") -> None:
    """Make the bucket, if it may replicate as it wants to."""
    name = resource.physical_id or ""
    bucket = Bucket(name, place.account, place.region, world.datetime())
    _configure(world, bucket, resource)
    world.buckets[name] = bucket


def update(world: "World", _: "Place", resource: "Resource", __: dict[str, Any]) -> None:
    """Configure the bucket anew."""
    _configure(world, world.buckets[resource.physical_id or ""], resource)


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


def put_policy(world: "World", _: "Place", resource: "Resource") -> None:
    """Give the bucket its policy."""
    bucket = world.buckets.get(resource.physical_id or "")
    if bucket is None:
        raise AwsRefusal("NotFound", "The specified bucket does not exist")
    bucket.settings["BucketPolicy"] = json.dumps(resource.properties.get("PolicyDocument"))


def live_policy(world: "World", _: "Place", name: str) -> dict[str, Any] | None:
    """Return the policy that a bucket has; None where it has none."""
    bucket = world.buckets.get(name)
    document = bucket.settings.get("BucketPolicy") if bucket is not None else None
    return None if document is None else {"Bucket": name, "PolicyDocument": json.loads(document)}


def never_early(_: "World", __: "Place", ___: str) -> bool:
    """Leave it to the handler to find that there is a policy already."""
    return False


def put_other_policy(world: "World", _: "Place", resource: "Resource", __: dict[str, Any]) -> None:
    """Give it another one."""
    document = resource.properties.get("PolicyDocument")
    world.buckets[resource.physical_id or ""].settings["BucketPolicy"] = json.dumps(document)


def remove_policy(world: "World", _: "Place", resource: "Resource") -> None:
    """Take it away, if the bucket is there still."""
    bucket = world.buckets.get(resource.physical_id or "")
    if bucket is not None:
        bucket.settings.pop("BucketPolicy", None)


def _configure(world: "World", bucket: Bucket, resource: "Resource") -> None:
    properties = resource.properties
    versioning = properties.get("VersioningConfiguration", {}).get("Status")
    replication = properties.get("ReplicationConfiguration")
    if replication is not None:
        _check_replication(world, versioning, replication)
    bucket.versioning = versioning
    bucket.replication = None if replication is None else _as_s3_writes_it(replication)
    if properties.get("ObjectLockEnabled"):
        rule = properties.get("ObjectLockConfiguration", {}).get("Rule")
        bucket.object_lock = {"ObjectLockEnabled": "Enabled", **({"Rule": rule} if rule else {})}
    bucket.lifecycle = [_shown_rule(rule) for rule in properties.get("LifecycleConfiguration", {}).get("Rules", [])]
    bucket.tags = resource.all_tags
    settings.of_template(bucket, properties)


def _check_replication(world: "World", versioning: str | None, replication: dict[str, Any]) -> None:
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


def _shown_rule(rule: dict[str, Any]) -> dict[str, Any]:
    """Return a rule as S3 shows it: what it filters, its status, and what it does with old versions and markers."""
    expired = str(rule.get("ExpiredObjectDeleteMarker", "")).lower()
    expiration = {"Expiration": {"ExpiredObjectDeleteMarker": expired == "true"}} if expired else {}
    days: dict[str, Any] = {
        name: {key: int(value) for key, value in rule[name].items()}
        for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
        if name in rule
    }
    filters = {"Filter": {"Prefix": rule.get("Prefix", "")}}
    return {"ID": rule.get("Id"), "Status": rule["Status"], **filters, **expiration, **days}


_S3_NAMES = {"Id": "ID"}
_RULE = frozenset({"Id", "Priority", "Status", "Destination", "DeleteMarkerReplication", "Prefix"})


def _as_s3_writes_it(replication: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration by S3's names; parts of a rule that the fake does not act on are left out."""
    rules = []
    for rule in replication["Rules"]:
        kept = {_S3_NAMES.get(name, name): value for name, value in rule.items() if name in _RULE}
        kept["Destination"] = {"Bucket": rule["Destination"]["Bucket"]}
        if "Priority" in kept:
            kept["Priority"] = int(kept["Priority"])
        rules.append(kept)
    return {"Role": replication["Role"], "Rules": rules}
