"""A function runs in a few processes at most: what comes while all of them work waits for one, and is not throttled.

The emulator starts a process for every request that finds none free, so that on a busy machine, where starting takes
long, each late request starts another. Throttling instead would look like the outage that a drill is there to measure.

And it kills the processes of a function that is updated, whatever they answer just then. On AWS an update takes nothing
away from what is under way: such a process ends once it has answered.
"""

import asyncio
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from builder.local.adapter.emulator import replace, touch

Acquire = Callable[..., tuple[Any, str]]
Release = Callable[[Any], None]

_LAMBDA = "ministack.services.lambda_svc"
# The emulator's reason for no process, which it answers with 429; here only a server that ends gives it.
_NO_PROCESS = "func_cap"
# The longest that a function may run: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_LONGEST_S = 900.0
_LOOK_S = 0.05


def install(limit: int) -> "Invocations":
    """Let invocations wait for one of `limit` processes of their function, by account, region and version."""
    invocations = Invocations(limit, touch("ministack.core.lambda_runtime:_worker_key"), _is_nested)
    replace(f"{_LAMBDA}:acquire_worker", invocations.make_acquire)
    replace(f"{_LAMBDA}:release_worker", invocations.make_release)
    replace("ministack.core.lambda_runtime:kill_workers", invocations.make_kill)
    return invocations


class Invocations:
    """The invocations under way. Each takes and gives back its process on one thread of its own."""

    def __init__(self, limit: int, key: Callable[..., str], is_nested: Callable[[], bool]) -> None:
        self._limit = limit
        self._key = key
        self._is_nested = is_nested
        self._lock = threading.Lock()
        self._working: Counter[str] = Counter()
        self._waiting: defaultdict[str, deque[threading.Event]] = defaultdict(deque)
        self._is_closed = False
        self._mine = threading.local()

    def close(self) -> None:
        """Give nobody a process any more, so that no waiting request keeps the server from its end."""
        with self._lock:
            self._is_closed = True
            for waiting in self._waiting.values():
                for turn in waiting:
                    turn.set()

    def make_acquire(self, acquire: Acquire) -> Acquire:
        """Return what acquires a process for an invocation, in the order of their arrival."""

        def acquire_in_turn(
            name: str, config: dict[str, Any], code: bytes, qualifier: str = "$LATEST", **rest: object
        ) -> tuple[Any, str]:
            key = self._key(name, config, qualifier)
            has_turn = self._take_turn(key)
            if self._is_closed:
                return None, _NO_PROCESS
            worker, reason = None, ""
            try:
                worker, reason = acquire(name, config, code, qualifier=qualifier, **rest)
            finally:
                if has_turn and worker is None:
                    self._end_turn(key)
            self._mine.turn = key if has_turn else None
            return worker, reason

        return acquire_in_turn

    def make_release(self, release: Release) -> Release:
        """Return what releases a process; it is called with None for a broken one, whose turn ends too."""

        def release_and_end(worker: object) -> None:
            release(worker)
            key, self._mine.turn = getattr(self._mine, "turn", None), None
            if key is not None:
                self._end_turn(key)

        return release_and_end

    def make_kill(self, kill: Callable[[Iterable[Any]], None]) -> Callable[[Iterable[Any]], None]:
        """Return what kills processes, those that answer somebody as soon as they have; all at once when it ends."""

        def kill_once_idle(workers: Iterable[Any]) -> None:
            there = [worker for worker in workers if worker is not None]
            kill([worker for worker in there if self._is_closed or not worker.in_use])
            for worker in there:
                if worker.in_use and not self._is_closed:
                    threading.Thread(target=self._end_once_idle, args=(kill, worker), daemon=True).start()

        return kill_once_idle

    def _end_once_idle(self, kill: Callable[[Iterable[Any]], None], worker: Any) -> None:  # noqa: ANN401  as `Any` above
        until = time.monotonic() + _LONGEST_S
        while worker.in_use and not self._is_closed and time.monotonic() < until:
            time.sleep(_LOOK_S)
        kill([worker])

    def _take_turn(self, key: str) -> bool:
        """Wait for a turn and return whether there is one to end: not for what may not or need not wait.

        There is no other end of waiting: a function that holds what its own call to its URL waits for times out.
        """
        if self._is_nested() or _is_event_loop():
            return False
        with self._lock:
            if self._is_closed:
                return False
            if self._working[key] < self._limit:
                self._working[key] += 1
                return True
            turn = threading.Event()
            self._waiting[key].append(turn)
        turn.wait()
        return True

    def _end_turn(self, key: str) -> None:
        """Give the turn to the first that waits, and wake nobody else: hundreds may wait on a busy machine."""
        with self._lock:
            if self._waiting[key]:
                self._waiting[key].popleft().set()
            else:
                self._working[key] -= 1


def _is_nested() -> bool:
    """Return whether a function makes this call: its caller waits for it, and holds a process meanwhile."""
    return bool(touch(f"{_LAMBDA}:_invoke_depth").get() > 1)


def _is_event_loop() -> bool:
    """Return whether this thread serves all requests, so that waiting here would hold them all up."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
