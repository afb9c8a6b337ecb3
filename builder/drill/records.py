"""What a drill writes down while it runs, a line of its log each.

Every time is in seconds since the drill began, by one monotonic clock, so that no two of them are skewed.
"""

from dataclasses import dataclass
from typing import Literal

from builder.terms import Region

Kind = Literal["item", "object"]


@dataclass(frozen=True, slots=True)
class Opened:
    """The first line: whose drill it is, and when its clock began, which the world's calls `began`."""

    drill: str
    deployment: str
    began: str
    kind: Literal["opened"] = "opened"


@dataclass(frozen=True, slots=True)
class Sent:
    """A probe is about to be sent: whether or not it is acknowledged, something may have to be cleared away."""

    id: str
    what: Kind
    kind: Literal["sent"] = "sent"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a write at one region."""

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
    """A probe written, or not: every attempt that the client made for it, in order."""

    id: str
    what: Kind
    body: str
    attempts: tuple[Attempt, ...]
    kind: Literal["write"] = "write"

    @property
    def began_s(self) -> float:
        """When the first attempt began."""
        return self.attempts[0].began_s

    @property
    def ended_s(self) -> float:
        """When the last attempt was answered, or given up."""
        return self.attempts[-1].ended_s

    @property
    def acknowledged_by(self) -> Region | None:
        """The region that acknowledged it; None for a request that was lost."""
        last = self.attempts[-1]
        return last.region if last.is_good else None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A consistent read of a region showed a probe for the first time; `at_s` is when that read was answered."""

    id: str
    region: Region
    at_s: float
    kind: Literal["seen"] = "seen"


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


Line = Opened | Sent | Write | Sighting | Mark | Closed
