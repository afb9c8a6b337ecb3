"""Buckets with their versions."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Version:
    """One version of an object, or a delete marker."""

    key: str
    version_id: str
    at: datetime
    content: bytes
    marker: bool = False
    replica: bool = False
    replication: str = ""
    """PENDING, COMPLETED or FAILED, of what a rule is for."""
    metadata: dict[str, str] = field(default_factory=dict)
    checksum: str | None = None
    """SHA-256 in base 64, where whoever put it said it."""

    @property
    def replication_status(self) -> str | None:
        """What GetObject shows of it."""
        return "REPLICA" if self.replica else self.replication or None


@dataclass(slots=True)
class Bucket:
    """A bucket; `versions` holds everything in it, newest first."""

    name: str
    account: str
    region: str
    created: datetime
    versioning: str | None = None
    """Enabled, Suspended or None."""
    replication: dict[str, Any] | None = None
    """As S3's own API writes it."""
    object_lock: dict[str, Any] | None = None
    """As S3's own API writes it; it is for ever."""
    lifecycle: list[dict[str, Any]] = field(default_factory=list)
    """Its rules, as S3's own API writes them."""
    policy: str | None = None
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What else is read back, by the template's property: what the call that reads it answers; nothing once deleted."""
    unplayed: dict[str, Any] = field(default_factory=dict)
    """What a template says and nobody here turns into S3's words."""
    tags: dict[str, str] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    gone: set[tuple[str, str]] = field(default_factory=set)
    """What was deleted for good, by key and version id: no batch replicates it again."""
    uploads: dict[str, str] = field(default_factory=dict)
    """Keys of the multipart uploads that are under way, by upload id, the oldest first."""

    def described(self) -> "Bucket":
        """Return a copy of its settings, with the same objects."""
        return replace(
            self,
            lifecycle=deepcopy(self.lifecycle),
            replication=deepcopy(self.replication),
            settings=deepcopy(self.settings),
            tags=dict(self.tags),
        )

    def current(self, key: str) -> Version | None:
        """Return the newest version of a key, if that is no delete marker."""
        newest = next((each for each in self.versions if each.key == key), None)
        return None if newest is None or newest.marker else newest
