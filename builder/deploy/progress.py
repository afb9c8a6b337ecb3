"""Progress, as records: what long work says while it runs, one JSON object a line with --json."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from builder.terms import LogicalId, StackId


@dataclass(frozen=True, slots=True)
class Begun:
    """From here on it is known which stacks the work is about; each is said to be planned, finished, failed or left."""

    what: Literal["plan", "execute", "destroy"]
    stacks: tuple[StackId, ...]
    schema: Literal[2] = 2
    """The version of all that is said, of fleets and drills too: what is only added does not change it."""
    event: Literal["run.begun"] = "run.begun"


@dataclass(frozen=True, slots=True)
class Allowed:
    """How many guarded changes, deletions and reviews one `--allow` lets pass, and which."""

    allow: str
    """As it was said: a name or a pattern."""
    passes: int
    names: tuple[str, ...]
    event: Literal["guard.allowed"] = "guard.allowed"


@dataclass(frozen=True, slots=True)
class Planning:
    """A change set was asked for; its stack is about to be, or already, in review."""

    stack: StackId
    type: str
    event: Literal["stack.planning"] = "stack.planning"


@dataclass(frozen=True, slots=True)
class Planned:
    """A stack's change set stands, or none is needed."""

    stack: StackId
    changes: int
    event: Literal["stack.planned"] = "stack.planned"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A stack is as it should be; no change set was made."""

    stack: StackId
    event: Literal["stack.unchanged"] = "stack.unchanged"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another's operation runs on a stack, and this one waits for its end."""

    stack: StackId
    status: str
    token: str = ""
    """The client token of that operation, which tells whose it is; the console's begin with `Console-`."""
    event: Literal["stack.waiting"] = "stack.waiting"


@dataclass(frozen=True, slots=True)
class Started:
    """A change set is being executed, or a stack deleted, rolled back or relieved of its termination protection."""

    stack: StackId
    what: str
    event: Literal["stack.started"] = "stack.started"


@dataclass(frozen=True, slots=True)
class Skipping:
    """A stack's rollback goes on without these resources: they stay as they are, and count as rolled back."""

    stack: StackId
    resources: tuple[LogicalId, ...]
    event: Literal["stack.skipping"] = "stack.skipping"


@dataclass(frozen=True, slots=True)
class Status:
    """A stack was seen in another status than before."""

    stack: StackId
    status: str
    event: Literal["stack.status"] = "stack.status"


@dataclass(frozen=True, slots=True)
class InHand:
    """What CloudFormation works on in a stack: the resource whose status changed last."""

    stack: StackId
    resource: str
    """`LogicalId (Type)`."""
    status: str
    event: Literal["resource.status"] = "resource.status"


@dataclass(frozen=True, slots=True)
class Finished:
    """All that was to be done on a stack is done."""

    stack: StackId
    status: str
    event: Literal["stack.finished"] = "stack.finished"


@dataclass(frozen=True, slots=True)
class FirstFailure:
    """The resource that failed first, and why."""

    stack: StackId
    resource: str
    reason: str
    event: Literal["stack.failed"] = "stack.failed"


@dataclass(frozen=True, slots=True)
class NotStarted:
    """A step that will not be started any more."""

    stack: StackId
    because: str
    event: Literal["stack.cancelled"] = "stack.cancelled"


@dataclass(frozen=True, slots=True)
class Emptied:
    """Versions and delete markers removed from a bucket so far."""

    stack: StackId
    bucket: str
    versions: int
    per_second: int
    """Since its emptying began. How many there are in all S3 tells nobody before they are listed."""
    event: Literal["bucket.emptied"] = "bucket.emptied"


Progress = (
    Begun
    | Allowed
    | Planning
    | Planned
    | Unchanged
    | Waiting
    | Started
    | Skipping
    | Status
    | InHand
    | Finished
    | FirstFailure
    | NotStarted
    | Emptied
)
Emit = Callable[[Progress], None]
