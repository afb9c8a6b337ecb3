"""The clock of a drill, the lines of its log, and the log itself, written and read."""

import dataclasses
import hashlib
import json
import math
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, TypeAdapter, ValidationError

from builder.errors import BadInput, Failed, of_file
from builder.terms import Region


@dataclass(frozen=True, slots=True)
class DrillClock:
    """A clock that runs evenly even if the computer's clock is set; `ticks` is any monotonic count of seconds."""

    began: datetime
    ticks: Callable[[], float]
    zero: float

    def passed_s(self) -> float:
        """Return the seconds since the drill began."""
        return self.ticks() - self.zero

    def date(self, at_s: float) -> datetime:
        """Return the date and time of a moment of the drill."""
        return self.began + timedelta(seconds=at_s)


def start_clock(now: datetime, ticks: Callable[[], float]) -> DrillClock:
    """Return a clock that begins now."""
    return DrillClock(now, ticks, ticks())


@dataclass(frozen=True, slots=True)
class Period:
    """A part of a drill, in seconds since the drill began. The end is not part of it."""

    since_s: float
    until_s: float


def rounded_up(seconds: float) -> float:
    """Return the seconds rounded up to a millisecond, so that no measurement is understated.

    The error of the float itself, less than a nanosecond, is not rounded up.
    """
    return math.ceil(round(seconds * 1000, 6)) / 1000


Kind = Literal["item", "object"]
VERSION = 2


@dataclass(frozen=True, slots=True)
class Paths:
    """An application's own requests for a probe: a method and a path each, with `{id}` for the probe's key."""

    write: str
    read: str
    health: str
    delete: str | None = None


ProbeSpec = Literal["handler", "table"] | Paths
"""How probes are written and read: `drill.probe` of dr.yaml."""


@dataclass(frozen=True, slots=True)
class LogOpened:
    """The first line: the id and deployment of the drill, and the date and time at which its clock began."""

    drill: str
    deployment: str
    began: str
    version: int = 1
    """The version of the log. A line without it is of version 1; this builder writes `VERSION`."""
    probe: ProbeSpec = "handler"
    """How the probes were written, and so how they are deleted, whatever dr.yaml says by then."""
    kind: Literal["opened"] = "opened"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request is about to be made. Whether or not it is acknowledged, its key may have to be deleted in the end."""

    id: str
    what: Kind
    planned_s: float = 0.0
    key: str = ""
    kind: Literal["sent"] = "sent"

    @property
    def name(self) -> str:
        """The item or object that may have to be deleted. Before version 2 each write had a key of its own: its id."""
        return self.key or self.id


@dataclass(frozen=True, slots=True)
class Unsent:
    """A slot whose request was not sent, since too many requests waited for their answers."""

    planned_s: float
    what: Kind
    kind: Literal["unsent"] = "unsent"


@dataclass(frozen=True, slots=True)
class RegionAttempt:
    """One attempt to send a request to one region."""

    region: Region
    began_s: float
    ended_s: float
    status: int | None
    """The status of HTTP, None if no answer came."""

    @property
    def is_good(self) -> bool:
        """Whether the region answered 2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Write:
    """One call of the client, whether or not it was answered well, with all its attempts in order."""

    id: str
    what: Kind
    body: str
    attempts: tuple[RegionAttempt, ...]
    planned_s: float = 0.0
    """When the request should be sent."""
    called_s: float | None = None
    """When the client was called. The difference to the planned time is the drill's own lateness."""
    key: str = ""
    """The name of the item or object."""
    number: int = 1
    """The number of the write to this key, from 1, in the order of sending. Each is sent after the one before ended."""
    deletes: bool = False
    kind: Literal["write"] = "write"

    @property
    def name(self) -> str:
        """The item or object that is written. Before version 2 each write had a key of its own: its id."""
        return self.key or self.id

    @property
    def sent_s(self) -> float:
        """When the client was called; in logs before version 2 when the first attempt began."""
        return self.began_s if self.called_s is None else self.called_s

    @property
    def began_s(self) -> float:
        """When the first attempt began."""
        return self.attempts[0].began_s if self.attempts else self.planned_s

    @property
    def ended_s(self) -> float:
        """When the last attempt was answered or given up."""
        return self.attempts[-1].ended_s if self.attempts else self.planned_s

    @property
    def acknowledged_by(self) -> Region | None:
        """The region that acknowledged the write, None if none did."""
        return self.attempts[-1].region if self.attempts and self.attempts[-1].is_good else None


