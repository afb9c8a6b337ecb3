"""Tables with their replicas, indexes and time to live."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
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
    """The customer-managed key that encrypts it, as whoever asked for it names it."""
    source: str | None = None
    """The region through which it was added; None of one that the table began with by a call."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What else is its own, in the words of a ReplicaSpecification: recovery, tags, class, insights, policy."""
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By key: see `items`."""
    written: dict[str, float] = field(default_factory=dict)
    """When calls last wrote or deleted an item, by key."""


@dataclass(slots=True)
class Index:
    """A global secondary index, in all regions of its table."""

    definition: str
    """Its key and projection, as JSON."""
    statuses: dict[str, str] = field(default_factory=dict)
    """Where it is not ACTIVE, by region."""
    throughput: dict[str, Any] = field(default_factory=dict)
    """Its limits, in the words of a GlobalSecondaryIndex of AWS::DynamoDB::GlobalTable."""


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
    """The region that it was made in."""
    created: datetime
    replicas: dict[str, Replica] = field(default_factory=dict)
    indexes: dict[str, Index] = field(default_factory=dict)
    """By name."""
    expiry: Expiry = field(default_factory=Expiry)
    stream: str | None = None
    """Its StreamViewType."""
    key: tuple[tuple[str, str], ...] = (("id", "S"),)
    """The attributes of its key with their types, the partition's first."""
    group: dict[str, Any] = field(default_factory=dict)
    """What else is the same in all regions, in the words of AWS::DynamoDB::GlobalTable."""
    local: bool = False
    """Whether it never had another replica: it is kept with the tables of its region then."""
    once_on_demand: bool = False
    """Whether it is, or was, billed on demand: from then on DescribeTable says by what it is billed."""

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
        there = next((each for each in self.replicas.values() if each.status == "ACTIVE"), None)
        for each in self.replicas.values():
            if each.status == "CREATING" and there is not None:
                each.items, each.written = dict(there.items), dict(there.written)
            each.status = "ACTIVE"

    def described(self) -> "Table":
        """Return a copy of what describes it, with the same items."""
        return replace(
            self,
            replicas={name: replace(each, settings=deepcopy(each.settings)) for name, each in self.replicas.items()},
            indexes={name: replace(each, statuses=dict(each.statuses)) for name, each in self.indexes.items()},
            expiry=replace(self.expiry),
            group=deepcopy(self.group),
        )

    def key_of(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return the key of an item."""
        return {name: item[name] for name, _ in self.key}

    def arn(self, region: str) -> str:
        """Return the ARN of the table in a region."""
        return f"arn:aws:dynamodb:{region}:{self.account}:table/{self.name}"
