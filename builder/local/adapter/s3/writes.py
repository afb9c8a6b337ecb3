"""An object reaches every other bucket when it is due; until then its ReplicationStatus is PENDING.

The emulator copies an object, or a delete marker, while it answers, and to one bucket; here the copying is put off, and
done for each bucket that a rule names.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, replace, touch
from builder.local.adapter.replication import Direction, Replication, Route, record

StoredObject = MutableMapping[str, Any]
Copy = Callable[..., None]

_S3 = "ministack.services.s3"


def install(replication: Replication) -> None:
    """Send objects and delete markers by `replication` instead of copying them."""
    replace(f"{_S3}:_maybe_replicate", partial(_make_send, replication))
    replace(f"{_S3}:_maybe_replicate_delete_marker", partial(_make_send_marker, replication))
    replace(f"{_S3}:handle_request", _make_owned)


def _make_owned(handle: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """Refuse a request for a bucket of another account than it expects, which the emulator does not look at.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """

    async def handle_owned(method: str, path: str, headers: Mapping[str, str], *args: object, **said: object) -> object:
        expected = headers.get("x-amz-expected-bucket-owner")
        owner = touch(f"{_S3}:_bucket_owner_account")(path.lstrip("/").partition("/")[0]) if expected else None
        if owner not in {None, expected}:
            refusal = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            return 403, {"Content-Type": "application/xml"}, refusal
        return await handle(method, path, headers, *args, **said)

    return handle_owned


@dataclass(frozen=True, slots=True)
class _RuleTarget:
    """The route and destination of a replication rule, and the dimensions of its metrics if they are enabled."""

    replication: Replication
    route: Route
    destination: str
    """The other bucket's ARN."""
    dimensions: Mapping[str, str] | None

    def record_pending(self) -> None:
        if self.dimensions is not None:
            _record_pending(self.replication, self.route, self.dimensions)

    def record_arrival(self, sent_at: float, *, failed: bool) -> None:
        if self.dimensions is not None:
            duration_s = self.replication.clock() - sent_at
            _record_object(self.route, self.dimensions, duration_s, failed=failed)
            self.record_pending()


@dataclass(slots=True)
class _Write:
    """The arguments of the emulator's copying, and the number of buckets in which the copy is pending."""

    bucket: str
    key: str
    stored: StoredObject
    data: bytes
    tags: Mapping[str, str] | None
    pending: int
    has_failed: bool = False

    def copy(self, replicate: Copy, target: _RuleTarget) -> bool:
        """Copy the object to one bucket, and return whether that failed."""
        self.stored["replication_status"] = "PENDING"
        with _only_to(self.bucket, target.destination):
            replicate(self.bucket, self.key, self.stored, self.data, self.tags)
        status = self.stored["replication_status"]
        # Without the rule by now, nothing is copied, and the object stays PENDING.
        self.pending += status == "PENDING"
        self.has_failed = self.has_failed or status == "FAILED"
        return bool(status == "FAILED")

    @property
    def status(self) -> str:
        """The ReplicationStatus of all copies together.

        Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html
        """
        return "FAILED" if self.has_failed else "PENDING" if self.pending else "COMPLETED"


def _make_send(replication: Replication, replicate: Copy) -> Copy:
    def send(bucket: str, key: str, stored: StoredObject, data: bytes, tags: Mapping[str, str] | None = None) -> None:
        targets = _find_targets(replication, bucket, key, tags)
        if not targets:
            replicate(bucket, key, stored, data, tags)
            return
        write = _Write(bucket, key, stored, data, tags, len(targets))
        for target in targets:
            if replication.is_open(target.route):
                write.pending -= 1
                target.record_arrival(replication.clock(), failed=write.copy(replicate, target))
                # The emulator tags the last copy by itself, once the object has its tags.
                _tag_copy(key, stored, tags)
            else:
                deliver = partial(_arrive, replicate, target, write, replication.clock())
                replication.send(target.route, deliver, size=stored["size"])
                target.record_pending()
        stored["replication_status"] = write.status

    return send


def _make_send_marker(replication: Replication, replicate: Copy) -> Copy:
    def send_marker(bucket: str, key: str) -> None:
        targets = _find_targets(replication, bucket, key, None)
        if not targets:
            replicate(bucket, key)
        for target in targets:
            replication.send(target.route, partial(_mark, replicate, target, bucket, key))

    return send_marker


