"""An object reaches every other bucket when it is due; until then its ReplicationStatus is PENDING.

The emulator copies an object, or a delete marker, while it answers, and to one bucket; here the copying is put off, and
done for each bucket that a rule names.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
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
    """One rule's way out of a bucket, and the dimensions of the rule's metrics if it asks for any."""

    propagation: Propagation
    way: Way
    destination: str
    """The other bucket's ARN."""
    dimensions: Mapping[str, str] | None

    def tell_pending(self) -> None:
        if self.dimensions is not None:
            replication_metrics.record_pending(self.propagation, self.way, self.dimensions)

    def tell_arrival(self, sent_at: float, *, failed: bool) -> None:
        if self.dimensions is not None:
            under_way_s = self.propagation.clock() - sent_at
            replication_metrics.record_object(self.way, self.dimensions, under_way_s, failed=failed)
            self.tell_pending()


@dataclass(slots=True)
class _Sent:
    """What the emulator's copying is called with, and to how many buckets it is still under way."""

    bucket: str
    key: str
    stored: StoredObject
    data: bytes
    tags: Mapping[str, str] | None
    under_way: int
    has_failed: bool = False

    def copy(self, replicate: Copy, route: _Route) -> bool:
        """Copy the object to one bucket, and return whether that failed."""
        self.stored["replication_status"] = "PENDING"
        with _only(self.bucket, route.destination):
            replicate(self.bucket, self.key, self.stored, self.data, self.tags)
        found = self.stored["replication_status"]
        # Where the rule is gone by now, nothing is copied, and the object waits for ever.
        self.under_way += found == "PENDING"
        self.has_failed = self.has_failed or found == "FAILED"
        return bool(found == "FAILED")

    @property
    def status(self) -> str:
        """Of all its copies together.

        Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html
        """
        return "FAILED" if self.has_failed else "PENDING" if self.under_way else "COMPLETED"


def _make_send(propagation: Propagation, replicate: Copy) -> Copy:
    def send(bucket: str, key: str, stored: StoredObject, data: bytes, tags: Mapping[str, str] | None = None) -> None:
        routes = _find_routes(propagation, bucket, key, tags)
        if not routes:
            replicate(bucket, key, stored, data, tags)
            return
        sent = _Sent(bucket, key, stored, data, tags, len(routes))
        for route in routes:
            if propagation.is_open(route.way):
                sent.under_way -= 1
                route.tell_arrival(propagation.clock(), failed=sent.copy(replicate, route))
                # The emulator tags the last copy by itself, once the object has its tags.
                _tag_copy(key, stored, tags)
            else:
                deliver = partial(_arrive, replicate, route, sent, propagation.clock())
                propagation.send(route.way, deliver, size=stored["size"])
                route.tell_pending()
        stored["replication_status"] = sent.status

    return send


def _make_send_marker(propagation: Propagation, replicate: Copy) -> Copy:
    def send_marker(bucket: str, key: str) -> None:
        routes = _find_routes(propagation, bucket, key, None)
        if not routes:
            replicate(bucket, key)
        for route in routes:
            propagation.send(route.way, partial(_mark, replicate, route, bucket, key))

    return send_marker


def _find_routes(propagation: Propagation, bucket: str, key: str, tags: Mapping[str, str] | None) -> list[_Route]:
    """Return where the object goes; none where the emulator's answer takes no time: no rule, or no such bucket.

    It goes to every bucket that a rule for it names; of several for one bucket that of the highest priority holds.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html
    """
    configuration = touch(f"{_S3}:_bucket_replication").get(bucket) or {"Rules": []}
    found: dict[str, _Route] = {}
    for rule in sorted(configuration["Rules"], key=lambda rule: -int(rule.get("Priority", 0))):
        name = rule["Destination"]["Bucket"]
        destination = touch(f"{_S3}:_replication_destination_region")(name)
        if name in found or destination is None or not _holds(bucket, rule, key, tags):
            continue
        source = touch(f"{_S3}:_replication_destination_region")(bucket)
        way = Way(Direction("s3", source, destination), touch(f"{_RESPONSES}:get_account_id")(), bucket)
        found[name] = _Route(propagation, way, name, replication_metrics.find_dimensions(bucket, rule))
    return list(found.values())


def _holds(bucket: str, rule: Mapping[str, Any], key: str, tags: Mapping[str, str] | None) -> bool:
    """Return whether a rule is for an object, by the emulator's own reading."""
    with _alone(bucket, [rule]):
        found, _ = touch(f"{_S3}:_replication_rule_for")(bucket, key, tags)
    return found is not None


@contextmanager
def _only(bucket: str, destination: str) -> Iterator[None]:
    """Have a bucket replicate to one other alone: the emulator takes the first rule that is for an object."""
    configuration = touch(f"{_S3}:_bucket_replication").get(bucket) or {"Rules": []}
    ours = [rule for rule in configuration["Rules"] if rule["Destination"]["Bucket"] == destination]
    with _alone(bucket, sorted(ours, key=lambda rule: -int(rule.get("Priority", 0)))):
        yield


@contextmanager
def _alone(bucket: str, rules: list[Mapping[str, Any]]) -> Iterator[None]:
    """Have a bucket's replication consist of these rules while the block lasts; nothing else runs meanwhile."""
    kept = touch(f"{_S3}:_bucket_replication")
    configuration = kept.get(bucket)
    if configuration is None:
        yield
        return
    kept[bucket] = {**configuration, "Rules": rules}
    try:
        yield
    finally:
        kept[bucket] = configuration


def _arrive(replicate: Copy, route: _Route, sent: _Sent, sent_at: float) -> None:
    """Copy the version, its tags too, and say so on it; a version that is gone by now is not copied."""
    sent.under_way -= 1
    failed = False
    with touch(f"{_RESPONSES}:request_scope")(route.way.account, route.way.direction.source):
        versions = touch(f"{_S3}:_object_versions").get((sent.bucket, sent.key)) or []
        entry = next((one for one in versions if one["version_id"] == sent.stored["version_id"]), None)
        if entry is not None:
            failed = sent.copy(replicate, route)
            entry["replication_status"] = sent.stored["replication_status"] = sent.status
            _tag_copy(
                sent.key, sent.stored, touch(f"{_S3}:_object_tags").get((sent.bucket, sent.key, entry["version_id"]))
            )
    route.tell_arrival(sent_at, failed=failed)


def _tag_copy(key: str, stored: StoredObject, tags: Mapping[str, str] | None) -> None:
    """Give the copy that was made last the tags that the version has by now."""
    if tags is not None and "_replica" in stored:
        name, version, owner = stored["_replica"]
        with touch(f"{_S3}:_in_account")(owner):
            touch(f"{_S3}:_object_tags")[name, key, version] = dict(tags)


def _mark(replicate: Copy, route: _Route, bucket: str, key: str) -> None:
    with (
        touch(f"{_RESPONSES}:request_scope")(route.way.account, route.way.direction.source),
        _only(bucket, route.destination),
    ):
        replicate(bucket, key)
