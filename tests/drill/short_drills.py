"""Short failover drills, and something done at a moment of one."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from builder.drill.exposure import Exposure
from builder.drill.faults import FAULTS, Fault, FaultContext, MakeFault
from builder.drill.findings import DrillMoment, DrillProgress, FailoverReport
from builder.drill.run import FailoverOptions, drill_failover
from drill.conftest import Theatre

RATE = 10.0
SHORT = FailoverOptions(rate=RATE, before_s=1, outage_s=2.5, after_s=1, patience_s=20)
BRIEF = FailoverOptions(rate=RATE, before_s=0.6, outage_s=0.3, after_s=0, patience_s=5)


def drilled(theatre: Theatre, options: FailoverOptions = SHORT, fault: str = "throttle") -> FailoverReport:
    return asyncio.run(drill_failover(theatre.context(), options, FAULTS[fault]))


def exposed(report: FailoverReport) -> Exposure:
    """What the primary and the first secondary stood to lose."""
    exposure = report.pairs[0].exposure
    assert exposure is not None
    return exposure


def at(moment: str, do: Callable[[], object]) -> Callable[[DrillProgress], None]:
    """Do something when the drill says that it came to this."""

    def take(event: DrillProgress) -> None:
        if isinstance(event, DrillMoment) and event.moment == moment:
            do()

    return take


def meanwhile(do: Callable[[], object]) -> MakeFault:
    """The fault, with something that is done as soon as it begins to be undone."""

    def make(context: FaultContext) -> Fault:
        fault = FAULTS["throttle"](context)

        async def undo() -> bool:
            do()
            await asyncio.sleep(0.2)
            return await fault.undo()

        return replace(fault, undo=undo)

    return make
