"""Does many things of one stack side by side, each after what it needs, as CloudFormation provisions resources."""

import heapq
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

Steps = Generator[float, None, bool]
"""One resource's way: yields waits in seconds, returns whether it went well."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to do with one resource, and which jobs must be done before."""

    steps: Callable[[], Steps]
    needs: frozenset[str]
    cancel: Callable[[], None]
    """Says that it was stopped while under way."""


def side_by_side(
    jobs: Mapping[str, Job], *, stop: Callable[[], bool], keep_going: bool = False
) -> Generator[float, None, list[str]]:
    """Run the jobs and return the ids of those that failed, in the order they did.

    After a failure nothing more is started and what runs is cancelled; with `keep_going`, only what needs the failed
    job is left out. `stop` is asked at each step: when it says so, all is cancelled.
    """
    run = _Run(dict(jobs), stop, keep_going)
    yield from run.all()
    return run.failed


class _Run:
    def __init__(self, jobs: dict[str, Job], stop: Callable[[], bool], keep_going: bool) -> None:  # noqa: FBT001
        self._waiting = dict(sorted(jobs.items()))
        self._jobs = jobs
        self._stop = stop
        self._keep_going = keep_going
        self._under_way: list[tuple[float, int, str, Steps]] = []
        self._done: set[str] = set()
        self._now = 0.0
        self._count = 0
        self.failed: list[str] = []

    def all(self) -> Generator[float, None, None]:
        self._start_ready()
        while self._under_way:
            when = self._under_way[0][0]
            if when > self._now:
                yield when - self._now
                self._now = when
            if self._stop():
                self._cancel()
                return
            _, _, name, steps = heapq.heappop(self._under_way)
            self._step(name, steps)
            self._start_ready()

    def _start_ready(self) -> None:
        if self.failed and not self._keep_going:
            return
        started = True
        while started:  # something may be done at once and free the next
            ready = [name for name, job in self._waiting.items() if job.needs & self._jobs.keys() <= self._done]
            started = bool(ready)
            for name in ready:
                self._step(name, self._waiting.pop(name).steps())
                if self.failed and not self._keep_going:
                    return

    def _step(self, name: str, steps: Steps) -> None:
        try:
            wait = next(steps)
        except StopIteration as end:
            if end.value:
                self._done.add(name)
            else:
                self.failed.append(name)
                if not self._keep_going:
                    self._cancel()
            return
        self._count += 1
        heapq.heappush(self._under_way, (self._now + wait, self._count, name, steps))

    def _cancel(self) -> None:
        for _, _, name, steps in sorted(self._under_way, key=lambda each: each[2]):
            steps.close()
            self._jobs[name].cancel()
        self._under_way.clear()
