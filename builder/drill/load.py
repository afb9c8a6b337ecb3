"""A steady load whose requests are sent at their planned times, and the watches that see it arrive in other regions.

`Caller` is the failover client of a drill; it records every attempt. `Series` says what is sent and how, and `send`
sends it, whether or not earlier requests are answered. `count` takes the turns of a counter, one after the other.
`RegionWatch` reads another region until it shows what was written, and `WriteObserver` sees which requests fail.
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
from builder.drill.exposure import READ_EVERY_S
from builder.drill.findings import DrillEmit, DrillNote
from builder.drill.probe import Probe, counter_key, make_count, shown_count
from builder.drill.records import Journal, Kind, LogLine, Read, RegionAttempt, Sent, Sighting, Turn, Unsent, Write
from builder.drill.target import Access, Side
from builder.drill.tasks import task_group
from builder.errors import BuilderError, Failed, Stopped
from builder.terms import Region

AT_ONCE = 256
"""How many requests of a series may wait for their answers, each on a thread. A slot beyond that is not sent."""


class Caller:
    """A failover client that prefers the first side and returns its attempts with each answer; for any thread."""

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
        """The clock of the attempts' times."""
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
        """Return the answer, None if no region gave one, and all attempts that were made for it, at least one.

        Raises BadInput if the credentials have expired: a request that nobody could sign says nothing of the service.
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
            if not attempts:  # The credentials were not refreshed in time, so that the client asked no region.
                attempts.append(RegionAttempt(self._first, began_s, self.clock(), None))
        return answer, tuple(attempts)

    def _note(self, attempt: client.Attempt) -> None:
        status = attempt.outcome if isinstance(attempt.outcome, int) else None
        ended_s = attempt.started + attempt.duration_s
        self._noted.attempts.append(RegionAttempt(Region(attempt.region), attempt.started, ended_s, status))


Writer = Callable[[Probe], tuple[RegionAttempt, ...]]
"""Makes a write, and returns all its attempts; for any thread."""


class SlotPlan(Protocol):
    """Decides what each slot of a series writes. It is called on the event loop only."""

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
    """Called with each write that has ended, on the event loop, after the plan."""

    def threads(self, deadline_s: float) -> int:
        """Return how many requests may wait for their answers: all that are sent before the first is given up."""
        return min(AT_ONCE, math.ceil(self.rate * deadline_s) + 1)


async def send(series: Series, journal: Journal, pool: Executor, at_once: int, stop: asyncio.Event) -> None:
    """Send until `stop` is set, and return when every request is answered or given up.

    A slot whose time has passed is sent at once and not left out; the log says how late it was. If `at_once` requests
    wait for their answers, the slot is logged as not sent.
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
    """Wait for so long, and return whether `stop` was set by then."""
    if within_s <= 0:
        # Other tasks get their turn here. Otherwise a load that is late would block the event loop.
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
    # On the default executor, since all threads of the load are busy.
    await asyncio.get_running_loop().run_in_executor(None, journal.log.write, line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A number that the drill's client reads and increments, turn after turn."""

    rate: float
    """Turns a second. A turn that is due before the last has ended is left out."""
    read: Callable[[str], tuple[str | None, tuple[RegionAttempt, ...]]]
    """Returns the text of a key, empty if there is no item and None without a good answer; for any thread."""
    write: Writer


async def count(counter: Counter, journal: Journal, pool: Executor, stop: asyncio.Event) -> None:
    """Take turns until `stop` is set, one at a time, and return when the last is over."""
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
    """Read the value, write it incremented if it could be read, and log both as one line."""
    clock, key = journal.clock, counter_key(journal.drill)
    text, read = counter.read(key)
    # An answer that does not show the counter has no value to increment, so that nothing is written in this turn.
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
"""Returns the number of the latest write that a region shows of each key, None for a key that is not there.

A key without an answer is left out. Raises BuilderError if there is no answer at all.
"""
_READ_AGAIN_S = 0.25
"""The pause before a region is read again after an error."""


@dataclass(frozen=True, slots=True)
class _Awaited:
    number: int
    deletes: bool
    since_s: float
    """When the write was acknowledged."""

    def shown(self, number: int | None) -> int | None:
        """Return the number of the write that a read shows, if it is this one or a later one; else None."""
        if self.deletes:
            return self.number if number is None else None
        return number if number is not None and number >= self.number else None


class RegionWatch:
    """Reads one region until it shows the writes that others acknowledged, and logs each read and sighting."""

    def __init__(  # noqa: PLR0913  what is read, where and how; what is called with the sightings
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
        """Watch for the writes of the regions in `sources`, by default of all other regions."""
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
        """Whether any write has arrived."""
        return self._seen_s > 0

    def expect(self, write: Write) -> None:
        """Look for a write from now on, if it has to be replicated to this region."""
        source = write.acknowledged_by
        if write.what != self.what or source is None or source == self.region:
            return
        if self._sources is None or source in self._sources:
            self._awaited[write.name] = _Awaited(write.number, write.deletes, write.ended_s)

    async def run(self) -> None:
        """Read the region until cancelled. Report an error once, and read again."""
        clock = self._journal.clock
        while True:
            asked_s, pause_s = clock.passed_s(), READ_EVERY_S
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
        """Wait until all expected writes were seen."""
        while self._awaited:  # noqa: ASYNC110 - replication sends no event
            await asyncio.sleep(READ_EVERY_S)

    async def stalled(self, for_s: float, within_s: float) -> None:
        """Wait until no acknowledged write has arrived for so long. Raises Failed after `within_s`."""
        clock = self._journal.clock
        began_s = clock.passed_s()
        while self._quiet_s(began_s) < for_s:
            if clock.passed_s() - began_s > within_s:
                raise Failed(
                    where=self.region, what=f"replication did not stop: probes still arrive after {within_s:.0f} s"
                )
            await asyncio.sleep(READ_EVERY_S)

    async def _note(self, shown: Mapping[str, int | None], asked_s: float, at_s: float) -> None:
        """Log a read and what it showed, and only then call the observers."""
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
        """Return how long a write had been awaited without any arriving when the last answered read began."""
        oldest_s = min((awaited.since_s for awaited in self._awaited.values()), default=self._looked_s)
        return self._looked_s - max(since_s, self._seen_s, oldest_s)


class WriteObserver:
    """Sees by the writes that ended when the requests to a region fail, and when they are answered again."""

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
        """Wait for a failed request, and return when it began. Raises Stopped if none fails in time."""
        self._failing.clear()
        await self._until(self._failing, within_s, "no request failed there")
        return self._failed_s

    async def answering(self, within_s: float) -> None:
        """Wait for a good answer. Raises Stopped if none comes in time."""
        self._answering.clear()
        await self._until(self._answering, within_s, "no request was answered there")

    async def _until(self, event: asyncio.Event, within_s: float, otherwise: str) -> None:
        try:
            await asyncio.wait_for(event.wait(), within_s)
        except TimeoutError as error:
            raise Stopped(where=self._region, what=f"{otherwise} within {within_s:.0f} s") from error


@asynccontextmanager
async def watching(*watches: RegionWatch) -> AsyncIterator[None]:
    """Run the watches while the block lasts."""
    async with task_group() as group:
        tasks = [group.create_task(watch.run()) for watch in watches]
        yield
        for task in tasks:
            task.cancel()
