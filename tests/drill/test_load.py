import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builder.drill.clock import Clock, start_clock
from builder.drill.load import AT_ONCE, Series, send
from builder.drill.log import Journal, Log, read_log
from builder.drill.probe import Probe
from builder.drill.records import Sent, Write
from builder.drill.writers import Writer
from drill.hand_made import PRIMARY, attempt, write


def sent(tmp_path: Path, seconds: float, rate: float, take_s: float) -> list[Write]:
    """Send to a writer that takes so long, and return what it was told of in the end."""
    told: list[Write] = []

    def writer(clock: Clock) -> Writer:
        def put(probe: Probe) -> Write:
            began_s = clock.passed_s()
            time.sleep(take_s)
            return write(probe.id, attempt(PRIMARY, began_s))

        return put

    async def run() -> None:
        clock = start_clock(datetime(2026, 1, 1, tzinfo=UTC), asyncio.get_running_loop().time)
        stop = asyncio.Event()
        with Log(tmp_path / "log") as log, ThreadPoolExecutor(AT_ONCE) as pool:
            series = Series(name="load", what="item", rate=rate, write=writer(clock), told=(told.append,))
            asyncio.get_running_loop().call_later(seconds, stop.set)
            await send(series, Journal("d", log, clock), pool, stop)

    asyncio.run(run())
    return told


def test_probes_go_out_at_their_rate_however_long_each_takes(tmp_path: Path) -> None:
    told = sent(tmp_path, seconds=0.95, rate=20, take_s=0.3)
    assert len(told) == pytest.approx(20, abs=2)
    began = sorted(one.began_s for one in told)
    assert [at_s - began[0] for at_s in began] == pytest.approx([n / 20 for n in range(len(began))], abs=0.1)


def test_everything_is_noted_before_it_goes_out_and_after_it_came_back(tmp_path: Path) -> None:
    told = sent(tmp_path, seconds=0.3, rate=20, take_s=0.1)
    lines = read_log(tmp_path / "log")
    assert {line.id for line in lines if isinstance(line, Sent)} == {one.id for one in told}
    assert sorted(one.id for one in told) == [f"drill-d-load-{number:06}" for number in range(1, len(told) + 1)]
    for one in told:
        assert lines.index(Sent(one.id, "item", one.planned_s)) < lines.index(one)


def test_what_would_only_queue_is_not_sent(tmp_path: Path) -> None:
    assert len(sent(tmp_path, seconds=0.5, rate=400, take_s=2.0)) == AT_ONCE
