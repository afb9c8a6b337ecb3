"""An object reaches every other bucket when it is due; until then its ReplicationStatus is PENDING.

The emulator copies an object, or a delete marker, while it answers, and to one bucket; here the copying is put off, and
done for each bucket that a rule names. Only what was written by a request is sent: a replica is sent on by no rule, and
so two buckets may replicate to each other. Tags follow their object, and from a replica back to its original where a
rule of the replica's bucket has ReplicaModifications.
Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-for-metadata-changes.html
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, replace, touch
from builder.local.adapter.handlers import Reply
from builder.local.adapter.replication import Direction, Replication, Route, record
from builder.local.adapter.s3 import encryption
from builder.local.adapter.s3.copies import (
    REPLICA,
    Original,
    Rule,
    StoredObject,
    find_version,
    put_marker,
    put_tags,
    put_version,
)

_S3 = "ministack.services.s3"
# On an object that a request has just written, until its version has an id: the tags that it has come with.
_WRITTEN = "_written"


def install(replication: Replication) -> None:
    """Send objects, delete markers and tags by `replication` instead of copying them."""
    replace(f"{_S3}:_maybe_replicate", lambda _: _note)
    replace(f"{_S3}:_record_object_version", partial(_make_record, replication))
    replace(f"{_S3}:_maybe_replicate_delete_marker", lambda _: partial(_send_marker, replication))
    for name in ("_put_object_tagging", "_delete_object_tagging"):
        replace(f"{_S3}:{name}", partial(_make_tag, replication))
    replace(f"{_S3}:handle_request", _make_owned)


def _make_owned(handle: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """Refuse a request for a bucket of another account than it expects, which the emulator does not look at.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
    """

    async def handle_owned(
        method: str, path: str, headers: Mapping[str, str], *args: object, **named: object
    ) -> object:
        expected = headers.get("x-amz-expected-bucket-owner")
        owner = touch(f"{_S3}:_bucket_owner_account")(path.lstrip("/").partition("/")[0]) if expected else None
        if owner not in {None, expected}:
            refusal = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            return 403, {"Content-Type": "application/xml"}, refusal
        return await handle(method, path, headers, *args, **named)

    return handle_owned


def _note(bucket: str, key: str, stored: StoredObject, data: bytes, tags: Mapping[str, str] | None = None) -> None:
    """Note that a request has written an object: it is sent when its version has an id."""
    del bucket, key, data
    stored[_WRITTEN] = tags


def _make_record(replication: Replication, record_version: Callable[..., str | None]) -> Callable[..., str | None]:
    def record_and_send(bucket: str, key: str, prior: object, stored: StoredObject, data: bytes) -> str | None:
        is_written, tags = _WRITTEN in stored, stored.pop(_WRITTEN, None)
        version = record_version(bucket, key, prior, stored, data)
        if is_written:
            send_version(replication, Original(bucket, key, stored, data, tags))
        return version

    return record_and_send


# -- which rules apply


@dataclass(frozen=True, slots=True)
class RuleTarget:
    """A replication rule that applies to an object: its route, its role, and the dimensions of its metrics."""

    replication: Replication
    route: Route
    rule: Rule
    role: str
    dimensions: Mapping[str, str] | None
    """None where metrics are not enabled."""

    def record_pending(self) -> None:
        """Record how much of the bucket's replication is pending."""
        if self.dimensions is not None:
            _record_pending(self.replication, self.route, self.dimensions)

    def record_arrival(self, sent_at: float, *, failed: bool) -> None:
        """Record how long an object took, and whether it failed."""
        if self.dimensions is not None:
            duration_s = self.replication.clock() - sent_at
            _record_object(self.route, self.dimensions, duration_s, failed=failed)
            self.record_pending()


def find_targets(replication: Replication, original: Original) -> tuple[list[RuleTarget], bool]:
    """Return the targets of an object, and whether a rule names a bucket that is not there."""
    targets, is_missing = [], False
    role = (touch(f"{_S3}:_bucket_replication").get(original.bucket) or {}).get("Role", "")
    for rule in _rules_for(original):
        destination = touch(f"{_S3}:_replication_destination_region")(_destination_of(rule))
        if destination is None:
            is_missing = True
            continue
        direction = Direction("s3", encryption.region_of(original.bucket), destination)
        route = Route(direction, account_id(), original.bucket)
        targets.append(RuleTarget(replication, route, rule, role, find_dimensions(original.bucket, rule)))
    return targets, is_missing


