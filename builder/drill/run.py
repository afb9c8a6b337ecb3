"""A drill from its first check to its report: a replication drill, and a failover drill.

Both begin with `_opened`, which checks that the system is healthy and that probes can be read. Then a load is sent and
watched. A failover drill makes its fault in the middle of the load, lets it last, and undoes it. When everything has
arrived, or patience is over, the log is measured, and the report is saved before the probes are deleted.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import permutations
from typing import Literal

from builder import client
from builder.aws import Clients
from builder.drill.alarms import check_alarms, stopping
from builder.drill.consistency import Contents, reconcile
from builder.drill.context import DrillContext, DrillRun, make_ready, opened
from builder.drill.exposure import READ_EVERY_S
from builder.drill.faults import Fault, FaultContext, MakeFault
from builder.drill.findings import (
    DrillNote,
    FailoverReport,
    ReplicationReport,
    Watched,
    report_failover,
    report_replication,
)
from builder.drill.health import check_health, check_load, check_probes
from builder.drill.load import Caller, Counter, RegionWatch, Series, WriteObserver, watching
from builder.drill.note import remaining
from builder.drill.probe import Mix, counter_key, hold_key, object_writer, read_objects, see_objects, shown_count
from builder.drill.probes import check_hold, make_probes
from builder.drill.records import RegionAttempt, Sent, Turn, Write
from builder.drill.target import Side, Target
from builder.drill.tasks import in_the_end
from builder.errors import BuilderError
from builder.terms import Region

_COMPARED_EVERY_S = 0.5
_ARRIVES_S = 5.0
"""How long after `before_s` the drill waits for the first items to arrive."""
_TURNS = 2.0
"""How many turns the counter takes a second."""
_HELD = "clients stay where they went until the end, by a hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationOptions:
    """The options of a replication drill."""

    rate: float
    """How many items a second are written in each region."""
    object_rate: float
    """How many objects a second are written into each bucket that is replicated."""
    seconds: float
    patience_s: float
    """How long to wait after the load for writes that have not arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverOptions:
    """The options of a failover drill."""

    rate: float
    """How many items a second are written."""
    object_rate: float = 1.0
    """How many objects a second are written, if the primary's bucket is replicated."""
    before_s: float
    outage_s: float
    after_s: float
    patience_s: float
    """How long to wait until the regions are equal again."""
    hold: bool = False
    """Whether clients stay in the secondary until the end, by a hold of the drill's own."""
    despite_alarms: bool = False
    """Whether the drill begins even if alarms of the region that takes over cannot stop it."""


async def drill_replication(context: DrillContext, options: ReplicationOptions) -> ReplicationReport:
    """Run a replication drill, and return its report. Raises Stopped if the system is not healthy."""
    async with _opened(context, "replication") as (run, hurried):
        series, watches = _items(run, options)
        objects, arrivals = _objects(run, options.object_rate, hurried, context.target.copies, "object-{source}")
        watches += arrivals
        async with watching(*watches):
            async with run.sending(*series, *objects):
                await asyncio.sleep(options.seconds)
            await _patiently(options.patience_s, watches)
        lines, log_sha256 = run.written()
        about = run.about(options.rate, log_sha256)
        report = report_replication(about, lines, context.objectives, _replication_watched(context.target))
        context.keep(report)
    return report


async def drill_failover(context: DrillContext, options: FailoverOptions, make_fault: MakeFault) -> FailoverReport:
    """Run a failover drill, and return its report. The fault is undone whatever happens.

    Raises Stopped before any fault is made if the system is not healthy. Raises Failed if the fault could not be
    undone, or probes could not be deleted.
    """
    async with _opened(context, "failover", holds=options.hold) as (run, hurried):
        load = _load(run, options, hurried)
        fault = make_fault(FaultContext(run, load.observer, load.watches[0], options.patience_s, options.outage_s))
        await fault.check()
        alarms = await check_alarms(context, hurried, pauses=fault.pauses, despite=options.despite_alarms)
        async with watching(*load.watches):
            async with run.sending(*load.series, counter=load.counter):
                async with stopping(context, hurried, alarms):
                    await asyncio.sleep(options.before_s)
                    await _arriving(load.watches)
                    check_load(context.target, await asyncio.to_thread(run.lines))
                    async with _struck(run, fault):
                        await fault.hold(options.outage_s)
                await asyncio.sleep(options.after_s)
            held = await _compared(run, options.patience_s, hurried)
        lines, log_sha256 = run.written()
        service = f"{run.probes.service}; {_HELD}" if options.hold else None
        about = run.about(options.rate, log_sha256, fault=fault.words, service=service)
        report = report_failover(about, lines, held, context.objectives, _failover_watched(context.target))
        context.keep(report)
    return report


