"""An object reaches the other bucket when it is due; until then its ReplicationStatus is PENDING.

The emulator copies an object, or a delete marker, while it answers; here the copying is put off.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from builder.local.adapter import replication_metrics
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


@dataclass(frozen=True, slots=True)
class _Route:
    """Where a bucket's objects go, and the dimensions of the rule's metrics if it asks for any."""

    propagation: Propagation
    way: Way
    dimensions: Mapping[str, str] | None

    def tell_pending(self) -> None:
        if self.dimensions is not None:
            replication_metrics.record_pending(self.propagation, self.way, self.dimensions)

    def tell_arrival(self, sent_at: float, *, failed: bool) -> None:
        if self.dimensions is not None:
            under_way_s = self.propagation.clock() - sent_at
            replication_metrics.record_object(self.way, self.dimensions, under_way_s, failed=failed)
            self.tell_pending()


@dataclass(frozen=True, slots=True)
class _Sent:
    """What the emulator's copying is called with."""

    bucket: str
    key: str
    stored: StoredObject
    data: bytes
    tags: Mapping[str, str] | None

    @property
    def has_failed(self) -> bool:
        return bool(self.stored.get("replication_status") == "FAILED")

    def copy_by(self, replicate: Copy) -> None:
        replicate(self.bucket, self.key, self.stored, self.data, self.tags)


def _make_send(propagation: Propagation, replicate: Copy) -> Copy:
    def send(bucket: str, key: str, stored: StoredObject, data: bytes, tags: Mapping[str, str] | None = None) -> None:
        sent = _Sent(bucket, key, stored, data, tags)
        route = _find_route(propagation, bucket, key, tags)
        if route is None:
            sent.copy_by(replicate)
        elif propagation.is_open(route.way):
            sent.copy_by(replicate)
            route.tell_arrival(propagation.clock(), failed=sent.has_failed)
        else:
            stored["replication_status"] = "PENDING"
            deliver = partial(_arrive, replicate, route, sent, propagation.clock())
            propagation.send(route.way, deliver, size=stored["size"])
            route.tell_pending()

    return send


def _make_send_marker(propagation: Propagation, replicate: Copy) -> Copy:
    def send_marker(bucket: str, key: str) -> None:
        route = _find_route(propagation, bucket, key, None)
        if route is None:
            replicate(bucket, key)
        else:
            propagation.send(route.way, partial(_in_scope, route.way, replicate, bucket, key))

    return send_marker


def _find_route(propagation: Propagation, bucket: str, key: str, tags: Mapping[str, str] | None) -> _Route | None:
    """Return where the object goes; None where the emulator's answer takes no time: no rule, or no such bucket."""
    rule, _ = touch(f"{_S3}:_replication_rule_for")(bucket, key, tags)
    if rule is None:
        return None
    destination = touch(f"{_S3}:_replication_destination_region")(rule["Destination"]["Bucket"])
    if destination is None:
        return None
    source = touch(f"{_S3}:_replication_destination_region")(bucket)
    way = Way(Direction("s3", source, destination), touch(f"{_RESPONSES}:get_account_id")(), bucket)
    return _Route(propagation, way, replication_metrics.find_dimensions(bucket, rule))


def _arrive(replicate: Copy, route: _Route, sent: _Sent, sent_at: float) -> None:
    """Copy the version, its tags too, and say so on it; a version that is gone by now is not copied."""
    with touch(f"{_RESPONSES}:request_scope")(route.way.account, route.way.direction.source):
        versions = touch(f"{_S3}:_object_versions").get((sent.bucket, sent.key)) or []
        entry = next((one for one in versions if one["version_id"] == sent.stored["version_id"]), None)
        if entry is not None:
            sent.copy_by(replicate)
            entry["replication_status"] = sent.stored["replication_status"]
            if "_replica" in sent.stored:
                _copy_tags(sent.bucket, sent.key, sent.stored)
    route.tell_arrival(sent_at, failed=sent.has_failed)


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
