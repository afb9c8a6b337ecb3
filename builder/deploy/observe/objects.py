"""Two buckets compared: which versions one has and the other lacks; read page by page, compared key by key.

A replica has its source's version id, so the ids alone are compared. ListObjectVersions lists keys in the order of
their UTF-8 bytes, which is Python's order of their characters.
Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-what-is-isnot-replicated.html
"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, call, pages
from builder.errors import AwsError
from builder.terms import AccountId, Site

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectVersionsOutputTypeDef, ReplicationRuleOutputTypeDef


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPlace:
    """A bucket, with its site and its owner."""

    site: Site
    name: str
    owner: AccountId

    @property
    def text(self) -> str:
        """Its region and name, for errors."""
        return f"{self.site.region}: {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyVersions:
    """All versions and delete markers that one bucket has under a key."""

    key: str
    sizes: dict[str, int] = field(default_factory=dict)
    """The size of each version that is an object, by version id."""
    markers: frozenset[str] = frozenset()
    is_deleted: bool = False
    """Whether a delete marker is on top, so that a read finds nothing."""
    top: str = ""
    """The id of the version on top, which may be a delete marker."""
    top_at: datetime | None = None
    """When the version on top was written; a replica shows when its original was."""

    @property
    def shown(self) -> str | None:
        """The version that a read without a version id returns; None where it finds nothing."""
        return None if self.is_deleted else self.top or None


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key in two buckets; None for a bucket that has nothing of it."""

    here: KeyVersions | None
    there: KeyVersions | None

    @property
    def key(self) -> str:
        """The key in both buckets."""
        side = self.here or self.there
        return side.key if side else ""

    @property
    def lacking(self) -> dict[str, int]:
        """The versions that are in the first bucket only, with their sizes."""
        return _beyond(self.here, self.there)

    @property
    def returning(self) -> dict[str, int]:
        """The versions that are in the second bucket only."""
        return _beyond(self.there, self.here)

    @property
    def is_contested(self) -> bool:
        """Whether each bucket has versions that the other lacks, or one serves what was deleted in the other."""
        if self.here is None or self.there is None:
            return False
        return bool(self.lacking and self.returning) or self.here.is_deleted != self.there.is_deleted


def _beyond(side: KeyVersions | None, other: KeyVersions | None) -> dict[str, int]:
    known = other.sizes if other else {}
    return {version: size for version, size in (side.sizes if side else {}).items() if version not in known}


@dataclass(slots=True)
class Gap:
    """What a destination bucket lacks of its source, as counts."""

    versions: int = 0
    """The number of versions in the source, without delete markers."""
    lacking: int = 0
    """The number of them that the destination lacks."""
    bytes: int = 0
    """The size of those together, in bytes."""
    keys: int = 0
    """The number of their keys."""
    markers: int = 0
    """The number of the source's delete markers that the destination lacks."""
    example: str = ""
    """The first such key."""

    def take(self, pair: KeyPair) -> None:
        """Count one key."""
        lacking = pair.lacking
        self.versions += len(pair.here.sizes) if pair.here else 0
        self.markers += len((pair.here.markers if pair.here else set()) - (pair.there.markers if pair.there else set()))
        if lacking:
            self.lacking += len(lacking)
            self.bytes += sum(lacking.values())
            self.keys += 1
            self.example = self.example or pair.key


async def measure_gap(clients: Clients, source: BucketPlace, destination: BucketPlace) -> Gap:
    """Return what a destination lacks of its source. Raises AwsError."""
    gap = Gap()
    async for pair in pairs(clients, source, destination):
        gap.take(pair)
    return gap


async def read_rules(where: str, client: "S3Client", bucket: str, **more: Any) -> "list[ReplicationRuleOutputTypeDef]":  # noqa: ANN401 - what else the call takes
    """Return a bucket's replication rules; empty where S3 answers that there are none. Raises AwsError."""
    try:
        answer = await call(where, client.get_bucket_replication, Bucket=bucket, **more)
    except AwsError as error:
        if error.code != "ReplicationConfigurationNotFoundError":
            raise
        return []
    return answer["ReplicationConfiguration"]["Rules"]


async def observe_rules(clients: Clients, bucket: BucketPlace) -> tuple[str, ...]:
    """Return the buckets that a bucket's enabled rules replicate to. Raises AwsError."""
    client = clients.of(bucket.site).s3(bucket.site.region)
    rules = await read_rules(bucket.text, client, bucket.name, ExpectedBucketOwner=bucket.owner)
    return tuple(rule["Destination"]["Bucket"].rpartition(":")[2] for rule in rules if rule["Status"] == "Enabled")


