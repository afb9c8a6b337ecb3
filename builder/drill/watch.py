"""A continuous look at one region: when each probe is first seen there."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from builder.drill.log import Journal
from builder.drill.records import Kind, Sighting, Write
from builder.terms import Region

Look = Callable[[Collection[str]], Awaitable[Collection[str]]]
"""Returns which of these probes a region shows; all it shows may be in the answer."""
LOOK_S = 0.05
"""From one look to the next; the resolution of every delay and of the RPO."""


class Watch:
    """Looks for what other regions acknowledged until it is there, and notes each sighting in the log."""

    def __init__(self, what: Kind, region: Region, look: Look, journal: Journal) -> None:
        self._what = what
        self._region = region
        self._look = look
        self._journal = journal
        self._awaited: set[str] = set()

    def expect(self, write: Write) -> None:
        """Look for a write from now on, if it is one that has to be replicated to this region."""
        if write.what == self._what and write.acknowledged_by not in {None, self._region}:
            self._awaited.add(write.id)

    async def run(self) -> None:
        """Look until cancelled. Raises AwsError when the region does not let itself be read."""
        loop, clock = asyncio.get_running_loop(), self._journal.clock
        while True:
            asked_s = clock.passed_s()
            if self._awaited:
                found = self._awaited.intersection(await self._look(frozenset(self._awaited)))
                at_s = clock.passed_s()
                if found:
                    sightings = [Sighting(name, self._region, at_s) for name in sorted(found)]
                    await loop.run_in_executor(None, self._journal.log.write, *sightings)
                self._awaited -= found
            await asyncio.sleep(max(0.0, asked_s + LOOK_S - clock.passed_s()))

    async def all_seen(self) -> None:
        """Wait until nothing is awaited any more."""
        while self._awaited:  # noqa: ASYNC110 - replication sends no event
            await asyncio.sleep(LOOK_S)
