"""The kinds of fault, by name."""

from builder.drill import concurrency, experiment
from builder.drill.failover import MakeFault, Scene
from builder.drill.fault import Fault, Struck
from builder.drill.progress import DrillAsks
from builder.drill.run import Run
from builder.errors import Failed

PAUSED_S = 5.0
"""How far replication falls behind before the fault."""
_PAUSES_WITHIN_S = 330.0
"""AWS says that replication may go on for 5 minutes after the action begins.

Source: https://docs.aws.amazon.com/fis/latest/userguide/fis-actions-reference.html#global-table-pause-replication
"""

_NOT_NOTED = "what it was before is no longer noted there: it was restored meanwhile, or has to be put right by hand"


def _throttle(scene: Scene) -> Fault:
    """The primary's URL answers 429, since its function may not run."""
    taking = _Taking(scene.run)

    async def strike() -> Struck:
        await taking.note()
        return await taking.take_away()

    return Fault(taking.words, strike, taking.undo)


def _behind(scene: Scene) -> Fault:
    """The same, after replication was paused for a while: what a region takes down that was behind already."""
    taking = _Taking(scene.run)

    async def strike() -> Struck:
        await taking.pause()
        await scene.watch.stalled(PAUSED_S, _PAUSES_WITHIN_S)
        return await taking.take_away()

    return Fault(f"replication paused by FIS; {PAUSED_S:g} s behind, {taking.words}", strike, taking.undo)


class _Taking:
    """The primary's function, taken away and given back; with it replication, where that was paused."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._drill = run.ground.drill
        self._clients = run.ground.clients
        self._function = run.ground.target.primary.function
        self._noted = False
        self.words = f"reserved concurrency of {self._function.name} set to 0"

    async def note(self, *, fis: bool = False) -> None:
        await concurrency.note(self._clients, self._function, self._drill, fis=fis)
        self._noted = True

    async def pause(self) -> None:
        deployment = self._run.ground.target.deployment
        template = await experiment.find_template(self._clients, self._function, deployment)
        await self.note(fis=True)
        await experiment.start(self._clients, self._function, template, self._drill)

    async def take_away(self) -> Struck:
        asked_s = self._run.clock.passed_s()
        await concurrency.take_away(self._clients, self._function)
        return Struck(asked_s, self._run.clock.passed_s())

    async def undo(self) -> bool:
        undone = await concurrency.undo(self._clients, self._function, self._drill)
        if undone is None and self._noted:
            raise Failed(where=self._function.where, what=_NOT_NOTED)
        return undone is not None


def _by_hand(scene: Scene) -> Fault:
    """People make the fault and undo it; when they did is seen by the requests."""
    ground, struck = scene.run.ground, False
    region = ground.target.primary.region

    def ask(what: str) -> None:
        ground.emit(DrillAsks(ground.drill, f"{what} the fault in {region}"))

    async def strike() -> Struck:
        nonlocal struck
        ask("make")
        failed_s = await scene.onlooker.failing(scene.patience_s)
        struck = True
        return Struck(failed_s, failed_s)

    async def undo() -> bool:
        if struck:
            ask("undo")
            await scene.onlooker.answering(scene.patience_s)
        return struck

    return Fault("made by people", strike, undo, remedy=f"undo the fault in {region}, as it was made")


FAULTS: dict[str, MakeFault] = {"concurrency": _throttle, "fis": _behind, "manual": _by_hand}
