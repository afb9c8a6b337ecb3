"""A continuous look at one region: when each probe is first seen there."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from builder.drill.log import Journal
from builder.drill.records import Kind, Line, Read, Sighting, Write
from builder.errors import Failed
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
        self._awaited: dict[str, float] = {}
        """When each was acknowledged."""
        self._looked_s = 0.0
        self._seen_s = 0.0

    def expect(self, write: Write) -> None:
        """Look for a write from now on, if it is one that has to be replicated to this region."""
        if write.what == self._what and write.acknowledged_by not in {None, self._region}:
            self._awaited[write.id] = write.ended_s

    async def run(self) -> None:
        """Look until cancelled. Raises AwsError when the region does not let itself be read."""
        loop, clock = asyncio.get_running_loop(), self._journal.clock
        while True:
            asked_s = clock.passed_s()
            if self._awaited:
                found = self._awaited.keys() & set(await self._look(frozenset(self._awaited)))
                at_s = clock.passed_s()
                lines: list[Line] = [Sighting(name, self._region, at_s) for name in sorted(found)]
                lines.append(Read(self._region, self._what, asked_s, at_s))
                await loop.run_in_executor(None, self._journal.log.write, *lines)
                if found:
                    self._seen_s = at_s
                for name in found:
                    del self._awaited[name]
                self._looked_s = asked_s
            await asyncio.sleep(max(0.0, asked_s + LOOK_S - clock.passed_s()))

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
                    where=self._region, what=f"replication did not stop: probes still arrive after {within_s:.0f} s"
                )
            await asyncio.sleep(LOOK_S)

    def _quiet_s(self, since_s: float) -> float:
        """Return for how long, by the last look that was answered, something was acknowledged and nothing came."""
        oldest_s = min(self._awaited.values(), default=self._looked_s)
        return self._looked_s - max(since_s, self._seen_s, oldest_s)
