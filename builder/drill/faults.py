"""The kinds of fault, by name."""

import asyncio
from functools import partial

from builder.drill import concurrency, experiment
from builder.drill.failover import MakeFault
from builder.drill.fault import Fault, Struck
from builder.drill.onlooker import Onlooker
from builder.drill.progress import DrillAsks
from builder.drill.run import Run

PAUSED_S = 5.0
"""How far replication falls behind before the fault."""


def _throttle(run: Run, _onlooker: Onlooker, _patience_s: float) -> Fault:
    """The primary's URL answers 429, since its function may not run."""
    clients, primary = run.ground.clients, run.ground.target.primary

    async def strike() -> Struck:
        await concurrency.note(clients, primary, run.ground.drill)
        return await _take_away(run)

    return Fault(_taken(run), strike, partial(concurrency.undo, clients, primary))


def _behind(run: Run, _onlooker: Onlooker, _patience_s: float) -> Fault:
    """The same, after replication was paused for a while: what a region takes down that was behind already."""
    ground, primary = run.ground, run.ground.target.primary

    async def strike() -> Struck:
        template = await experiment.find_template(ground.clients, primary, ground.target.deployment)
        await concurrency.note(ground.clients, primary, ground.drill, fis=True)
        await experiment.start(ground.clients, primary, template, ground.drill)
        await asyncio.sleep(PAUSED_S)
        return await _take_away(run)

    words = f"replication paused by FIS, {PAUSED_S:g} s later {_taken(run)}"
    return Fault(words, strike, partial(concurrency.undo, ground.clients, primary))


async def _take_away(run: Run) -> Struck:
    asked_s = run.clock.passed_s()
    await concurrency.take_away(run.ground.clients, run.ground.target.primary)
    return Struck(asked_s, run.clock.passed_s())


def _taken(run: Run) -> str:
    return f"reserved concurrency of {run.ground.target.primary.function} set to 0"


def _by_hand(run: Run, onlooker: Onlooker, patience_s: float) -> Fault:
    """People make the fault and undo it; when they did is seen by the requests."""
    region, struck = run.ground.target.primary.region, False

    def ask(what: str) -> None:
        run.ground.emit(DrillAsks(run.ground.drill, f"{what} the fault in {region}"))

    async def strike() -> Struck:
        nonlocal struck
        ask("make")
        failed_s = await onlooker.failing(patience_s)
        struck = True
        return Struck(failed_s, failed_s)

    async def undo() -> None:
        if struck:
            ask("undo")
            await onlooker.answering(patience_s)

    return Fault("made by people", strike, undo)


FAULTS: dict[str, MakeFault] = {"concurrency": _throttle, "fis": _behind, "manual": _by_hand}
