"""The words everything here shares: strings that must not be swapped, and what each stack status means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, NewType

Region = NewType("Region", str)
AccountId = NewType("AccountId", str)
Arn = NewType("Arn", str)
LogicalId = NewType("LogicalId", str)
StackId = NewType("StackId", str)
"""The id of a stack within an assembly, `us-east-1/table`; not CloudFormation's ARN."""
StackName = NewType("StackName", str)
"""The name CloudFormation knows a stack by, `tap-dev-table`; the same name may stand in several regions."""


class Site(NamedTuple):
    """Where a stack stands: a region of an account; None is the account of the credentials."""

    account: AccountId | None
    region: Region


class StackPlace(NamedTuple):
    """What one stack is found by."""

    site: Site
    name: StackName


class Endpoint(NamedTuple):
    """A URL that clients ask, and the stack that holds the function behind it."""

    url: str
    stack: StackPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What of a deployment is called and drilled, as it stands: its components with every name known."""

    name: str
    """The deployment's."""
    primary: Region
    secondaries: tuple[Region, ...]
    endpoints: Mapping[Region, Endpoint]
    health: str
    """The path below each URL that says whether the service is well there."""
    table: str | None = None
    buckets: Mapping[Region, str] = field(default_factory=dict)
    copies: tuple[tuple[Region, Region], ...] = ()
    """Each direction in which objects are replicated: from, to."""
    alarms: Mapping[Region, tuple[str, ...]] = field(default_factory=dict)
    """The alarms that tell how each region serves, by name."""
    replication_alarms: Mapping[Region, tuple[str, ...]] = field(default_factory=dict)
    """Those of each region that tell how far copies are behind."""


class Operation(StrEnum):
    """What a stack's status lets a deployment do with it next."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    WAIT = "WAIT"
    REBUILD = "REBUILD"
    """Deleted first: its creation failed, and CloudFormation takes nothing else."""
    RECOVER = "RECOVER"
    """Rolled back first, to where it takes a change set again."""
    REFUSE = "REFUSE"


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """Everything this project asks about a stack status."""

    operation: Operation
    """What planning does with a stack found so."""
    settled: bool = True
    """No operation of CloudFormation's own is under way."""
    good: bool = False
    """The last operation did what it was asked to do."""
    exists: bool = True
    """The stack holds, or may hold, resources."""


_CREATE = StatusFacts(Operation.CREATE, exists=False)
_BUSY = StatusFacts(Operation.WAIT, settled=False)
_GOOD = StatusFacts(Operation.UPDATE, good=True)
_ROLLED_BACK = StatusFacts(Operation.UPDATE)
_FAILED_CREATION = StatusFacts(Operation.REBUILD)
_HALTED = StatusFacts(Operation.RECOVER)
_STUCK = StatusFacts(Operation.REFUSE)

STATUSES: dict[str, StatusFacts] = {
    "CREATE_IN_PROGRESS": _BUSY,
    "CREATE_FAILED": _FAILED_CREATION,
    "CREATE_COMPLETE": _GOOD,
    "ROLLBACK_IN_PROGRESS": _BUSY,
    "ROLLBACK_FAILED": _FAILED_CREATION,
    "ROLLBACK_COMPLETE": _FAILED_CREATION,
    "DELETE_IN_PROGRESS": _BUSY,
    "DELETE_FAILED": _STUCK,
    "DELETE_COMPLETE": StatusFacts(Operation.CREATE, good=True, exists=False),
    "UPDATE_IN_PROGRESS": _BUSY,
    # The update itself is done; only the old versions of replaced resources are still being deleted, but a
    # change set is refused until that ends too.
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": _BUSY,
    "UPDATE_COMPLETE": _GOOD,
    "UPDATE_FAILED": _HALTED,
    "UPDATE_ROLLBACK_IN_PROGRESS": _BUSY,
    "UPDATE_ROLLBACK_FAILED": _HALTED,
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": _BUSY,
    "UPDATE_ROLLBACK_COMPLETE": _ROLLED_BACK,
    # A stack that only holds change sets waiting for review: it has no resources, and nothing runs.
    "REVIEW_IN_PROGRESS": _CREATE,
    "IMPORT_IN_PROGRESS": _BUSY,
    "IMPORT_COMPLETE": _GOOD,
    "IMPORT_ROLLBACK_IN_PROGRESS": _BUSY,
    "IMPORT_ROLLBACK_FAILED": _STUCK,
    "IMPORT_ROLLBACK_COMPLETE": _ROLLED_BACK,
}
"""Every status CloudFormation has; a test holds the keys against botocore's own enum.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""


def counted(count: int, noun: str) -> str:
    """Return `1 stack`, `2 stacks`, `1,200 entries`: a count with what is counted, whose plural ends in s."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