def _rules_for(original: Original) -> list[Rule]:
    """Return a rule for each bucket that an object goes to; of several for one bucket that of the highest priority.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html
    """
    configuration = touch(f"{_S3}:_bucket_replication").get(original.bucket) or {"Rules": []}
    rules: dict[str, Rule] = {}
    for rule in sorted(configuration["Rules"], key=lambda rule: -int(rule.get("Priority", 0))):
        name = _destination_of(rule)
        if name not in rules and _applies(original, rule):
            rules[name] = rule
    return list(rules.values())


def _destination_of(rule: Rule) -> str:
    """Return the ARN of the bucket that a rule names."""
    return str(rule["Destination"]["Bucket"])


def _applies(original: Original, rule: Rule) -> bool:
    """Return whether a rule applies to an object, as the emulator reads it."""
    with _only_rule(original.bucket, rule):
        applied, _ = touch(f"{_S3}:_replication_rule_for")(original.bucket, original.key, original.tags)
    if original.stored.get("is_delete_marker"):
        return applied is not None and _takes_markers(rule)
    return applied is not None and encryption.applies(rule, original.stored)


def _takes_markers(rule: Rule) -> bool:
    """Return whether a rule replicates delete markers: one without a filter always, one with tags never."""
    rule_filter = rule.get("Filter")
    if rule_filter is None:
        return True
    is_tagged = rule_filter.get("Tag") or (rule_filter.get("And") or {}).get("Tags")
    return not is_tagged and (rule.get("DeleteMarkerReplication") or {}).get("Status") == "Enabled"


@contextmanager
def _only_rule(bucket: str, rule: Rule) -> Iterator[None]:
    """Limit a bucket's replication to one rule within the block, during which nothing else runs."""
    configurations = touch(f"{_S3}:_bucket_replication")
    configuration = configurations[bucket]
    configurations[bucket] = {**configuration, "Rules": [rule]}
    try:
        yield
    finally:
        configurations[bucket] = configuration


# -- objects and delete markers


@dataclass(slots=True)
class SentVersion:
    """A version under way, the number of buckets in which it is pending, and whether one did not take it."""

    original: Original
    pending: int
    has_failed: bool

    def put(self, target: RuleTarget) -> bool:
        """Put the version into one bucket, and return whether that failed."""
        put = put_marker if self.original.stored.get("is_delete_marker") else put_version
        failed = not put(self.original, target.rule, target.role)
        self.has_failed = self.has_failed or failed
        return failed

    def show(self) -> None:
        """Set the ReplicationStatus of all copies together."""
        set_status(self.original, "FAILED" if self.has_failed else "PENDING" if self.pending else "COMPLETED")


def send_version(replication: Replication, original: Original) -> SentVersion | None:
    """Send a version to every bucket that a rule for it names, and set its ReplicationStatus; None without a rule."""
    targets, is_missing = find_targets(replication, original)
    if not targets and not is_missing:
        return None
    sent = SentVersion(original, len(targets), is_missing)
    for target in targets:
        if replication.is_open(target.route):
            sent.pending -= 1
            target.record_arrival(replication.clock(), failed=sent.put(target))
        else:
            deliver = partial(_arrive, target, sent, replication.clock())
            replication.send(target.route, deliver, size=original.stored["size"])
            target.record_pending()
    sent.show()
    return sent


def _arrive(target: RuleTarget, sent: SentVersion, sent_at: float) -> None:
    """Put the version with its tags; one that is gone by now is not copied, and one without a rule stays PENDING."""
    original, failed = sent.original, False
    with acting_in(AccountRegion(target.route.account, target.route.direction.source)):
        if find_version(original.bucket, original) is None:
            sent.pending -= 1
        else:
            sent.original = with_tags(original)
            if _destination_of(target.rule) in map(_destination_of, _rules_for(sent.original)):
                sent.pending -= 1
                failed = sent.put(target)
            sent.show()
    target.record_arrival(sent_at, failed=failed)


