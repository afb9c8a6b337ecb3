"""An event loop whose time jumps to the next timer, and an executor that runs blocking calls on it.

`run_virtual(main)` runs `main()` with both. A call given to the loop's default executor (`run_in_executor(None, f)`,
`asyncio.to_thread`) runs in a greenlet: when it has to wait (the fake's latency, botocore's retry delay), it
switches back to the loop, which resumes it by `call_later`. So many calls are under way at once, in one thread, in an
order that depends on nothing but the test.

When the fake is loud (`refusals.Loud`: the process was killed, an operation is unknown), the loop stops at once and
`run_virtual` raises it, whatever the tasks would have caught.
"""

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from greenlet import GreenletExit

from fake_aws.clock import VirtualClock, Worker
from fake_aws.refusals import Deadlock, Loud, OutOfTime

T = TypeVar("T")
P = ParamSpec("P")


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for the timeout, moves the clock on by it; there is one thread, and nothing to hear from."""

    def __init__(self, clock: VirtualClock, limit_s: float) -> None:
        super().__init__()
        self._clock = clock
        self._limit = clock.time() + limit_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0:
            return []
        if timeout is None:
            raise Deadlock("every task waits, but no timer is set and no AWS call is under way")
        if self._clock.time() + timeout > self._limit:
            raise OutOfTime("the virtual time limit passed; something waits or polls for ever")
        self._clock.advance(timeout)
        return []


@dataclass(slots=True)
class _Job:
    future: Future[Any]
    call: Callable[[], Any]


class GreenletExecutor(ThreadPoolExecutor):
    """Runs each call in a greenlet of the loop's thread, `workers` of them at once, the rest queued in order.

    It is a ThreadPoolExecutor because asyncio takes nothing else as a default executor; it never starts a thread.
    """

    def __init__(self, loop: "VirtualLoop", workers: int) -> None:
        super().__init__(max_workers=workers)
        self._loop = loop
        self._free = workers
        self._waiting: deque[_Job] = deque()
        self._running: set[Worker] = set()
        self._pending: set[Future[Any]] = set()
        self.loud: Loud | None = None
        """What stopped the run, if the fake was loud."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        self._waiting.append(_Job(future, lambda: fn(*args, **kwargs)))
        self._loop.call_soon(self._start)
        return future

    def _start(self) -> None:
        if self._free and self._waiting:
            job = self._waiting.popleft()
            self._free -= 1
            worker = Worker(lambda: self._work(job), self._loop, self._loop.clock)
            self._running.add(worker)
            worker.switch()
            self._running = {each for each in self._running if not each.dead}

    def _work(self, job: _Job) -> None:
        try:
            if job.future.set_running_or_notify_cancel():
                job.future.set_result(job.call())
        except GreenletExit:
            return
        except BaseException as error:  # noqa: BLE001  a thread's answer is whatever the call raised
            if isinstance(error, Loud) and self.loud is None:
                self.loud = error
                self._loop.stop()
            job.future.set_exception(error)
        finally:
            self._free += 1
            if not self._loop.is_closed():
                self._loop.call_soon(self._start)

    async def idle(self) -> None:
        """Wait until no call is under way or queued."""
        while self._pending:
            # gather takes their errors, too: one that nobody took is logged when the collector comes by, in whatever
            # it interrupts, and a traceback logged inside of ast.parse fails that (CPython issue 106905, in 3.11.7).
            await asyncio.gather(*map(asyncio.wrap_future, self._pending), return_exceptions=True)

    def abandon(self) -> None:
        """End what is still under way, as the death of the process does."""
        self._waiting.clear()
        for worker in self._running:
            if not worker.dead:
                worker.throw(GreenletExit)


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop on virtual time."""

    def __init__(self, clock: VirtualClock, *, workers: int, limit_s: float) -> None:
        self.clock = clock
        super().__init__(_JumpingSelector(clock, limit_s))
        # More than the least that the clock can count after a year: else a timer that is due waits for ever.
        self._clock_resolution = 1e-6
        self.executor = GreenletExecutor(self, workers)
        self.set_default_executor(self.executor)

    def time(self) -> float:
        return self.clock.time()

    def _write_to_self(self) -> None:
        """Wake nobody: whoever calls from another thread does so from a greenlet of this one."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  asyncio's own name
        """Wait for calls still under way, as the end of a real process would wait for its threads."""
        del timeout  # nobody here gives up on a call
        await self.executor.idle()


_clock = VirtualClock()


def current_clock() -> VirtualClock:
    """Return the clock that the next world and the next `run_virtual` share."""
    return _clock


def fresh_clock() -> VirtualClock:
    """Begin a new time, unless a loop is running on the present one; a new World calls it."""
    global _clock  # noqa: PLW0603  one process has one virtual time, as it has one real time
    if asyncio._get_running_loop() is None:
        _clock = VirtualClock()
    return _clock


def run_virtual(
    main: Callable[[], Coroutine[Any, Any, T]], *, workers: int = 32, limit_s: float = 86_400, seed: int = 0
) -> T:
    """Return what `main()` returns, having run it on virtual time that goes on from where the last run ended.

    `workers` is how many blocking calls may be under way at once (a real default pool has min(32, cores + 4)). botocore
    draws its retry delays from `random`, which is seeded for the run. Raises `Loud` as soon as the fake is loud.
    """
    loop = VirtualLoop(current_clock(), workers=workers, limit_s=limit_s)
    before = random.getstate()
    random.seed(seed)
    asyncio.set_event_loop(loop)
    try:
        result = loop.run_until_complete(main())
    except RuntimeError:
        if loop.executor.loud is None:
            raise
        raise loop.executor.loud from None
    else:
        if loop.executor.loud is not None:
            raise loop.executor.loud
        return result
    finally:
        _close(loop)
        random.setstate(before)


def _close(loop: VirtualLoop) -> None:
    try:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        if loop.executor.loud is not None:
            # A process that was killed tells nothing of the answers that came too late for it.
            loop.set_exception_handler(lambda _loop, _context: None)
        else:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.executor.abandon()
        asyncio.set_event_loop(None)
        loop.close()
