"""What a drill says while it runs, one JSON object a line with --json."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from builder.drill.records import Moment
from builder.drill.verdict import Check, DrillVerdict


@dataclass(frozen=True, slots=True)
class DrillBegun:
    """A drill's clock runs; what it writes down is in its folder."""

    drill: str
    what: Literal["replication", "failover"]
    deployment: str
    folder: str
    schema: Literal[2] = 2
    """The version of all that is said, as `run.begun` has it."""
    event: Literal["drill.begun"] = "drill.begun"


@dataclass(frozen=True, slots=True)
class DrillMoment:
    """The drill did something: began its load, asked for the fault (`strike`), made it, undid it."""

    drill: str
    moment: Moment
    at_s: float
    """Seconds since the drill began."""
    event: Literal["drill.moment"] = "drill.moment"


@dataclass(frozen=True, slots=True)
class DrillAsks:
    """Somebody has to do something now; the drill waits for its effect."""

    drill: str
    what: str
    event: Literal["drill.asks"] = "drill.asks"


@dataclass(frozen=True, slots=True)
class DrillNote:
    """Something that a person should know of the drill: what could not be read, or what stays in the deployment."""

    drill: str
    what: str
    event: Literal["drill.note"] = "drill.note"


@dataclass(frozen=True, slots=True)
class DrillRestored:
    """What a drill that did not end had changed is as it was, or what it had written is gone."""

    drill: str
    what: str
    event: Literal["drill.restored"] = "drill.restored"


@dataclass(frozen=True, slots=True)
class DrillEnded:
    """The verdict, that of each number, and where the report's page is; report.json lies beside it."""

    drill: str
    verdict: DrillVerdict
    """What is missed fails a drill; what was not measured leaves it undecided, and ends it with exit code 1 too."""
    checks: tuple[Check, ...]
    report: str
    event: Literal["drill.ended"] = "drill.ended"


DrillProgress = DrillBegun | DrillMoment | DrillAsks | DrillNote | DrillRestored | DrillEnded
Emit = Callable[[DrillProgress], None]
