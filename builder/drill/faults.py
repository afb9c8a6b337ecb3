"""The faults of the primary: how each kind is made, and how it is undone.

`check` refuses before anything is changed, `strike` makes the fault, `hold` lets it last, and `undo` undoes whatever
part of it was made. The calls to AWS are in `changes`. What clients see of each fault is in docs/drills.md.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from builder.drill import changes, replication
from builder.drill.context import DrillRun
from builder.drill.findings import DrillAsks, DrillNote
from builder.drill.health import ask_health
from builder.drill.load import RegionWatch, WriteObserver
from builder.drill.note import (
    RESTORE,
    BrokenHandler,
    Denied,
    Note,
    NotedChange,
    Paused,
    Reserved,
    Slowed,
    fits,
    keep_note,
)
from builder.drill.tasks import task_group
from builder.errors import Failed, Stopped

PAUSED_S = 5.0
"""How far replication falls behind before the primary's function is throttled too."""
_PAUSES_WITHIN_S = 330.0
"""AWS says that replication may go on for 5 minutes after the action begins.

Source: https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html#global-table-pause-replication
"""
DENIED_WITHIN_S = 30.0
"""IAM is eventually consistent: a change is applied within seconds.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""
_DENIED_ANSWERS = 3
"""How many bad answers of `health` in a row prove that the table is out of reach. A single one may have any cause."""
_ASKED_EVERY_S = 0.25
_WELL = 200
_DENIES_LONGER_S = 3600.0
"""How long after the planned end of the outage the denial ends by itself, if nobody undoes it."""
_NOT_NOTED = "what it was before is no longer noted there: it was restored meanwhile, or has to be put right by hand"


@dataclass(frozen=True, slots=True)
class FaultContext:
    """The drill that a fault is made in, and what observes the fault's effect."""

    run: DrillRun
    observer: WriteObserver
    """Observes the clients' requests to the primary."""
    watch: RegionWatch
    """Observes what arrives in the secondary."""
    patience_s: float
    """How long to wait for people to make or undo a fault by hand."""
    outage_s: float = 0.0
    """How long the fault should last."""


@dataclass(frozen=True, slots=True)
class Struck:
    """When the change that makes a fault began, and when it was in effect."""

    asked_s: float
    made_s: float


async def _nothing() -> None:
    """Refuse nothing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault. `undo` undoes whatever part of it was made, and returns whether any was."""

    words: str
    strike: Callable[[], Awaitable[Struck]]
    undo: Callable[[], Awaitable[bool]]
    remedy: str = f"{RESTORE}    undoes the fault"
    """What a person has to do if the fault cannot be undone."""
    check: Callable[[], Awaitable[None]] = _nothing
    """Raises Stopped if the fault cannot be made. Changes nothing."""
    hold: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Lets the fault last for so many seconds. Raises Failed if the drill cannot go on."""
    pauses: bool = False
    """Whether the fault pauses replication, so that alarms on replication are expected."""


MakeFault = Callable[[FaultContext], Fault]


class _Primary:
    """The primary's function. A change of it is noted beforehand, and undone by that note."""

    def __init__(self, context: FaultContext) -> None:
        drill = context.run.context
        self.target = drill.target
        self.clients, self.function, self.drill = drill.clients, drill.target.primary.function, drill.drill
        self._clock = context.run.clock
        self._noted = False

    async def note(self, change: NotedChange) -> None:
        """Note the change on the function before it is made. Raises Stopped if another drill is under way."""
        await keep_note(self.clients, self.function, Note(self.drill, change))
        self._noted = True

    async def timed(self, change: Coroutine[Any, Any, object]) -> Struck:
        """Make the change, and return when it began and ended."""
        asked_s = self._clock.passed_s()
        await change
        return Struck(asked_s, self._clock.passed_s())

    async def undo(self) -> bool:
        """Undo the noted change. Raises Failed if the note is gone, or if somebody else has changed the same thing."""
        undone = await changes.undo(self.clients, self.function, self.drill)
        if undone is None and self._noted:
            raise Failed(where=self.function.where, what=_NOT_NOTED)
        if undone is not None and undone.is_foreign:
            raise Failed(where=self.function.where, what=undone.words)
        return undone is not None

    async def throttle(self, *, paused: Paused | None = None, meanwhile: Callable[[], Awaitable[object]]) -> Struck:
        """Note the change, await `meanwhile`, then set the function's reserved concurrency to 0."""
        before = await changes.observe_reserved(self.clients, self.function)
        if before == 0:
            # The drill would put the 0 back, and the function would not serve after the drill either.
            raise Stopped(
                where=self.function.where,
                what="has a reserved concurrency of 0 already, which this drill did not make it: no fault is made",
            )
        await self.note(Reserved(before, paused))
        await meanwhile()
        return await self.timed(changes.reserve(self.clients, self.function, 0))


