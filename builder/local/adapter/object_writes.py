"""An object reaches the other bucket when it is due; until then its ReplicationStatus is PENDING.

The emulator copies an object, or a delete marker, while it answers; here the copying is put off.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html
"""

from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from typing import Any

from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.propagation import Direction, Propagation, Way

StoredObject = MutableMapping[str, Any]
Copy = Callable[..., None]

_S3 = "ministack.services.s3"
_RESPONSES = "ministack.core.responses"


def install(propagation: Propagation) -> None:
    """Put the sending in the place of the emulator's copying, for objects and for delete markers."""
    replace(f"{_S3}:_maybe_replicate", partial(_make_send, propagation))
    replace(f"{_S3}:_maybe_replicate_delete_marker", partial(_make_send_marker, propagation))


def _make_send(propagation: Propagation, replicate: Copy) -> Copy:
    def send(bucket: str, key: str, stored: StoredObject, data: bytes, tags: Mapping[str, str] | None = None) -> None:
        way = _find_way(bucket, key, tags)
        if way is None or propagation.is_open(way):
            replicate(bucket, key, stored, data, tags)
            return
        stored["replication_status"] = "PENDING"
        deliver = partial(_arrive, replicate, way, (bucket, key, stored, data, tags))
        propagation.send(way, deliver, size=stored["size"])

    return send


def _make_send_marker(propagation: Propagation, replicate: Copy) -> Copy:
    def send_marker(bucket: str, key: str) -> None:
        way = _find_way(bucket, key, None)
        if way is None:
            replicate(bucket, key)
        else:
            propagation.send(way, partial(_in_scope, way, replicate, bucket, key))

    return send_marker


def _find_way(bucket: str, key: str, tags: Mapping[str, str] | None) -> Way | None:
    """Return where the object goes; None where the emulator's answer takes no time: no rule, or no such bucket."""
    rule, _ = touch(f"{_S3}:_replication_rule_for")(bucket, key, tags)
    if rule is None:
        return None
    destination = touch(f"{_S3}:_replication_destination_region")(rule["Destination"]["Bucket"])
    if destination is None:
        return None
    source = touch(f"{_S3}:_replication_destination_region")(bucket)
    return Way(Direction("s3", source, destination), touch(f"{_RESPONSES}:get_account_id")(), bucket)


def _arrive(replicate: Copy, way: Way, sent: tuple[str, str, StoredObject, bytes, Mapping[str, str] | None]) -> None:
    """Copy the version, its tags too, and say so on it; a version that is gone by now is not copied."""
    bucket, key, stored, *_ = sent
    with touch(f"{_RESPONSES}:request_scope")(way.account, way.direction.source):
        versions = touch(f"{_S3}:_object_versions").get((bucket, key)) or []
        entry = next((one for one in versions if one["version_id"] == stored["version_id"]), None)
        if entry is None:
            return
        replicate(*sent)
        entry["replication_status"] = stored["replication_status"]
        if "_replica" in stored:
            _copy_tags(bucket, key, stored)


def _copy_tags(bucket: str, key: str, stored: StoredObject) -> None:
    """Give the copy the tags that the version has by now."""
    tags = touch(f"{_S3}:_object_tags").get((bucket, key, stored["version_id"]))
    name, version, owner = stored["_replica"]
    if tags is not None:
        with touch(f"{_S3}:_in_account")(owner):
            touch(f"{_S3}:_object_tags")[name, key, version] = dict(tags)


def _in_scope(way: Way, act: Copy, *args: object) -> None:
    with touch(f"{_RESPONSES}:request_scope")(way.account, way.direction.source):
        act(*args)
