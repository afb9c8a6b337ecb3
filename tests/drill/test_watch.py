import asyncio
import itertools
import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builder.drill.exposure import READ_EVERY_S
from builder.drill.findings import DrillNote, DrillProgress
from builder.drill.load import LookUp, RegionWatch, WriteObserver
from builder.drill.records import DrillLog, Journal, Read, Sighting, Write, read_log, start_clock
from builder.errors import Failed, Stopped
from builder.terms import Region
from drill.hand_made import PRIMARY, SECONDARY, attempt, good, lost, over, write

THIRD = Region("eu-west-1")


def acknowledged(key: str, number: int = 1, *, deletes: bool = False, region: Region = PRIMARY) -> Write:
    """A write of a key that this region acknowledged at 0.01."""
    return Write(
        f"{key}.{number}", "item", "", (attempt(region, 0.0),), key=key, number=number, deletes=deletes, called_s=0.0
    )


def watched(
    folder: Path, writes: Collection[Write], look_up: LookUp, reads: int, sources: Collection[Region] | None = None
) -> tuple[list[Sighting], list[Read], list[DrillProgress]]:
    """What a watch of the secondary sees and reads of these writes by so many reads, and what it says."""
    events: list[DrillProgress] = []
    observed: list[Sighting] = []

    async def run() -> None:
        clock = start_clock(datetime(2026, 1, 1, tzinfo=UTC), asyncio.get_running_loop().time)
        with DrillLog(folder / "log") as log:
            journal = Journal("d", log, clock)
            watch = RegionWatch(
                "item", SECONDARY, look_up, journal, sources=sources, observers=[observed.append], emit=events.append
            )
            for write in writes:
                watch.expect(write)
            running = asyncio.ensure_future(watch.run())
            async with asyncio.timeout(20):
                while len(seen_by()[1]) < reads or observed != seen_by()[0]:  # noqa: ASYNC110 - what is waited for is in a file
                    await asyncio.sleep(0.01)
            running.cancel()
            await asyncio.wait([running])

    def seen_by() -> tuple[list[Sighting], list[Read]]:
        lines = read_log(folder / "log")
        sightings = [line for line in lines if isinstance(line, Sighting)]
        return sightings, [line for line in lines if isinstance(line, Read)]

    asyncio.run(run())
    return *seen_by(), events


@pytest.mark.parametrize(
    ("write", "shown", "number"),
    [
        (acknowledged("k", 1), 1, 1),
        (acknowledged("k", 1), None, None),
        (acknowledged("k", 1), 3, 3),
        (acknowledged("k", 2), 1, None),
        (acknowledged("k", 2), None, None),
        (acknowledged("k", 2), 0, None),
        (acknowledged("k", 2, deletes=True), None, 2),
        (acknowledged("k", 2, deletes=True), 1, None),
        (acknowledged("k", 1, region=THIRD), 1, 1),
    ],
)
def test_a_write_is_seen_by_what_shows_it_or_a_later_one_and_a_deletion_by_absence(
    tmp_path: Path, write: Write, shown: int | None, number: int | None
) -> None:
    async def look_up(_: Collection[str]) -> Mapping[str, int | None]:
        return {"k": shown, "strange": 7}

    sightings, _, events = watched(tmp_path, [write], look_up, 1)
    assert [(sighting.key, sighting.region, sighting.number) for sighting in sightings] == (
        [] if number is None else [("k", SECONDARY, number)]
    )
    assert events == []


def test_a_key_that_was_not_answered_for_is_neither_there_nor_gone(tmp_path: Path) -> None:
    async def look_up(_: Collection[str]) -> Mapping[str, int | None]:
        return {}

    sightings, reads, _ = watched(tmp_path, [acknowledged("k", 2, deletes=True)], look_up, 1)
    assert sightings == []
    assert reads


def test_only_what_the_sources_acknowledged_is_waited_for(tmp_path: Path) -> None:
    keys_asked: list[Collection[str]] = []

    async def look_up(keys: Collection[str]) -> Mapping[str, int | None]:
        keys_asked.append(keys)
        return {}

    writes = [good("a", 0.0), lost("b", 0.0), over("c", 0.0), acknowledged("d", region=THIRD)]
    writes += [good("e", 0.0, what="object"), acknowledged("g", region=SECONDARY)]
    watched(tmp_path, [*writes, acknowledged("f")], look_up, 1, sources={PRIMARY})
    assert keys_asked[0] == {writes[0].name, "f"}


def test_every_read_is_written_down_and_what_it_showed_once(tmp_path: Path) -> None:
    call_numbers = itertools.count(1)

    async def look_up(_: Collection[str]) -> Mapping[str, int | None]:
        await asyncio.sleep(0.02)
        return {"a": 1, "b": 1 if next(call_numbers) > 2 else None}

    sightings, reads, _ = watched(tmp_path, [acknowledged("a"), acknowledged("b")], look_up, 3)
    assert [sighting.key for sighting in sightings] == ["a", "b"]
    assert len(reads) == 3
    for read in reads:
        assert read.ended_s - read.began_s >= 0.02
        assert (read.region, read.what) == (SECONDARY, "item")
    for before, after in itertools.pairwise(reads):
        assert after.began_s - before.began_s >= READ_EVERY_S - 0.001
    assert [sighting.at_s for sighting in sightings] == [reads[0].ended_s, reads[2].ended_s]


