"""The comparison of a table's items in two regions, which reads both page by page in step, by consistent reads.

In this order: the replicas, the comparison of all items or of a sample, and the calls to AWS.
Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html and API_BatchGetItem
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from builder.aws import Clients, Pace, call, pages, together
from builder.errors import Failed
from builder.failback.items import (
    Item,
    ItemKey,
    as_key,
    differing,
    fingerprint,
    key_as_json,
    key_of,
    shown_key,
    written_at,
)
from builder.failback.matching import SOURCE, TARGET, Doubt, Matching
from builder.failback.records import (
    CompareProgress,
    Difference,
    DifferenceCount,
    FailbackEmit,
    FailbackWay,
    ItemDifference,
    RegionProblem,
    TableComparison,
    TableSize,
)
from builder.failback.settling import MOST_UNSETTLED, Reading, Settling
from builder.terms import Region, Site

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

_PAGE_ITEMS = 1000
_PROGRESS_EVERY = 10_000
_READ_AT_ONCE = 100
_SEGMENTS = 1_000_000
_OF_A_SEGMENT = 10
_UNIT_BYTES = 4096
"""The bytes of one read unit of a consistent read.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""
_AGAIN = Pace(first_s=0.05, every_s=0.1, fraction=0.5, longest_s=5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A table in one region, by the answer of DescribeTable."""

    site: Site
    table: str
    status: str
    key: tuple[str, ...]
    """The attributes of its key, the partition key first."""
    items: int
    bytes: int
    others: dict[Region, str]
    """The status of each other replica."""

    @property
    def region(self) -> Region:
        """The region of the replica."""
        return self.site.region

    @property
    def where(self) -> str:
        """The region and name of the replica, for errors."""
        return f"{self.region}: {self.table}"

    @property
    def read_units(self) -> int:
        """How many read units a consistent read of the whole replica takes."""
        return -(-self.bytes // _UNIT_BYTES)


async def observe_replica(clients: Clients, site: Site, table: str) -> Replica:
    """Return the status, key and size of a table in a region. Raises AwsError."""
    where = f"{site.region}: {table}"
    answer = await call(where, clients.of(site).dynamodb(site.region).describe_table, TableName=table)
    description: TableDescriptionTypeDef = answer["Table"]
    # HASH is the partition key. AWS promises no order of the schema's elements.
    schema = sorted(description["KeySchema"], key=lambda element: element["KeyType"] != "HASH")
    if not schema:
        # Without a key all items would count as the same one.
        raise Failed(where=where, what="is described without a key: nothing in it can be told apart")
    return Replica(
        site=site,
        table=table,
        status=description["TableStatus"],
        key=tuple(element["AttributeName"] for element in schema),
        items=description.get("ItemCount", 0),
        bytes=description.get("TableSizeBytes", 0),
        others={
            Region(replica["RegionName"]): replica.get("ReplicaStatus", "")
            for replica in description.get("Replicas", [])
        },
    )


def faults_of(replica: Replica, other: Region) -> list[RegionProblem]:
    """Return why a replica does not replicate to another region."""
    problems = []
    if replica.status not in {"ACTIVE", "UPDATING"}:
        problems.append(f"{replica.table} is {replica.status}")
    if replica.others.get(other) != "ACTIVE":
        problems.append(f"{replica.table} has no active replica in {other}")
    return [RegionProblem(region=replica.region, what=what) for what in problems]


@dataclass(frozen=True, slots=True, kw_only=True)
class TablePair:
    """A table in both regions."""

    component: str
    source: Replica
    target: Replica

    @property
    def sides(self) -> tuple[Replica, Replica]:
        """Both replicas, the source first."""
        return self.source, self.target

    @property
    def way(self) -> FailbackWay:
        """The regions, from the source to the target."""
        return FailbackWay(source=self.source.region, target=self.target.region)

    def size(self, sample: int | None) -> TableSize:
        """Return how much a comparison has to read."""
        return TableSize(
            component=self.component,
            table=self.source.table,
            items={side.region: side.items for side in self.sides},
            read_units={side.region: side.read_units for side in self.sides},
            sample=sample,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """The options of a comparison."""

    patience_s: float
    """How long replication of a write may take."""
    sample: int | None = None
    """How many items of each region are compared; None for all."""
    seed: int | None = None
    """The seed of the random sample; None for another sample each time."""
    most_held: int = 20_000
    """How many keys of a region that the other has not shown are held at most."""
    most_unsettled: int = MOST_UNSETTLED
    """How many keys that differ are held at most, before the comparison waits for them to settle."""


async def compare_tables(
    clients: Clients, pair: TablePair, options: CompareOptions, emit: FailbackEmit
) -> tuple[TableComparison, tuple[Difference, ...]]:
    """Return how a table's items compare, and the first differences. Emit each difference. Raises AwsError.

    Memory is bounded: two pages, some ten thousand keys and a hundred items at a time, however large the table is.
    """
    return await _Comparison(clients, pair, options, emit).run()


class _Comparison:
    def __init__(self, clients: Clients, pair: TablePair, options: CompareOptions, emit: FailbackEmit) -> None:
        if pair.source.key != pair.target.key:
            what = f"has another key than in {pair.target.region}: {pair.source.key} and {pair.target.key}"
            raise Failed(where=pair.source.where, what=what)
        self._clients = clients
        self._pair = pair
        self._options = options
        self._emit = emit
        self._count = DifferenceCount(pair.way)
        self._settling = Settling[ItemKey, ItemDifference](
            self._reread, self._tell, patience_s=options.patience_s, most=options.most_unsettled
        )
        self._read = [0, 0]
        self._reported = 0

    async def run(self) -> tuple[TableComparison, tuple[Difference, ...]]:
        if self._options.sample is None:
            await self._all()
        else:
            await self._sample(self._options.sample)
        await self._settling.settle()
        pair, count = self._pair, self._count
        comparison = TableComparison(
            component=pair.component,
            table=pair.source.table,
            read=self._progress().read,
            only_source=count.only_source,
            only_target=count.only_target,
            both=count.both,
            moving=self._settling.moving,
            is_sample=self._options.sample is not None,
        )
        return comparison, count.examples

    async def _all(self) -> None:
        matching = Matching[ItemKey](self._options.most_held)
        left: dict[int, AsyncIterator[Sequence[Item]]] = {
            side: scan_pages(self._clients, replica) for side, replica in enumerate(self._pair.sides)
        }
        while left:
            # The side that is ahead waits, so that both stay in step if they return their keys in the same order.
            ahead = matching.held
            due = [side for side in left if len(left) == 1 or ahead[side] <= ahead[1 - side]]
            shown = await together(_next_page(left[side]) for side in due)
            doubts: list[Doubt[ItemKey]] = []
            for side, page in zip(due, shown, strict=True):
                if page is None:
                    del left[side]
                    continue
                self._read[side] += len(page)
                doubts += matching.take(side, self._entries(page))
            self._report_progress()
            await self._look_up(doubts)
        await self._look_up(matching.rest())

    async def _sample(self, count: int) -> None:
        dice = random.Random(self._options.seed)  # noqa: S311  which items are looked at is no secret
        samples = await together(
            sample_keys(self._clients, replica, count, dice.randrange(2**32)) for replica in self._pair.sides
        )
        self._read = [len(keys) for keys in samples]
        await self._look_up([Doubt(key, None) for key in dict.fromkeys(key for keys in samples for key in keys)])

    async def _look_up(self, doubts: Sequence[Doubt[ItemKey]]) -> None:
        # If both sides doubt the same key at the same time, the source's doubt counts.
        by_key = {doubt.key: doubt for doubt in sorted(doubts, key=lambda doubt: doubt.by != TARGET)}
        keys = list(by_key)
        for first in range(0, len(keys), _READ_AT_ONCE):
            part = {key: by_key[key] for key in keys[first : first + _READ_AT_ONCE]}
            readings = await self._reread(list(part))
            counted = {
                key: reading
                for key, reading in readings.items()
                if part[key].counts(source_has_it=reading.source is not None)
            }
            await self._settling.take(counted)

    async def _reread(self, keys: Sequence[ItemKey]) -> dict[ItemKey, Reading[ItemDifference]]:
        readings: dict[ItemKey, Reading[ItemDifference]] = {}
        for first in range(0, len(keys), _READ_AT_ONCE):
            part = keys[first : first + _READ_AT_ONCE]
            source, target = await together(read_items(self._clients, side, part) for side in self._pair.sides)
            readings |= {key: self._reading(key, source.get(key), target.get(key)) for key in part}
        return readings

    def _reading(self, key: ItemKey, source: Item | None, target: Item | None) -> Reading[ItemDifference]:
        states = tuple(None if item is None else fingerprint(item) for item in (source, target))
        difference = None if states[SOURCE] == states[TARGET] else self._difference(key, source, target)
        return Reading(states[SOURCE], states[TARGET], difference)

    def _difference(self, key: ItemKey, source: Item | None, target: Item | None) -> ItemDifference:
        way, names = self._pair.way, self._pair.source.key
        items = {way.source: source, way.target: target}
        there = [region for region, item in items.items() if item is not None]
        times = {region: written_at(item) for region, item in items.items() if item is not None}
        return ItemDifference(
            component=self._pair.component,
            table=self._pair.source.table,
            key=key_as_json(names, key),
            name=shown_key(names, key),
            only=there[0] if len(there) == 1 else None,
            attributes=differing(source, target) if source is not None and target is not None else (),
            written={region: at for region, at in times.items() if at is not None},
        )

    def _entries(self, page: Sequence[Item]) -> Iterator[tuple[ItemKey, bytes]]:
        names = self._pair.source.key
        return ((key_of(names, item), fingerprint(item)) for item in page)

    def _report_progress(self) -> None:
        if sum(self._read) - self._reported >= _PROGRESS_EVERY:
            self._reported = sum(self._read)
            self._emit(self._progress())

    def _tell(self, difference: ItemDifference) -> None:
        self._count.take(difference)
        self._emit(difference)

    def _progress(self) -> CompareProgress:
        way = self._pair.way
        read = {way.source: self._read[SOURCE], way.target: self._read[TARGET]}
        return CompareProgress(component=self._pair.component, read=read)


async def _next_page(shown: AsyncIterator[Sequence[Item]]) -> Sequence[Item] | None:
    return await anext(shown, None)


async def scan_pages(clients: Clients, replica: Replica) -> AsyncIterator[Sequence[Item]]:
    """Yield all items of a replica, page by page, each as it was when its page was read."""
    scan = clients.of(replica.site).dynamodb(replica.region).scan
    async for page in pages(replica.where, scan, TableName=replica.table, ConsistentRead=True, Limit=_PAGE_ITEMS):
        yield page["Items"]


async def sample_keys(clients: Clients, replica: Replica, count: int, seed: int) -> list[ItemKey]:
    """Return about so many keys of a replica, from segments chosen at random; all keys if it has no more.

    A segment holds about ten items: a parallel scan may have a million segments, each of which can be read by itself.
    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html#Scan.ParallelScan
    """
    scan = clients.of(replica.site).dynamodb(replica.region).scan
    parts = max(1, min(_SEGMENTS, max(replica.items, count) // _OF_A_SEGMENT))
    names = {f"#{number}": name for number, name in enumerate(replica.key)}
    keys: dict[ItemKey, None] = {}
    # Segments may be empty, most of them if the table has fewer items than its outdated count says. So their number is
    # limited.
    order = random.Random(seed).sample(range(parts), min(parts, 2 * count))  # noqa: S311  as above
    left = deque[tuple[int, dict[str, Any]]]((part, {}) for part in order)
    while left and len(keys) < count:
        part, more = left.popleft()
        answer = await call(
            replica.where,
            scan,
            TableName=replica.table,
            ConsistentRead=True,
            Segment=part,
            TotalSegments=parts,
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
            Limit=max(_OF_A_SEGMENT, -(-count // parts)),
            **more,
        )
        keys |= dict.fromkeys(key_of(replica.key, item) for item in answer["Items"])
        if answer.get("LastEvaluatedKey"):
            left.append((part, {"ExclusiveStartKey": answer["LastEvaluatedKey"]}))
    return list(keys)[:count]


async def read_items(clients: Clients, replica: Replica, keys: Iterable[ItemKey]) -> dict[ItemKey, Item]:
    """Return those of up to a hundred items that a replica has, by consistent reads. Read unprocessed keys again."""
    client, items = clients.of(replica.site).dynamodb(replica.region), dict[ItemKey, Item]()
    requests: Any = {
        replica.table: {"Keys": [as_key(replica.key, key) for key in keys], "ConsistentRead": True},
    }
    loop = asyncio.get_running_loop()
    since = loop.time()
    while requests:
        answer = await call(replica.where, client.batch_get_item, RequestItems=requests)
        came = answer["Responses"].get(replica.table, [])
        items |= {key_of(replica.key, item): item for item in came}
        # A plain dict, since botocore finds the tables' names in no other mapping.
        requests = dict(answer.get("UnprocessedKeys", {}))
        if came:
            since = loop.time()
        elif requests:
            # DynamoDB has read nothing, so the table is throttled.
            await asyncio.sleep(_AGAIN.wait_s(loop.time() - since))
    return items