def with_tags(original: Original) -> Original:
    """Return a version with the tags that it has now."""
    tags = touch(f"{_S3}:_object_tags").get((original.bucket, original.key, original.version))
    return Original(original.bucket, original.key, original.stored, original.data, tags)


def set_status(original: Original, status: str) -> None:
    """Set the ReplicationStatus of a version, of its object too while it is the current one."""
    original.stored["replication_status"] = status
    if (version := find_version(original.bucket, original)) is not None:
        version["replication_status"] = status
    current = touch(f"{_S3}:_buckets")[original.bucket]["objects"].get(original.key)
    if current is not None and current.get("version_id") == original.version:
        current["replication_status"] = status


def _send_marker(replication: Replication, bucket: str, key: str) -> None:
    send_version(replication, Original(bucket, key, touch(f"{_S3}:_object_versions")[bucket, key][-1]))


# -- tags


def _make_tag(replication: Replication, tag: Callable[..., Reply]) -> Callable[..., Reply]:
    def tag_and_send(bucket: str, key: str, *arguments: Any) -> Reply:  # noqa: ANN401  the emulator's own
        reply = tag(bucket, key, *arguments)
        version = reply[1].get("x-amz-version-id") if reply[0] < 300 else None
        if version:
            _send_tags(replication, bucket, key, version)
        return reply

    return tag_and_send


def _send_tags(replication: Replication, bucket: str, key: str, version: str) -> None:
    """Send the tags of a version on where it is replicated; those of a replica only where a rule sends them back."""
    tags = touch(f"{_S3}:_object_tags").get((bucket, key, version))
    named = Original(bucket, key, {"version_id": version}, tags=tags)
    stored = find_version(bucket, named)
    status = (stored or {}).get("replication_status")
    if stored is None or status is None:
        return
    original = Original(bucket, key, stored, tags=tags)
    targets = [t for t in find_targets(replication, original)[0] if status != REPLICA or _sends_back(t.rule)]
    for target in targets:
        if not replication.is_open(target.route):
            set_status(original, "PENDING")
        replication.send(target.route, partial(_arrive_tags, target, original, str(status)))


def _sends_back(rule: Rule) -> bool:
    criteria = rule.get("SourceSelectionCriteria", {}).get("ReplicaModifications", {})
    return bool(criteria.get("Status") == "Enabled")


def _arrive_tags(target: RuleTarget, original: Original, status: str) -> None:
    with acting_in(AccountRegion(target.route.account, target.route.direction.source)):
        put_tags(original, target.rule, target.role)
        if find_version(original.bucket, original) is not None:
            set_status(original, status)


# -- metrics


def find_dimensions(bucket: str, rule: Mapping[str, Any]) -> Mapping[str, str] | None:
    """Return the dimensions of a replication rule's metrics, or None where they are not enabled."""
    if rule["Destination"].get("Metrics", {}).get("Status") != "Enabled":
        return None
    destination = rule["Destination"]["Bucket"].rpartition(":")[2]
    return {"SourceBucket": bucket, "DestinationBucket": destination, "RuleId": rule.get("ID", "")}


def _record_pending(replication: Replication, route: Route, dimensions: Mapping[str, str]) -> None:
    """Record how much of a bucket's replication is pending."""
    operations, size, _ = replication.pending().get(route, (0, 0, 0.0))
    record(route, ("AWS/S3", "OperationsPendingReplication"), operations, ("Count", dimensions))
    record(route, ("AWS/S3", "BytesPendingReplication"), size, ("Bytes", dimensions))


def _record_object(route: Route, dimensions: Mapping[str, str], duration_s: float, *, failed: bool) -> None:
    """Record how long the replication of an object took, and whether it failed."""
    record(route, ("AWS/S3", "ReplicationLatency"), round(duration_s, 3), ("Seconds", dimensions))
    record(route, ("AWS/S3", "OperationsFailedReplication"), int(failed), ("Count", dimensions))