def test_a_region_that_cannot_be_read_is_said_once_and_read_again_and_no_read_is_made_up(tmp_path: Path) -> None:
    call_numbers = itertools.count(1)

    async def look_up(_: Collection[str]) -> Mapping[str, int | None]:
        if next(call_numbers) < 3:
            raise Failed(where="us-west-2", what="does not answer")
        return {"a": 1}

    sightings, reads, events = watched(tmp_path, [acknowledged("a")], look_up, 1)
    assert len(sightings) == len(reads) == 1
    (note,) = events
    assert isinstance(note, DrillNote)
    assert note.what.startswith("items of us-west-2 cannot be read")
    assert note.what.endswith("us-west-2: does not answer")


def test_a_bug_of_a_look_is_not_taken_for_a_region_that_does_not_answer(tmp_path: Path) -> None:
    async def look_up(_: Collection[str]) -> Mapping[str, int | None]:
        raise KeyError("x")

    async def run() -> None:
        clock = start_clock(datetime(2026, 1, 1, tzinfo=UTC), asyncio.get_running_loop().time)
        watch = RegionWatch("item", SECONDARY, look_up, Journal("d", DrillLog(tmp_path / "log"), clock))
        watch.expect(acknowledged("a"))
        await watch.run()

    with pytest.raises(KeyError):
        asyncio.run(run())


async def stalled(folder: Path, arrive_until_s: float, for_s: float, within_s: float) -> float:
    """When it was told that nothing comes any more; what is acknowledged comes at once until so long."""
    clock = start_clock(datetime(2026, 1, 1, tzinfo=UTC), asyncio.get_running_loop().time)

    async def look_up(keys: Collection[str]) -> Mapping[str, int | None]:
        return dict.fromkeys(keys, 1) if clock.passed_s() < arrive_until_s else {}

    async def acknowledge(watch: RegionWatch) -> None:
        for number in itertools.count():
            now_s = clock.passed_s()
            watch.expect(Write(f"{number}", "item", "", (attempt(PRIMARY, now_s),), key=f"{number}"))
            await asyncio.sleep(0.04)

    with DrillLog(folder / "log") as log:
        watch = RegionWatch("item", SECONDARY, look_up, Journal("d", log, clock))
        tasks = [asyncio.ensure_future(watch.run()), asyncio.ensure_future(acknowledge(watch))]
        try:
            await watch.stalled(for_s, within_s)
        finally:
            for task in tasks:
                task.cancel()
    return clock.passed_s()


def test_replication_has_stalled_once_nothing_came_for_so_long(tmp_path: Path) -> None:
    at_s = asyncio.run(stalled(tmp_path, arrive_until_s=0.5, for_s=0.4, within_s=10))
    assert 0.5 + 0.4 - 2 * READ_EVERY_S < at_s < 3


def test_replication_that_goes_on_has_not_stalled(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="us-west-2: replication did not stop"):
        asyncio.run(stalled(tmp_path, arrive_until_s=math.inf, for_s=0.4, within_s=0.8))


def test_where_nothing_is_acknowledged_nothing_has_stalled(tmp_path: Path) -> None:
    async def silent() -> None:
        clock = start_clock(datetime(2026, 1, 1, tzinfo=UTC), asyncio.get_running_loop().time)
        with DrillLog(tmp_path / "log") as log:
            watch = RegionWatch("item", SECONDARY, lambda _: asyncio.sleep(0, {}), Journal("d", log, clock))
            running = asyncio.ensure_future(watch.run())
            try:
                await watch.stalled(0.1, 0.4)
            finally:
                running.cancel()

    with pytest.raises(Failed, match="did not stop"):
        asyncio.run(silent())


def test_a_failure_is_seen_by_the_first_request_that_fails_from_then_on() -> None:
    async def work() -> float:
        observer = WriteObserver(PRIMARY)
        observer.note(over("before", 1.0))
        waiting = asyncio.ensure_future(observer.failing(1))
        await asyncio.sleep(0)
        for written in (good("a", 2.0), write("b", attempt(SECONDARY, 2.5, 503)), over("c", 3.0), over("d", 4.0)):
            observer.note(written)
        return await waiting

    assert asyncio.run(work()) == 3.0


def test_the_primary_s_answers_are_seen_again() -> None:
    async def work() -> None:
        observer = WriteObserver(PRIMARY)
        observer.note(good("a", 1.0))
        waiting = asyncio.ensure_future(observer.answering(1))
        await asyncio.sleep(0)
        observer.note(over("b", 2.0))
        await asyncio.sleep(0)
        assert not waiting.done()
        observer.note(good("c", 3.0))
        await waiting

    asyncio.run(work())


def test_nobody_waits_for_ever() -> None:
    with pytest.raises(Stopped, match="no request failed there within 0 s"):
        asyncio.run(WriteObserver(PRIMARY).failing(0.01))
    with pytest.raises(Stopped, match="no request was answered there"):
        asyncio.run(WriteObserver(PRIMARY).answering(0.01))
