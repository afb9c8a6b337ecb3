"""Calls that read and change a bucket's settings, one after the other of a few shapes.

Those of most settings are made of a table; versioning, replication, lifecycle, tags, policy and ACL are by themselves.
Changes of any bucket's settings need us-east-1.
Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html and
https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/global-services.html
"""

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from fake_aws.calls import Operation, Reply, Request, mutates, reads
from fake_aws.refusals import AwsRefusal, Unsupported
from fake_aws.s3 import store
from fake_aws.s3.effects import check_replication
from fake_aws.s3.records import Bucket

Params = dict[str, Any]


def bucket_of(request: Request, params: Params) -> Bucket:
    """Return the bucket that a request names, at the endpoint that it is asked of. Raises AwsRefusal."""
    owner = params.get("ExpectedBucketOwner")
    bucket = request.world.buckets.get(params["Bucket"])
    if owner is not None and bucket is not None and bucket.account != owner:
        raise AwsRefusal("AccessDenied", "Access Denied", status=403)
    return store.bucket(request.world, params["Bucket"], account=request.account, region=request.region)


def bucket_to_change(request: Request, params: Params) -> Bucket:
    """Return the bucket whose settings a request changes. Raises AwsRefusal, also while us-east-1 is down."""
    bucket = bucket_of(request, params)
    if "us-east-1" in request.world.down:
        raise AwsRefusal("ServiceUnavailable", "Please reduce your request rate.", status=503)
    return bucket


# -- a table of settings -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that is read, put and deleted as a whole."""

    property: str
    """By which name the bucket keeps it: the template's."""
    noun: str
    """By which name S3's operations have it, as in `GetBucketCors`."""
    payload: str
    """The member of a Put that says it."""
    missing: str = ""
    """The error where there is none; without one the answer is empty."""
    whole: bool = False
    """Whether the answer has the payload as one member, not its members."""
    deleted: bool = False
    """Whether there is an operation that deletes it."""

    def get(self, request: Request, params: Params) -> Reply:
        """Answer the call that reads it."""
        bucket = bucket_of(request, params)
        _check_played(bucket, self.property)
        value = bucket.settings.get(self.property)
        if not value and self.missing:
            raise AwsRefusal(self.missing, "The configuration was not found", status=404)
        return deepcopy(value or {})

    def put(self, request: Request, params: Params) -> Reply:
        """Answer the call that changes it."""
        value = params.get(self.payload, {})
        bucket_to_change(request, params).settings[self.property] = {self.payload: value} if self.whole else value
        return {}

    def delete(self, request: Request, params: Params) -> Reply:
        """Answer the call that deletes it; that there is none is no error."""
        bucket_to_change(request, params).settings[self.property] = {}
        return {}

    def operations(self) -> dict[str, Operation]:
        """Return its operations by name."""
        known = ("Bucket", "ExpectedBucketOwner")
        operations = {
            f"Get{self.noun}": reads(self.get, *known),
            f"Put{self.noun}": mutates(self.put, *known, self.payload, *_BESIDES.get(self.noun, ())),
        }
        return operations | ({f"Delete{self.noun}": mutates(self.delete, *known)} if self.deleted else {})


_BESIDES = {"BucketNotificationConfiguration": ("SkipDestinationValidation",)}
_SETTINGS = (
    Setting("AccelerateConfiguration", "BucketAccelerateConfiguration", "AccelerateConfiguration"),
    Setting("CorsConfiguration", "BucketCors", "CORSConfiguration", "NoSuchCORSConfiguration", deleted=True),
    Setting("LoggingConfiguration", "BucketLogging", "BucketLoggingStatus"),
    Setting("NotificationConfiguration", "BucketNotificationConfiguration", "NotificationConfiguration"),
    Setting(
        "OwnershipControls",
        "BucketOwnershipControls",
        "OwnershipControls",
        "OwnershipControlsNotFoundError",
        whole=True,
        deleted=True,
    ),
    Setting(
        "PublicAccessBlockConfiguration",
        "PublicAccessBlock",
        "PublicAccessBlockConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        whole=True,
        deleted=True,
    ),
    Setting("RequestPayment", "BucketRequestPayment", "RequestPaymentConfiguration"),
    Setting(
        "WebsiteConfiguration", "BucketWebsite", "WebsiteConfiguration", "NoSuchWebsiteConfiguration", deleted=True
    ),
)
_LISTS = ("Analytics", "IntelligentTiering", "Inventory", "Metrics")
"""Settings of which a bucket has several, each under an id."""


def _check_played(bucket: Bucket, name: str) -> None:
    if name in bucket.unplayed:
        raise Unsupported(f"what S3 shows of the {name} of a template")