def _throttle(context: FaultContext) -> Fault:
    """Make the primary's URL answer 429, since its function may not run."""
    primary = _Primary(context)
    return Fault(_throttled(primary), partial(primary.throttle, meanwhile=_nothing), primary.undo)


def _throttled(primary: _Primary) -> str:
    return f"reserved concurrency of {primary.function.name} set to 0"


def _flap(context: FaultContext, every_s: float) -> Fault:
    """Throttle the primary, let it run, and so on in turns: a primary that comes and goes."""
    primary = _Primary(context)
    before: int | None = None

    async def strike() -> Struck:
        nonlocal before
        before = await changes.observe_reserved(primary.clients, primary.function)
        return await primary.throttle(meanwhile=_nothing)

    async def hold(seconds: float) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for turn in range(1, 1 + int(seconds / every_s)):
            await asyncio.sleep(began_s + turn * every_s - loop.time())
            now = await changes.observe_reserved(primary.clients, primary.function)
            if now not in (0, before):
                raise Failed(
                    where=primary.function.where,
                    what=f"its reserved concurrency was set to {now} by somebody else, and the drill ends here",
                )
            await changes.reserve(primary.clients, primary.function, before if turn % 2 else 0)
        await asyncio.sleep(began_s + seconds - loop.time())

    words = f"{_throttled(primary)} for {every_s:g} s, and back for {every_s:g} s, in turns"
    return Fault(words, strike, primary.undo, hold=hold)


def _errors(context: FaultContext) -> Fault:
    """Make the primary's URL answer 502, since its function has a handler that does not exist."""
    primary = _Primary(context)
    clients, function, gone = primary.clients, primary.function, changes.gone_handler(primary.drill)

    async def check() -> None:
        configuration = await changes.observe_configuration(clients, function)
        if refusal := refuse_errors(configuration):
            raise Stopped(
                where=function.where, what=f"{refusal}: no fault is made", next_step="--fault throttle hurts it too"
            )

    async def strike() -> Struck:
        await check()
        before = (await changes.observe_configuration(clients, function))["Handler"]
        await primary.note(BrokenHandler(before))
        return await primary.timed(changes.break_handler(clients, function, primary.drill, before))

    return Fault(f"handler of {function.name} set to {gone}, which is not there", strike, primary.undo, check=check)


def refuse_errors(configuration: Any) -> str:  # noqa: ANN401  what GetFunctionConfiguration answers, or a part of it
    """Return why a function cannot be given a handler that does not exist, or an empty text; pure.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
    """
    if configuration.get("PackageType", "Zip") != "Zip":
        return "is a container image, which has no handler"
    if configuration.get("Runtime", "").startswith("provided"):
        return f"has the runtime {configuration['Runtime']}, whose own bootstrap may pass its handler over"
    match configuration.get("LastUpdateStatus", "Successful"):
        case "Successful":
            pass
        case "Failed":
            reason = configuration.get("LastUpdateStatusReason", "no reason is told")
            return f"could not be updated the last time ({reason})"
        case status:
            return f"is being updated ({status})"
    if changes.is_gone_handler(configuration["Handler"]):
        return f"has the handler {configuration['Handler']} of another drill"
    if not fits(BrokenHandler(configuration["Handler"])):
        return f"has the handler {configuration['Handler']}, which finds no room in a tag"
    return ""


