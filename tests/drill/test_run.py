import asyncio

import pytest

from builder.drill.log import FILE_NAME, read_log, unfinished
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