@asynccontextmanager
async def _opened(
    context: DrillContext, what: Literal["replication", "failover"], *, holds: bool = False
) -> AsyncIterator[tuple[DrillRun, Clients]]:
    """Give an open drill of a healthy system, and AWS clients that do not wait long for a region that is down.

    Raises Stopped if the system is not healthy, and BadInput if clients should be held and the probes have no hold.
    """
    hurried = context.clients.hurried()
    probes = await make_probes(context.probe, context.target, hurried, context.access)
    if holds:
        check_hold(probes)
    context = replace(context, target=replace(context.target, health=probes.health))
    await check_health(context.target, context.clients, context.access)
    await check_probes(context.target, probes)
    await asyncio.to_thread(make_ready, context.target, hurried)
    async with opened(context, what, probes) as run:
        yield run, hurried


def _replication_watched(target: Target) -> Watched:
    """Return what the drill watches: items in all directions, and objects in those that buckets are replicated in."""
    regions = [side.region for side in target.sides]
    return Watched(items=tuple(permutations(regions, 2)), objects=target.copies)


def _items(run: DrillRun, options: ReplicationOptions) -> tuple[list[Series], list[RegionWatch]]:
    """Return a series for each region, through its own URL, and a watch for each, which sees the others' writes."""
    context, probes, sides = run.context, run.probes, run.context.target.sides
    regions = [side.region for side in sides]
    mixes = {
        side: Mix(context.drill, side.region, regions, overwrites=True, deletes=probes.can_delete) for side in sides
    }
    observers = tuple(mix.seen for mix in mixes.values())
    watches = [
        RegionWatch("item", side.region, partial(probes.see, side), run.journal, observers=observers, emit=context.emit)
        for side in sides
    ]
    callers = {side: Caller([side], context.access, run.clock.passed_s, health=probes.health) for side in sides}
    series = [
        Series(
            what="item",
            rate=options.rate,
            plan=mix,
            write=partial(probes.write, callers[side]),
            observers=tuple(watch.expect for watch in watches),
        )
        for side, mix in mixes.items()
    ]
    return series, watches


def _objects(
    run: DrillRun, rate: float, hurried: Clients, copies: Sequence[tuple[Region, Region]], name: str = "object"
) -> tuple[list[Series], list[RegionWatch]]:
    """Return a series for each bucket that is replicated, and a watch for each bucket that is a destination.

    `name` is part of the keys of a series, and has to be different for each; `{source}` in it becomes the region.
    """
    context, target = run.context, run.context.target
    watches = [
        RegionWatch(
            "object",
            region,
            partial(see_objects, hurried, target.side(region), context.drill),
            run.journal,
            sources={source for source, destination in copies if destination == region},
            emit=context.emit,
        )
        for region in dict.fromkeys(destination for _, destination in copies)
    ]
    series = [
        Series(
            what="object",
            rate=rate,
            plan=Mix(context.drill, name.format(source=source), (), overwrites=False, deletes=False),
            write=object_writer(target.side(source), context.drill, hurried, run.clock),
            observers=tuple(watch.expect for watch in watches),
        )
        for source in dict.fromkeys(source for source, _ in copies)
    ]
    return series, watches


async def _patiently(patience_s: float, watches: Sequence[RegionWatch]) -> None:
    """Wait until all writes have arrived, for so long at most. The report lists the others as unseen."""
    waiting = [asyncio.ensure_future(watch.all_seen()) for watch in watches]
    await asyncio.wait(waiting, timeout=patience_s)
    for task in waiting:
        task.cancel()


@dataclass(frozen=True, slots=True)
class _Load:
    series: tuple[Series, ...]
    counter: Counter
    watches: tuple[RegionWatch, ...]
    """The first one watches items in the secondary that clients fail over to."""
    observer: WriteObserver


def _load(run: DrillRun, options: FailoverOptions, hurried: Clients) -> _Load:
    """Return the load and its watches: items through the client, and objects into the primary's bucket."""
    context, target, probes, journal = run.context, run.context.target, run.probes, run.journal
    emit, primary = context.emit, target.primary
    regions = [side.region for side in target.sides]
    mix = Mix(context.drill, "load", regions, overwrites=True, deletes=probes.can_delete)
    watches = [
        RegionWatch("item", side.region, partial(probes.see, side), journal, observers=(mix.seen,), emit=emit)
        for side in target.secondaries
    ]
    observer = WriteObserver(primary.region)
    hold = _hold(run, target.clients_sides) if options.hold else None
    caller = Caller(target.clients_sides, context.access, run.clock.passed_s, health=probes.health, hold=hold)
    items = Series(
        what="item",
        rate=options.rate,
        plan=mix,
        write=partial(probes.write, caller),
        observers=(*(watch.expect for watch in watches), observer.note),
    )
    objects, arrivals = _objects(run, options.object_rate, hurried, _failover_watched(target).objects)
    counter = Counter(rate=_TURNS, read=partial(probes.read, caller), write=partial(probes.write, caller))
    return _Load((items, *objects), counter, (*watches, *arrivals), observer)


