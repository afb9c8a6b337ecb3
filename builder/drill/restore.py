"""What a drill left that did not end: its fault undone from what stands in AWS, its probes cleared away by its log."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from builder.aws import Clients
from builder.drill import changes
from builder.drill.load import Access
from builder.drill.log import FILE_NAME, Log, read_log, unfinished
from builder.drill.note import observe_notes
from builder.drill.probes import make_probes
from builder.drill.progress import DrillRestored, Emit
from builder.drill.records import Closed, Line, Opened
from builder.drill.remains import RESTORE, remaining
from builder.drill.run import clear
from builder.drill.target import Function, Target
from builder.errors import BuilderError, gathered


async def undo_faults(primary: Function, clients: Clients, emit: Emit) -> bool:
    """Undo whatever drills changed, without any log or other region: that is what people wait for.

    Returns whether there was anything to undo.
    """
    notes, errors = await observe_notes(clients, primary), list[BuilderError]()
    for note in notes:
        try:
            undone = await changes.undo(clients, primary, note.drill)
        except BuilderError as error:
            # What cannot be undone keeps nothing else from it.
            errors.append(error)
        else:
            emit(DrillRestored(note.drill, undone.words if undone else "somebody else has undone it"))
    if errors:
        raise gathered(errors)
    return bool(notes)


async def delete_probes(  # noqa: PLR0913  which deployment, how it is found and reached, whose logs, who is told
    deployment: str,
    find: Callable[[], Awaitable[Target]],
    clients: Clients,
    drills: Path,
    emit: Emit,
    *,
    access: Access,
) -> bool:
    """Delete what drills of the deployment wrote whose logs are in this folder; this takes every region.

    By what each drill wrote them, whatever dr.yaml says now. Returns whether there was anything to delete, and only
    then finds the target.
    """
    left = _left(deployment, drills)
    if not left:
        return False
    with remaining(deployment, f"probes of {len(left)} drills remain", f"{RESTORE}    once every region answers"):
        target = await find()
        for path, (opened, lines) in left.items():
            probes = await make_probes(opened.probe, target, clients, access)
            stays = await clear(target, probes, clients, opened.drill, lines)
            with Log(path) as log:
                log.write(Closed())
            emit(DrillRestored(opened.drill, stays or "its probes are gone from every region"))
    return True


def _left(deployment: str, drills: Path) -> Mapping[Path, tuple[Opened, Sequence[Line]]]:
    """Return how the drills began that did not end, and what each has written down."""
    found = {}
    for path in sorted(drills.glob(f"*/{FILE_NAME}")):
        lines = read_log(path)
        opened = unfinished(lines)
        if opened is not None and opened.deployment == deployment:
            found[path] = opened, lines
    return found
