"""The kinds of fault, by name."""

from builder.drill import concurrency
from builder.drill.failover import MakeFault
from builder.drill.fault import Fault, Struck
from builder.drill.onlooker import Onlooker
from builder.drill.progress import DrillAsks
from builder.drill.run import Run


def _throttle(run: Run, _onlooker: Onlooker, _patience_s: float) -> Fault:
    """The primary's URL answers 429, since its function may not run."""
    clients, primary = run.ground.clients, run.ground.target.primary

    async def strike() -> Struck:
        asked_s = run.clock.passed_s()
        await concurrency.strike(clients, primary, run.ground.drill)
        return Struck(asked_s, run.clock.passed_s())

    async def undo() -> None:
        await concurrency.undo(clients, primary)

    return Fault(f"reserved concurrency of {primary.function} set to 0", strike, undo)


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


FAULTS: dict[str, MakeFault] = {"concurrency": _throttle, "manual": _by_hand}
