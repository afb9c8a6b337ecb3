import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError

from builder.drill.load import AT_ONCE, Caller, Counter, Series, count, send
from builder.drill.probe import Mix, Probe, counter_key
from builder.drill.records import (
    DrillLog,
    Journal,
    LogLine,
    RegionAttempt,
    Sent,
    Turn,
    Unsent,
    Write,
    read_log,
    start_clock,
)
from builder.drill.target import Access, Function, Side
from builder.errors import BadInput
from builder.terms import Arn, Site
from drill.hand_made import PRIMARY, SECONDARY


def journal_of(log: DrillLog) -> Journal:
    return Journal("d", log, start_clock(datetime(2026, 1, 1, tzinfo=UTC), asyncio.get_running_loop().time))


def sent(folder: Path, take: Callable[[Probe], object], *, seconds: float, rate: float, at_once: int) -> list[LogLine]:
    """Send to a writer that takes as long as this does, and return the log."""

    async def run() -> None:
        with DrillLog(folder / "log") as log, ThreadPoolExecutor(at_once) as pool:
            journal, stop = journal_of(log), asyncio.Event()

            def put(probe: Probe) -> tuple[RegionAttempt, ...]:
                began_s = journal.clock.passed_s()
                take(probe)
                return (RegionAttempt(PRIMARY, began_s, journal.clock.passed_s(), 201),)

            mix = Mix("d", "load", [PRIMARY, SECONDARY], overwrites=False, deletes=False)
            series = Series(what="item", rate=rate, plan=mix, write=put)
            asyncio.get_running_loop().call_later(seconds, stop.set)
            await send(series, journal, pool, at_once, stop)

    asyncio.run(run())
    return list(read_log(folder / "log"))


def test_slots_are_exact_multiples_of_the_interval_however_long_each_takes(tmp_path: Path) -> None:
    lines = sent(tmp_path, lambda _: time.sleep(0.3), seconds=0.95, rate=20, at_once=20)
    writes = [line for line in lines if isinstance(line, Write)]
    planned = sorted(write.planned_s for write in writes)
    assert planned == pytest.approx([planned[0] + n / 20 for n in range(len(planned))], abs=1e-9)
    assert len(planned) >= 10
    for write in writes:
        assert write.called_s is not None
        assert write.planned_s <= write.called_s <= write.began_s


def test_everything_is_noted_before_it_goes_out_and_after_it_came_back(tmp_path: Path) -> None:
    lines = sent(tmp_path, lambda _: time.sleep(0.05), seconds=0.3, rate=20, at_once=20)
    writes = [line for line in lines if isinstance(line, Write)]
    assert sorted(write.id for write in writes) == [f"drill-d-load-{number:06}" for number in range(1, len(writes) + 1)]
    for write in writes:
        assert lines.index(Sent(write.id, "item", write.planned_s, write.key)) < lines.index(write)


def test_a_slot_that_finds_too_many_waiting_is_written_down_as_not_sent(tmp_path: Path) -> None:
    over = threading.Event()
    lines = sent(tmp_path, lambda _: over.wait(1), seconds=0.4, rate=50, at_once=4)
    writes = [line for line in lines if isinstance(line, Write)]
    unsent = [line for line in lines if isinstance(line, Unsent)]
    assert len(writes) == 4
    assert unsent
    planned = sorted([*(write.planned_s for write in writes), *(slot.planned_s for slot in unsent)])
    assert planned == pytest.approx([planned[0] + n / 50 for n in range(len(planned))], abs=1e-9)