def _hold(run: DrillRun, sides: tuple[Side, ...]) -> client.Hold:
    """Return the hold that keeps clients where they went: an item of the drill, which is deleted with its probes."""
    access, key = run.context.access, hold_key(run.context.drill)
    run.journal.log.write(Sent(key, "item", run.clock.passed_s(), key))
    return client.ReplicatedHold(
        access.regions(sides),
        credentials=access.signing(sides),
        endpoint=access.endpoint,
        target=check_hold(run.probes).replace("{id}", key),
    )


async def _arriving(watches: Sequence[RegionWatch]) -> None:
    """Wait until a write has arrived in every secondary, for `_ARRIVES_S` at most: replication may begin slowly."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_ARRIVES_S):
            while not all(watch.has_seen for watch in watches if watch.what == "item"):  # noqa: ASYNC110 - no event
                await asyncio.sleep(READ_EVERY_S)


def _failover_watched(target: Target) -> Watched:
    """Return what the drill watches: the primary's items and objects in every secondary."""
    primary = target.primary.region
    return Watched(
        items=tuple((primary, side.region) for side in target.secondaries),
        objects=tuple(pair for pair in target.copies if pair[0] == primary),
    )


@asynccontextmanager
async def _struck(run: DrillRun, fault: Fault) -> AsyncIterator[None]:
    """Make the fault, and undo it when the block ends, also if it could only be made in part."""
    async with in_the_end(partial(_undone, run, fault)):
        struck = await fault.strike()
        run.mark("strike", struck.asked_s)
        run.mark("fault", struck.made_s)
        yield


async def _undone(run: DrillRun, fault: Fault) -> None:
    """Undo the fault, and only then log that, so that neither a full disk nor a closed terminal can prevent it."""
    asked_s = run.clock.passed_s()
    with remaining(run.context.target.primary.region, "the fault is not undone", fault.remedy):
        was_made = await fault.undo()
    undone_s = run.clock.passed_s()
    if was_made:
        run.mark("undoing", asked_s)
        run.mark("undone", undone_s)


async def _compared(run: DrillRun, patience_s: float, clients: Clients) -> dict[Region, Contents]:
    """Wait until every region holds all that was acknowledged, for so long at most, and return what each holds.

    A region that could not be read in the end is left out, and a note says so. For each of the others, log the value of
    the counter that it holds as a turn in which nothing is written.
    """
    lines = await asyncio.to_thread(run.lines)
    writes = [line for line in lines if isinstance(line, Write)]
    turns = [line for line in lines if isinstance(line, Turn)]
    last = max((turn.number for turn in turns if turn.acknowledged_by is not None), default=0)
    drill, until_s = run.context.drill, run.clock.passed_s() + patience_s
    while True:
        began_s = run.clock.passed_s()
        outcomes = await asyncio.gather(*(_held(run, side, writes, clients) for side in run.context.target.sides))
        held = {side.region: outcome for side, outcome in outcomes if not isinstance(outcome, BuilderError)}
        counted = {region: _counted(drill, contents) for region, contents in held.items()}
        is_complete = len(held) == len(outcomes) and all(shown[0] >= last for shown in counted.values())
        if is_complete and reconcile(writes, held, run.context.target.copies).is_complete:
            run.mark("reconciled")
            break
        if run.clock.passed_s() > until_s:
            break
        await asyncio.sleep(_COMPARED_EVERY_S)
    for number, (region, shown) in enumerate(counted.items(), 1 + max((turn.number for turn in turns), default=0)):
        read = (RegionAttempt(region, began_s, run.clock.passed_s(), 200),)
        turn = Turn(
            number=number, planned_s=began_s, read=read, turn_read=shown[0], value_read=shown[1], value_written=None
        )
        run.journal.log.write(turn)
    for side, outcome in outcomes:
        if isinstance(outcome, BuilderError):
            run.context.emit(DrillNote(drill, f"what {side.region} holds is not measured: {outcome}"))
    return held


def _counted(drill: str, held: Contents) -> tuple[int, int]:
    """Return the turn and the value of the counter that a region holds, zeros if it holds none."""
    key = counter_key(drill)
    return shown_count(key, held.get(key, {}).get("body", "")) or (0, 0)


async def _held(
    run: DrillRun, side: Side, writes: Sequence[Write], clients: Clients
) -> tuple[Side, Contents | BuilderError]:
    """Return the items, the counter and the objects that a region holds, or the error why they are not known."""
    bodies: dict[str, dict[int, str]] = defaultdict(dict, {counter_key(run.context.drill): {}})
    for write in writes:
        if write.what == "item":
            bodies[write.key][write.number] = write.body
    try:
        items = await run.probes.held(side, bodies)
        objects = await read_objects(clients, side, run.context.drill) if side.bucket is not None else {}
    except BuilderError as error:
        return side, error
    return side, {**items, **objects}
