"""An open drill: its folder with the log, its clock, its load and its watches, and what clears it away in the end."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from builder.aws import Clients, together
from builder.drill.bucket import delete_objects
from builder.drill.clock import Clock, start_clock
from builder.drill.findings import About, Report
from builder.drill.load import Access, Counter, Series, count, send
from builder.drill.log import FILE_NAME, Journal, Log, parse_log, read_bytes, read_log, sha256_of
from builder.drill.probes import Probes
from builder.drill.progress import DrillBegun, DrillMoment, DrillNote, Emit
from builder.drill.records import VERSION, Closed, Line, Mark, Moment, Opened, ProbeSpec, Sent, Turn, Write
from builder.drill.remains import remaining
from builder.drill.target import Target
from builder.drill.tasks import in_the_end, task_group, to_its_end
from builder.drill.verdict import Objectives
from builder.drill.versions import versions
from builder.drill.watch import Watch
from builder.errors import BuilderError, gathered

LINGERS_S = 10.0
"""For so long a function may still carry out what nobody waits for: the time-out of the shipped one."""


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
    probe: ProbeSpec = "handler"
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
    probes: Probes
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
        return self.written()[0]

    def written(self) -> tuple[tuple[Line, ...], str]:
        """Return what has been written down so far, and the SHA-256 of just these lines of the log."""
        path = self.ground.folder / FILE_NAME
        written = read_bytes(path)
        return parse_log(path, written), sha256_of(written)

    def about(self, rate: float, log_sha256: str, *, fault: str = "", service: str | None = None) -> About:
        """Return which drill this is; `service` says what a good answer is, where that is not only the probes' word."""
        ground, target = self.ground, self.ground.target
        return About(
            drill=ground.drill,
            deployment=target.deployment,
            environment=ground.environment,
            assembly=ground.assembly,
            account=target.account,
            by=target.by,
            primary=target.primary.region,
            secondaries=tuple(side.region for side in target.secondaries),
            to=target.secondary.region,
            began=self.clock.began.isoformat(timespec="milliseconds"),
            rate=rate,
            service_s=ground.objectives.service_seconds or ground.access.limits.deadline_s,
            service=service or self.probes.service,
            probe=self.probes.words,
            fault=fault,
            log_sha256=log_sha256,
            versions=versions(),
        )

    @asynccontextmanager
    async def sending(self, *series: Series, counter: Counter | None = None) -> AsyncIterator[None]:
        """Send while the block lasts, and then wait for what is under way."""
        stop = asyncio.Event()
        at_once = [one.threads(self.ground.access.limits.deadline_s) for one in series]
        pool = ThreadPoolExecutor(sum(at_once) + 1, thread_name_prefix="load")
        try:
            async with task_group() as group:
                for one, most in zip(series, at_once, strict=True):
                    group.create_task(send(one, self.journal, pool, most, stop))
                if counter is not None:
                    group.create_task(count(counter, self.journal, pool, stop))
                self.mark("load")
                yield
                stop.set()
            self.mark("load ended")
        finally:
            # Where this is broken off, requests are under way: what they do has to be in the log, and comes before it
            # is cleared away. Not on the loop, which has signals to heed meanwhile.
            await to_its_end(asyncio.to_thread(pool.shutdown, cancel_futures=True))


def make_ready(target: Target, clients: Clients) -> None:
    """Make the clients that a drill reads and writes by: that takes a while each, in which a load would be late."""
    for side in target.sides:
        clients.of(side.site).dynamodb(side.region)
        clients.of(side.site).s3(side.region)


@asynccontextmanager
async def watching(*watches: Watch) -> AsyncIterator[None]:
    """Look while the block lasts."""
    async with task_group() as group:
        tasks = [group.create_task(watch.run()) for watch in watches]
        yield
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def opened(ground: Ground, what: Literal["replication", "failover"], probes: Probes) -> AsyncIterator[Run]:
    """Give an open drill; when the block ends, however it does, its probes are cleared away."""
    loop = asyncio.get_running_loop()
    clock = start_clock(ground.now(), loop.time)
    with Log(ground.folder / FILE_NAME) as log:
        began = clock.began.isoformat(timespec="milliseconds")
        log.write(Opened(ground.drill, ground.target.deployment, began, VERSION, ground.probe))
        ground.emit(DrillBegun(ground.drill, what, ground.target.deployment, str(ground.folder)))
        async with in_the_end(partial(_closed, ground, probes, clock, log)):
            yield Run(ground, probes, Journal(ground.drill, log, clock))


def last_unanswered_s(lines: Sequence[Line]) -> float:
    """Return when the last request ended that got no answer; minus infinity where each got one."""
    attempts = chain.from_iterable(
        line.attempts if isinstance(line, Write) else line.write for line in lines if isinstance(line, Write | Turn)
    )
    return max((attempt.ended_s for attempt in attempts if attempt.status is None), default=-math.inf)


async def clear(target: Target, probes: Probes, clients: Clients, drill: str, lines: Sequence[Line]) -> str:
    """Delete everything that a drill's log says was sent, acknowledged or not, in every region.

    Each region is tried whatever becomes of the others, and all that fails is raised. Returns what stays all the same,
    empty for nothing.
    """
    sent = [line for line in lines if isinstance(line, Sent)]
    items = sorted({one.name for one in sent if one.what == "item"})
    patient = probes.with_clients(clients)
    work: list[Coroutine[Any, Any, None]] = [patient.clear(side, items) for side in target.sides if items]
    if any(one.what == "object" for one in sent):
        work.append(_clear_objects(target, clients, drill))
    await together(work)
    if items and not probes.can_delete:
        return f"{len(items)} items stay, which begin with drill-{drill}: no path of dr.yaml deletes them"
    return ""


async def _clear_objects(target: Target, clients: Clients, drill: str) -> None:
    errors: list[BuilderError] = []
    # The source first: what it still replicates would come after.
    for side in target.sides:
        if side.bucket is not None:
            try:
                await delete_objects(clients, side, drill)
            except BuilderError as error:
                errors.append(error)
    if errors:
        raise gathered(errors)


async def _closed(ground: Ground, probes: Probes, clock: Clock, log: Log) -> None:
    lines = read_log(ground.folder / FILE_NAME)
    # What was not answered may still be carried out, and would then come back after it was deleted.
    await asyncio.sleep(max(0.0, last_unanswered_s(lines) + LINGERS_S - clock.passed_s()))
    with remaining(ground.target.deployment, f"probes of drill {ground.drill} are not cleared away"):
        left = await clear(ground.target, probes, ground.clients, ground.drill, lines)
    log.write(Closed())
    if left:
        ground.emit(DrillNote(ground.drill, left))