async def observe_expiry(clients: Clients, bucket: BucketPlace) -> tuple[str, ...]:
    """Return the lifecycle rules of a bucket that remove delete markers by themselves. Raises AwsError."""
    client = clients.of(bucket.site).s3(bucket.site.region)
    try:
        answer = await call(
            bucket.text, client.get_bucket_lifecycle_configuration, Bucket=bucket.name, ExpectedBucketOwner=bucket.owner
        )
        rules = answer["Rules"]
    except AwsError as error:
        if error.code != "NoSuchLifecycleConfiguration":
            raise
        return ()
    return tuple(
        rule.get("ID", "without an id")
        for rule in rules
        if rule["Status"] == "Enabled" and rule.get("Expiration", {}).get("ExpiredObjectDeleteMarker")
    )


async def observe_key(clients: Clients, bucket: BucketPlace, key: str) -> KeyVersions | None:
    """Return the version on top of one key, None where it has none; no other version is read. Raises AwsError.

    Of all keys that begin with it, the key itself is listed first.
    """
    list_versions = clients.of(bucket.site).s3(bucket.site.region).list_object_versions
    page = await call(
        bucket.text, list_versions, Bucket=bucket.name, Prefix=key, MaxKeys=1, ExpectedBucketOwner=bucket.owner
    )
    return next((versions for versions in _keys_of(page) if versions.key == key), None)


async def pairs(clients: Clients, here: BucketPlace, there: BucketPlace) -> AsyncGenerator[KeyPair, None]:
    """Yield every key of two buckets, in order; at most a key and two pages are in memory at a time."""
    left, right = _keys(clients, here), _keys(clients, there)
    from_here, from_there = await anext(left, None), await anext(right, None)
    while from_here or from_there:
        if from_there is None or (from_here and from_here.key < from_there.key):
            yield KeyPair(from_here, None)
            from_here = await anext(left, None)
        elif from_here is None or from_there.key < from_here.key:
            yield KeyPair(None, from_there)
            from_there = await anext(right, None)
        else:
            yield KeyPair(from_here, from_there)
            from_here, from_there = await anext(left, None), await anext(right, None)


async def _keys(clients: Clients, bucket: BucketPlace) -> AsyncIterator[KeyVersions]:
    """Yield a bucket's keys with their versions; one key may take several pages."""
    held: KeyVersions | None = None
    list_versions = clients.of(bucket.site).s3(bucket.site.region).list_object_versions
    async for page in pages(bucket.text, list_versions, Bucket=bucket.name, ExpectedBucketOwner=bucket.owner):
        for key in _keys_of(page):
            if held is None or held.key != key.key:
                if held is not None:
                    yield held
                held = key
            else:
                # The newest version came first.
                held = KeyVersions(
                    key=key.key,
                    sizes={**held.sizes, **key.sizes},
                    markers=held.markers | key.markers,
                    is_deleted=held.is_deleted or key.is_deleted,
                    top=held.top or key.top,
                    top_at=held.top_at or key.top_at,
                )
    if held is not None:
        yield held


def _keys_of(page: "ListObjectVersionsOutputTypeDef") -> list[KeyVersions]:
    """Return a page's keys with their versions: it lists objects and delete markers apart, each in order."""
    sizes: dict[str, dict[str, int]] = {}
    markers: dict[str, set[str]] = {}
    tops: dict[str, tuple[str, datetime]] = {}
    deleted = {marker["Key"] for marker in page.get("DeleteMarkers", []) if marker.get("IsLatest")}
    for version in page.get("Versions", []):
        # Objects from before versioning have the version id null in every bucket.
        known = version["VersionId"]
        known += f" {version.get('ETag', '')}" if known == "null" else ""
        sizes.setdefault(version["Key"], {})[known] = int(version.get("Size", 0))
        if version.get("IsLatest"):
            tops[version["Key"]] = known, version["LastModified"]
    for marker in page.get("DeleteMarkers", []):
        markers.setdefault(marker["Key"], set()).add(marker["VersionId"])
        if marker.get("IsLatest"):
            tops[marker["Key"]] = marker["VersionId"], marker["LastModified"]
    return [
        KeyVersions(
            key=key,
            sizes=sizes.get(key, {}),
            markers=frozenset(markers.get(key, ())),
            is_deleted=key in deleted,
            top=tops[key][0] if key in tops else "",
            top_at=tops[key][1] if key in tops else None,
        )
        for key in sorted(sizes.keys() | markers.keys())
    ]
