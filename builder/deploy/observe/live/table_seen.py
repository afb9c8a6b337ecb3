"""What was read of a table in all of its regions; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.deploy.observe.live.owner import Owner
from builder.terms import Region

ON = frozenset({"ENABLED", "ENABLING"})
"""Statuses of what is on, or is being switched on."""


@dataclass(frozen=True, slots=True)
class ReplicaKey:
    """The key of KMS that a replica is encrypted by."""

    arn: str
    is_aws: bool
    """Whether it is DynamoDB's own in the account, which no template names."""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenReplica:
    """What one region shows of a table."""

    region: Region
    table: Mapping[str, Any]
    """As DescribeTable has it."""
    recovery: Mapping[str, Any]
    tags: Mapping[str, str]
    insights: Mapping[str, str]
    """The mode of contributor insights where they are on: of the table by the empty name, of its indexes by theirs."""
    kinesis: tuple[Mapping[str, Any], ...]
    """The Kinesis streams that its changes go to."""
    policies: tuple[str, ...]
    """The ARNs, of the table and of its stream, that have a policy of their own."""
    key: ReplicaKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTable:
    """A table in all of its regions, first the one that it was looked up in."""

    name: str
    replicas: tuple[SeenReplica, ...]
    expiry: Mapping[str, Any]
    owners: tuple[Owner, ...]
    lost: tuple[Region, ...] = ()
    """Regions with a replica that were not asked."""
    missing: tuple[Region, ...] = ()
    """Regions of a listed replica in which there is no table."""
    is_of_old: bool = False
    """Whether it is in a global table of version 2017.11.29."""

    @property
    def own(self) -> SeenReplica:
        """The replica of the region that the table was looked up in."""
        return self.replicas[0]

    @property
    def members(self) -> dict[str, Mapping[str, Any]]:
        """What that region shows of each replica, by region."""
        return {replica["RegionName"]: replica for replica in self.own.table.get("Replicas", [])}


def by_name(table: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    """Return a table's indexes of a kind in the order of their names."""
    return sorted(table.get(kind, []), key=lambda index: str(index["IndexName"]))
