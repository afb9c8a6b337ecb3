"""The chapters and lines of a rehearsal, and the stage that they were written on."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from builder.deploy import PlanId
from builder.fleet import FleetEmit
from builder.rehearsal import Chapter, Line, Stage


class Transcript(list[Chapter | Line]):
    """The chapters and lines of a rehearsal, and the stage that they were written on."""

    @property
    def chapters(self) -> list[str]:
        return [chapter.title for chapter in self if isinstance(chapter, Chapter)]

    @property
    def lines(self) -> list[str]:
        return [line.text for line in self if isinstance(line, Line)]

    def stage(self) -> Stage:
        numbers = count(1)

        @contextmanager
        def progress() -> Iterator[FleetEmit]:
            yield lambda _: None

        return Stage(self.append, asyncio.run, progress, lambda: PlanId(f"rehearsal-{next(numbers)}", "now"))
