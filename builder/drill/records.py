"""What a drill writes down: its clock, the lines of its log, and the log itself, written and read."""

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
    """Runs evenly whatever is done to the world's clocks; `ticks` is any monotonic count of seconds."""

    began: datetime
    ticks: Callable[[], float]
    zero: float

    def passed_s(self) -> float:
        """Return the seconds since the drill began."""
        return self.ticks() - self.zero

    def date(self, at_s: float) -> datetime:
        """Return what the world calls a moment of the drill."""
        return self.began + timedelta(seconds=at_s)


def start_clock(now: datetime, ticks: Callable[[], float]) -> DrillClock:
    """Return a clock that begins now."""
    return DrillClock(now, ticks, ticks())


@dataclass(frozen=True, slots=True)
class Period:
    """A part of a drill, in seconds since it began; the end is not part of it."""

    since_s: float
    until_s: float


def rounded_up(seconds: float) -> float:
    """Return the seconds up to the next millisecond: what is signed for is never understated.

    Only what a float itself is wrong by, less than a nanosecond, is not rounded up.
    """
    return math.ceil(round(seconds * 1000, 6)) / 1000


Kind = Literal["item", "object"]
VERSION = 2


@dataclass(frozen=True, slots=True)
class Paths:
    """An application's own paths for a probe: method and path each, `{id}` where the probe's key stands."""

    write: str
    read: str
    health: str
    delete: str | None = None


ProbeSpec = Literal["handler", "table"] | Paths
"""What an application is asked to keep a probe: `drill.probe` of dr.yaml."""


@dataclass(frozen=True, slots=True)
class LogOpened:
    """The first line: whose drill it is, and when its clock began, which the world's calls `began`."""

    drill: str
    deployment: str
    began: str
    version: int = 1
    """Of the log; a line that says nothing is of version 1, and ours say `VERSION`."""
    probe: ProbeSpec = "handler"
    """By what its probes are cleared away, whatever dr.yaml says by then."""
    kind: Literal["opened"] = "opened"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request is about to be made: whether or not it is acknowledged, something may have to be cleared away."""

    id: str
    what: Kind
    planned_s: float = 0.0
    key: str = ""
    kind: Literal["sent"] = "sent"

    @property
    def name(self) -> str:
        """The item or object that may have to be cleared away; until version 2 each write made its own."""
        return self.key or self.id


@dataclass(frozen=True, slots=True)
class Unsent:
    """A slot in which nothing could be sent, since too many requests still waited for their answers."""

    planned_s: float
    what: Kind
    kind: Literal["unsent"] = "unsent"


@dataclass(frozen=True, slots=True)
class RegionAttempt:
    """One try of a request at one region."""

    region: Region
    began_s: float
    ended_s: float
    status: int | None
    """HTTP's; None where no answer came."""

    @property
    def is_good(self) -> bool:
        """Whether the region did what it was asked to."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Write:
    """One call of the client, answered well or not: every attempt that it made, in order; failover is one of them."""

    id: str
    what: Kind
    body: str
    attempts: tuple[RegionAttempt, ...]
    planned_s: float = 0.0
    """When it was to be sent."""
    called_s: float | None = None
    """When the client was called: later than planned by what the drill itself was late."""
    key: str = ""
    """The item's or object's name."""
    number: int = 1
    """Counts the writes to a key, in the order in which they were sent; each waits for the answer of that before."""
    deletes: bool = False
    kind: Literal["write"] = "write"

    @property
    def name(self) -> str:
        """What it writes to; until version 2 each write made its own."""
        return self.key or self.id

    @property
    def sent_s(self) -> float:
        """When it left the drill: the client was called, or its first attempt began."""
        return self.began_s if self.called_s is None else self.called_s

    @property
    def began_s(self) -> float:
        """When the first attempt began."""
        return self.attempts[0].began_s if self.attempts else self.planned_s

    @property
    def ended_s(self) -> float:
        """When the last attempt was answered, or given up."""
        return self.attempts[-1].ended_s if self.attempts else self.planned_s

    @property
    def acknowledged_by(self) -> Region | None:
        """The region that acknowledged it; None for a request that was lost."""
        return self.attempts[-1].region if self.attempts and self.attempts[-1].is_good else None


@dataclass(frozen=True, slots=True)
class Sighting:
    """For the first time a consistent read of a region, answered at `at_s`, showed this write of a key or a later one.

    A deletion is shown by absence: only a key that a region has shown is deleted or overwritten, and what was deleted
    is never written again.
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
    """One turn of the counter: read by the client, and one more written back by the client, turn after turn.

    What is written says which turn wrote it, by which a later read tells whose value it shows.
    """

    number: int
    """Counted from 1."""
    planned_s: float
    read: tuple[RegionAttempt, ...]
    """The attempts of the reading call; without a good one at the end nothing is written in this turn."""
    turn_read: int | None
    """The turn that wrote the value that was read: 0 where nothing was there yet, None where no good answer came."""
    value_read: int | None
    value_written: int | None
    """None where nothing was written."""
    write: tuple[RegionAttempt, ...] = field(default=())
    kind: Literal["turn"] = "turn"

    @property
    def read_by(self) -> Region | None:
        """The region that answered the read, also with 404 where nothing was there yet."""
        return self.read[-1].region if self.read and self.turn_read is not None else None

    @property
    def acknowledged_by(self) -> Region | None:
        """The region that acknowledged the write."""
        return self.write[-1].region if self.write and self.write[-1].is_good else None


Moment = Literal["load", "strike", "fault", "undoing", "undone", "load ended", "reconciled"]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the drill itself did: `strike` asks for the fault, and by `fault` it was made."""

    moment: Moment
    at_s: float
    kind: Literal["mark"] = "mark"


@dataclass(frozen=True, slots=True)
class LogClosed:
    """The last line: nothing of the drill is left in the deployment."""

    kind: Literal["closed"] = "closed"


LogLine = LogOpened | Sent | Unsent | Write | Sighting | Read | Turn | Mark | LogClosed
FILE_NAME = "log.jsonl"
_LINE: TypeAdapter[LogLine] = TypeAdapter(Annotated[LogLine, Field(discriminator="kind")])


class DrillLog:
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

    def write(self, *lines: LogLine) -> None:
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
    log: DrillLog
    clock: DrillClock


def read_log(path: Path) -> tuple[LogLine, ...]:
    """Return the lines of a log. Raises BadInput; but a last line that was cut off by a kill is passed over."""
    return parse_log(path, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """Return a log as it lies on the disk. Raises BadInput."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise of_file(error, path, doing="read") from error


def parse_log(path: Path, written: bytes) -> tuple[LogLine, ...]:
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


def unfinished(lines: Sequence[LogLine]) -> LogOpened | None:
    """Return how a drill began whose log says that something of it may be left, or None."""
    if not lines or any(isinstance(line, LogClosed) for line in lines):
        return None
    return next((line for line in lines if isinstance(line, LogOpened)), None)
