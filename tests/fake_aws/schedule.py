"""What the world does by itself as time passes: stacks being created, change sets being computed.

Something under way is a generator that yields the seconds until it goes on. It runs no thread and sets no timer: when
a call comes in, everything that was due by then happens first, in order, at the time it was due.
"""

import heapq
import itertools
from collections.abc import Callable, Generator

Process = Generator[float, None, None]
"""Something under way; each yielded number is a wait in seconds."""


Where = tuple[str, str]
"""The account and region whose CloudFormation a process changes."""


class Schedule:
    """The processes of a world, and the moment it has got to."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Process, Where | None]] = []
        self._order = itertools.count()
        self.after_step: Callable[[Where | None], None] = lambda _: None
        """Called after each step, with whose CloudFormation it changes, for whoever keeps the past."""

    def start(self, process: Process, where: Where | None) -> None:
        """Run the process up to its first wait, now."""
        self._step(process, where)

    def _step(self, process: Process, where: Where | None) -> None:
        try:
            wait = next(process)
        except StopIteration:
            return
        heapq.heappush(self._due, (self.now + wait, next(self._order), process, where))

    def catch_up(self, now: float) -> None:
        """Let everything happen that is due by `now`."""
        while self._due and self._due[0][0] <= now:
            when, _, process, where = heapq.heappop(self._due)
            self.now = max(self.now, when)
            self._step(process, where)
            self.after_step(where)
        self.now = max(self.now, now)

    def next_due(self) -> float | None:
        """Return when the next thing happens, or None when the world is at rest."""
        return self._due[0][0] if self._due else None
