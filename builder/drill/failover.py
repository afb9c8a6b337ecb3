"""The failover drill: a steady load, a fault of the primary, and what it cost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from builder.aws import together
from builder.drill.faults import Fault, MakeFault, Scene
from builder.drill.findings import FailoverReport, Watched, report_failover
from builder.drill.health import check_health, check_load
from builder.drill.load import Series
from builder.drill.onlooker import Onlooker
from builder.drill.reconciliation import Held, reconcile
from builder.drill.records import Write
from builder.drill.remains import remaining
from builder.drill.run import Ground, Run, opened, watching
from builder.drill.table import read_items, see_items
from builder.drill.tasks import in_the_end
from builder.drill.watch import Watch
from builder.drill.writers import item_writer

_COMPARED_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a failover drill is run; seconds each."""

    rate: float
    """Writes a second."""
    before_s: float
    outage_s: float
    after_s: float
    patience_s: float
    """How long to wait for the regions to become equal again."""


async def drill_failover(ground: Ground, course: Course, make_fault: MakeFault) -> FailoverReport:
    """Run it and return what it found. The fault is undone whatever happens.

    Raises Stopped on a system that is not well, before there is any fault, and Failed where something of it remains.
    """
    await check_health(ground.target, ground.clients, ground.access)
    secondary = ground.target.secondary
    async with opened(ground, "failover") as run:
        look = partial(see_items, ground.clients, secondary, ground.target.needed_table)
        watch = Watch("item", secondary.region, look, run.journal)
        onlooker = Onlooker(ground.target.primary.region)
        fault = make_fault(Scene(run, onlooker, watch, course.patience_s))
        await fault.check()
        write = item_writer(ground.target.clients_sides, ground.access, run.clock)
        series = Series(name="load", what="item", rate=course.rate, write=write, told=(watch.expect, onlooker.note))
        async with watching(watch):
            async with run.sending(series):
                await asyncio.sleep(course.before_s)
                check_load(ground.target, run.lines())
                async with _struck(run, fault):
                    await fault.hold(course.outage_s)
                await asyncio.sleep(course.after_s)
            held = await _compared(run, course.patience_s)
        watched = Watched(items=((ground.target.primary.region, secondary.region),))
        found = report_failover(run.about(course.rate, fault.words), run.lines(), held, ground.objectives, watched)
        ground.keep(found)
    return found


@asynccontextmanager
async def _struck(run: Run, fault: Fault) -> AsyncIterator[None]:
    """Make the fault for as long as the block lasts; it is undone also where it could only half be made."""
    async with in_the_end(partial(_undone, run, fault)):
        struck = await fault.strike()
        run.mark("strike", struck.asked_s)
        run.mark("fault", struck.made_s)
        yield


async def _undone(run: Run, fault: Fault) -> None:
    """Undo the fault, and only then write that down: neither a full disk nor a terminal that is gone prevents it."""
    asked_s = run.clock.passed_s()
    with remaining(run.ground.target.primary.region, "the fault is not undone", fault.remedy):
        was_made = await fault.undo()
    undone_s = run.clock.passed_s()
    if was_made:
        run.mark("undoing", asked_s)
        run.mark("undone", undone_s)


async def _compared(run: Run, patience_s: float) -> Held:
    """Return what the regions hold once it is all that was acknowledged, or after so long."""
    ground = run.ground
    writes = [line for line in run.lines() if isinstance(line, Write)]
    names = [write.id for write in writes if write.acknowledged_by is not None]
    until_s = run.clock.passed_s() + patience_s
    while True:
        items = await together(
            read_items(ground.clients, side, ground.target.needed_table, names) for side in ground.target.sides
        )
        held = {side.region: found for side, found in zip(ground.target.sides, items, strict=True)}
        if reconcile(writes, held).is_complete:
            run.mark("reconciled")
            return held
        if run.clock.passed_s() > until_s:
            return held
        await asyncio.sleep(_COMPARED_EVERY_S)
