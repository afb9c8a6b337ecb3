"""Finding buckets and objects; putting, deleting and replicating objects."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fake_aws.refusals import AwsRefusal
from fake_aws.s3.records import Bucket, Version

if TYPE_CHECKING:
    from fake_aws.world import World


@dataclass(frozen=True, slots=True)
class Copy:
    """A version on its way to the buckets that rules replicate it to."""

    source: Bucket
    names: tuple[str, ...]
    version: Version


def bucket(world: "World", name: str, *, account: str, region: str | None) -> Bucket:
    """Return a bucket as S3 finds it for an account at the endpoint of a region (None: wherever it is)."""
    bucket = world.buckets.get(name)
    if bucket is None:
        raise AwsRefusal("NoSuchBucket", "The specified bucket does not exist", status=404)
    if bucket.account != account:
        raise AwsRefusal("AccessDenied", "Access Denied", status=403)
    if region not in {None, bucket.region}:
        raise AwsRefusal(
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all"
            " future requests to this endpoint.",
            status=301,
            headers={"x-amz-bucket-region": bucket.region},
        )
    return bucket


def version(bucket: Bucket, key: str, version_id: str | None) -> Version:
    """Return an object's version, the current one without an id."""
    version = bucket.current(key)
    if version_id is not None:
        pair = (key, version_id)
        version = next((each for each in bucket.versions if (each.key, each.version_id) == pair), None)
    if version is None:
        raise AwsRefusal("NoSuchKey", "The specified key does not exist.", status=404)
    return version


def put(world: "World", bucket: Bucket, key: str, content: bytes, *, replica: bool = False) -> Version:
    """Store an object and start its replication; without versioning it replaces the one before."""
    version_id = world.new_uuid().replace("-", "") if bucket.versioning == "Enabled" else "null"
    made = Version(key, version_id, world.datetime(), content, replica=replica)
    if version_id == "null":
        bucket.versions = [each for each in bucket.versions if (each.key, each.version_id) != (key, "null")]
    bucket.versions.insert(0, made)
    if not replica:
        _replicate(world, bucket, made)
    return made


def delete(world: "World", bucket: Bucket, key: str, version_id: str | None) -> Version | None:
    """Remove one version for good, or put a delete marker on top; returns the marker made or removed."""
    if version_id is not None or bucket.versioning is None:
        real_id = version_id or "null"
        places = (at for at, each in enumerate(bucket.versions) if each.version_id == real_id and each.key == key)
        if (at := next(places, None)) is None:
            return None
        gone = bucket.versions.pop(at)
        bucket.gone.add((key, real_id))
        return gone if gone.marker else None
    marker = Version(key, world.new_uuid().replace("-", ""), world.datetime(), b"", marker=True)
    bucket.versions.insert(0, marker)
    _replicate(world, bucket, marker)
    return marker


def _replicate(world: "World", source: Bucket, version: Version) -> None:
    """Copy to every enabled destination after a while, though replication may be stopped meanwhile."""
    if names := destinations(source, version):
        version.replication = "PENDING"
        send(world, Copy(source, tuple(names), version))


def destinations(source: Bucket, version: Version) -> list[str]:
    """Return the buckets that the rules of its bucket replicate a version to."""
    return [
        rule["Destination"]["Bucket"].removeprefix("arn:aws:s3:::")
        for rule in (source.replication or {}).get("Rules", [])
        if rule["Status"] == "Enabled"
        and _is_for(rule, version)
        and (not version.marker or rule.get("DeleteMarkerReplication", {}).get("Status") == "Enabled")
    ]


def _is_for(rule: dict[str, Any], version: Version) -> bool:
    """Return whether a rule's filter lets a version pass: by its prefix; no object has tags."""
    filter_ = rule.get("Filter", {})
    both = filter_.get("And", filter_)
    if "Tag" in both or "Tags" in both:
        return False
    return version.key.startswith(both.get("Prefix", rule.get("Prefix", "")))


def send(world: "World", copy: Copy, *, late: bool = False) -> None:
    """Let a copy arrive after a while; where either end is down by then, it waits until it is up."""

    def arrive() -> Iterator[float]:
        yield world.replication_s
        reachable = [] if copy.source.region in world.down else [name for name in copy.names if _is_up(world, name)]
        if reachable:
            copy_to(world, copy.source, reachable, copy.version, late=late, done=len(reachable) == len(copy.names))
        if waiting := tuple(name for name in copy.names if name not in reachable):
            world.held_copies.append(replace(copy, names=waiting))

    world.start(arrive)


def _is_up(world: "World", name: str) -> bool:
    bucket = world.buckets.get(name)
    return bucket is None or bucket.region not in world.down


def copy_to(
    world: "World", source: Bucket, names: list[str], version: Version, *, late: bool = False, done: bool = True
) -> bool:
    """Put a replica into each bucket, unless it is there; return whether that was possible.

    One that is late goes below what was written after it. It is `done` unless other buckets wait for theirs.
    """
    if (source.name, version.key) in world.batch.unreplicable:
        version.replication = "FAILED"
        return False
    for destination in (world.buckets[name] for name in names if name in world.buckets):
        place = (version.key, version.version_id)
        there = any((each.key, each.version_id) == place for each in destination.versions)
        if there or (late and place in destination.gone):
            continue
        copied = Version(*place, version.at, version.content, version.marker, replica=True)
        newer = sum(late and each.at > version.at for each in destination.versions)
        destination.versions.insert(newer, copied)
    if not version.replica and done:
        version.replication = "COMPLETED"
    return True
