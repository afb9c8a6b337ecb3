"""The failover drill: a steady load, a fault of the primary, and what it cost."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from builder import client
from builder.aws import Clients
from builder.aws.call import in_the_end
from builder.drill.consistency import Contents, reconcile
from builder.drill.faults import Fault, MakeFault, Scene
from builder.drill.findings import FailoverReport, Watched, report_failover
from builder.drill.health import check_health, check_load, check_probes
from builder.drill.load import Caller, Counter, Series
from builder.drill.note import remaining
from builder.drill.probe import Mix, counter_key, hold_key, object_writer, read_objects, see_objects, shown_count
from builder.drill.probes import check_hold, make_probes
from builder.drill.progress import DrillNote
from builder.drill.records import Attempt, Sent, Turn, Write
from builder.drill.run import LOOK_S, Ground, Onlooker, Run, Watch, make_ready, opened, watching
from builder.drill.target import Side, Target
from builder.errors import BuilderError
from builder.terms import Region

_COMPARED_EVERY_S = 0.5
_ARRIVES_S = 5.0
"""For so long after `before_s` the first items are waited for."""
_TURNS = 2.0
"""Turns of the counter a second."""
_HELD = "clients stay where they went until the end, by a hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a failover drill is run; seconds each."""

    rate: float
    """Writes a second."""
    object_rate: float = 1.0
    """Objects a second, where the primary's bucket is replicated."""
    before_s: float
    outage_s: float
    after_s: float
    patience_s: float
    """How long to wait for the regions to become equal again."""
    hold: bool = False
    """Whether clients stay in the secondary until the end, by a hold of the drill's own."""


async def drill_failover(ground: Ground, course: Course, make_fault: MakeFault) -> FailoverReport:
    """Run it and return what it found. The fault is undone whatever happens.

    Raises Stopped on a system that is not well, before there is any fault, and Failed where something of it remains.
    """
    # Who reads and writes through an outage must not wait long for a region that is down.
    hurried = ground.clients.hurried()
    probes = await make_probes(ground.probe, ground.target, hurried, ground.access)
    if course.hold:
        check_hold(probes)
    ground = replace(ground, target=replace(ground.target, health=probes.health))
    await check_health(ground.target, ground.clients, ground.access)
    await check_probes(ground.target, probes)
    await asyncio.to_thread(make_ready, ground.target, hurried)
    async with opened(ground, "failover", probes) as run:
        load = _load(run, course, hurried)
        fault = make_fault(Scene(run, load.onlooker, load.watches[0], course.patience_s, course.outage_s))
        await fault.check()
        async with watching(*load.watches):
            async with run.sending(*load.series, counter=load.counter):
                await asyncio.sleep(course.before_s)
                await _arriving(load.watches)
                check_load(ground.target, await asyncio.to_thread(run.lines))
                async with _struck(run, fault):
                    await fault.hold(course.outage_s)
                await asyncio.sleep(course.after_s)
            held = await _compared(run, course.patience_s, hurried)
        lines, log_sha256 = run.written()
        service = f"{probes.service}; {_HELD}" if course.hold else None
        about = run.about(course.rate, log_sha256, fault=fault.words, service=service)
        found = report_failover(about, lines, held, ground.objectives, _watched(ground.target))
        ground.keep(found)
    return found


@dataclass(frozen=True, slots=True)
class _Load:
    series: tuple[Series, ...]
    counter: Counter
    watches: tuple[Watch, ...]
    """The first sees the items that arrive in the secondary that clients go over to."""
    onlooker: Onlooker


