"""One table in two regions of the fake AWS, its items put there one by one, and its comparison."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from builder.aws import Clients
from builder.failback.records import Difference, FailbackProgress, ItemDifference, TableComparison
from builder.failback.tables import CompareOptions, TablePair, compare_tables, observe_replica
from builder.terms import Region, Site
from failback.generated import Item, on_the_wire
from failback.naive import EAST, WEST
from fake_aws import World, run_virtual
from fake_aws.dynamodb.items import put, remove
from fake_aws.dynamodb.records import Replica, Table

ACCOUNT = "111122223333"


@dataclass
class TableRig:
    """Clients are in the west, and would go to the east."""

    world: World = field(default_factory=lambda: World(latency_s=0.02))
    events: list[FailbackProgress] = field(default_factory=list)
    examples: tuple[Difference, ...] = ()

    def __post_init__(self) -> None:
        self.clients = Clients(self.world.session(ACCOUNT))
        self.set_table((("id", "S"),))

    def set_table(self, key: tuple[tuple[str, str], ...]) -> None:
        """Begin anew with a table of this key."""
        now = self.world.datetime()
        replicas = {region: Replica(region, now) for region in (EAST, WEST)}
        schema = [
            {"AttributeName": name, "KeyType": kind} for (name, _), kind in zip(key, ("HASH", "RANGE"), strict=False)
        ]
        group = {"KeySchema": schema, "BillingMode": "PAY_PER_REQUEST"}
        self.table = Table("orders", ACCOUNT, EAST, now, replicas, key=key, group=group)
        self.world.tables = {(ACCOUNT, "orders"): self.table}
        self.events.clear()
        self.world.calls.clear()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.table.key)

    def put(self, item: Item, *regions: str) -> None:
        put(self.table, on_the_wire(item), *regions)

    def later(self, after_s: float, item: Item, *regions: str, gone: bool = False) -> None:
        """Have an item there, or gone, after a while."""

        table = self.table  # by then there may be another one

        def change() -> Iterator[float]:
            yield after_s
            (remove if gone else put)(table, on_the_wire(item), *regions)

        self.world.start(change)

    def compare(self, **options: Any) -> TableComparison:
        async def work() -> TableComparison:
            sides = [
                await observe_replica(self.clients, Site(None, Region(region)), "orders") for region in (WEST, EAST)
            ]
            pair = TablePair(component="table", source=sides[0], target=sides[1])
            comparing = CompareOptions(**{"patience_s": 10.0, **options})
            comparison, self.examples = await compare_tables(self.clients, pair, comparing, self.events.append)
            return comparison

        return run_virtual(work)

    def differences(self) -> list[ItemDifference]:
        return [event for event in self.events if isinstance(event, ItemDifference)]

    def called(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.world.calls)


def order(number: int, body: str = "x", **more: Any) -> Item:
    return {"id": {"S": f"order-{number:05}"}, "body": {"S": body}, **more}


def orders(many: int) -> Sequence[Item]:
    return [order(number) for number in range(many)]
