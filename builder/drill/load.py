"""A steady load, each slot of it sent at its time whatever becomes of those before, and what is seen of it elsewhere.

`Caller` is the failover client of a drill, whose every attempt is noted. `Series` says what is sent and how, `send`
sends it; `count` takes the turns of a counter, one after the other. `RegionWatch` looks for what was sent in another
region, and `WriteObserver` sees which requests fail.
"""

import asyncio
import itertools
import math
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from builder import client
from builder.aws import aws_errors
from builder.drill.exposure import LOOK_S
from builder.drill.findings import DrillEmit, DrillNote
from builder.drill.probe import Probe, counter_key, make_count, shown_count
from builder.drill.records import Journal, Kind, LogLine, Read, RegionAttempt, Sent, Sighting, Turn, Unsent, Write
from builder.drill.target import Access, Side
from builder.drill.tasks import task_group
from builder.errors import BuilderError, Failed, Stopped
from builder.terms import Region

AT_ONCE = 256
"""So many requests of a series wait for their answers at most, each on a thread: a slot beyond them is not sent."""


class Caller:
    """A failover client over sides, the first preferred, whose attempts come back with each answer; for any thread."""

    def __init__(
        self,
        sides: Sequence[Side],
        access: Access,
        clock: Callable[[], float],
        *,
        health: str = "/health",
        hold: client.Hold | None = None,
    ) -> None:
        self._first = sides[0].region
        self.clock = clock
        """By which its attempts are timed."""
        self._noted = threading.local()
        self._client = client.FailoverClient(
            access.regions(sides),
            credentials=access.signing(sides),
            endpoint=access.endpoint,
            limits=access.limits,
            hold=hold,
            health=health,
            on_attempt=self._note,
            clock=clock,
        )

    def ask(
        self, method: str, target: str, text: str | None = None
    ) -> tuple[client.Answer | None, tuple[RegionAttempt, ...]]:
        """Return the answer, None where no region gave one, and every attempt that was made for it; one at least.

        Raises BadInput where there are no credentials to sign with any more: what is measured so is nobody's service.
        """
        attempts: list[RegionAttempt] = []
        self._noted.attempts = attempts
        began_s, answer = self.clock(), None
        headers = {} if text is None else {"content-type": "application/json"}
        try:
            with aws_errors(f"{self._first}: the credentials of the requests"):
                body = None if text is None else text.encode()
                answer = self._client.request(method, target, body=body, headers=headers)
        except client.Unavailable:
            if not attempts:  # The credentials could not be had in time: the client asked nobody.
                attempts.append(RegionAttempt(self._first, began_s, self.clock(), None))
        return answer, tuple(attempts)

    def _note(self, attempt: client.Attempt) -> None:
        status = attempt.outcome if isinstance(attempt.outcome, int) else None
        ended_s = attempt.started + attempt.duration_s
        self._noted.attempts.append(RegionAttempt(Region(attempt.region), attempt.started, ended_s, status))


Writer = Callable[[Probe], tuple[RegionAttempt, ...]]
"""Makes a write, and returns every attempt at it; for any thread."""


class SlotPlan(Protocol):
    """What the slots of a series write; called on the event loop alone."""

    def next(self, slot: int, at: datetime) -> Probe:
        """Return what this slot writes; slots are counted from 1."""

    def ended(self, write: Write) -> None:
        """Take notice of what became of a write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Slots of one kind, one every `1 / rate` seconds."""

    what: Kind
    rate: float
    """Slots a second."""
    plan: SlotPlan
    write: Writer
    observers: Sequence[Callable[[Write], None]] = ()
    """Who is told of each write that ended, on the event loop, after the plan."""

    def threads(self, deadline_s: float) -> int:
        """Return how many requests may wait for their answers: all that can before the first is given up."""
        return min(AT_ONCE, math.ceil(self.rate * deadline_s) + 1)


async def send(series: Series, journal: Journal, pool: Executor, at_once: int, stop: asyncio.Event) -> None:
    """Send until told to stop, and return when everything that was sent is answered or given up.

    A slot whose time has passed is sent at once and not left out: how late this was stands in the log. One that finds
    `at_once` requests waiting for their answers is written down as not sent.
    """
    clock = journal.clock
    began_s = clock.passed_s()
    waiting: set[asyncio.Task[None]] = set()
    async with task_group() as group:
        for slot in itertools.count(1):
            planned_s = began_s + (slot - 1) / series.rate
            if await _stopped(stop, planned_s - clock.passed_s()):
                return
            if len(waiting) >= at_once:
                group.create_task(_noted(journal, Unsent(planned_s, series.what)))
                continue
            probe = series.plan.next(slot, clock.date(clock.passed_s()))
            task = group.create_task(_send(series, probe, planned_s, journal, pool))
            waiting.add(task)
            task.add_done_callback(waiting.discard)


async def _stopped(stop: asyncio.Event, within_s: float) -> bool:
    """Wait for so long, and return whether it was told to stop by then."""
    if within_s <= 0:
        # Not without a turn for others: a load that is late would else keep the loop to itself.
        await asyncio.sleep(0)
        return stop.is_set()
    try:
        await asyncio.wait_for(stop.wait(), within_s)
    except TimeoutError:
        return stop.is_set()
    return True


