"""A drill's stop conditions: the alarms of the region that takes over.

A drill that goes wrong hurts the clients of the secondary. None of its alarms may be in ALARM before the load begins
(`check_alarms`). From then until the fault is undone, an alarm that goes to ALARM ends the drill (`stopping`). A fault
that pauses replication sets off the alarms on replication itself, so these are no stop conditions of such a drill.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from builder.aws import ALARM, AlarmSighting, Clients, observe_alarms
from builder.drill.context import DrillContext
from builder.drill.findings import DrillNote
from builder.drill.target import Target
from builder.drill.tasks import task_group
from builder.errors import AwsError, Failed, Stopped
from builder.terms import Site

EVERY_S = 5.0
"""The time between two reads of the alarms. CloudWatch evaluates them by the minute, so that more often is no use."""
DESPITE = "--despite-alarms    drills all the same; these stop nothing then"


@dataclass(frozen=True, slots=True)
class StopConditions:
    """The alarms that end a drill, and where they are."""

    site: Site
    names: tuple[str, ...]


def stop_conditions(target: Target, *, pauses: bool) -> StopConditions:
    """Return the alarms of the region that takes over. Leave out those on replication if the fault pauses it."""
    site = target.secondary.site
    replication = () if pauses else target.replication_alarms.get(site.region, ())
    return StopConditions(site, (*target.alarms.get(site.region, ()), *replication))


def useless(names: Iterable[str], seen: Mapping[str, AlarmSighting]) -> Iterator[tuple[str, str]]:
    """Yield each alarm that cannot serve as a stop condition, and why: it does not exist, or is in ALARM already."""
    for name in names:
        alarm = seen.get(name)
        if alarm is None:
            yield name, f"the alarm {name} is not there"
        elif alarm.state == ALARM:
            yield name, alarm.words


async def check_alarms(
    context: DrillContext, clients: Clients, *, pauses: bool, despite: bool = False
) -> StopConditions:
    """Return the stop conditions of the drill. Raises Stopped if an alarm is in ALARM or cannot be read.

    With `despite` such an alarm is left out, and a note says so.
    """
    conditions = stop_conditions(context.target, pauses=pauses)
    if not conditions.names:
        return conditions
    try:
        faults = dict(useless(conditions.names, await observe_alarms(clients, conditions.site, conditions.names)))
    except AwsError as error:
        faults = dict.fromkeys(conditions.names, str(error))
    if faults and not despite:
        raise Stopped(
            where=f"{context.target.deployment}: {conditions.site.region}, which takes over",
            what="its alarms stop a drill, and now could not: no fault is made\n  "
            + "\n  ".join(dict.fromkeys(faults.values())),
            next_step=DESPITE,
        )
    for fault in dict.fromkeys(faults.values()):
        context.emit(DrillNote(context.drill, f"{fault}; it stops nothing"))
    return StopConditions(conditions.site, tuple(name for name in conditions.names if name not in faults))


@asynccontextmanager
async def stopping(context: DrillContext, clients: Clients, conditions: StopConditions) -> AsyncIterator[None]:
    """Raise Failed inside the block as soon as one of the alarms goes to ALARM."""
    if not conditions.names:
        yield
        return
    async with task_group() as group:
        task = group.create_task(_watch(context, clients, conditions))
        yield
        task.cancel()


async def _watch(context: DrillContext, clients: Clients, conditions: StopConditions) -> None:
    region, silent = conditions.site.region, False
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            seen = await observe_alarms(clients, conditions.site, conditions.names)
        except AwsError as error:
            if not silent:
                context.emit(DrillNote(context.drill, f"its alarms are not seen, and stop nothing meanwhile: {error}"))
            silent = True
            continue
        silent = False
        if alarming := [alarm.words for alarm in seen.values() if alarm.state == ALARM]:
            raise Failed(
                where=f"{region}, which takes over",
                what="\n  ".join([f"{alarming[0]}: the drill ends, and the primary is given back", *alarming[1:]]),
                next_step="python -m builder status    shows how the region stands",
            )
