"""What a drill left that did not end: its fault undone from what stands in AWS, its probes cleared away by its log."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from builder.aws import Clients
from builder.drill import changes
from builder.drill.load import Access
from builder.drill.note import RESTORE, observe_each_note, remaining
from builder.drill.probes import make_probes
from builder.drill.progress import DrillRestored, Emit
from builder.drill.records import FILE_NAME, Closed, Line, Log, Opened, read_log, unfinished
from builder.drill.run import clear
from builder.drill.target import Function, Target
from builder.errors import BuilderError, gathered

_LATER = f"{RESTORE}    once every region answers"


async def undo_faults(primary: Function, clients: Clients, emit: Emit) -> bool:
    """Undo whatever drills changed, without any log or other region: that is what people wait for.

    Returns whether there was anything to undo.
    """
    notes, errors = await observe_each_note(clients, primary), list[BuilderError]()
    for note in notes:
        # What cannot be undone, or understood, keeps nothing else from it.
        if isinstance(note, BuilderError):
            errors.append(note)
            continue
        try:
            undone = await changes.undo(clients, primary, note.drill)
        except BuilderError as error:
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
    left, errors = _left(deployment, drills)
    if left:
        with remaining(deployment, f"probes of {len(left)} drills remain", _LATER):
            target = await find()
        errors += await _delete_all(left, target, clients, access, emit)
    if errors:
        raise gathered(errors)
    return bool(left)


_Left = Mapping[Path, tuple[Opened, Sequence[Line]]]
"""How each drill began that did not end, and what it has written down, by its log."""


async def _delete_all(left: _Left, target: Target, clients: Clients, access: Access, emit: Emit) -> list[BuilderError]:
    """Delete what can be, and return what kept the rest: no drill's probes stay because of another's."""
    errors = list[BuilderError]()
    for path, (opened, lines) in left.items():
        try:
            with remaining(target.deployment, f"probes of drill {opened.drill} remain", _LATER):
                probes = await make_probes(opened.probe, target, clients, access)
                stays = await clear(target, probes, clients, opened.drill, lines)
        except BuilderError as error:
            errors.append(error)
            continue
        with Log(path) as log:
            log.write(Closed())
        emit(DrillRestored(opened.drill, stays or "its probes are gone from every region"))
    return errors


def _left(deployment: str, drills: Path) -> tuple[_Left, list[BuilderError]]:
    """Return what the folder's logs say of drills that did not end, and which logs cannot be read."""
    found, errors = {}, list[BuilderError]()
    for path in sorted(drills.glob(f"*/{FILE_NAME}")):
        try:
            lines = read_log(path)
        except BuilderError as error:
            errors.append(error)
            continue
        opened = unfinished(lines)
        if opened is not None and opened.deployment == deployment:
            found[path] = opened, lines
    return found, errors
