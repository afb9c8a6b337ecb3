"""Somebody who sees by the clients' own requests when a region begins to fail, and when it answers again."""

import asyncio

from builder.drill.records import Write
from builder.errors import Stopped
from builder.terms import Region


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
