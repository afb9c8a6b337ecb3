"""A function runs in a few processes at most: what comes while all of them work waits for one, and is not throttled.

The emulator starts a process for every request that finds none free, so that on a busy machine, where starting takes
long, each late request starts another. Throttling instead would look like the outage that a drill is there to measure.
"""

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from builder.local.adapter.emulator import replace, touch

Acquire = Callable[..., tuple[Any, str]]
Release = Callable[[Any], None]

_LAMBDA = "ministack.services.lambda_svc"
# A function that calls itself by its URL holds what its own call waits for; after this long the call gets a process.
_PATIENCE_S = 30.0
# Why there is no process, in the emulator's words, which it answers with 429; so does a server that ends, and no other.
_NO_PROCESS = "func_cap"


def install(limit: int) -> "Invocations":
    """Have functions wait for one of `limit` processes each, by account, region and version."""
    invocations = Invocations(limit, touch("ministack.core.lambda_runtime:_worker_key"), _is_nested)
    replace(f"{_LAMBDA}:acquire_worker", invocations.make_acquire)
    replace(f"{_LAMBDA}:release_worker", invocations.make_release)
    return invocations


class Invocations:
    """The invocations under way. Each takes and gives back its process on one thread of its own."""

    def __init__(
        self, limit: int, key: Callable[..., str], is_nested: Callable[[], bool], patience_s: float = _PATIENCE_S
    ) -> None:
        self._limit = limit
        self._key = key
        self._is_nested = is_nested
        self._patience_s = patience_s
        self._working: Counter[str] = Counter()
        self._waiting: dict[str, deque[object]] = {}
        # Whoever changes the two wakes all: each looks for itself whether it is its turn.
        self._turns = threading.Condition()
        self._is_closed = False
        self._mine = threading.local()

    def close(self) -> None:
        """Let none have a process any more, so that no request that waits for one keeps the server from its end."""
        with self._turns:
            self._is_closed = True
            self._turns.notify_all()

    def make_acquire(self, acquire: Acquire) -> Acquire:
        """Return what takes a process for an invocation, after all that came before it."""

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
        """Return what gives a process back; it is called with None for one that broke, whose turn ends too."""

        def release_and_end(worker: object) -> None:
            release(worker)
            key, self._mine.turn = getattr(self._mine, "turn", None), None
            if key is not None:
                self._end_turn(key)

        return release_and_end

    def _take_turn(self, key: str) -> bool:
        """Return whether a turn is to be ended with the invocation; not for one that may not or need not wait."""
        if self._is_nested() or _is_event_loop():
            return False
        mine = object()
        with self._turns:
            waiting = self._waiting.setdefault(key, deque())
            waiting.append(mine)
            has_turn = self._turns.wait_for(
                lambda: self._is_closed or (waiting[0] is mine and self._working[key] < self._limit),
                timeout=self._patience_s,
            )
            waiting.remove(mine)
            self._working[key] += has_turn
            self._turns.notify_all()
        return has_turn

    def _end_turn(self, key: str) -> None:
        with self._turns:
            self._working[key] -= 1
            self._turns.notify_all()


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
