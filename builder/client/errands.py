"""Calls that nobody can interrupt (a name resolved, credentials refreshed, a hold asked), and waits that end in time.

Each runs on a daemon thread of its own, so that one which hangs holds up neither its caller nor the end of the
process. Callers that ask for the same join the call that is under way. Where that takes long another is begun, after
twice the wait each time: their number grows with the logarithm of the outage, not with the number of requests.
"""

import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

_AGAIN_S = 0.5
_Result = TypeVar("_Result")


class Forgetful(Protocol):
    """What holds locks, threads or connections, none of which a forked process may use."""

    def forget(self) -> None:
        """Begin anew."""


_FORGETFUL: "weakref.WeakSet[Forgetful]" = weakref.WeakSet()


def forget_when_forked(one: Forgetful) -> None:
    """Have it begin anew in every process that is forked from this one."""
    _FORGETFUL.add(one)


def _forget_all() -> None:
    for one in list(_FORGETFUL):
        one.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


@dataclass(slots=True)
class _Calls:
    """Those under way for one key, and who waits for the first that ends."""

    running: int = 0
    begun: float = 0.0
    waiting: list["Future[Any]"] = field(default_factory=list)


class Errands:
    """The calls under way, by what they are for. Threads may share one."""

    def __init__(self) -> None:
        self.forget()
        forget_when_forked(self)

    def forget(self) -> None:
        """Begin anew: the threads are the parent's."""
        self._lock = threading.Lock()
        self._calls: dict[Hashable, _Calls] = {}

    def run(self, key: Hashable, do: Callable[[], _Result], *, limit_s: float) -> _Result:
        """Return what `do` returns, or raise what it raises; raises TimeoutError where it does neither in time.

        `do` may run more than once at a time, and may still run when this has returned.
        """
        until = time.monotonic() + limit_s
        outcome: Future[Any] = Future()
        with self._lock:
            self._calls.setdefault(key, _Calls()).waiting.append(outcome)
        try:
            while True:
                again_s = self._begin(key, do)
                left_s = until - time.monotonic()
                with suppress(TimeoutError):
                    outcome.exception(max(0.0, min(left_s, again_s)))
                if outcome.done():
                    return cast("_Result", outcome.result())
                if left_s <= again_s:
                    raise TimeoutError
        finally:
            with self._lock, suppress(KeyError, ValueError):
                self._calls[key].waiting.remove(outcome)

    def under_way(self) -> int:
        """Return how many threads there are."""
        with self._lock:
            return sum(calls.running for calls in self._calls.values())

    def _begin(self, key: Hashable, do: Callable[[], object]) -> float:
        """Begin a call where one is due, and return the seconds until another is. Raises OSError without a thread."""
        now = time.monotonic()
        with self._lock:
            calls = self._calls.get(key)
            if calls is None:
                # One has just ended, whose outcome is about to be told.
                return _AGAIN_S
            due = calls.begun + _pause_s(calls.running)
            if calls.running and now < due:
                return due - now
            calls.running, calls.begun = calls.running + 1, now
            pause_s = _pause_s(calls.running)
        try:
            threading.Thread(target=self._work, args=(key, do), name=f"builder.client {key}", daemon=True).start()
        except RuntimeError as error:
            with self._lock:
                calls.running -= 1
            raise OSError(str(error)) from error
        return pause_s

    def _work(self, key: Hashable, do: Callable[[], object]) -> None:
        result, failure = None, None
        try:
            result = do()
        except BaseException as error:  # noqa: BLE001  whoever waits is to get it
            failure = error
        with self._lock:
            calls = self._calls[key]
            calls.running -= 1
            waiting, calls.waiting = calls.waiting, []
            if not calls.running:
                del self._calls[key]
        for outcome in waiting:
            if failure is None:
                outcome.set_result(result)
            else:
                outcome.set_exception(failure)


def _pause_s(running: int) -> float:
    """Return how long after the last of so many was begun another is."""
    return _AGAIN_S * math.pow(2, running - 1)
