"""Tables with their replicas, indexes and time to live."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Replica:
    """A table in one region."""

    region: str
    added: datetime
    status: str = "ACTIVE"
    deletion_protection: bool = False
    key: str | None = None
    """The customer-managed key that encrypts it, as its stack names it."""
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By key: see `items`."""


@dataclass(slots=True)
class Index:
    """A global secondary index, in all regions of its table."""

    definition: str
    """Its key and projection, as JSON."""
    statuses: dict[str, str] = field(default_factory=dict)
    """Where it is not ACTIVE, by region."""


@dataclass(slots=True)
class Expiry:
    """A table's time to live."""

    attribute: str | None = None
    enabled: bool = False
    until: float = 0.0
    """When its last change is processed."""


@dataclass(slots=True)
class Table:
    """A table in all its regions."""

    name: str
    account: str
    home: str
    """The region of the stack that made it."""
    created: datetime
    replicas: dict[str, Replica] = field(default_factory=dict)
    indexes: dict[str, Index] = field(default_factory=dict)
    """By name."""
    expiry: Expiry = field(default_factory=Expiry)
    stream: str | None = None
    """Its StreamViewType."""
    key: tuple[tuple[str, str], ...] = (("id", "S"),)
    """The attributes of its key with their types, the partition's first."""
    local: bool = False
    """Whether it is no global table, and can't have another replica."""

    @property
    def busy(self) -> bool:
        """Whether a replica is being made or deleted."""
        return any(each.status != "ACTIVE" for each in self.replicas.values())

    @property
    def reindexing(self) -> bool:
        """Whether an index comes or goes in any region."""
        return any(each.statuses for each in self.indexes.values())

    def settle(self) -> None:
        """Let every replica that is under way come or go."""
        self.replicas = {region: each for region, each in self.replicas.items() if each.status != "DELETING"}
        there = next((each.items for each in self.replicas.values() if each.status == "ACTIVE"), {})
        for each in self.replicas.values():
            if each.status == "CREATING":
                each.items = dict(there)
            each.status = "ACTIVE"

    def key_of(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return the key of an item."""
        return {name: item[name] for name, _ in self.key}

    def arn(self, region: str) -> str:
        """Return the ARN of the table in a region."""
        return f"arn:aws:dynamodb:{region}:{self.account}:table/{self.name}"
