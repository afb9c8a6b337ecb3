"""A steady load: probes are sent at their rate, whatever becomes of those sent before.

Only where so many wait for an answer that nobody could tell one more from a queue, the next is not sent.
"""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from builder.drill.log import Journal
from builder.drill.probe import Probe, make_probe
from builder.drill.records import Kind, Sent, Unsent, Write
from builder.drill.tasks import task_group
from builder.drill.writers import Writer

AT_ONCE = 32
"""So many requests of a series wait for their answers at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Probes of one kind, counted from 1."""

    name: str
    what: Kind
    rate: float
    """Probes a second."""
    write: Writer
    told: Sequence[Callable[[Write], None]] = ()
    """Who is told of each write that ended, on the event loop."""


async def send(series: Series, journal: Journal, pool: Executor, stop: asyncio.Event) -> None:
    """Send until told to stop, and return when everything that was sent is answered or given up."""
    clock = journal.clock
    began_s = clock.passed_s()
    waiting: set[asyncio.Task[None]] = set()
    async with task_group() as group:
        for number in itertools.count(1):
            planned_s = began_s + (number - 1) / series.rate
            if await _stopped(stop, planned_s - clock.passed_s()):
                return
            if len(waiting) >= AT_ONCE:
                journal.log.write(Unsent(planned_s, series.what))
                continue
            probe = make_probe(journal.drill, series.name, number, clock.date(clock.passed_s()))
            task = group.create_task(_send(series, probe, planned_s, journal, pool))
            waiting.add(task)
            task.add_done_callback(waiting.discard)


async def _stopped(stop: asyncio.Event, within_s: float) -> bool:
    """Wait for so long, and return whether it was told to stop by then."""
    try:
        await asyncio.wait_for(stop.wait(), max(0.0, within_s))
    except TimeoutError:
        return stop.is_set()
    return True


async def _send(series: Series, probe: Probe, planned_s: float, journal: Journal, pool: Executor) -> None:
    def written() -> Write:
        journal.log.write(Sent(probe.id, series.what, planned_s))
        called_s = journal.clock.passed_s()
        done = replace(series.write(probe), planned_s=planned_s, called_s=called_s)
        journal.log.write(done)
        return done

    write = await asyncio.get_running_loop().run_in_executor(pool, written)
    for tell in series.told:
        tell(write)
