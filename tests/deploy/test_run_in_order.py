"""What holds of the engine for any graph of needs, whatever takes how long and whatever fails: in virtual time."""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.deploy.progress import Work, run_in_order
from builder.errors import BadInput
from builder.graph import closure, find_circle
from fake_aws import run_virtual
from graphs import Graph, acyclic, any_graphs

LASTS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3))
SOME = st.sets(st.sampled_from("abcdefgh"))


@dataclass(slots=True)
class Trial:
    """One run: how long what takes, what fails, and when what was started and ended."""

    needs: Graph
    lasts: Mapping[str, int]
    fails: set[str] = field(default_factory=set)
    starts: dict[str, float] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    cancelled: dict[str, str | None] = field(default_factory=dict)
    before: dict[str, Mapping[str, str]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)

    async def work(self, node: str, before: Mapping[str, str]) -> str:
        now = asyncio.get_running_loop().time
        self.starts[node], self.before[node] = now(), before
        await asyncio.sleep(self.lasts.get(node, 1))
        self.ends[node] = now()
        return "failed" if node in self.fails else "done"

    def cancel(self, node: str, need: str | None) -> str:
        self.cancelled[node] = need
        return "cancelled"

    async def run(self, stop: asyncio.Event | None = None, started: set[str] | None = None) -> None:
        work = Work(self.work, self.cancel, lambda outcome: outcome == "done", started or frozenset())
        self.outcomes = await run_in_order(self.needs, self.needs, work, stop)


@settings(deadline=None)
@given(acyclic(), LASTS)
def test_each_starts_the_moment_that_all_it_needs_is_done(needs: Graph, lasts: dict[str, int]) -> None:
    trial = Trial(needs, lasts)
    began = run_virtual(partial(_at, trial))

    assert [*trial.outcomes] == [*needs]
    assert set(trial.outcomes.values()) <= {"done"}
    for node, needed in needs.items():
        assert trial.starts[node] == max((trial.ends[need] for need in needed), default=began)
        assert trial.before[node] == dict.fromkeys(needed, "done")


async def _at(trial: Trial) -> float:
    began = asyncio.get_running_loop().time()
    await trial.run()
    return began


@settings(deadline=None)
@given(acyclic(), LASTS, SOME)
def test_nothing_starts_after_a_failure_that_needs_it_and_all_else_runs(
    needs: Graph, lasts: dict[str, int], fails: set[str]
) -> None:
    trial = Trial(needs, lasts, fails)
    run_virtual(trial.run)

    for node in needs:
        hangs_on_a_failure = not closure(needs, node).isdisjoint(fails)
        assert (node in trial.starts) is not hangs_on_a_failure
        assert (node in trial.cancelled) is hangs_on_a_failure
    for node, need in trial.cancelled.items():
        # The first of its needs that is not done, in their order.
        assert need == next(need for need in needs[node] if trial.outcomes[need] != "done")


@settings(deadline=None)
@given(acyclic(), LASTS, SOME)
def test_once_a_failure_stops_it_nothing_more_starts_and_what_runs_ends(
    needs: Graph, lasts: dict[str, int], fails: set[str]
) -> None:
    trial = Trial(needs, lasts, fails)
    stop = asyncio.Event()

    async def work(node: str, before: Mapping[str, str]) -> str:
        assert not stop.is_set()
        outcome = await trial.work(node, before)
        if outcome == "failed":
            stop.set()
        return outcome

    run_virtual(partial(run_in_order, needs, needs, Work(work, trial.cancel, lambda outcome: outcome == "done"), stop))

    assert [*trial.starts] == [node for node in trial.starts if node in trial.ends]
    assert {*trial.starts, *trial.cancelled} == {*needs}
    assert not {*trial.starts} & {*trial.cancelled}
    first = min((trial.ends[node] for node in fails if node in trial.ends), default=None)
    for node, start in trial.starts.items():
        assert first is None or start <= first, node


@settings(deadline=None)
@given(acyclic(), LASTS, st.integers(0, 8))
def test_who_asks_for_a_stop_has_nothing_more_started(needs: Graph, lasts: dict[str, int], after: int) -> None:
    trial = Trial(needs, lasts)
    stop = asyncio.Event()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        at = loop.time() + after + 0.5
        loop.call_at(at, stop.set)
        await trial.run(stop)
        return at

    at = run_virtual(main)

    assert all(start < at for start in trial.starts.values())
    assert {*trial.starts} == {*trial.ends}
    assert {*trial.starts, *trial.cancelled} == {*needs}


@settings(deadline=None)
@given(acyclic(), LASTS, SOME)
def test_what_was_started_before_is_followed_to_its_end(needs: Graph, lasts: dict[str, int], started: set[str]) -> None:
    trial = Trial(needs, lasts)
    stop = asyncio.Event()
    stop.set()
    run_virtual(partial(trial.run, stop, started))

    assert {*trial.ends} == started.intersection(needs)
    assert {*trial.cancelled} == {*needs} - started


@settings(deadline=None)
@given(acyclic(), LASTS, st.integers(0, 8))
def test_cancelled_it_leaves_nothing_running(needs: Graph, lasts: dict[str, int], after: int) -> None:
    trial = Trial(needs, lasts)

    async def main() -> set[asyncio.Task[object]]:
        task = asyncio.ensure_future(trial.run())
        await asyncio.sleep(after + 0.5)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or len(trial.ends) == len(needs)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert run_virtual(main) == set()


@settings(deadline=None)
@given(any_graphs())
def test_a_circle_is_told_before_anything_starts(needs: Graph) -> None:
    trial = Trial(needs, {})
    if not find_circle(needs):
        run_virtual(trial.run)
        assert len(trial.outcomes) == len(needs)
        return
    with pytest.raises(BadInput, match="needs: go in a circle: "):
        run_virtual(trial.run)
    assert not trial.starts


def test_what_is_needed_and_is_no_node_is_done() -> None:
    trial = Trial({"a": ("elsewhere",)}, {})
    run_virtual(trial.run)
    assert trial.outcomes == {"a": "done"}
    assert trial.before == {"a": {}}


@settings(deadline=None)
@given(acyclic(), LASTS, st.sampled_from("abcdefgh"))
def test_an_exception_leaves_nothing_running(needs: Graph, lasts: dict[str, int], breaks: str) -> None:
    trial = Trial(needs, lasts)
    running: set[str] = set()

    async def work(node: str, before: Mapping[str, str]) -> str:
        running.add(node)
        try:
            outcome = await trial.work(node, before)
        finally:
            running.remove(node)
        if node == breaks:
            raise LookupError(node)
        return outcome

    async def main() -> set[str]:
        expected = pytest.raises(LookupError, match=breaks) if breaks in needs else nullcontext()
        with expected:
            await run_in_order(needs, needs, Work(work, trial.cancel, lambda outcome: outcome == "done"))
        return set(running)

    assert run_virtual(main) == set()
