"""A version, a delete marker or tags, as they are put into the bucket that a replication rule names.

A replica has the version id of its original and stands among the versions of its key by the original's time: one that
arrives late is not the current version (*unverified*). The emulator gives it an id of its own and makes it current.
Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-what-is-isnot-replicated.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-marker-replication.html
"""

import copy
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from builder.local.adapter.emulator import touch
from builder.local.adapter.iam import policies
from builder.local.adapter.kms.keys import UnusableKey
from builder.local.adapter.s3.encryption import as_replica

StoredObject = MutableMapping[str, Any]
Rule = Mapping[str, Any]

REPLICA = "REPLICA"

_S3 = "ministack.services.s3"
_OWN = ("_replica", "data", "is_latest", "version_id", "replication_status")


@dataclass(frozen=True, slots=True)
class Original:
    """A version of an object, or a delete marker, in the bucket that it is replicated from."""

    bucket: str
    key: str
    stored: StoredObject
    """Of a delete marker its version only."""
    data: bytes = b""
    tags: Mapping[str, str] | None = None

    @property
    def version(self) -> str:
        """The version's id."""
        return str(self.stored.get("version_id") or "null")


def put_version(original: Original, rule: Rule, role: str) -> bool:
    """Put a replica of a version, and return whether the destination takes it; one that is there already stays."""
    place = _find_place(original, rule, role, "ReplicateObject")
    if place is None:
        return False
    name, owner, bucket = place
    try:
        with as_replica(rule, role, original.stored, (original.bucket, name)):
            record = copy.deepcopy({key: value for key, value in original.stored.items() if key not in _OWN})
    except UnusableKey:
        return False
    record.update(replication_status=REPLICA, body=original.data)
    if storage_class := rule["Destination"].get("StorageClass"):
        record["storage_class"] = storage_class
    with touch(f"{_S3}:_in_account")(owner):
        if find_version(name, original) is None:
            _insert(name, bucket, original, record)
        _set_tags(name, original)
        touch(f"{_S3}:_persist_version_state")(name, original.key, bucket)
    original.stored["_replica"] = (name, original.version, owner)
    return True


def put_marker(original: Original, rule: Rule, role: str) -> bool:
    """Put a replica of a delete marker, and return whether the destination takes it."""
    place = _find_place(original, rule, role, "ReplicateDelete")
    if place is None:
        return False
    name, owner, bucket = place
    with touch(f"{_S3}:_in_account")(owner):
        if find_version(name, original) is not None:
            return True
        versions = _versions(name, original.key)
        if _is_late(versions, original):
            _insert_late(versions, {**original.stored, "is_latest": False, "replication_status": REPLICA})
        else:
            touch(f"{_S3}:_record_delete_marker")(name, original.key, bucket["objects"].pop(original.key, None))
            last = _versions(name, original.key)[-1]
            last.update(version_id=original.version, last_modified=original.stored["last_modified"])
            last["replication_status"] = REPLICA
        touch(f"{_S3}:_persist_version_state")(name, original.key, bucket)
    return True


def put_tags(original: Original, rule: Rule, role: str) -> bool:
    """Give a replica the tags of its original, and return whether there is one."""
    place = _find_place(original, rule, role, "ReplicateTags")
    if place is None:
        return False
    name, owner, bucket = place
    with touch(f"{_S3}:_in_account")(owner):
        if find_version(name, original) is None:
            return False
        _set_tags(name, original)
        touch(f"{_S3}:_persist_version_state")(name, original.key, bucket)
    return True


def find_version(bucket: str, original: Original) -> StoredObject | None:
    """Return the emulator's record of a version in its own bucket or in another, or None if it is not there."""
    versions = touch(f"{_S3}:_object_versions").get((bucket, original.key)) or []
    return next((version for version in versions if version["version_id"] == original.version), None)


def _find_place(original: Original, rule: Rule, role: str, action: str) -> tuple[str, str, dict[str, Any]] | None:
    """Return the destination's name, owner and record, or None where it does not take this from the role."""
    if not _may_replicate(original, rule, role, action):
        return None
    place: tuple[str, str, dict[str, Any]] | None = touch(f"{_S3}:_replication_destination")(
        original.bucket, original.key, rule, role
    )
    return place


# What the role reads for each, beside the rules and the list of the source.
_READS = {"ReplicateObject": ("GetObjectVersionForReplication",), "ReplicateTags": ("GetObjectVersionTagging",)}


def _may_replicate(original: Original, rule: Rule, role: str, action: str) -> bool:
    """Return whether the role may read what it replicates and write it, where policies are enforced.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
    """
    if not policies.is_enforced():
        return True
    source, destination = f"arn:aws:s3:::{original.bucket}", rule["Destination"]["Bucket"]
    needed = [
        ("GetReplicationConfiguration", source),
        ("ListBucket", source),
        *((read, f"{source}/{original.key}") for read in _READS.get(action, ())),
        (action, f"{destination}/{original.key}"),
    ]
    with policies.acting_as(role):
        return all(policies.is_allowed(f"s3:{name}", arn) for name, arn in needed)


def _versions(bucket: str, key: str) -> list[StoredObject]:
    """Return the versions of a key, the oldest first."""
    versions: list[StoredObject] = touch(f"{_S3}:_object_versions").setdefault((bucket, key), [])
    return versions


def _is_late(versions: list[StoredObject], original: Original) -> bool:
    """Return whether the destination has a later version of the key."""
    return bool(versions) and versions[-1]["last_modified"] > original.stored["last_modified"]


def _insert(name: str, bucket: dict[str, Any], original: Original, record: StoredObject) -> None:
    versions = _versions(name, original.key)
    prior = bucket["objects"].get(original.key)
    if _is_late(versions, original):
        entry = touch(f"{_S3}:_version_entry_from_record")(record, original.version, original.data)
        _insert_late(versions, entry)
        touch(f"{_S3}:_persist_displaced_version")(
            name, original.key, {**record, "version_id": original.version}, "Enabled"
        )
        return
    bucket["objects"][original.key] = record
    touch(f"{_S3}:_record_object_version")(name, original.key, prior, record, original.data)
    record["version_id"] = _versions(name, original.key)[-1]["version_id"] = original.version


def _insert_late(versions: list[StoredObject], entry: StoredObject) -> None:
    later = (i for i, version in enumerate(versions) if version["last_modified"] > entry["last_modified"])
    versions.insert(next(later, len(versions)), entry)


def _set_tags(name: str, original: Original) -> None:
    place = (name, original.key, original.version)
    if original.tags is None:
        touch(f"{_S3}:_object_tags").pop(place, None)
    else:
        touch(f"{_S3}:_object_tags")[place] = dict(original.tags)
