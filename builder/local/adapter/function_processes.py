"""A function runs in a few processes at most: what comes while all of them work waits for one, and is not throttled.

The emulator starts a process for every request that finds none free, so that on a busy machine, where starting takes
long, each late request starts another. Throttling instead would look like the outage that a drill is there to measure.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from builder.local.adapter.emulator import replace, touch

Acquire = Callable[..., tuple[Any, str]]
Release = Callable[[Any], None]

_LAMBDA = "ministack.services.lambda_svc"
# A function that calls itself by its URL holds what its own call waits for; after this long the call gets a process.
_PATIENCE_S = 30.0


def install(limit: int) -> None:
    """Have functions wait for one of `limit` processes each, by account, region and version."""
    invocations = Invocations(limit, touch("ministack.core.lambda_runtime:_worker_key"), _is_nested)
    replace(f"{_LAMBDA}:acquire_worker", invocations.make_acquire)
    replace(f"{_LAMBDA}:release_worker", invocations.make_release)


class Invocations:
    """The invocations under way. Each takes and gives back its process on one thread of its own."""

    def __init__(
        self, limit: int, key: Callable[..., str], is_nested: Callable[[], bool], patience_s: float = _PATIENCE_S
    ) -> None:
        self._limit = limit
        self._key = key
        self._is_nested = is_nested
        self._patience_s = patience_s
        self._free: dict[str, threading.Semaphore] = {}
        self._mine = threading.local()

    def make_acquire(self, acquire: Acquire) -> Acquire:
        """Return what takes a process for an invocation, after it has waited for its turn."""

        def acquire_in_turn(
            name: str, config: dict[str, Any], code: bytes, qualifier: str = "$LATEST", **rest: object
        ) -> tuple[Any, str]:
            turn = self._take_turn(self._key(name, config, qualifier))
            worker, reason = None, ""
            try:
                worker, reason = acquire(name, config, code, qualifier=qualifier, **rest)
            finally:
                if worker is None:
                    _end(turn)
                else:
                    self._mine.turn = turn
            return worker, reason

        return acquire_in_turn

    def make_release(self, release: Release) -> Release:
        """Return what gives a process back; it is called with None for one that broke, whose turn ends too."""

        def release_and_end(worker: object) -> None:
            release(worker)
            _end(getattr(self._mine, "turn", None))
            self._mine.turn = None

        return release_and_end

    def _take_turn(self, key: str) -> threading.Semaphore | None:
        """Return what is to be released when the invocation ends; None for one that may not or need not wait."""
        if self._is_nested() or _is_event_loop():
            return None
        free = self._free.setdefault(key, threading.Semaphore(self._limit))
        return free if free.acquire(timeout=self._patience_s) else None


def _end(turn: threading.Semaphore | None) -> None:
    if turn is not None:
        turn.release()


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
