"""A drill's log: JSON lines in a file, from which all is measured and by which a killed drill is cleared away."""

import dataclasses
import hashlib
import json
import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

from pydantic import Field, TypeAdapter, ValidationError

from builder.drill.clock import Clock
from builder.drill.records import Closed, Line, Opened, Read, Sent, Unsent
from builder.errors import BadInput, Failed, of_file

FILE_NAME = "log.jsonl"
_LINE: TypeAdapter[Line] = TypeAdapter(Annotated[Line, Field(discriminator="kind")])


class Log:
    """An open log, written by many threads. What was acknowledged is on the disk before anybody counts on it."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise of_file(error, path, doing="written") from error
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # What could not be written was told when it was tried.
        with suppress(OSError):
            self._file.close()

    def write(self, *lines: Line) -> None:
        """Write lines. Where what counts is among them, all written until then outlives a power failure too.

        What does not count are slots and reads: a killed process cannot lose them either.

        Raises Failed where the disk takes no more.
        """
        text = "".join(json.dumps(dataclasses.asdict(line)) + "\n" for line in lines)
        try:
            with self._lock:
                self._file.write(text)
                self._file.flush()
            if not all(isinstance(line, Sent | Unsent | Read) for line in lines):
                os.fsync(self._file.fileno())
        except OSError as error:
            raise Failed(where=self._file.name, what=f"cannot be written: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Journal:
    """What everything in a drill writes by: whose log it is, and the clock of its times."""

    drill: str
    log: Log
    clock: Clock


def read_log(path: Path) -> tuple[Line, ...]:
    """Return the lines of a log. Raises BadInput; but a last line that was cut off by a kill is passed over."""
    return parse_log(path, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Return a log as it lies on the disk. Raises BadInput."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise of_file(error, path, doing="read") from error


def parse_log(path: Path, written: bytes) -> tuple[Line, ...]:
    """Return the lines of what was read from a log, as `read_log` does."""
    *whole, _ = written.split(b"\n")
    try:
        return tuple(_LINE.validate_json(line) for line in whole)
    except ValidationError as error:
        raise BadInput(where=str(path), what=f"is not a drill's log: {error.errors()[0]['msg']}") from error


def sha256_of(written: bytes) -> str:
    """Return the SHA-256 of the whole lines of what was read from a log, in hexadecimal digits."""
    whole, newline, _ = written.rpartition(b"\n")
    return hashlib.sha256(whole + newline).hexdigest()


def begins_with(lines: Iterable[bytes], sha256: str) -> bool:
    """Return whether a log begins with lines of this SHA-256: a drill that ends writes some more after its report."""
    seen = hashlib.sha256()
    for line in lines:
        seen.update(line)
        if seen.hexdigest() == sha256:
            return True
    return False


def unfinished(lines: Sequence[Line]) -> Opened | None:
    """Return how a drill began whose log says that something of it may be left, or None."""
    if not lines or any(isinstance(line, Closed) for line in lines):
        return None
    return next((line for line in lines if isinstance(line, Opened)), None)
