"""An open drill: its folder with the log, its clock, its load and its watches, and what clears it away in the end."""

import asyncio
import math
import platform
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from builder import __version__
from builder.aws import Clients, together
from builder.aws.call import in_the_end, task_group, to_its_end
from builder.drill.findings import About, Report
from builder.drill.load import Access, Counter, Series, count, send
from builder.drill.note import remaining
from builder.drill.probe import delete_objects
from builder.drill.probes import Probes
from builder.drill.progress import DrillBegun, DrillMoment, DrillNote, Emit
from builder.drill.records import (
    FILE_NAME,
    VERSION,
    Clock,
    Closed,
    Journal,
    Kind,
    Line,
    Log,
    Mark,
    Moment,
    Opened,
    ProbeSpec,
    Read,
    Sent,
    Sighting,
    Turn,
    Write,
    parse_log,
    read_bytes,
    read_log,
    sha256_of,
    start_clock,
)
from builder.drill.target import Target
from builder.drill.verdict import Objectives
from builder.errors import BuilderError, Failed, Stopped, gathered
from builder.terms import Region


def versions() -> Mapping[str, str]:
    """Return the versions of what took part on this side."""
    return {
        "builder": __version__,
        "python": platform.python_version(),
        "boto3": version("boto3"),
        "botocore": version("botocore"),
        "urllib3": version("urllib3"),
    }


Look = Callable[[Collection[str]], Awaitable[Mapping[str, int | None]]]
"""Returns the number of the write that a region shows of each of these keys, None for one that is not there.

A key that was not answered for is left out. Raises BuilderError where nothing was.
"""
LOOK_S = 0.05
"""From the beginning of one look to that of the next; the resolution of every delay and of the RPO."""
_AGAIN_S = 0.25
"""Before a region is asked again that did not let itself be read."""


@dataclass(frozen=True, slots=True)
class _Awaited:
    number: int
    deletes: bool
    since_s: float
    """When it was acknowledged."""

    def shown(self, number: int | None) -> int | None:
        """Return which write a read shows that showed this one or a later one; None where it showed neither."""
        if self.deletes:
            return self.number if number is None else None
        return number if number is not None and number >= self.number else None


class Watch:
    """Looks at one region for what others acknowledged until it is there, and notes each read and sighting."""

    def __init__(  # noqa: PLR0913  what, where and by what it is seen; who is told
        self,
        what: Kind,
        region: Region,
        look: Look,
        journal: Journal,
        *,
        sources: Collection[Region] | None = None,
        told: Sequence[Callable[[Sighting], None]] = (),
        emit: Emit = lambda _: None,
    ) -> None:
        """`sources` are the regions whose writes have to arrive; all others where nothing is said."""
        self.what = what
        self.region = region
        self._look = look
        self._journal = journal
        self._sources = sources
        self._told = told
        self._emit = emit
        self._awaited: dict[str, _Awaited] = {}
        self._looked_s = 0.0
        self._seen_s = 0.0
        self._is_unread = False

    @property
    def has_seen(self) -> bool:
        """Whether anything has arrived."""
        return self._seen_s > 0

    def expect(self, write: Write) -> None:
        """Look for a write from now on, if it is one that has to be replicated to this region."""
        source = write.acknowledged_by
        if write.what != self.what or source is None or source == self.region:
            return
        if self._sources is None or source in self._sources:
            self._awaited[write.name] = _Awaited(write.number, write.deletes, write.ended_s)

    async def run(self) -> None:
        """Look until cancelled. A region that does not let itself be read is said to be so, and asked again."""
        clock = self._journal.clock
        while True:
            asked_s, pause_s = clock.passed_s(), LOOK_S
            if self._awaited:
                try:
                    shown = await self._look(frozenset(self._awaited))
                except BuilderError as error:
                    self._unread(error)
                    pause_s = _AGAIN_S
                else:
                    self._is_unread = False
                    await self._note(shown, asked_s, clock.passed_s())
            await asyncio.sleep(max(0.0, asked_s + pause_s - clock.passed_s()))

    async def all_seen(self) -> None:
        """Wait until nothing is awaited any more."""
        while self._awaited:  # noqa: ASYNC110 - replication sends no event
            await asyncio.sleep(LOOK_S)

    async def stalled(self, for_s: float, within_s: float) -> None:
        """Wait until, for so long, nothing came of what was acknowledged. Raises Failed after `within_s`."""
        clock = self._journal.clock
        began_s = clock.passed_s()
        while self._quiet_s(began_s) < for_s:
            if clock.passed_s() - began_s > within_s:
                raise Failed(
                    where=self.region, what=f"replication did not stop: probes still arrive after {within_s:.0f} s"
                )
            await asyncio.sleep(LOOK_S)

    async def _note(self, shown: Mapping[str, int | None], asked_s: float, at_s: float) -> None:
        """Write down a read and what it showed, and only then tell of that."""
        sightings = [
            Sighting(key, self.region, at_s, number)
            for key, awaited in sorted(self._awaited.items())
            if key in shown and (number := awaited.shown(shown[key])) is not None
        ]
        lines: list[Line] = [*sightings, Read(self.region, self.what, asked_s, at_s)]
        await asyncio.get_running_loop().run_in_executor(None, self._journal.log.write, *lines)
        self._looked_s = asked_s
        if sightings:
            self._seen_s = at_s
        for sighting in sightings:
            del self._awaited[sighting.key]
            for tell in self._told:
                tell(sighting)

    def _unread(self, error: BuilderError) -> None:
        if not self._is_unread:
            what = f"{self.what}s of {self.region} cannot be read, and are not measured meanwhile: {error}"
            self._emit(DrillNote(self._journal.drill, what))
        self._is_unread = True

    def _quiet_s(self, since_s: float) -> float:
        """Return for how long, by the last look that was answered, something was acknowledged and nothing came."""
        oldest_s = min((awaited.since_s for awaited in self._awaited.values()), default=self._looked_s)
        return self._looked_s - max(since_s, self._seen_s, oldest_s)


class Onlooker:
    """Told of every write that ended, on the event loop."""

    def __init__(self, region: Region) -> None:
        self._region = region
        self._failed_s = 0.0
        self._failing = asyncio.Event()
        self._answering = asyncio.Event()

    def note(self, write: Write) -> None:
        """Take notice of a write's attempts in the region."""
        for attempt in write.attempts:
            if attempt.region != self._region:
                continue
            if attempt.is_good:
                self._answering.set()
            elif not self._failing.is_set():
                self._failed_s = attempt.began_s
                self._failing.set()

    async def failing(self, within_s: float) -> float:
        """Return when the first request began that failed from now on. Raises Stopped where none does."""
        self._failing.clear()
        await self._until(self._failing, within_s, "no request failed there")
        return self._failed_s

    async def answering(self, within_s: float) -> None:
        """Wait for an answer from now on. Raises Stopped where none comes."""
        self._answering.clear()
        await self._until(self._answering, within_s, "no request was answered there")

    async def _until(self, event: asyncio.Event, within_s: float, otherwise: str) -> None:
        try:
            await asyncio.wait_for(event.wait(), within_s)
        except TimeoutError as error:
            raise Stopped(where=self._region, what=f"{otherwise} within {within_s:.0f} s") from error


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
