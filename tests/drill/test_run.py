import asyncio
from dataclasses import replace

import boto3
import pytest

from builder.aws import Clients
from builder.drill.log import FILE_NAME, read_log, unfinished
from builder.drill.records import Sent
from builder.drill.run import opened, watching
from builder.drill.watch import Watch
from builder.errors import Failed
from drill.conftest import Theatre
from drill.hand_made import good


def test_a_drill_that_breaks_off_is_closed_all_the_same(theatre: Theatre) -> None:
    ground = theatre.ground()

    async def broken() -> None:
        async with opened(ground, "failover") as run:
            run.mark("strike", 1.5)
            raise Failed(where="a", what="b")

    with pytest.raises(Failed):
        asyncio.run(broken())
    lines = read_log(ground.folder / FILE_NAME)
    assert unfinished(lines) is None
    assert [type(line).__name__ for line in lines] == ["Opened", "Mark", "Closed"]
    assert [event.event for event in theatre.said] == ["drill.begun", "drill.moment"]


def test_a_region_that_cannot_be_read_ends_the_drill(theatre: Theatre) -> None:
    async def look(_: object) -> set[str]:
        raise Failed(where="us-west-2", what="cannot be read")

    async def watched() -> None:
        async with opened(theatre.ground(), "failover") as run:
            watch = Watch("item", theatre.target.secondary.region, look, run.journal)
            watch.expect(good("x", 0.0))
            async with watching(watch):
                await asyncio.sleep(10)

    with pytest.raises(Failed, match="cannot be read"):
        asyncio.run(watched())


def test_a_drill_interrupted_while_its_probes_are_cleared_away_clears_them_to_the_last(theatre: Theatre) -> None:
    ground, session = theatre.ground(), boto3.Session(region_name="us-east-1")
    name = f"drill-{ground.drill}-load-000001"
    item = {"id": {"S": f"item#{name}"}, "body": {"S": "{}"}, "time": {"S": "now"}}
    theatre.account.dynamodb().put_item(TableName=theatre.target.needed_table, Item=item)

    async def interrupted() -> None:
        loop, work = asyncio.get_running_loop(), asyncio.ensure_future(drilled())

        def cancel(**_: object) -> None:
            loop.call_soon_threadsafe(work.cancel)

        session.events.register("before-call.dynamodb.BatchWriteItem", cancel)
        await work

    async def drilled() -> None:
        async with opened(replace(ground, clients=Clients(session)), "failover") as run:
            run.journal.log.write(Sent(name, "item"))

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(interrupted())
    assert unfinished(read_log(ground.folder / FILE_NAME)) is None
    assert theatre.items("us-east-1") == theatre.items("us-west-2") == {}
