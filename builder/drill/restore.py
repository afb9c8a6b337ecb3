"""What a drill left that did not end: its fault undone from what stands in AWS, its probes cleared away by its log."""

from pathlib import Path

from builder.aws import Clients
from builder.drill import concurrency
from builder.drill.clear import clear
from builder.drill.log import FILE_NAME, Log, read_log, unfinished
from builder.drill.progress import DrillRestored, Emit
from builder.drill.records import Closed
from builder.drill.target import Target


async def restore(target: Target, clients: Clients, drills: Path, emit: Emit) -> bool:
    """Undo what a drill of this deployment changed, and delete what drills wrote whose logs are in this folder.

    The fault first, and without any log: that is what people wait for. Returns whether there was anything to do.
    """
    found = False
    changed = await concurrency.undo(clients, target.primary)
    if changed is not None:
        found = True
        reserved = "none" if changed.reserved is None else str(changed.reserved)
        emit(DrillRestored(changed.drill, f"reserved concurrency of {target.primary.function} is {reserved} again"))
    for path in sorted(drills.glob(f"*/{FILE_NAME}")):  # noqa: ASYNC240 - nothing else runs meanwhile
        lines = read_log(path)
        opened = unfinished(lines)
        if opened is not None and opened.deployment == target.deployment:
            found = True
            await clear(target, clients, opened.drill, lines)
            with Log(path) as log:
                log.write(Closed())
            emit(DrillRestored(opened.drill, "its probes are gone from both regions"))
    return found
