"""The replication drill: probes through the URLs and into the bucket, and how long each takes to the other side."""

import asyncio
from dataclasses import dataclass
from functools import partial

from builder.drill.bucket import see_objects
from builder.drill.findings import ReplicationReport, Watched, report_replication
from builder.drill.health import check_health
from builder.drill.load import Series
from builder.drill.run import Ground, Run, opened, watching
from builder.drill.table import see_items
from builder.drill.watch import Watch
from builder.drill.writers import item_writer, object_writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a replication drill is run."""

    rate: float
    """Items a second, in each direction."""
    object_rate: float
    seconds: float
    patience_s: float
    """How long to wait for what has not arrived when the load ends."""


async def drill_replication(ground: Ground, course: Course) -> ReplicationReport:
    """Run it and return what it found. Raises Stopped on a system that is not well."""
    await check_health(ground.target, ground.clients, ground.access)
    async with opened(ground, "replication") as run:
        there, back, objects = _watches(run)
        async with watching(there, back, objects):
            async with run.sending(*_series(run, course, there, back, objects)):
                await asyncio.sleep(course.seconds)
            await _patiently(course.patience_s, there, back, objects)
        primary, secondary = (side.region for side in ground.target.clients_sides)
        watched = Watched(((primary, secondary), (secondary, primary)), ((primary, secondary),))
        found = report_replication(run.about(course.rate), run.lines(), ground.objectives, watched)
        ground.keep(found)
    return found


def _watches(run: Run) -> tuple[Watch, Watch, Watch]:
    ground, target = run.ground, run.ground.target
    primary, secondary = target.clients_sides
    look_here, look_there = (
        partial(see_items, ground.clients, side, target.needed_table) for side in target.clients_sides
    )
    see_copies = partial(see_objects, ground.clients, secondary, ground.drill)
    return (
        Watch("item", secondary.region, look_there, run.journal),
        Watch("item", primary.region, look_here, run.journal),
        Watch("object", secondary.region, lambda _: see_copies(), run.journal),
    )


def _series(run: Run, course: Course, there: Watch, back: Watch, objects: Watch) -> tuple[Series, Series, Series]:
    ground = run.ground
    primary, secondary = ground.target.clients_sides
    from_primary, from_secondary = (item_writer([side], ground.access, run.clock) for side in (primary, secondary))
    put = object_writer(primary, ground.drill, ground.clients, run.clock)
    return (
        Series(name="there", what="item", rate=course.rate, write=from_primary, told=(there.expect,)),
        Series(name="back", what="item", rate=course.rate, write=from_secondary, told=(back.expect,)),
        Series(name="object", what="object", rate=course.object_rate, write=put, told=(objects.expect,)),
    )


async def _patiently(patience_s: float, *watches: Watch) -> None:
    """Wait until all has arrived, or for so long: what has not is told as unseen."""
    await asyncio.wait([asyncio.ensure_future(watch.all_seen()) for watch in watches], timeout=patience_s)