@dataclass(frozen=True, slots=True)
class Listing:
    """A setting of which a bucket has several."""

    kind: str

    @property
    def property(self) -> str:
        """The template's name of all of them."""
        return f"{self.kind}Configurations"

    def put(self, request: Request, params: Params) -> Reply:
        """Answer the call that puts one of them."""
        bucket = bucket_to_change(request, params)
        held = bucket.settings.setdefault(self.property, {"listed": []})["listed"]
        held[:] = [each for each in held if each["Id"] != params["Id"]] + [params[f"{self.kind}Configuration"]]
        return {}

    def list(self, request: Request, params: Params) -> Reply:
        """Answer the call that lists them, a page of them."""
        bucket = bucket_of(request, params)
        _check_played(bucket, self.property)
        held = bucket.settings.get(self.property, {"listed": []})["listed"]
        first = int(params.get("ContinuationToken", 0))
        page = held[first : first + request.world.page_size]
        more = first + len(page) < len(held)
        return {
            f"{self.kind}ConfigurationList": page or None,
            "IsTruncated": more,
            "NextContinuationToken": str(first + len(page)) if more else None,
        }

    def operations(self) -> dict[str, Operation]:
        """Return its operations by name."""
        known = ("Bucket", "ExpectedBucketOwner")
        return {
            f"ListBucket{self.property}": reads(self.list, *known, "ContinuationToken"),
            f"PutBucket{self.kind}Configuration": mutates(self.put, *known, "Id", f"{self.kind}Configuration"),
        }


# -- by themselves -----------------------------------------------------------------------------------------------------


def get_bucket_versioning(request: Request, params: Params) -> Reply:
    """Answer GetBucketVersioning."""
    return {"Status": bucket_of(request, params).versioning}


def put_bucket_versioning(request: Request, params: Params) -> Reply:
    """Answer PutBucketVersioning; it is never taken back, and not suspended while rules replicate."""
    bucket, configuration = bucket_to_change(request, params), params["VersioningConfiguration"]
    if configuration.get("MFADelete") == "Enabled":
        raise Unsupported("MFA delete")
    if configuration["Status"] != "Enabled" and bucket.replication:
        raise AwsRefusal(
            "InvalidBucketState",
            "A replication configuration is present on this bucket, so you cannot change the versioning state. To"
            " change the versioning state, first delete the replication configuration.",
            status=409,
        )
    if configuration["Status"] != "Enabled" and bucket.object_lock:
        raise AwsRefusal(
            "InvalidBucketState",
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
            status=409,
        )
    bucket.versioning = configuration["Status"]
    return {}


def get_bucket_replication(request: Request, params: Params) -> Reply:
    """Answer GetBucketReplication."""
    replication = bucket_of(request, params).replication
    if replication is None:
        raise AwsRefusal(
            "ReplicationConfigurationNotFoundError", "The replication configuration was not found", status=404
        )
    return {"ReplicationConfiguration": replication}


def put_bucket_replication(request: Request, params: Params) -> Reply:
    """Answer PutBucketReplication: all rules at once, with versioning at both ends."""
    bucket, configuration = bucket_to_change(request, params), params["ReplicationConfiguration"]
    check_replication(request.world, bucket.versioning, configuration)
    bucket.replication = {
        **configuration,
        "Rules": [{"ID": f"rule-{number}", **rule} for number, rule in enumerate(configuration["Rules"])],
    }
    return {}


def delete_bucket_replication(request: Request, params: Params) -> Reply:
    """Answer DeleteBucketReplication; having none is no error."""
    bucket_to_change(request, params).replication = None
    return {}


def get_bucket_lifecycle_configuration(request: Request, params: Params) -> Reply:
    """Answer GetBucketLifecycleConfiguration."""
    rules = bucket_of(request, params).lifecycle
    if not rules:
        raise AwsRefusal("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", status=404)
    return {"Rules": rules}


def put_bucket_lifecycle_configuration(request: Request, params: Params) -> Reply:
    """Answer PutBucketLifecycleConfiguration: all rules at once."""
    rules = params["LifecycleConfiguration"]["Rules"]
    named = [{"ID": f"rule-{number}", **rule} for number, rule in enumerate(rules)]
    bucket_to_change(request, params).lifecycle = named
    return {}


def delete_bucket_lifecycle(request: Request, params: Params) -> Reply:
    """Answer DeleteBucketLifecycle; having none is no error."""
    bucket_to_change(request, params).lifecycle = []
    return {}


def get_bucket_encryption(request: Request, params: Params) -> Reply:
    """Answer GetBucketEncryption: there always is one."""
    bucket = bucket_of(request, params)
    return deepcopy(bucket.settings["BucketEncryption"])


