"""A write to a global table reaches its other replicas when it is due, and the last writer wins.

The emulator copies a write into every replica while it answers. Here each copy is sent on its route, with the number of
its write; one that finds a later write of the item in place is dropped, as between the replicas of AWS.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, region_name, replace, touch
from builder.local.adapter.replication import Direction, Replication, Route, record

Item = Mapping[str, Any]
Replicate = Callable[[Mapping[str, Any], str, Item | None, Item | None], None]

_DDB = "ministack.services.dynamodb"


@dataclass(frozen=True, slots=True)
class _Write:
    """A write to an item, as the other replicas receive it."""

    event: str
    old: Item | None
    new: Item | None
    key: tuple[str, str, str]
    """Account, table, and the item's key values."""
    stamp: int
    at: float


@dataclass(slots=True)
class _Latest:
    """The last write of each item in each region, kept while an older one may be pending."""

    replication: Replication
    stamps: dict[tuple[str, tuple[str, str, str]], int] = field(default_factory=dict)

    def put(self, region: str, write: _Write) -> bool:
        """Keep the write as the region's last one of its item; return False if there is a later one."""
        if self.replication.is_idle():
            self.stamps.clear()
        if self.stamps.get((region, write.key), 0) > write.stamp:
            return False
        self.stamps[region, write.key] = write.stamp
        return True


def install(replication: Replication) -> None:
    """Send writes by `replication` instead of copying them."""
    latest = _Latest(replication)
    replace(f"{_DDB}:_replicate_write", partial(_make_replicate, latest))


def _make_replicate(latest: _Latest, replicate: Replicate) -> Replicate:
    def send(table: Mapping[str, Any], event: str, old: Item | None, new: Item | None) -> None:
        regions = touch(f"{_DDB}:_replica_group")(table)
        if not regions:
            return
        account, home = account_id(), region_name()
        key = (account, table["TableName"], _key(table, new or old or {}))
        # Copies: the emulator changes an item in place.
        images = copy.deepcopy(old), copy.deepcopy(new)
        write = _Write(event, *images, key, latest.replication.stamp(), latest.replication.clock())
        latest.put(home, write)
        for region in regions:
            if region != home:
                route = Route(Direction("dynamodb", home, region), account, table["TableName"])
                latest.replication.send(route, partial(_arrive, latest, replicate, route, _table_id(route), write))

    return send


def _arrive(latest: _Latest, replicate: Replicate, route: Route, table_id: str, write: _Write) -> None:
    """Write into the replica of the destination, unless that has a later write of the item or is a new table."""
    if _table_id(route) != table_id:
        return
    _record_latency(route, latest.replication.clock() - write.at)
    if not latest.put(route.direction.destination, write):
        return
    # To the emulator, a group of this one replica.
    group = {"TableName": route.resource, "_global_regions": [route.direction.destination]}
    with acting_in(AccountRegion(route.account, route.direction.source)):
        replicate(group, write.event, write.old, write.new)


def _table_id(route: Route) -> str:
    table = touch(f"{_DDB}:_tables").get_scoped(route.account, route.direction.destination, route.resource, {})
    return str(table.get("TableId", ""))


def _key(table: Mapping[str, Any], item: Item) -> str:
    return repr([item.get(table[name]) for name in ("pk_name", "sk_name") if table[name]])


def _record_latency(route: Route, duration_s: float) -> None:
    """Record ReplicationLatency of a write."""
    dimensions = {"TableName": route.resource, "ReceivingRegion": route.direction.destination}
    record(route, ("AWS/DynamoDB", "ReplicationLatency"), round(duration_s * 1000), ("Milliseconds", dimensions))