def test_a_load_that_is_late_leaves_no_slot_out_and_the_log_says_how_late(tmp_path: Path) -> None:
    async def run() -> None:
        with DrillLog(tmp_path / "log") as log, ThreadPoolExecutor(50) as pool:
            journal, stop = journal_of(log), asyncio.Event()
            loop = asyncio.get_running_loop()
            mix = Mix("d", "load", [PRIMARY], overwrites=False, deletes=False)
            series = Series(what="item", rate=50, plan=mix, write=lambda _: (RegionAttempt(PRIMARY, 0.0, 0.0, 201),))
            # The host is busy with something else for a while: nothing of this process runs.
            loop.call_later(0.1, time.sleep, 0.4)
            loop.call_later(0.7, stop.set)
            await send(series, journal, pool, 50, stop)

    asyncio.run(run())
    writes = [line for line in read_log(tmp_path / "log") if isinstance(line, Write)]
    planned = sorted(write.planned_s for write in writes)
    assert planned == pytest.approx([planned[0] + n / 50 for n in range(len(planned))], abs=1e-9)
    assert max((write.called_s or 0.0) - write.planned_s for write in writes) > 0.3


@pytest.mark.parametrize(
    ("rate", "deadline_s", "threads"), [(10, 10.0, 101), (0.1, 10.0, 2), (500, 10.0, AT_ONCE), (4, 1.0, 5)]
)
def test_there_is_a_thread_for_every_request_that_can_wait(rate: float, deadline_s: float, threads: int) -> None:
    mix = Mix("d", "load", [PRIMARY], overwrites=False, deletes=False)
    assert Series(what="item", rate=rate, plan=mix, write=lambda _: ()).threads(deadline_s) == threads


def turns(folder: Path, read: Callable[[str], str | None], kept: list[str]) -> list[Turn]:
    """The counter's turns for a while, with what each read of its key shows, and what they wrote."""
    here, nowhere = (RegionAttempt(PRIMARY, 0.0, 0.0, 200),), (RegionAttempt(PRIMARY, 0.0, 0.0, 503),)

    def write(probe: Probe) -> tuple[RegionAttempt, ...]:
        kept.append(probe.body)
        return here

    async def run() -> None:
        with DrillLog(folder / "log") as log, ThreadPoolExecutor(1) as pool:
            stop = asyncio.Event()
            asyncio.get_running_loop().call_later(0.25, stop.set)

            def ask(key: str) -> tuple[str | None, tuple[RegionAttempt, ...]]:
                text = read(key)
                return text, nowhere if text is None else here

            await count(Counter(rate=20, read=ask, write=write), journal_of(log), pool, stop)

    asyncio.run(run())
    return [line for line in read_log(folder / "log") if isinstance(line, Turn)]


def test_each_turn_of_the_counter_writes_one_more_than_it_read(tmp_path: Path) -> None:
    kept: list[str] = []
    taken = turns(tmp_path, lambda _: kept[-1] if kept else "", kept)
    assert len(taken) >= 2
    numbers = [turn.number for turn in taken]
    assert numbers == list(range(1, len(taken) + 1))
    assert [(turn.turn_read, turn.value_read, turn.value_written) for turn in taken] == [
        (number - 1, number - 1, number) for number in numbers
    ]


@pytest.mark.parametrize("text", [None, "something else", '{"value": 7}'])
def test_a_turn_that_reads_no_counter_writes_none(tmp_path: Path, text: str | None) -> None:
    kept: list[str] = []
    taken = turns(tmp_path, lambda _: text, kept)
    assert kept == []
    assert {(turn.turn_read, turn.value_read, turn.value_written, turn.write) for turn in taken} == {
        (None, None, None, ())
    }
    assert not [line for line in read_log(tmp_path / "log") if isinstance(line, Sent) and line.key == counter_key("d")]


class Expired(RefreshableCredentials):
    """Of a session that has ended while the drill was under way."""

    def __init__(self) -> None:
        super().__init__("a", "s", "t", datetime(2026, 1, 1, tzinfo=UTC), dict, "sso")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        raise CredentialRetrievalError(provider="sso", error_msg="the session has ended")


def test_credentials_that_end_are_told_as_such_and_are_no_outage() -> None:
    side = Side(Function(Site(None, PRIMARY), "f", Arn("arn")), "https://u.example", None, signs=True)
    caller = Caller([side], Access(credentials=Expired()), time.monotonic)
    with pytest.raises(BadInput, match="the credentials of the requests: no AWS credentials could be had"):
        caller.ask("GET", "/health")
