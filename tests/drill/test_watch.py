import asyncio
import itertools
import math
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builder.drill.clock import start_clock
from builder.drill.log import Journal, Log, read_log
from builder.drill.records import Sighting
from builder.drill.watch import LOOK_S, Watch
from builder.errors import Failed
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
    assert [(line.key, line.region) for line in lines] == [("a", SECONDARY), ("b", SECONDARY)]
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


async def stalled(folder: Path, arrive_until_s: float, for_s: float, within_s: float) -> float:
    """When it was told that nothing comes any more; what is acknowledged comes at once until so long."""
    clock = start_clock(datetime(2026, 1, 1, tzinfo=UTC), asyncio.get_running_loop().time)

    async def look(names: Collection[str]) -> Collection[str]:
        return names if clock.passed_s() < arrive_until_s else ()

    async def acknowledge(watch: Watch) -> None:
        for number in itertools.count():
            watch.expect(good(f"{number}", clock.passed_s()))
            await asyncio.sleep(0.04)

    with Log(folder / "log") as log:
        watch = Watch("item", SECONDARY, look, Journal("d", log, clock))
        tasks = [asyncio.ensure_future(watch.run()), asyncio.ensure_future(acknowledge(watch))]
        try:
            await watch.stalled(for_s, within_s)
        finally:
            for task in tasks:
                task.cancel()
    return clock.passed_s()


def test_replication_has_stalled_once_nothing_came_for_so_long(tmp_path: Path) -> None:
    at_s = asyncio.run(stalled(tmp_path, arrive_until_s=0.5, for_s=0.4, within_s=10))
    assert 0.5 + 0.4 - 2 * LOOK_S < at_s < 3


def test_replication_that_goes_on_has_not_stalled(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="us-west-2: replication did not stop"):
        asyncio.run(stalled(tmp_path, arrive_until_s=math.inf, for_s=0.4, within_s=0.8))


def test_where_nothing_is_acknowledged_nothing_has_stalled(tmp_path: Path) -> None:
    async def silent() -> None:
        clock = start_clock(datetime(2026, 1, 1, tzinfo=UTC), asyncio.get_running_loop().time)
        with Log(tmp_path / "log") as log:
            watch = Watch("item", SECONDARY, lambda _: asyncio.sleep(0, ()), Journal("d", log, clock))
            running = asyncio.ensure_future(watch.run())
            try:
                await watch.stalled(0.1, 0.4)
            finally:
                running.cancel()

    with pytest.raises(Failed, match="did not stop"):
        asyncio.run(silent())
