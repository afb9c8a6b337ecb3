import asyncio
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from builder.drill.clock import start_clock
from builder.drill.log import Journal, Log, read_log
from builder.drill.records import Sighting
from builder.drill.watch import LOOK_S, Watch
from drill.hand_made import PRIMARY, SECONDARY, good, lost, over


def test_each_write_is_looked_for_until_it_is_seen_and_noted_once(tmp_path: Path) -> None:
    there: set[str] = {"strange"}
    looks: list[Collection[str]] = []

    async def look(names: Collection[str]) -> Collection[str]:
        looks.append(names)
        return there

    async def watched() -> None:
        clock = start_clock(datetime(2026, 1, 1, tzinfo=UTC), asyncio.get_running_loop().time)
        with Log(tmp_path / "log") as log:
            watch = Watch("item", SECONDARY, look, Journal("d", log, clock))
            running = asyncio.ensure_future(watch.run())
            for write in (
                good("a", 0.0),
                good("b", 0.0),
                lost("c", 0.0),
                over("d", 0.0),
                good("o", 0.0, what="object"),
            ):
                watch.expect(write)
            await asyncio.sleep(2.5 * LOOK_S)
            there.add("a")
            while looks[-1] != {"b"}:  # noqa: ASYNC110 - what is waited for is the claim
                await asyncio.sleep(LOOK_S / 5)
            there.add("b")
            await asyncio.wait_for(watch.all_seen(), 5)
            running.cancel()

    asyncio.run(watched())
    assert looks[0] == {"a", "b"}
    assert looks[-1] == {"b"}
    lines = [line for line in read_log(tmp_path / "log") if isinstance(line, Sighting)]
    assert [(line.id, line.region) for line in lines] == [("a", SECONDARY), ("b", SECONDARY)]
    assert 2 * LOOK_S < lines[0].at_s < lines[1].at_s


def test_a_region_is_not_asked_for_what_it_took_itself() -> None:
    async def look(_: Collection[str]) -> Collection[str]:
        raise AssertionError

    async def watched() -> None:
        clock = start_clock(datetime(2026, 1, 1, tzinfo=UTC), asyncio.get_running_loop().time)
        watch = Watch("item", PRIMARY, look, Journal("d", Log(Path("/dev/null")), clock))
        watch.expect(good("a", 0.0))
        running = asyncio.ensure_future(watch.run())
        await watch.all_seen()
        await asyncio.sleep(LOOK_S)
        assert not running.done()
        running.cancel()

    asyncio.run(watched())