@dataclass(frozen=True, slots=True)
class Sighting:
    """The first consistent read of a region that showed this write of a key or a later one; it was answered at `at_s`.

    A missing key shows a deletion: a key is deleted or overwritten only after every region has shown it, and a deleted
    key is never written again.
    """

    key: Annotated[str, Field(validation_alias=AliasChoices("key", "id"))]
    region: Region
    at_s: float
    number: int = 1
    kind: Literal["seen"] = "seen"


@dataclass(frozen=True, slots=True)
class Read:
    """A read of a region's watch, whatever it showed."""

    region: Region
    what: Kind
    began_s: float
    ended_s: float
    kind: Literal["read"] = "read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of the counter: the client reads the value, and writes the value plus one.

    The text that is written has the number of the turn, so that a later read shows which turn's value it is.
    """

    number: int
    """The number of the turn, from 1."""
    planned_s: float
    read: tuple[RegionAttempt, ...]
    """The attempts of the read. If the last one is not good, nothing is written in this turn."""
    turn_read: int | None
    """The turn that wrote the value that was read; 0 if there was no value yet, None without a good answer."""
    value_read: int | None
    value_written: int | None
    """The value that was written, None if nothing was."""
    write: tuple[RegionAttempt, ...] = field(default=())
    kind: Literal["turn"] = "turn"

    @property
    def read_by(self) -> Region | None:
        """The region that answered the read, also if it answered that there is no value yet."""
        return self.read[-1].region if self.read and self.turn_read is not None else None

    @property
    def acknowledged_by(self) -> Region | None:
        """The region that acknowledged the write."""
        return self.write[-1].region if self.write and self.write[-1].is_good else None


Moment = Literal["load", "strike", "fault", "undoing", "undone", "load ended", "reconciled"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of the drill itself: at `strike` it began to make the fault, at `fault` the fault was in effect."""

    moment: Moment
    at_s: float
    kind: Literal["mark"] = "mark"


@dataclass(frozen=True, slots=True)
class LogClosed:
    """The last line: the drill has left nothing in the deployment."""

    kind: Literal["closed"] = "closed"


LogLine = LogOpened | Sent | Unsent | Write | Sighting | Read | Turn | Mark | LogClosed
FILE_NAME = "log.jsonl"
_LINE: TypeAdapter[LogLine] = TypeAdapter(Annotated[LogLine, Field(discriminator="kind")])


class DrillLog:
    """An open log that many threads write. An acknowledged write is on the disk before anything is based on it."""

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
        # An error here is no news: the write that failed has raised it.
        with suppress(OSError):
            self._file.close()

    def write(self, *lines: LogLine) -> None:
        """Write lines, so that they survive if the process is killed. Raises Failed if the disk takes no more.

        After lines other than slots and reads, sync the file, so that all lines until then survive a power failure too.
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
    """What all parts of a drill need to log: the drill's id, its log and its clock."""

    drill: str
    log: DrillLog
    clock: DrillClock


def read_log(path: Path) -> tuple[LogLine, ...]:
    """Return the lines of a log, without a last line that a kill has cut off. Raises BadInput."""
    return parse_log(path, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a log. Raises BadInput."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise of_file(error, path, doing="read") from error


def parse_log(path: Path, written: bytes) -> tuple[LogLine, ...]:
    """Return the lines of a log by its bytes, as `read_log` does. Raises BadInput."""
    *whole, _ = written.split(b"\n")
    try:
        return tuple(_LINE.validate_json(line) for line in whole)
    except ValidationError as error:
        raise BadInput(where=str(path), what=f"is not a drill's log: {error.errors()[0]['msg']}") from error


def sha256_of(written: bytes) -> str:
    """Return the SHA-256 of the complete lines of a log by its bytes, in hexadecimal digits."""
    whole, newline, _ = written.rpartition(b"\n")
    return hashlib.sha256(whole + newline).hexdigest()


def begins_with(lines: Iterable[bytes], sha256: str) -> bool:
    """Return whether a log begins with lines of this SHA-256. A drill writes some more lines after its report."""
    seen = hashlib.sha256()
    for line in lines:
        seen.update(line)
        if seen.hexdigest() == sha256:
            return True
    return False


def unfinished(lines: Sequence[LogLine]) -> LogOpened | None:
    """Return the first line of a log if its drill did not end, so that probes may be left; else None."""
    if not lines or any(isinstance(line, LogClosed) for line in lines):
        return None
    return next((line for line in lines if isinstance(line, LogOpened)), None)
