"""How a drill sees what becomes of its writes: by continuous reads of a region, and by the clients' own requests.

A `Watch` looks for what other regions acknowledged until it is there. An `Onlooker` is told of every request, and sees
by them when a region begins to fail and when it answers again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from builder.drill.log import Journal
from builder.drill.progress import DrillNote, Emit
from builder.drill.records import Kind, Line, Read, Sighting, Write
from builder.errors import BuilderError, Failed, Stopped
from builder.terms import Region

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
