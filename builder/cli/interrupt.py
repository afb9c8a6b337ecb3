"""Ctrl-C, SIGTERM and a terminal that goes: once, the work ends at a good place; twice, the process leaves at once."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from builder.errors import ExitCode

T = TypeVar("T")
_THREADS = 32
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


def run_interruptibly(work: Coroutine[Any, Any, T], first: Callable[[], bool], second: Callable[[], None]) -> T:
    """Run the work to its end, AWS calls side by side on threads, and return what it returns.

    On the first signal `first` says whether the work goes on to a good place by itself; if not it is cancelled, and
    cleans up. On the second `second` is told, and the process ends. Raises KeyboardInterrupt for cancelled work.
    """
    return asyncio.run(_run(work, first, second))


async def _run(work: Coroutine[Any, Any, T], first: Callable[[], bool], second: Callable[[], None]) -> T:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="aws") as pool:
        loop.set_default_executor(pool)
        task = asyncio.ensure_future(work)
        signals = 0

        def interrupt() -> None:
            nonlocal signals
            signals += 1
            if signals > 1:
                # The terminal that is told may be gone.
                with suppress(OSError):
                    second()
                # Calls under way hold their threads, and Python would wait for them: there is no other way out at once.
                os._exit(ExitCode.INTERRUPTED)
            if not first():
                task.cancel()

        heeded = _heeded()
        for number in heeded:
            loop.add_signal_handler(number, interrupt)
        try:
            return await task
        except asyncio.CancelledError as error:
            raise KeyboardInterrupt from error
        finally:
            for number in heeded:
                loop.remove_signal_handler(number)


def _heeded() -> tuple[signal.Signals, ...]:
    """Return the signals to heed: those that the platform has and nobody has put off, as nohup does SIGHUP."""
    known = [signal.Signals[name] for name in _NAMES if name in signal.Signals.__members__]
    return tuple(number for number in known if signal.getsignal(number) is not signal.SIG_IGN)