async def _arriving(watches: Sequence[Watch]) -> None:
    """Wait until something has arrived in every secondary, or for so long: a slow beginning is not yet an illness."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_ARRIVES_S):
            while not all(watch.has_seen for watch in watches if watch.what == "item"):  # noqa: ASYNC110 - no event
                await asyncio.sleep(LOOK_S)


def _watched(target: Target) -> Watched:
    """Return what the drill looks at: what the primary writes, in every secondary."""
    primary = target.primary.region
    return Watched(
        items=tuple((primary, side.region) for side in target.secondaries),
        objects=tuple(pair for pair in target.copies if pair[0] == primary),
    )


def _load(run: Run, course: Course, hurried: Clients) -> _Load:
    """Return what is sent, and by what it is seen: items by the client, objects into the primary's bucket."""
    ground, target, probes, journal = run.ground, run.ground.target, run.probes, run.journal
    emit, primary = ground.emit, target.primary
    regions = [side.region for side in target.sides]
    mix = Mix(ground.drill, "load", regions, overwrites=True, deletes=probes.can_delete)
    watches = [
        Watch("item", side.region, partial(probes.see, side), journal, told=(mix.seen,), emit=emit)
        for side in target.secondaries
    ]
    onlooker = Onlooker(primary.region)
    hold = _hold(run, target.clients_sides) if course.hold else None
    caller = Caller(target.clients_sides, ground.access, run.clock.passed_s, health=probes.health, hold=hold)
    series = [
        Series(
            what="item",
            rate=course.rate,
            plan=mix,
            write=partial(probes.write, caller),
            told=(*(watch.expect for watch in watches), onlooker.note),
        )
    ]
    copies = [target.side(destination) for source, destination in target.copies if source == primary.region]
    if copies:
        arrivals = [
            Watch("object", side.region, partial(see_objects, hurried, side, ground.drill), journal, emit=emit)
            for side in copies
        ]
        series.append(
            Series(
                what="object",
                rate=course.object_rate,
                plan=Mix(ground.drill, "object", regions, overwrites=False, deletes=False),
                write=object_writer(primary, ground.drill, hurried, run.clock),
                told=tuple(watch.expect for watch in arrivals),
            )
        )
        watches += arrivals
    counter = Counter(rate=_TURNS, read=partial(probes.read, caller), write=partial(probes.write, caller))
    return _Load(tuple(series), counter, tuple(watches), onlooker)


def _hold(run: Run, sides: tuple[Side, ...]) -> client.Hold:
    """Return what keeps clients where they went: an item of the drill's own, cleared away like its others."""
    access, key = run.ground.access, hold_key(run.ground.drill)
    run.journal.log.write(Sent(key, "item", run.clock.passed_s(), key))
    return client.ReplicatedHold(
        access.regions(sides),
        credentials=access.signing(sides),
        endpoint=access.endpoint,
        target=check_hold(run.probes).replace("{id}", key),
    )


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


async def _compared(run: Run, patience_s: float, clients: Clients) -> dict[Region, Contents]:
    """Return what each region holds once it is all that was acknowledged, or after so long.

    A region that could not be read in the end is not among them, and is said to be not measured. The counter is read
    back in each of the others: a turn of the log each, in which nothing is written.
    """
    lines = await asyncio.to_thread(run.lines)
    writes = [line for line in lines if isinstance(line, Write)]
    turns = [line for line in lines if isinstance(line, Turn)]
    last = max((turn.number for turn in turns if turn.acknowledged_by is not None), default=0)
    drill, until_s = run.ground.drill, run.clock.passed_s() + patience_s
    while True:
        began_s = run.clock.passed_s()
        outcomes = await asyncio.gather(*(_held(run, side, writes, clients) for side in run.ground.target.sides))
        held = {side.region: found for side, found in outcomes if not isinstance(found, BuilderError)}
        counted = {region: _counted(drill, found) for region, found in held.items()}
        is_complete = len(held) == len(outcomes) and all(shown[0] >= last for shown in counted.values())
        if is_complete and reconcile(writes, held, run.ground.target.copies).is_complete:
            run.mark("reconciled")
            break
        if run.clock.passed_s() > until_s:
            break
        await asyncio.sleep(_COMPARED_EVERY_S)
    for number, (region, shown) in enumerate(counted.items(), 1 + max((turn.number for turn in turns), default=0)):
        read = (Attempt(region, began_s, run.clock.passed_s(), 200),)
        turn = Turn(
            number=number, planned_s=began_s, read=read, turn_read=shown[0], value_read=shown[1], value_written=None
        )
        run.journal.log.write(turn)
    for side, found in outcomes:
        if isinstance(found, BuilderError):
            run.ground.emit(DrillNote(drill, f"what {side.region} holds is not measured: {found}"))
    return held


def _counted(drill: str, held: Contents) -> tuple[int, int]:
    """Return the turn and the value of the counter as a region holds it; zeros where it does not."""
    key = counter_key(drill)
    return shown_count(key, held.get(key, {}).get("body", "")) or (0, 0)


async def _held(
    run: Run, side: Side, writes: Sequence[Write], clients: Clients
) -> tuple[Side, Contents | BuilderError]:
    """Return what a region holds of the items, the counter and objects, or why that is not known."""
    bodies: dict[str, dict[int, str]] = defaultdict(dict, {counter_key(run.ground.drill): {}})
    for write in writes:
        if write.what == "item":
            bodies[write.key][write.number] = write.body
    try:
        items = await run.probes.held(side, bodies)
        objects = await read_objects(clients, side, run.ground.drill) if side.bucket is not None else {}
    except BuilderError as error:
        return side, error
    return side, {**items, **objects}
