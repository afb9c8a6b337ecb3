"""A plan that somebody decides on: read from its file, or asked about; what the system's and a fleet's verbs share."""

import errno
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from builder.cli.wiring import Wiring
from builder.errors import of_file

if TYPE_CHECKING:
    from builder.deploy import Plan

P = TypeVar("P")


def read_saved(plan_file: Path, read: Callable[[bytes, str], P], verb: str) -> P:
    """Return the plan that `verb` has saved. Raises BadInput, naming the command that makes it."""
    try:
        data = plan_file.read_bytes()
    except OSError as error:
        raise of_file(error, plan_file, doing="read", next_step=f"python -m builder {verb} -o {plan_file}") from error
    return read(data, str(plan_file))


def check_writable(places: Mapping[str, Path | None]) -> None:
    """Return if files can be written at all of these, each given by the option that names it; called before anything
    is asked of AWS.

    Raises BadInput for a folder that is not there or may not be written to, and for what is a folder itself.
    """
    for option, path in places.items():
        if path is None:
            continue
        try:
            target = _resolved(path)
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not target.exists() or target.is_file():
                handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
                os.close(handle)
                Path(name).unlink()
        except OSError as error:
            raise of_file(error, f"{option} {path}", doing="written") from error


def check_folder(option: str, path: Path) -> None:
    """Return if a folder can be made and written to. Raises BadInput, before anything is asked of AWS."""
    try:
        nearest = next(one for one in (_resolved(path), *_resolved(path).parents) if one.exists())
        fault = errno.ENOTDIR if not nearest.is_dir() else 0 if os.access(nearest, os.W_OK | os.X_OK) else errno.EACCES
        if fault:
            raise OSError(fault, os.strerror(fault))  # noqa: TRY301 - told as the others
    except OSError as error:
        raise of_file(error, f"{option} {path}", doing="written to") from error


def write_private(path: Path, data: bytes, what: str) -> None:
    """Write a file that only its owner may read, whole or not at all. Raises BadInput where it cannot be written, and
    Failed where there is no room for it.

    What is no ordinary file, such as a pipe, is written to as it is.
    """
    try:
        target = _resolved(path)
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        # mkstemp makes it for its owner alone.
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as fresh:
                fresh.write(data)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise of_file(error, f"{what} {path}", doing="written") from error


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError as error:  # what Python 3.11 and 3.12 say of links in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error


def ask_to_execute(wiring: Wiring, plan: "Plan", allow: Collection[str]) -> None:
    """Say what is allowed, and ask whether to go on. Raises Stopped where nobody says yes."""
    from builder.deploy import check_allowed, tell_allowed

    tell_allowed(check_allowed(plan.guards, plan.pending, allow), wiring.console.tell)
    wiring.console.ask("Execute exactly this?")


@contextmanager
def or_discard(wiring: Wiring, plan: "Plan") -> Iterator[None]:
    """Show a plan and ask about it; whatever ends that before its end, the plan's change sets go again.

    A no, Ctrl-C, SIGTERM, a terminal that goes and a page that cannot be written all mean the same.
    """
    from builder.deploy import discard_plan
    from builder.report.console import interruptible

    try:
        with interruptible():
            yield
    except BaseException:
        wiring.run(discard_plan(plan, wiring.clients))
        raise