def _find_targets(replication: Replication, bucket: str, key: str, tags: Mapping[str, str] | None) -> list[_RuleTarget]:
    """Return the targets of an object; none without a rule for it, or without the bucket.

    It goes to every bucket that a rule for it names; of several for one bucket that of the highest priority holds.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html
    """
    configuration = touch(f"{_S3}:_bucket_replication").get(bucket) or {"Rules": []}
    targets: dict[str, _RuleTarget] = {}
    for rule in sorted(configuration["Rules"], key=lambda rule: -int(rule.get("Priority", 0))):
        name = rule["Destination"]["Bucket"]
        destination = touch(f"{_S3}:_replication_destination_region")(name)
        if name in targets or destination is None or not _applies(bucket, rule, key, tags):
            continue
        source = touch(f"{_S3}:_replication_destination_region")(bucket)
        route = Route(Direction("s3", source, destination), account_id(), bucket)
        targets[name] = _RuleTarget(replication, route, name, find_dimensions(bucket, rule))
    return list(targets.values())


def _applies(bucket: str, rule: Mapping[str, Any], key: str, tags: Mapping[str, str] | None) -> bool:
    """Return whether a rule applies to an object, as the emulator reads it."""
    with _only_rules(bucket, [rule]):
        applied, _ = touch(f"{_S3}:_replication_rule_for")(bucket, key, tags)
    return applied is not None


@contextmanager
def _only_to(bucket: str, destination: str) -> Iterator[None]:
    """Limit a bucket's replication to one destination within the block; the emulator takes the first rule of it."""
    configuration = touch(f"{_S3}:_bucket_replication").get(bucket) or {"Rules": []}
    ours = [rule for rule in configuration["Rules"] if rule["Destination"]["Bucket"] == destination]
    with _only_rules(bucket, sorted(ours, key=lambda rule: -int(rule.get("Priority", 0)))):
        yield


@contextmanager
def _only_rules(bucket: str, rules: list[Mapping[str, Any]]) -> Iterator[None]:
    """Limit a bucket's replication to these rules within the block, during which nothing else runs."""
    configurations = touch(f"{_S3}:_bucket_replication")
    configuration = configurations.get(bucket)
    if configuration is None:
        yield
        return
    configurations[bucket] = {**configuration, "Rules": rules}
    try:
        yield
    finally:
        configurations[bucket] = configuration


def _arrive(replicate: Copy, target: _RuleTarget, write: _Write, sent_at: float) -> None:
    """Copy the version with its tags, and set its ReplicationStatus; a version that is gone by now is not copied."""
    write.pending -= 1
    failed = False
    with acting_in(AccountRegion(target.route.account, target.route.direction.source)):
        versions = touch(f"{_S3}:_object_versions").get((write.bucket, write.key)) or []
        entry = next((version for version in versions if version["version_id"] == write.stored["version_id"]), None)
        if entry is not None:
            failed = write.copy(replicate, target)
            entry["replication_status"] = write.stored["replication_status"] = write.status
            _tag_copy(
                write.key,
                write.stored,
                touch(f"{_S3}:_object_tags").get((write.bucket, write.key, entry["version_id"])),
            )
    target.record_arrival(sent_at, failed=failed)


def _tag_copy(key: str, stored: StoredObject, tags: Mapping[str, str] | None) -> None:
    """Set the tags of the version on its last copy."""
    if tags is not None and "_replica" in stored:
        name, version, owner = stored["_replica"]
        with touch(f"{_S3}:_in_account")(owner):
            touch(f"{_S3}:_object_tags")[name, key, version] = dict(tags)


def _mark(replicate: Copy, target: _RuleTarget, bucket: str, key: str) -> None:
    with (
        acting_in(AccountRegion(target.route.account, target.route.direction.source)),
        _only_to(bucket, target.destination),
    ):
        replicate(bucket, key)


def find_dimensions(bucket: str, rule: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return the dimensions of a replication rule's metrics, or None where they are not enabled."""
    if rule["Destination"].get("Metrics", {}).get("Status") != "Enabled":
        return None
    destination = rule["Destination"]["Bucket"].rpartition(":")[2]
    return {"SourceBucket": bucket, "DestinationBucket": destination, "RuleId": rule.get("ID", "")}


def _record_pending(replication: Replication, route: Route, dimensions: Mapping[str, str]) -> None:
    """Record how much of a bucket's replication is pending."""
    operations, size, _ = replication.pending().get(route, (0, 0, 0.0))
    record(route, "AWS/S3", "OperationsPendingReplication", operations, ("Count", dimensions))
    record(route, "AWS/S3", "BytesPendingReplication", size, ("Bytes", dimensions))


def _record_object(route: Route, dimensions: Mapping[str, str], duration_s: float, *, failed: bool) -> None:
    """Record how long the replication of an object took, and whether it failed."""
    record(route, "AWS/S3", "ReplicationLatency", round(duration_s, 3), ("Seconds", dimensions))
    record(route, "AWS/S3", "OperationsFailedReplication", int(failed), ("Count", dimensions))
