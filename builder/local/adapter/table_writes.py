"""A write to a global table reaches its other replicas when it is due, and the last writer wins.

The emulator copies a write into every replica while it answers. Here each copy is sent on its way, with the number of
its write; one that finds a later write of the item in place is dropped, as between the replicas of AWS.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from builder.local.adapter import replication_metrics
from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.propagation import Direction, Propagation, Way

Item = Mapping[str, Any]
Replicate = Callable[[Mapping[str, Any], str, Item | None, Item | None], None]

_DDB = "ministack.services.dynamodb"
_RESPONSES = "ministack.core.responses"


@dataclass(frozen=True, slots=True)
class _Write:
    """One write to one item, as every other replica is to see it."""

    event: str
    old: Item | None
    new: Item | None
    key: tuple[str, str, str]
    """Account, table, and the item's key values."""
    stamp: int
    at: float


@dataclass(slots=True)
class _Latest:
    """Which write each replica's item is of, for as long as anything is under way that could be older."""

    propagation: Propagation
    stamps: dict[tuple[str, tuple[str, str, str]], int] = field(default_factory=dict)

    def put(self, region: str, write: _Write) -> bool:
        """Note the write for the region's item, and return False if that is of a later one."""
        if self.propagation.is_idle():
            self.stamps.clear()
        if self.stamps.get((region, write.key), 0) > write.stamp:
            return False
        self.stamps[region, write.key] = write.stamp
        return True


def install(propagation: Propagation) -> None:
    """Put the sending in the place of the emulator's copying."""
    latest = _Latest(propagation)
    replace(f"{_DDB}:_replicate_write", partial(_make_replicate, latest))


def _make_replicate(latest: _Latest, replicate: Replicate) -> Replicate:
    def send(table: Mapping[str, Any], event: str, old: Item | None, new: Item | None) -> None:
        regions = touch(f"{_DDB}:_replica_group")(table)
        if not regions:
            return
        account, home = touch(f"{_RESPONSES}:get_account_id")(), touch(f"{_RESPONSES}:get_region")()
        key = (account, table["TableName"], _key(table, new or old or {}))
        # Copies: the emulator changes an item in place.
        images = copy.deepcopy(old), copy.deepcopy(new)
        write = _Write(event, *images, key, latest.propagation.stamp(), latest.propagation.clock())
        latest.put(home, write)
        for region in regions:
            if region != home:
                way = Way(Direction("dynamodb", home, region), account, table["TableName"])
                latest.propagation.send(way, partial(_arrive, latest, replicate, way, _table_id(way), write))

    return send


def _arrive(latest: _Latest, replicate: Replicate, way: Way, table_id: str, write: _Write) -> None:
    """Write into the destination's replica, unless it has a later write of the item or is another table by now."""
    if _table_id(way) != table_id:
        return
    replication_metrics.record_table(way, latest.propagation.clock() - write.at)
    if not latest.put(way.direction.destination, write):
        return
    # To the emulator, a group of this one replica.
    group = {"TableName": way.resource, "_global_regions": [way.direction.destination]}
    with touch(f"{_RESPONSES}:request_scope")(way.account, way.direction.source):
        replicate(group, write.event, write.old, write.new)


def _table_id(way: Way) -> str:
    table = touch(f"{_DDB}:_tables").get_scoped(way.account, way.direction.destination, way.resource, {})
    return str(table.get("TableId", ""))


def _key(table: Mapping[str, Any], item: Item) -> str:
    return repr([item.get(table[name]) for name in ("pk_name", "sk_name") if table[name]])
