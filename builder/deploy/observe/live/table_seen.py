"""A table as it was read in all of its regions; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.deploy.observe.live.owner import Owner
from builder.terms import Region

ON = frozenset({"ENABLED", "ENABLING"})
"""Statuses of settings that are on, or are being switched on."""


@dataclass(frozen=True, slots=True)
class ReplicaKey:
    """The KMS key that a replica is encrypted by."""

    arn: str
    is_aws: bool
    """Whether it is DynamoDB's own key in the account, which no template names."""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenReplica:
    """What one region shows of a table."""

    region: Region
    table: Mapping[str, Any]
    """DescribeTable's description."""
    recovery: Mapping[str, Any]
    tags: Mapping[str, str]
    insights: Mapping[str, str]
    """The mode of contributor insights where they are on: the table's by the empty name, an index's by its name."""
    kinesis: tuple[Mapping[str, Any], ...]
    """The Kinesis streams to which its changes are sent."""
    policies: tuple[str, ...]
    """The ARNs of the table and its stream, where they have a policy of their own."""
    key: ReplicaKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTable:
    """A table in all of its regions, first the region that it was read in."""

    name: str
    replicas: tuple[SeenReplica, ...]
    expiry: Mapping[str, Any]
    owners: tuple[Owner, ...]
    lost: tuple[Region, ...] = ()
    """Regions with a replica that were not read."""
    missing: tuple[Region, ...] = ()
    """Regions of a listed replica without a table."""
    is_of_old: bool = False
    """Whether it is in a global table of version 2017.11.29."""

    @property
    def own(self) -> SeenReplica:
        """The replica of the region that the table was read in."""
        return self.replicas[0]

    @property
    def members(self) -> dict[str, Mapping[str, Any]]:
        """What that region shows of each replica, by region."""
        return {replica["RegionName"]: replica for replica in self.own.table.get("Replicas", [])}


def by_name(table: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    """Return a table's indexes of a kind in the order of their names."""
    return sorted(table.get(kind, []), key=lambda index: str(index["IndexName"]))
