"""The clock of a world, and the one sleep that everything blocking in it goes through.

A virtual clock stands still unless someone waits: the event loop (`virtual_time`), or, outside of a loop, a blocking
call. Real time is there so that the same world can be used with real threads.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Protocol

from greenlet import getcurrent, greenlet

from fake_aws.refusals import BlockedLoop, Unsupported


class Clock(Protocol):
    """What a world asks of time, in seconds since the world began."""

    def time(self) -> float:
        """Return the seconds since the world began."""

    def sleep(self, seconds: float) -> None:
        """Block the caller, and only the caller, for so long."""


class RealClock:
    """Time as the machine has it, for worlds used by real threads."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def time(self) -> float:
        return time.monotonic() - self._began

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Worker(greenlet):
    """A greenlet in which one blocking call runs; it knows the loop that resumes it, and that loop's clock."""

    def __init__(self, run: Callable[[], None], loop: asyncio.AbstractEventLoop, clock: "VirtualClock") -> None:
        super().__init__(run)
        self.loop = loop
        self.clock = clock


class GreenLock:
    """A lock as threads know it, which a greenlet waits for in virtual time: blocking would stop whoever holds it."""

    PACE_S = 0.01

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def acquire(self, blocking: bool = True) -> bool:  # noqa: FBT001, FBT002  threading's own signature
        worker = getcurrent()
        if not isinstance(worker, Worker):
            return self._lock.acquire(blocking)
        while not self._lock.acquire(blocking=False):
            if not blocking:
                return False
            worker.clock.sleep(self.PACE_S)
        return True

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class VirtualClock:
    """Time that jumps: to the next timer when the loop is idle, or by a sleep when there is no loop."""

    def __init__(self) -> None:
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass; only for whoever owns the thread of control (the loop, or a test outside of one)."""
        self._now += max(0.0, seconds)

    def sleep(self, seconds: float) -> None:
        worker = getcurrent()
        if isinstance(worker, Worker):
            if worker.clock is not self or worker.parent is None:
                raise Unsupported("this world belongs to another virtual time: make it after, or with, the present one")
            worker.loop.call_later(seconds, worker.switch)
            worker.parent.switch()
        elif asyncio._get_running_loop() is not None:
            raise BlockedLoop("a blocking AWS call was made on the event loop; use run_in_executor")
        else:
            self.advance(seconds)
