"""The replication drill: probes through each URL and into the buckets, and how long each takes to the other regions."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations

from builder.aws import Clients
from builder.drill.findings import ReplicationReport, Watched, report_replication
from builder.drill.health import check_health, check_probes
from builder.drill.load import Caller, Series
from builder.drill.probe import Mix, object_writer, see_objects
from builder.drill.probes import make_probes
from builder.drill.run import Ground, Run, Watch, make_ready, opened, watching
from builder.drill.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a replication drill is run."""

    rate: float
    """Items a second, in each region."""
    object_rate: float
    """Objects a second, into each bucket that is replicated."""
    seconds: float
    patience_s: float
    """How long to wait for what has not arrived when the load ends."""


async def drill_replication(ground: Ground, course: Course) -> ReplicationReport:
    """Run it and return what it found. Raises Stopped on a system that is not well."""
    hurried = ground.clients.hurried()
    probes = await make_probes(ground.probe, ground.target, hurried, ground.access)
    ground = replace(ground, target=replace(ground.target, health=probes.health))
    await check_health(ground.target, ground.clients, ground.access)
    await check_probes(ground.target, probes)
    await asyncio.to_thread(make_ready, ground.target, hurried)
    async with opened(ground, "replication", probes) as run:
        series, watches = _items(run, course)
        objects, arrivals = _objects(run, course, hurried)
        watches += arrivals
        async with watching(*watches):
            async with run.sending(*series, *objects):
                await asyncio.sleep(course.seconds)
            await _patiently(course.patience_s, watches)
        lines, log_sha256 = run.written()
        about = run.about(course.rate, log_sha256)
        found = report_replication(about, lines, ground.objectives, _watched(ground.target))
        ground.keep(found)
    return found


def _watched(target: Target) -> Watched:
    """Return what the drill looks at: every region's items in every other, and every bucket's objects where they go."""
    regions = [side.region for side in target.sides]
    return Watched(items=tuple(permutations(regions, 2)), objects=target.copies)


def _items(run: Run, course: Course) -> tuple[list[Series], list[Watch]]:
    """Return a series for each region, through its own URL, and a watch for each, which sees all the others' writes."""
    ground, probes, sides = run.ground, run.probes, run.ground.target.sides
    regions = [side.region for side in sides]
    mixes = {
        side: Mix(ground.drill, side.region, regions, overwrites=True, deletes=probes.can_delete) for side in sides
    }
    told = tuple(mix.seen for mix in mixes.values())
    watches = [
        Watch("item", side.region, partial(probes.see, side), run.journal, told=told, emit=ground.emit)
        for side in sides
    ]
    callers = {side: Caller([side], ground.access, run.clock.passed_s, health=probes.health) for side in sides}
    series = [
        Series(
            what="item",
            rate=course.rate,
            plan=mix,
            write=partial(probes.write, callers[side]),
            told=tuple(watch.expect for watch in watches),
        )
        for side, mix in mixes.items()
    ]
    return series, watches


def _objects(run: Run, course: Course, hurried: Clients) -> tuple[list[Series], list[Watch]]:
    """Return a series for each bucket that is replicated, and a watch for each that is replicated to."""
    ground, target = run.ground, run.ground.target
    sources = dict.fromkeys(source for source, _ in target.copies)
    destinations = dict.fromkeys(destination for _, destination in target.copies)
    watches = {
        region: Watch(
            "object",
            region,
            partial(see_objects, hurried, target.side(region), ground.drill),
            run.journal,
            sources={source for source, destination in target.copies if destination == region},
            emit=ground.emit,
        )
        for region in destinations
    }
    series = [
        Series(
            what="object",
            rate=course.object_rate,
            plan=Mix(ground.drill, f"object-{source}", (), overwrites=False, deletes=False),
            write=object_writer(target.side(source), ground.drill, hurried, run.clock),
            told=tuple(watch.expect for watch in watches.values()),
        )
        for source in sources
    ]
    return series, list(watches.values())


async def _patiently(patience_s: float, watches: Sequence[Watch]) -> None:
    """Wait until all has arrived, or for so long: what has not is told as unseen."""
    waiting = [asyncio.ensure_future(watch.all_seen()) for watch in watches]
    await asyncio.wait(waiting, timeout=patience_s)
    for task in waiting:
        task.cancel()
