"""A steady load: each slot of a series is sent at its time, whatever becomes of those sent before.

`Caller` is the failover client of a drill, whose every attempt is noted. `Series` says what is sent and how, `send`
sends it; `count` takes the turns of a counter, one after the other.
"""

import asyncio
import itertools
import math
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol

from botocore.credentials import Credentials

from builder import client
from builder.aws import aws_errors
from builder.aws.call import task_group
from builder.drill.probe import Probe, counter_key, make_count, shown_count
from builder.drill.records import Attempt, Journal, Kind, Sent, Turn, Unsent, Write
from builder.drill.target import Side
from builder.terms import Region

AT_ONCE = 256
"""So many requests of a series wait for their answers at most, each on a thread: a slot beyond them is not sent."""


@dataclass(frozen=True, slots=True)
class Access:
    """How function URLs are reached."""

    endpoint: str | None = None
    """Where to connect instead of the URL's own host: the embedded AWS."""
    credentials: Credentials | None = None
    """By whom requests are signed, where a URL wants that."""
    limits: client.Limits = client.Limits()  # noqa: RUF009  frozen

    def regions(self, sides: Sequence[Side]) -> tuple[client.RegionUrl, ...]:
        """Return the sides as a client knows them."""
        return tuple(client.RegionUrl(side.region, side.url) for side in sides)

    def signing(self, sides: Sequence[Side]) -> Credentials | None:
        """Return what requests to these sides are signed with, None for nothing."""
        return self.credentials if any(side.signs for side in sides) else None


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
    ) -> tuple[client.Answer | None, tuple[Attempt, ...]]:
        """Return the answer, None where no region gave one, and every attempt that was made for it; one at least.

        Raises BadInput where there are no credentials to sign with any more: what is measured so is nobody's service.
        """
        attempts: list[Attempt] = []
        self._noted.attempts = attempts
        began_s, answer = self.clock(), None
        headers = {} if text is None else {"content-type": "application/json"}
        try:
            with aws_errors(f"{self._first}: the credentials of the requests"):
                body = None if text is None else text.encode()
                answer = self._client.request(method, target, body=body, headers=headers)
        except client.Unavailable:
            if not attempts:  # The credentials could not be had in time: the client asked nobody.
                attempts.append(Attempt(self._first, began_s, self.clock(), None))
        return answer, tuple(attempts)

    def _note(self, attempt: client.Attempt) -> None:
        status = attempt.outcome if isinstance(attempt.outcome, int) else None
        ended_s = attempt.started + attempt.duration_s
        self._noted.attempts.append(Attempt(Region(attempt.region), attempt.started, ended_s, status))


Writer = Callable[[Probe], tuple[Attempt, ...]]
"""Makes a write, and returns every attempt at it; for any thread."""


class Plan(Protocol):
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
    plan: Plan
    write: Writer
    told: Sequence[Callable[[Write], None]] = ()
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
    for tell in series.told:
        tell(write)


async def _noted(journal: Journal, line: Unsent) -> None:
    # Not on a thread of the load: these are what there is none left of.
    await asyncio.get_running_loop().run_in_executor(None, journal.log.write, line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """A value kept through the drill's client: read by it, and one more written back by it."""

    rate: float
    """Turns a second, where each ends before the next is due; else that one is left out."""
    read: Callable[[str], tuple[str | None, tuple[Attempt, ...]]]
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
    written, attempts = None, tuple[Attempt, ...]()
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
