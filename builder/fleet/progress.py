"""The events of work on a fleet while it runs, and the outcomes of its sets: two closed unions."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, assert_never

from builder.deploy import Outcome, exit_code
from builder.deploy.progress import Progress
from builder.errors import ExitCode
from builder.fleet.records import Skipped
from builder.terms import AccountId, Region, Site, StackId


@dataclass(frozen=True, slots=True)
class SetProgress:
    """The progress of a StackSet operation: the number of accounts and regions that are done, of all."""

    stack: StackId
    action: str
    """CREATE, UPDATE, DELETE or DETECT_DRIFT."""
    status: str
    """QUEUED, RUNNING, STOPPING, or its end: SUCCEEDED, FAILED, STOPPED."""
    done: int
    total: int
    failed: int
    operation: str
    event: Literal["set.progress"] = "set.progress"


@dataclass(frozen=True, slots=True)
class InstanceFailed:
    """A StackSet operation failed in one account and region."""

    stack: StackId
    account: AccountId
    region: Region
    reason: str
    event: Literal["instance.failed"] = "instance.failed"


FleetProgress = Progress | SetProgress | InstanceFailed


FleetEmit = Callable[[FleetProgress], None]


@dataclass(frozen=True, slots=True)
class Failure:
    """An account and region in which the work on a StackSet failed, with the reason."""

    site: Site
    reason: str


@dataclass(frozen=True, slots=True)
class SetDone:
    """The work on the StackSet succeeded in every account and region, except those that StackSets skip."""

    stack: StackId
    instances: int
    """How many instances the plan touched, skipped ones included."""
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class SetFailed:
    """The work on the StackSet failed, wholly or in some accounts and regions, within the failure tolerance or not."""

    stack: StackId
    failures: tuple[Failure, ...]
    reason: str = ""
    """The reason for the set as a whole, where there is one."""
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class SetCancelled:
    """The work on the StackSet was not started; `because` is the reason."""

    stack: StackId
    because: str


SetOutcome = SetDone | SetFailed | SetCancelled
SET_OUTCOME_WORDS: Mapping[type, str] = {SetDone: "succeeded", SetFailed: "failed", SetCancelled: "cancelled"}
"""How an outcome is written in `--json`."""


@dataclass(frozen=True, slots=True)
class FleetEnd:
    """All outcomes of a run."""

    ordinary: tuple[Outcome, ...]
    sets: tuple[SetOutcome, ...] = ()


def failures_of(end: FleetEnd) -> tuple[Failure, ...]:
    """Return every account and region in which a set failed."""
    return tuple(failure for set_ in end.sets if isinstance(set_, SetFailed) for failure in set_.failures)


def fleet_exit_code(end: FleetEnd) -> ExitCode:
    """Return the exit code of all outcomes: a failed instance, within the tolerance or not, can never end in 0."""
    codes = {exit_code(end.ordinary), *_codes(end.sets)}
    gravest_first = (ExitCode.FAILED, ExitCode.STOPPED, ExitCode.INTERRUPTED)
    return next((code for code in gravest_first if code in codes), ExitCode.DONE)


def _codes(sets: Iterable[SetOutcome]) -> Iterable[ExitCode]:
    for outcome in sets:
        match outcome:
            case SetDone():
                yield ExitCode.DONE
            case SetFailed():
                yield ExitCode.FAILED
            case SetCancelled():
                yield ExitCode.STOPPED
            case _:
                assert_never(outcome)
