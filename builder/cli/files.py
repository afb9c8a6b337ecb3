"""Files that verbs read and write: checked before anything is asked of AWS, and written whole or not at all."""

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from builder.errors import of_file

P = TypeVar("P")


def read_saved(plan_file: Path, read: Callable[[bytes, str], P], verb: str) -> P:
    """Return the plan that `verb` has saved. Raises BadInput, naming the command that makes it."""
    try:
        data = plan_file.read_bytes()
    except OSError as error:
        raise of_file(error, plan_file, doing="read", next_step=f"python -m builder {verb} -o {plan_file}") from error
    return read(data, str(plan_file))


def check_writable(places: Mapping[str, Path | None]) -> None:
    """Raise BadInput unless a file can be written at each of these, given by the option that names it.

    It cannot in a folder that is not there or may not be written to, and not where a folder is.
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
    """Raise BadInput unless a folder can be made there and written to."""
    try:
        nearest = next(folder for folder in (_resolved(path), *_resolved(path).parents) if folder.exists())
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


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, with the rights that it has or a new one gets; raises as write_private."""
    try:
        target = _resolved(path)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
        write_private(target, data, "the file")
        target.chmod(mode)
    except OSError as error:
        raise of_file(error, path, doing="written") from error


def _umask() -> int:
    """Return the process's mask for new files, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError as error:  # what Python 3.11 and 3.12 say of links in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error
