"""What is not replicated yet before a secondary becomes the primary: tables' replicas, and objects under one-way rules.

DynamoDB replicates a table whichever stack owns it, so only the status of every replica is read. Objects that a rule
has not replicated before it is reversed stay behind until a backfill copies them.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from builder.aws import Clients, call, together
from builder.deploy.backfill.records import ReplicationSource
from builder.deploy.desired import Deployment
from builder.deploy.observe.objects import BucketPlace, Gap, pairs
from builder.errors import AwsError, Stopped, gathered
from builder.terms import Region, Site

KEYS_COMPARED = 50_000
"""The number of keys compared for each pair of buckets: about half a minute's listing."""
_PATIENCE_S = 60.0
_EVERY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReplicas:
    """A table with the status of its replica in each region."""

    table: str
    statuses: Mapping[Region, str]

    @property
    def is_well(self) -> bool:
        """Whether every replica is ACTIVE, so that it takes reads and writes."""
        return all(status == "ACTIVE" for status in self.statuses.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class PairGap:
    """What one bucket's rule has not replicated to another bucket yet, and how much only the destination has."""

    component: str
    source: Region
    destination: Region
    gap: Gap
    beyond: int = 0
    """The number of versions that were written to the destination and are not in the source."""
    is_whole: bool = True
    """Whether all keys were compared; else the first KEYS_COMPARED."""

    @property
    def is_drained(self) -> bool:
        """Whether no compared object waits for replication."""
        return not self.gap.lacking and not self.gap.markers


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """How far replication has come."""

    tables: tuple[TableReplicas, ...] = ()
    pairs: tuple[PairGap, ...] = field(default=())

    @property
    def waiting(self) -> tuple[PairGap, ...]:
        """The pairs of buckets in which something is not replicated."""
        return tuple(pair for pair in self.pairs if not pair.is_drained)


async def observe_drained(
    deployment: Deployment, sources: Sequence[ReplicationSource], clients: Clients, *, keys: int = KEYS_COMPARED
) -> Drained:
    """Return how far replication has come; wait up to a minute for what is not replicated.

    Raises Stopped for a replica that is not ACTIVE, AwsError for what does not answer.
    """
    tables = await observe_replicas(deployment, clients)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        gaps = await together(_compare(clients, source, place, keys) for source, place in _ways(deployment, sources))
        seen = Drained(tables=tables, pairs=tuple(gaps))
        if not seen.waiting or loop.time() - began > _PATIENCE_S:
            return seen
        await asyncio.sleep(_EVERY_S)


async def observe_replicas(deployment: Deployment, clients: Clients) -> tuple[TableReplicas, ...]:
    """Return every replica of the deployment's tables. Raises Stopped, or Several, unless each is ACTIVE."""
    tables = [component.table for component in deployment.components.values() if component.table]
    named = [(table.name, table.regions) for table in tables if isinstance(table.name, str)]
    seen = tuple(await together(_replicas(clients, name, regions) for name, regions in named))
    faults = [
        Stopped(
            where=f"{region}: {table.table}",
            what=f"this replica of the table is {status}, and would be the new primary's with all the others",
            next_step="python -m builder status --watch 10    shows when every replica is ACTIVE; then the same again",
        )
        for table in seen
        for region, status in table.statuses.items()
        if status != "ACTIVE"
    ]
    if faults:
        raise gathered(faults)
    return seen


async def _replicas(clients: Clients, name: str, regions: Iterable[Region]) -> TableReplicas:
    async def status(region: Region) -> str:
        site = Site(None, region)
        describe = clients.of(site).dynamodb(region).describe_table
        try:
            return str((await call(f"{region}: {name}", describe, TableName=name))["Table"]["TableStatus"])
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            return "not there"

    regions = tuple(regions)
    statuses = await together(status(region) for region in regions)
    return TableReplicas(table=name, statuses=dict(zip(regions, statuses, strict=True)))


_Way = tuple[ReplicationSource, BucketPlace]


def _ways(deployment: Deployment, sources: Sequence[ReplicationSource]) -> list[_Way]:
    """Return each one-way replication; where there is also a rule back, a promotion reverses none."""
    buckets = {name: component.bucket for name, component in deployment.components.items() if component.bucket}
    return [
        (source, place)
        for source in sources
        for place in source.destinations
        if (source.bucket.site.region, place.site.region) in buckets[source.component].one_way
    ]


async def _compare(clients: Clients, source: ReplicationSource, place: BucketPlace, keys: int) -> PairGap:
    gap, beyond, left = Gap(), 0, keys
    async with aclosing(pairs(clients, source.bucket, place)) as listed:
        async for pair in listed:
            if not left:
                break
            gap.take(pair)
            beyond += len(pair.returning)
            left -= 1
        else:
            left = -1
    return PairGap(
        component=source.component,
        source=source.bucket.site.region,
        destination=place.site.region,
        gap=gap,
        beyond=beyond,
        is_whole=left < 0,
    )