def _table(context: FaultContext) -> Fault:
    """Let the primary's function run, and deny it its table."""
    primary, run = _Primary(context), context.run
    clients, function, target = primary.clients, primary.function, primary.target

    async def find_role() -> str:
        arn = (await changes.observe_configuration(clients, function))["Role"]
        if arn.split(":")[4] != function.arn.split(":")[4]:
            raise Stopped(where=function.where, what=f"its role {arn} is another account's: no fault is made")
        return arn.rpartition("/")[2]

    async def check() -> None:
        if target.table is None:
            raise Stopped(where=target.deployment, what="has no table that a function could be denied")
        if not fits(Denied(role := await find_role(), "0" * 16)):
            raise Stopped(where=function.where, what=f"its role {role} finds no room in a tag")
        # To learn whether IAM answers, and whether the credentials allow the call.
        await changes.observe_policy(clients, function, role, primary.drill)

    async def strike() -> Struck:
        role = await find_role()
        until = run.context.now() + timedelta(seconds=context.outage_s + _DENIES_LONGER_S)
        policy = changes.make_denial(function, target.needed_table, until)
        await primary.note(Denied(role, changes.print_of(policy)))
        struck = await primary.timed(changes.deny(clients, function, role, primary.drill, policy))
        return Struck(struck.asked_s, await _out_of_reach(run))

    return Fault(f"the role of {function.name} denied the table {target.table}", strike, primary.undo, check=check)


async def _out_of_reach(run: DrillRun) -> float:
    """Return when the primary's `health` began to fail. Raises Stopped if it does not."""
    context, clock = run.context, run.clock
    side, health = context.target.primary, context.target.health
    until_s, bad = clock.passed_s() + DENIED_WITHIN_S, list[float]()
    while len(bad) < _DENIED_ANSWERS:
        asked_s = clock.passed_s()
        bad = [] if await ask_health(side, health, context.access) == _WELL else [*bad, asked_s]
        if clock.passed_s() > until_s:
            raise Stopped(
                where=side.function.where,
                what=f"GET {health} is well {DENIED_WITHIN_S:g} s after the function was denied its table: it does not "
                "read it, would send clients back to what fails, and no time of that would mean anything",
                next_step=f"let GET {health} read the table, or drill with --fault errors or throttle",
            )
        await asyncio.sleep(_ASKED_EVERY_S)
    return bad[0]


def _slow(context: FaultContext, delay_s: float) -> Fault:
    """Delay every request to the primary's URL."""
    primary = _Primary(context)
    clients, function = primary.clients, primary.function

    async def check() -> None:
        await replication.check_embedded(
            clients, function, "no call of AWS's slows a function: --fault errors or throttle"
        )
        if (now_s := await replication.observe_delay(clients, function)) is not None:
            raise Stopped(where=function.where, what=f"its region's URLs are held back by {now_s:g} s already")

    async def strike() -> Struck:
        await primary.note(Slowed(delay_s))
        return await primary.timed(replication.hold_back(clients, function, delay_s))

    return Fault(f"function URLs in {function.region} held back by {delay_s:g} s", strike, primary.undo, check=check)


