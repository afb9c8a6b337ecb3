"""What the work on a fleet says besides what deploying says: how far each set is, and which account failed and why."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from builder.deploy.progress import Progress
from builder.terms import AccountId, Region, StackId


@dataclass(frozen=True, slots=True)
class SetProgress:
    """How far an operation of a StackSet is: in how many accounts and regions it is done, of how many."""

    stack: StackId
    action: str
    """CREATE, UPDATE, DELETE or DETECT_DRIFT."""
    status: str
    """QUEUED, RUNNING, STOPPING, or how it ended: SUCCEEDED, FAILED, STOPPED."""
    done: int
    total: int
    failed: int
    operation: str
    event: Literal["set.progress"] = "set.progress"


@dataclass(frozen=True, slots=True)
class InstanceFailed:
    """An operation of a StackSet failed in one account and region."""

    stack: StackId
    account: AccountId
    region: Region
    reason: str
    event: Literal["instance.failed"] = "instance.failed"


FleetProgress = Progress | SetProgress | InstanceFailed
FleetEmit = Callable[[FleetProgress], None]
