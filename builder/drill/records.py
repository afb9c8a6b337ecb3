"""What a drill writes down while it runs, a line of its log each.

Every time is in seconds since the drill began, by one monotonic clock, so that no two of them are skewed.
A field with a default was not written by version 1: such logs are still cleared away by, and not measured again.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from builder.terms import Region

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
class Opened:
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
class Attempt:
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
    attempts: tuple[Attempt, ...]
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
    read: tuple[Attempt, ...]
    """The attempts of the reading call; without a good one at the end nothing is written in this turn."""
    turn_read: int | None
    """The turn that wrote the value that was read: 0 where nothing was there yet, None where no good answer came."""
    value_read: int | None
    value_written: int | None
    """None where nothing was written."""
    write: tuple[Attempt, ...] = field(default=())
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
class Closed:
    """The last line: nothing of the drill is left in the deployment."""

    kind: Literal["closed"] = "closed"


Line = Opened | Sent | Unsent | Write | Sighting | Read | Turn | Mark | Closed