def put_bucket_encryption(request: Request, params: Params) -> Reply:
    """Answer PutBucketEncryption."""
    rules = params["ServerSideEncryptionConfiguration"]["Rules"]
    shown = [{"BucketKeyEnabled": False, **rule} for rule in rules]
    configuration = {"ServerSideEncryptionConfiguration": {"Rules": shown}}
    bucket_to_change(request, params).settings["BucketEncryption"] = configuration
    return {}


def get_bucket_tagging(request: Request, params: Params) -> Reply:
    """Answer GetBucketTagging."""
    tags = bucket_of(request, params).tags
    if not tags:
        raise AwsRefusal("NoSuchTagSet", "The TagSet does not exist", status=404)
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def put_bucket_tagging(request: Request, params: Params) -> Reply:
    """Answer PutBucketTagging: all tags at once, but for CloudFormation's own, which stay."""
    bucket = bucket_to_change(request, params)
    kept = {key: value for key, value in bucket.tags.items() if key.startswith("aws:")}
    bucket.tags = {**kept, **{each["Key"]: each["Value"] for each in params["Tagging"]["TagSet"]}}
    return {}


def get_bucket_policy(request: Request, params: Params) -> Reply:
    """Answer GetBucketPolicy."""
    policy = bucket_of(request, params).policy
    if policy is None:
        raise AwsRefusal("NoSuchBucketPolicy", "The bucket policy does not exist", status=404)
    return {"Policy": policy}


def put_bucket_policy(request: Request, params: Params) -> Reply:
    """Answer PutBucketPolicy; nothing is denied by it."""
    bucket = bucket_to_change(request, params)
    try:
        json.loads(params["Policy"])
    except ValueError:
        raise AwsRefusal("MalformedPolicy", "This policy contains invalid Json") from None
    bucket.policy = params["Policy"]
    return {}


def delete_bucket_policy(request: Request, params: Params) -> Reply:
    """Answer DeleteBucketPolicy; having none is no error."""
    bucket_to_change(request, params).policy = None
    return {}


def get_object_lock_configuration(request: Request, params: Params) -> Reply:
    """Answer GetObjectLockConfiguration."""
    lock = bucket_of(request, params).object_lock
    if lock is None:
        raise AwsRefusal(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
            status=404,
        )
    return {"ObjectLockConfiguration": lock}


def get_bucket_acl(request: Request, params: Params) -> Reply:
    """Answer GetBucketAcl: the owner's own rights, and what a test adds under `Acl`."""
    bucket = bucket_of(request, params)
    if bucket.unplayed.get("AccessControl", "Private") != "Private":
        raise Unsupported("the ACL of a template's AccessControl")
    owner = {"ID": f"canonical-{bucket.account}"}
    own = {"Grantee": {**owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    return {"Owner": owner, "Grants": [own, *bucket.settings.get("Acl", {}).get("Grants", [])]}


def _operations() -> dict[str, Operation]:
    known = ("Bucket", "ExpectedBucketOwner")
    operations: dict[str, Operation] = {
        "GetBucketVersioning": reads(get_bucket_versioning, *known),
        "PutBucketVersioning": mutates(put_bucket_versioning, *known, "VersioningConfiguration"),
        "GetBucketReplication": reads(get_bucket_replication, *known),
        "PutBucketReplication": mutates(put_bucket_replication, *known, "ReplicationConfiguration"),
        "DeleteBucketReplication": mutates(delete_bucket_replication, *known),
        "GetBucketLifecycleConfiguration": reads(get_bucket_lifecycle_configuration, *known),
        "PutBucketLifecycleConfiguration": mutates(
            put_bucket_lifecycle_configuration, *known, "LifecycleConfiguration"
        ),
        "DeleteBucketLifecycle": mutates(delete_bucket_lifecycle, *known),
        "GetBucketEncryption": reads(get_bucket_encryption, *known),
        "PutBucketEncryption": mutates(put_bucket_encryption, *known, "ServerSideEncryptionConfiguration"),
        "GetBucketTagging": reads(get_bucket_tagging, *known),
        "PutBucketTagging": mutates(put_bucket_tagging, *known, "Tagging"),
        "GetBucketPolicy": reads(get_bucket_policy, *known),
        "PutBucketPolicy": mutates(put_bucket_policy, *known, "Policy"),
        "DeleteBucketPolicy": mutates(delete_bucket_policy, *known),
        "GetObjectLockConfiguration": reads(get_object_lock_configuration, *known),
        "GetBucketAcl": reads(get_bucket_acl, *known),
    }
    for setting in _SETTINGS:
        operations |= setting.operations()
    for kind in _LISTS:
        operations |= Listing(kind).operations()
    return operations


SETTING_OPERATIONS = _operations()
"""Every operation of a bucket's settings."""
