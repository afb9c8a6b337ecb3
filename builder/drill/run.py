"""An open drill: its folder with the log, its clock, its load and its watches."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

from builder import client
from builder.aws import Clients
from builder.drill.clear import clear
from builder.drill.clock import Clock, start_clock
from builder.drill.findings import About, Report
from builder.drill.load import AT_ONCE, Series, send
from builder.drill.log import FILE_NAME, Journal, Log, read_log, sha256_of
from builder.drill.progress import DrillBegun, DrillMoment, Emit
from builder.drill.records import VERSION, Closed, Line, Mark, Moment, Opened
from builder.drill.remains import remaining
from builder.drill.target import Target
from builder.drill.tasks import in_the_end, task_group
from builder.drill.verdict import Objectives
from builder.drill.versions import versions
from builder.drill.watch import Watch
from builder.drill.writers import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a drill is given from outside."""

    drill: str
    """Its id; letters, digits and hyphens."""
    target: Target
    environment: str
    assembly: str
    """The digest of what is meant to be deployed."""
    objectives: Objectives
    clients: Clients
    access: Access
    folder: Path
    """Of this drill alone."""
    now: Callable[[], datetime]
    emit: Emit
    keep: Callable[[Report], None]
    """Takes the report, before anything is cleared away: that may fail, and the report be all there is."""


@dataclass(frozen=True, slots=True)
class Run:
    """A drill under way."""

    ground: Ground
    journal: Journal

    @property
    def clock(self) -> Clock:
        """Its clock."""
        return self.journal.clock

    def mark(self, moment: Moment, at_s: float | None = None) -> None:
        """Write down, and say, that it came to this; now, if nothing else is said."""
        passed_s = self.clock.passed_s() if at_s is None else at_s
        self.journal.log.write(Mark(moment, passed_s))
        self.ground.emit(DrillMoment(self.ground.drill, moment, passed_s))

    def lines(self) -> tuple[Line, ...]:
        """Return what has been written down so far."""
        return read_log(self.ground.folder / FILE_NAME)

    def about(self, rate: float, fault: str = "") -> About:
        """Return which drill this is."""
        ground = self.ground
        return About(
            drill=ground.drill,
            deployment=ground.target.deployment,
            environment=ground.environment,
            assembly=ground.assembly,
            account=ground.target.account,
            primary=ground.target.primary.region,
            by=ground.target.by,
            secondaries=tuple(side.region for side in ground.target.secondaries),
            to=ground.target.secondary.region,
            service_s=ground.objectives.service_seconds or client.Limits().deadline_s,
            began=self.clock.began.isoformat(timespec="milliseconds"),
            rate=rate,
            fault=fault,
            log_sha256=sha256_of(ground.folder / FILE_NAME),
            versions=versions(),
        )

    @asynccontextmanager
    async def sending(self, *series: Series) -> AsyncIterator[None]:
        """Send while the block lasts, and then wait for what is under way."""
        stop = asyncio.Event()
        with ThreadPoolExecutor(AT_ONCE * len(series), thread_name_prefix="load") as pool:
            async with task_group() as group:
                for one in series:
                    group.create_task(send(one, self.journal, pool, stop))
                self.mark("load")
                yield
                stop.set()
            self.mark("load ended")


@asynccontextmanager
async def watching(*watches: Watch) -> AsyncIterator[None]:
    """Look while the block lasts."""
    async with task_group() as group:
        tasks = [group.create_task(watch.run()) for watch in watches]
        yield
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def opened(ground: Ground, what: Literal["replication", "failover"]) -> AsyncIterator[Run]:
    """Give an open drill; when the block ends, however it does, its probes are cleared away."""
    loop = asyncio.get_running_loop()
    clock = start_clock(ground.now(), loop.time)
    with Log(ground.folder / FILE_NAME) as log:
        began = clock.began.isoformat(timespec="milliseconds")
        log.write(Opened(ground.drill, ground.target.deployment, began, VERSION))
        ground.emit(DrillBegun(ground.drill, what, ground.target.deployment, str(ground.folder)))
        async with in_the_end(partial(_closed, ground, log)):
            yield Run(ground, Journal(ground.drill, log, clock))


async def _closed(ground: Ground, log: Log) -> None:
    with remaining(ground.target.deployment, f"probes of drill {ground.drill} are not cleared away"):
        await clear(ground.target, ground.clients, ground.drill, read_log(ground.folder / FILE_NAME))
    log.write(Closed())