def _one_way(context: FaultContext) -> Fault:
    """Pause replication out of the primary, but not into it; then throttle its function too."""
    primary = _Primary(context)
    clients, function = primary.clients, primary.function

    async def check() -> None:
        instead = "on AWS drill with --fis, which pauses for a time: a replica whose role is denied for 20 hours"
        await replication.check_embedded(clients, function, f"{instead} becomes a table of its own")
        if paused := await replication.observe_paused(clients, function):
            ways = ", ".join(f"{way['service']} to {way['to']}" for way in paused)
            raise Stopped(where=function.where, what=f"replication is paused already: {ways}")

    async def pause() -> None:
        await replication.pause_replication(clients, function, [side.region for side in primary.target.secondaries])
        await context.watch.stalled(PAUSED_S, _PAUSES_WITHIN_S)

    strike = partial(primary.throttle, paused="one-way", meanwhile=pause)
    words = f"replication out of {function.region} paused; {PAUSED_S:g} s behind, {_throttled(primary)}"
    return Fault(words, strike, primary.undo, check=check, pauses=True)


def _fis(context: FaultContext) -> Fault:
    """Have FIS pause replication, and throttle the primary once it is behind. A stopped experiment ends the drill."""
    primary = _Primary(context)
    clients, function = primary.clients, primary.function
    experiment = ""

    async def find() -> str:
        return await replication.find_template(clients, function, primary.target.deployment)

    async def check() -> None:
        await replication.check_stop_alarms(clients, function, await find())

    async def pause() -> None:
        nonlocal experiment
        experiment = await replication.start_experiment(clients, function, await find(), primary.drill)
        await while_it_runs(context.watch.stalled(PAUSED_S, _PAUSES_WITHIN_S))

    async def note_its_end() -> None:
        await replication.check_until_ended(clients, function, experiment)
        passed_s = context.run.clock.passed_s()
        what = f"the experiment has ended by itself: from {passed_s:.0f} s on replication is not paused"
        context.run.context.emit(DrillNote(primary.drill, what))

    async def while_it_runs(work: Awaitable[None]) -> None:
        async with task_group() as group:
            task = group.create_task(note_its_end())
            await work
            task.cancel()

    async def hold(seconds: float) -> None:
        await while_it_runs(asyncio.sleep(seconds))

    words = f"replication paused by FIS; {PAUSED_S:g} s behind, {_throttled(primary)}"
    strike = partial(primary.throttle, paused="fis", meanwhile=pause)
    return Fault(words, strike, primary.undo, check=check, hold=hold, pauses=True)


def _by_hand(context: FaultContext) -> Fault:
    """Ask people to make the fault and to undo it. The clients' requests show when they did."""
    drill, struck = context.run.context, False
    region = drill.target.primary.region

    def ask(what: str) -> None:
        drill.emit(DrillAsks(drill.drill, f"{what} the fault in {region}"))

    async def strike() -> Struck:
        nonlocal struck
        ask("make")
        failed_s = await context.observer.failing(context.patience_s)
        struck = True
        return Struck(failed_s, failed_s)

    async def undo() -> bool:
        if struck:
            ask("undo")
            await context.observer.answering(context.patience_s)
        return struck

    return Fault("made by people", strike, undo, remedy=f"undo the fault in {region}, as it was made")


FLAPS_S = 2.0
SLOWED_S = 3.0
"""A delay that is longer than a client waits for one region."""


def find_fault(kind: str, *, flap_s: float = FLAPS_S, slow_s: float = SLOWED_S) -> MakeFault:
    """Return the function that makes a kind of fault; `flap_s` is the length of a flap's turns, `slow_s` the delay."""
    kinds: dict[str, MakeFault] = {"flap": partial(_flap, every_s=flap_s), "slow": partial(_slow, delay_s=slow_s)}
    return {**FAULTS, **kinds}[kind]


FAULTS: dict[str, MakeFault] = {
    "throttle": _throttle,
    "errors": _errors,
    "table": _table,
    "flap": partial(_flap, every_s=FLAPS_S),
    "slow": partial(_slow, delay_s=SLOWED_S),
    "one-way": _one_way,
    "fis": _fis,
    "manual": _by_hand,
}
"""The kinds of faults by their names."""
