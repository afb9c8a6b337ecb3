"""What the fake answers as S3: enough to fill, look at and empty the buckets that stacks make.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

import base64
import hashlib
from typing import Any

from fake_aws.calls import Operation, Reply, Request, mutates, reads
from fake_aws.refusals import AwsRefusal
from fake_aws.s3 import store
from fake_aws.s3.records import Bucket, Version
from fake_aws.s3.settings import SETTING_OPERATIONS, bucket_of


def create_bucket(request: Request, params: dict[str, Any]) -> Reply:
    """Answer CreateBucket; it belongs to no stack."""
    name, region = params["Bucket"], _constrained_region(request, params)
    present = request.world.buckets.get(name)
    if "us-east-1" in request.world.down:
        raise AwsRefusal("ServiceUnavailable", "Please reduce your request rate.", status=503)
    if present is None:
        request.world.by_hand("AWS::S3::Bucket", {"BucketName": name}, account=request.account, region=region)
    elif present.account != request.account:
        raise AwsRefusal(
            "BucketAlreadyExists",
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
            " Please select a different name and try again.",
            status=409,
        )
    elif (present.region, region) != ("us-east-1", "us-east-1"):
        raise AwsRefusal(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
            status=409,
        )
    return {"Location": f"/{name}"}


def _constrained_region(request: Request, params: dict[str, Any]) -> str:
    constraint = params.get("CreateBucketConfiguration", {}).get("LocationConstraint")
    if request.region == "us-east-1":
        if constraint == "us-east-1":
            raise AwsRefusal("InvalidLocationConstraint", "The specified location-constraint is not valid")
        return str(constraint or "us-east-1")
    if constraint != request.region:
        raise AwsRefusal(
            "IllegalLocationConstraintException",
            f"The {constraint or 'unspecified'} location constraint is incompatible for the region specific endpoint"
            " this request was sent to.",
        )
    return request.region


def head_bucket(request: Request, params: dict[str, Any]) -> Reply:
    """Answer HeadBucket."""
    return {"BucketRegion": bucket_of(request, params).region}


def delete_bucket(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteBucket: only of an empty one."""
    bucket, world = bucket_of(request, params), request.world
    if bucket.versions:
        raise AwsRefusal(
            "BucketNotEmpty",
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
            status=409,
        )
    del world.buckets[bucket.name]
    return {}


def put_object(request: Request, params: dict[str, Any]) -> Reply:
    """Answer PutObject."""
    bucket, content = bucket_of(request, params), params.get("Body", b"")
    checksum = params.get("ChecksumSHA256")
    if checksum is not None and checksum != _checksum(content):
        raise AwsRefusal("BadDigest", "The SHA256 you specified did not match the calculated checksum.", status=400)
    if params.get("IfNoneMatch") == "*" and bucket.current(params["Key"]) is not None:
        raise AwsRefusal(
            "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", status=412
        )
    made = store.put(request.world, bucket, params["Key"], content)
    made.metadata = dict(params.get("Metadata", {}))
    made.checksum = checksum
    return {"ETag": f'"{made.version_id[:32]}"', "VersionId": made.version_id if bucket.versioning else None}


def get_object(request: Request, params: dict[str, Any]) -> Reply:
    """Answer GetObject."""
    bucket = bucket_of(request, params)
    version = store.version(bucket, params["Key"], params.get("VersionId"))
    return {
        "Body": version.content,
        "ETag": f'"{version.version_id[:32]}"',
        "LastModified": version.at.replace(microsecond=0),
        "VersionId": version.version_id if bucket.versioning else None,
        "ReplicationStatus": version.replication_status,
    }


def head_object(request: Request, params: dict[str, Any]) -> Reply:
    """Answer HeadObject."""
    shown = get_object(request, params)
    version = store.version(bucket_of(request, params), params["Key"], params.get("VersionId"))
    return {
        **{name: value for name, value in shown.items() if name != "Body"},
        "ContentLength": len(shown["Body"]),
        "Metadata": version.metadata,
        "ChecksumSHA256": version.checksum if params.get("ChecksumMode") == "ENABLED" else None,
    }


