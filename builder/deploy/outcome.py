"""How the steps of an execution ended: a closed union, from which the exit code comes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from builder.deploy.records import Step
from builder.errors import ExitCode
from builder.terms import StackId


@dataclass(frozen=True, slots=True)
class Done:
    """The step's change set is executed, and the stack settled well."""

    stack: StackId
    status: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Broke:
    """The step was started and the stack did not settle well."""

    stack: StackId
    status: str
    resource: str
    """The resource that failed first, `LogicalId (Type)`; empty where no event names one."""
    reason: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The step was never started."""

    stack: StackId
    because: str
    interrupted: bool = False
    """A person wanted nothing more started."""
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The step was not started, because somebody or something else moved its stack first."""

    stack: StackId
    by: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Deviated:
    """A deferred change set was made and shows more than was expected: it stands, and waits for review."""

    stack: StackId
    step: Step
    beyond: tuple[str, ...]
    """What it shows that nobody has reviewed, one line each."""
    next_step: str = ""


Outcome = Done | Broke | Cancelled | Overtaken | Deviated


def exit_code(ended: Iterable[Outcome]) -> ExitCode:
    """Return the code that the outcomes amount to: the gravest counts, and a failed stack can never end in 0."""
    codes = {_code(outcome) for outcome in ended}
    gravest_first = (ExitCode.FAILED, ExitCode.STOPPED, ExitCode.INTERRUPTED)
    return next((code for code in gravest_first if code in codes), ExitCode.DONE)


def _code(outcome: Outcome) -> ExitCode:
    match outcome:
        case Done():
            return ExitCode.DONE
        case Broke():
            return ExitCode.FAILED
        case Overtaken() | Deviated():
            return ExitCode.STOPPED
        case Cancelled(interrupted=interrupted):
            # What was not started for another's sake ends as that other one does.
            return ExitCode.INTERRUPTED if interrupted else ExitCode.STOPPED
    assert_never(outcome)
