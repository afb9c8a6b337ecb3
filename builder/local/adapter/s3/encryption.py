"""Objects that are encrypted with keys of KMS: the key is looked up when an object is written and when it is read.

The emulator keeps whatever it is given. S3 takes a default key that does not exist, and refuses the writes.
Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree as ET

from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.handlers import Reply
from builder.local.adapter.kms.access import check_use
from builder.local.adapter.kms.keys import UnusableKey, find_arn

Headers = Mapping[str, str]
Answer = tuple[dict[str, str] | None, Reply | None]

KEY = "x-amz-server-side-encryption-aws-kms-key-id"

_S3 = "ministack.services.s3"
_ALGORITHM = "x-amz-server-side-encryption"
_BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"
_KMS = ("aws:kms", "aws:kms:dsse")
_DEFAULT = "alias/aws/s3"


def install() -> None:
    """Wrap what finds the encryption of a write, and reading."""
    replace(f"{_S3}:_resolve_sse_write_headers", _make_resolve)
    replace(f"{_S3}:_get_object", _make_get)


def _make_resolve(resolve: Callable[[Headers, str], Answer]) -> Callable[[Headers, str], Answer]:
    def resolve_key(headers: Headers, bucket: str) -> Answer:
        if headers.get(_ALGORITHM) in _KMS and not headers.get(KEY):
            headers = {**headers, KEY: _DEFAULT}
        resolved, refusal = resolve(headers, bucket)
        if resolved is None or resolved.get(_ALGORITHM) not in _KMS:
            return resolved, refusal
        try:
            arn = find_arn(resolved.get(KEY) or _DEFAULT, region_of(bucket))
            check_use("GenerateDataKey", arn, "s3", _context(bucket))
        except UnusableKey as error:
            return None, _refused(error)
        named = {_BUCKET_KEY: "true"} if _has_bucket_key(headers, bucket) else {}
        return {**resolved, KEY: arn, **named}, None

    return resolve_key


def region_of(bucket: str) -> str:
    """Return the region of a bucket that exists."""
    return str(touch(f"{_S3}:_replication_destination_region")(bucket))


def _has_bucket_key(headers: Headers, bucket: str) -> bool:
    """Return whether a write uses an S3 Bucket Key: as it says itself, else as its bucket does."""
    if _BUCKET_KEY in headers:
        return headers[_BUCKET_KEY] == "true"
    document = touch(f"{_S3}:_bucket_encryption").get(bucket)
    root = ET.fromstring(document) if document else ET.Element("none")  # noqa: S314  the emulator's own
    return any(element.tag.endswith("BucketKeyEnabled") and element.text == "true" for element in root.iter())


def _context(bucket: str) -> Mapping[str, str]:
    """Return the encryption context of a bucket's objects; that of an object without a Bucket Key is the object's."""
    return {"aws:s3:arn": f"arn:aws:s3:::{bucket}"}


def _refused(error: UnusableKey) -> Reply:
    is_denied = error.code == "AccessDeniedException"
    code, status = ("AccessDenied", 403) if is_denied else (f"KMS.{error.code}", 400)
    reply: Reply = touch(f"{_S3}:_error")(code, str(error), status)
    return reply


def _make_get(get: Callable[..., Reply]) -> Callable[..., Reply]:
    def get_object(bucket: str, *arguments: Any) -> Reply:  # noqa: ANN401  the emulator's own
        reply = get(bucket, *arguments)
        if reply[0] >= 400 or KEY not in reply[1]:
            return reply
        try:
            check_use("Decrypt", find_arn(reply[1][KEY], region_of(bucket)), "s3", _context(bucket))
        except UnusableKey as error:
            return _refused(error)
        return reply

    return get_object


# -- replication


def applies(rule: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    """Return whether a replication rule takes an object as it is encrypted: by default none with a key of KMS."""
    criteria = rule.get("SourceSelectionCriteria", {}).get("SseKmsEncryptedObjects", {})
    return stored.get("preserved_headers", {}).get(_ALGORITHM) not in _KMS or criteria.get("Status") == "Enabled"


@contextmanager
def as_replica(
    rule: Mapping[str, Any], role: str, stored: MutableMapping[str, Any], buckets: tuple[str, str]
) -> Iterator[None]:
    """Give an object the key of its replica within the block; `buckets` are where it is and where it goes.

    Raises UnusableKey.
    """
    source, destination = buckets
    headers: dict[str, str] = stored.get("preserved_headers", {})
    if headers.get(_ALGORITHM) not in _KMS:
        yield
        return
    key = rule["Destination"].get("EncryptionConfiguration", {}).get("ReplicaKmsKeyID", "")
    replica_key = find_arn(key, region_of(destination))
    check_use("Decrypt", find_arn(headers[KEY], region_of(source)), "s3", _context(source), role=role)
    check_use("Encrypt", replica_key, "s3", _context(destination), role=role)
    stored["preserved_headers"] = {**headers, KEY: replica_key}
    try:
        yield
    finally:
        stored["preserved_headers"] = headers