def _checksum(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def list_object_versions(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListObjectVersions: by key, newest first; versions and delete markers count towards a page together."""
    bucket = bucket_of(request, params)
    listed = sorted((each for each in bucket.versions if each.key.startswith(params.get("Prefix", ""))), key=_key)
    start = 0
    if "KeyMarker" in params:
        marker = (params["KeyMarker"], params.get("VersionIdMarker"))
        past = [number for number, each in enumerate(listed, 1) if (each.key, each.version_id) == marker]
        start = past[0] if past else sum(each.key <= marker[0] for each in listed)
    shown = listed[start : start + min(params.get("MaxKeys", 1000), request.world.page_size)]
    more = start + len(shown) < len(listed)
    return {
        "Name": bucket.name,
        "IsTruncated": more,
        "NextKeyMarker": shown[-1].key if more else None,
        "NextVersionIdMarker": shown[-1].version_id if more else None,
        "Versions": [_shown(bucket, each) for each in shown if not each.marker],
        "DeleteMarkers": [_shown(bucket, each) for each in shown if each.marker],
    }


def _key(version: Version) -> str:
    return version.key


def _shown(bucket: Bucket, version: Version) -> dict[str, Any]:
    newest = next(each for each in bucket.versions if each.key == version.key)
    common = {
        "Key": version.key,
        "VersionId": version.version_id,
        "IsLatest": version is newest,
        "LastModified": version.at,
    }
    return common if version.marker else {**common, "Size": len(version.content)}


def delete_objects(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteObjects: 1,000 keys at most, each with its own outcome."""
    bucket, objects = bucket_of(request, params), params["Delete"]["Objects"]
    if len(objects) > 1000:
        raise AwsRefusal("MalformedXML", "The XML you provided was not well-formed")
    deleted, errors = [], []
    for each in objects:
        if (error := _refused(request, (bucket.name, each["Key"]))) is not None:
            errors.append({"Key": each["Key"], "VersionId": each.get("VersionId"), **error})
            continue
        marker = store.delete(request.world, bucket, each["Key"], each.get("VersionId"))
        shown = {"Key": each["Key"], "VersionId": each.get("VersionId")}
        deleted.append({**shown, "DeleteMarker": True} if marker else shown)
    return {"Deleted": [] if params["Delete"].get("Quiet") else deleted, "Errors": errors}


def _refused(request: Request, place: tuple[str, str]) -> dict[str, str] | None:
    world = request.world
    if place in world.undeletable_objects:
        return {"Code": "AccessDenied", "Message": world.undeletable_because}
    if world.busy_objects.get(place, 0) > 0:
        world.busy_objects[place] -= 1
        return {"Code": "SlowDown", "Message": "Please reduce your request rate."}
    return None


def delete_object(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteObject: a version for good by its id, else a delete marker on top."""
    marker = store.delete(request.world, bucket_of(request, params), params["Key"], params.get("VersionId"))
    version = params.get("VersionId") or (marker.version_id if marker else None)
    return {"DeleteMarker": True if marker else None, "VersionId": version}


def create_multipart_upload(request: Request, params: dict[str, Any]) -> Reply:
    """Answer CreateMultipartUpload; no part can be sent."""
    bucket, upload = bucket_of(request, params), request.world.new_uuid().replace("-", "")
    bucket.uploads[upload] = params["Key"]
    return {"Bucket": bucket.name, "Key": params["Key"], "UploadId": upload}


def list_multipart_uploads(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListMultipartUploads, its first page."""
    bucket = bucket_of(request, params)
    listed = sorted(bucket.uploads.items(), key=lambda upload: upload[1])
    shown = listed[: request.world.page_size]
    return {
        "Bucket": bucket.name,
        "IsTruncated": len(shown) < len(listed),
        "Uploads": [{"Key": key, "UploadId": upload} for upload, key in shown],
    }


def abort_multipart_upload(request: Request, params: dict[str, Any]) -> Reply:
    """Answer AbortMultipartUpload."""
    if bucket_of(request, params).uploads.pop(params["UploadId"], None) is None:
        raise AwsRefusal("NoSuchUpload", "The specified multipart upload does not exist.", status=404)
    return {}


OPERATIONS: dict[str, Operation] = SETTING_OPERATIONS | {
    "CreateBucket": mutates(create_bucket, "Bucket", "CreateBucketConfiguration"),
    "HeadBucket": reads(head_bucket, "Bucket", "ExpectedBucketOwner"),
    "DeleteBucket": mutates(delete_bucket, "Bucket"),
    "PutObject": mutates(
        put_object, "Bucket", "Key", "Body", "ChecksumSHA256", "Metadata", "IfNoneMatch", "ExpectedBucketOwner"
    ),
    "GetObject": reads(get_object, "Bucket", "Key", "VersionId", "ChecksumMode", "ExpectedBucketOwner"),
    "HeadObject": reads(head_object, "Bucket", "Key", "VersionId", "ChecksumMode", "ExpectedBucketOwner"),
    "ListObjectVersions": reads(
        list_object_versions,
        *("Bucket", "Prefix", "KeyMarker", "VersionIdMarker", "MaxKeys", "EncodingType", "ExpectedBucketOwner"),
    ),
    "CreateMultipartUpload": mutates(create_multipart_upload, "Bucket", "Key"),
    "ListMultipartUploads": reads(list_multipart_uploads, "Bucket"),
    "AbortMultipartUpload": mutates(abort_multipart_upload, "Bucket", "Key", "UploadId"),
    "DeleteObject": mutates(delete_object, "Bucket", "Key", "VersionId"),
    "DeleteObjects": mutates(delete_objects, "Bucket", "Delete", "ExpectedBucketOwner"),
}
