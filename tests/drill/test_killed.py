"""A fault killed right before or right after any of its calls, and a restore killed so too: everything is as it was.

The kill is of the whole process: from then on none of its calls is sent, and nothing that it meant to undo is undone.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, product
from typing import Any

import boto3
import pytest
import urllib3

from builder.aws import Clients
from builder.drill import faults
from builder.drill.context import undo_faults
from builder.drill.faults import Fault, MakeFault, find_fault
from builder.drill.note import observe_notes
from drill.conftest import Theatre
from drill.fault_state import fault_context, live, lived, state
from samples import is_thorough, sampled

KINDS = ("throttle", "flap", "errors", "table", "slow", "one-way")
STEP = 1 if is_thorough() else 5
CASES = sampled(product(KINDS, (False, True)), every=6)


class Killed(BaseException):
    """There is no process any more."""


class Life:
    """The calls of one process, counted from 1; the k-th is its last, sent (`after`) or not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.session = boto3.Session(region_name="us-east-1")
        self.session.events.register("before-send", self._before)
        self.session.events.register("response-received", self._after)
        self._k: int | None = None
        self._is_after = False
        self.made = 0
        ask = urllib3.request

        def request(*arguments: Any, **named: Any) -> Any:
            self._before()
            answer = ask(*arguments, **named)
            self._after()
            return answer

        monkeypatch.setattr(urllib3, "request", request)

    @contextmanager
    def until(self, k: int, *, after: bool) -> Iterator[None]:
        self._k, self._is_after, self.made = k, after, 0
        try:
            yield
        finally:
            self._k = None

    @property
    def is_over(self) -> bool:
        return self._k is not None and self.made >= self._k + self._is_after

    def _before(self, **_: Any) -> None:
        if self._k is None:
            return
        self.made += 1
        if self.is_over:
            raise Killed

    def _after(self, **_: Any) -> None:
        if self._k is not None and self._is_after and self.made >= self._k:
            self.made += 1
            raise Killed


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch) -> Life:
    # What is seen of a denial is seen by requests to the URL, which are not counted.
    monkeypatch.setattr(faults, "_DENIED_ANSWERS", 1)
    monkeypatch.setattr(faults, "_ASKED_EVERY_S", 0.05)
    return Life(monkeypatch)


def killed(theatre: Theatre, life: Life, make: MakeFault, k: int, *, after: bool) -> bool:
    """Live with a fault, at most to the k-th call, and return whether that came."""
    own, theatre.clients = theatre.clients, Clients(life.session)

    async def work() -> None:
        async with fault_context(theatre) as (_, context):
            fault: Fault = make(context)
            with life.until(k, after=after):
                await lived(fault, 0.12)

    try:
        asyncio.run(work())
    except Killed:
        return True
    finally:
        theatre.clients = own
    return False


def restored(theatre: Theatre, clients: Clients) -> bool:
    return asyncio.run(undo_faults(theatre.target.primary.function, clients, lambda _: None))


def assert_as_before(theatre: Theatre, before: dict[str, Any], how: str) -> None:
    assert state(theatre) == before, how
    assert asyncio.run(observe_notes(theatre.clients, theatre.target.primary.function)) == (), how


def run(theatre: Theatre, life: Life, kind: str, *, after: bool, record: Callable[[str, object], None]) -> None:
    before, make, kills = state(theatre), find_fault(kind, flap_s=0.05, slow_s=0.3), 0
    for k in count(1 + after * (STEP // 2), STEP):
        how = f"{kind} killed {'after' if after else 'before'} call {k}"
        was_killed = killed(theatre, life, make, k, after=after)
        kills += was_killed
        restored(theatre, theatre.clients)
        assert_as_before(theatre, before, how)
        if not was_killed:
            break
    record("kills", f"{kind} {'after' if after else 'before'}: {kills}")
    assert kills * STEP >= 9


@pytest.mark.parametrize(("kind", "after"), CASES)
def test_a_fault_killed_at_any_call_is_undone(
    theatre: Theatre,
    life: Life,
    kind: str,
    after: bool,  # noqa: FBT001 - pytest gives it by name
    record_property: Callable[[str, object], None],
) -> None:
    run(theatre, life, kind, after=after, record=record_property)


@pytest.mark.parametrize("after", sampled((False, True), every=2))
def test_an_experiment_killed_at_any_call_is_stopped(
    with_experiment: Theatre,
    life: Life,
    after: bool,  # noqa: FBT001 - pytest gives it by name
    record_property: Callable[[str, object], None],
) -> None:
    run(with_experiment, life, "fis", after=after, record=record_property)


@pytest.mark.parametrize(("kind", "after"), CASES)
def test_a_restore_killed_at_any_call_is_done_by_the_next(
    theatre: Theatre,
    life: Life,
    kind: str,
    after: bool,  # noqa: FBT001 - pytest gives it by name
    record_property: Callable[[str, object], None],
) -> None:
    before, make, kills = state(theatre), find_fault(kind, flap_s=0.05, slow_s=0.3), 0
    for k in count(1, STEP):
        strike_alone(theatre, make)
        try:
            with life.until(k, after=after):
                restored(theatre, Clients(life.session))
        except Killed:
            kills += 1
            restored(theatre, theatre.clients)
            assert_as_before(theatre, before, f"restore of {kind} killed at call {k}")
        else:
            break
    assert_as_before(theatre, before, f"restore of {kind}")
    record_property("kills", f"restore of {kind} {'after' if after else 'before'}: {kills}")
    assert kills * STEP >= 4


def strike_alone(theatre: Theatre, make: MakeFault) -> None:
    """Make the fault, and end without a word."""

    async def work() -> None:
        async with fault_context(theatre) as (_, context):
            await make(context).strike()

    asyncio.run(work())


class Twice:
    """A line on which every answer is lost once, so that every call is sent again."""

    def __init__(self) -> None:
        self.session = boto3.Session(region_name="us-east-1")
        self.session.events.register("needs-retry", self._again)
        self.lost = 0

    def _again(self, attempts: int, **_: Any) -> Any:
        if attempts > 1:
            return None
        self.lost += 1
        return 0


@pytest.mark.parametrize("kind", KINDS if is_thorough() else ["errors", "slow"])
@pytest.mark.usefixtures("life")
def test_a_fault_whose_every_answer_is_lost_once_is_made_and_undone_as_any(theatre: Theatre, kind: str) -> None:
    assert_lived_twice(theatre, kind)


@pytest.mark.usefixtures("life")
def test_an_experiment_whose_every_answer_is_lost_once_is_stopped(with_experiment: Theatre) -> None:
    assert_lived_twice(with_experiment, "fis")


def assert_lived_twice(theatre: Theatre, kind: str) -> None:
    before, own, twice = state(theatre), theatre.clients, Twice()
    theatre.clients = Clients(twice.session)
    assert live(theatre, find_fault(kind, flap_s=0.05, slow_s=0.3))
    assert twice.lost >= 5
    theatre.clients = own
    assert_as_before(theatre, before, f"{kind}, every answer lost once")