async def _send(series: Series, probe: Probe, planned_s: float, journal: Journal, pool: Executor) -> None:
    def written() -> Write:
        journal.log.write(Sent(probe.id, series.what, planned_s, probe.key))
        called_s = journal.clock.passed_s()
        write = Write(
            id=probe.id,
            what=series.what,
            body=probe.body,
            attempts=series.write(probe),
            planned_s=planned_s,
            called_s=called_s,
            key=probe.key,
            number=probe.number,
            deletes=probe.deletes,
        )
        journal.log.write(write)
        return write

    write = await asyncio.get_running_loop().run_in_executor(pool, written)
    series.plan.ended(write)
    for observe in series.observers:
        observe(write)


async def _noted(journal: Journal, line: Unsent) -> None:
    # Not on a thread of the load: these are what there is none left of.
    await asyncio.get_running_loop().run_in_executor(None, journal.log.write, line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A value kept through the drill's client: read by it, and one more written back by it."""

    rate: float
    """Turns a second, where each ends before the next is due; else that one is left out."""
    read: Callable[[str], tuple[str | None, tuple[RegionAttempt, ...]]]
    """Returns what a key holds, empty where there is nothing and None where no good answer came; for any thread."""
    write: Writer


async def count(counter: Counter, journal: Journal, pool: Executor, stop: asyncio.Event) -> None:
    """Take turns until told to stop, one at a time, and return when the last is over."""
    clock = journal.clock
    began_s = clock.passed_s()
    loop = asyncio.get_running_loop()
    slot, number = 0, 0
    while not await _stopped(stop, began_s + slot / counter.rate - clock.passed_s()):
        number += 1
        turn = partial(_turn, counter, journal, number, began_s + slot / counter.rate)
        await loop.run_in_executor(pool, turn)
        slot = max(slot + 1, math.ceil((clock.passed_s() - began_s) * counter.rate))


def _turn(counter: Counter, journal: Journal, number: int, planned_s: float) -> None:
    """Read the value, and write one more where it could be read; the line of the log is of both."""
    clock, key = journal.clock, counter_key(journal.drill)
    text, read = counter.read(key)
    # What answers with something else than the counter is not read: a value made up of it would be nobody's.
    shown = None if text is None else shown_count(key, text) if text else (0, 0)
    written, attempts = None, tuple[RegionAttempt, ...]()
    if shown is not None:
        written = shown[1] + 1
        probe = make_count(key, number, written, clock.date(clock.passed_s()))
        journal.log.write(Sent(probe.id, "item", planned_s, key))
        attempts = counter.write(probe)
    turn_read, value_read = shown or (None, None)
    journal.log.write(
        Turn(
            number=number,
            planned_s=planned_s,
            read=read,
            turn_read=turn_read,
            value_read=value_read,
            value_written=written,
            write=attempts,
        )
    )


LookUp = Callable[[Collection[str]], Awaitable[Mapping[str, int | None]]]
"""Returns the number of the write that a region shows of each of these keys, None for one that is not there.

A key that was not answered for is left out. Raises BuilderError where nothing was.
"""
_READ_AGAIN_S = 0.25
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


class RegionWatch:
    """Looks at one region for what others acknowledged until it is there, and notes each read and sighting."""

    def __init__(  # noqa: PLR0913  what, where and by what it is seen; who is told
        self,
        what: Kind,
        region: Region,
        look_up: LookUp,
        journal: Journal,
        *,
        sources: Collection[Region] | None = None,
        observers: Sequence[Callable[[Sighting], None]] = (),
        emit: DrillEmit = lambda _: None,
    ) -> None:
        """`sources` are the regions whose writes have to arrive; all others where nothing is said."""
        self.what = what
        self.region = region
        self._look_up = look_up
        self._journal = journal
        self._sources = sources
        self._observers = observers
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
                    shown = await self._look_up(frozenset(self._awaited))
                except BuilderError as error:
                    self._unread(error)
                    pause_s = _READ_AGAIN_S
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
        lines: list[LogLine] = [*sightings, Read(self.region, self.what, asked_s, at_s)]
        await asyncio.get_running_loop().run_in_executor(None, self._journal.log.write, *lines)
        self._looked_s = asked_s
        if sightings:
            self._seen_s = at_s
        for sighting in sightings:
            del self._awaited[sighting.key]
            for observe in self._observers:
                observe(sighting)

    def _unread(self, error: BuilderError) -> None:
        if not self._is_unread:
            what = f"{self.what}s of {self.region} cannot be read, and are not measured meanwhile: {error}"
            self._emit(DrillNote(self._journal.drill, what))
        self._is_unread = True

    def _quiet_s(self, since_s: float) -> float:
        """Return for how long, by the last look that was answered, something was acknowledged and nothing came."""
        oldest_s = min((awaited.since_s for awaited in self._awaited.values()), default=self._looked_s)
        return self._looked_s - max(since_s, self._seen_s, oldest_s)


class WriteObserver:
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


@asynccontextmanager
async def watching(*watches: RegionWatch) -> AsyncIterator[None]:
    """Look while the block lasts."""
    async with task_group() as group:
        tasks = [group.create_task(watch.run()) for watch in watches]
        yield
        for task in tasks:
            task.cancel()
