"""Every error this project raises on purpose, and the exit code each one ends the command with.

    BuilderError
    ├── BadInput            2   dr.yaml, an assembly, a plan file or an option is wrong
    ├── Stopped             4   a person has to look or say yes first; nothing was executed beyond what was said
    │   └── LeftBehind      4   work of some stacks hangs on a region that is left out
    ├── Failed              1   something was tried and did not work
    │   └── AwsError        1   AWS answered with an error, or did not answer
    └── Several                 more than one of these at once

Each carries where it happened, what was wrong and what to type next. An error never prints, logs or exits.
"""

import errno
from collections.abc import Iterable, Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code says to a shell or a pipeline."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    CHANGES_FOUND = 3
    STOPPED = 4
    BUG = 70
    INTERRUPTED = 130


class BuilderError(Exception):
    """The root: `where` (file and key, or region and stack), `what` was wrong, `next_step` to type."""

    exit_code = ExitCode.FAILED

    def __init__(self, *, where: str, what: str, next_step: str = "") -> None:
        self.where = where
        self.what = what
        self.next_step = next_step
        super().__init__(f"{where}: {what}")


class BadInput(BuilderError):
    """Something the caller wrote is wrong; nothing was tried."""

    exit_code = ExitCode.BAD_INPUT


class Stopped(BuilderError):
    """Going on needs a person: a review, a yes, or another tool's operation to end."""

    exit_code = ExitCode.STOPPED


class LeftBehind(Stopped):
    """Work hangs on a region that is left out; `stacks` are the ids of those whose work it is."""

    def __init__(self, *, where: str, what: str, next_step: str = "", stacks: Iterable[str] = ()) -> None:
        self.stacks = tuple(stacks)
        super().__init__(where=where, what=what, next_step=next_step)


class Failed(BuilderError):
    """Something was tried and did not work."""


class AwsError(Failed):
    """AWS refused a call or could not be reached; `code` is the error code on the wire, or the exception's name."""

    def __init__(self, *, where: str, code: str, what: str, next_step: str = "", answered: bool = True) -> None:
        self.code = code
        self.answered = answered
        super().__init__(where=where, what=what, next_step=next_step)


class Several(BuilderError):
    """Several errors at once, each told in full; ends the command as the gravest of them does."""

    # A bug or a refusal by AWS outweighs a wrong input, and that a question.
    _GRAVEST_FIRST = (ExitCode.FAILED, ExitCode.BAD_INPUT, ExitCode.STOPPED)

    def __init__(self, errors: Sequence[BuilderError]) -> None:
        errors = self.errors = tuple(each for error in errors for each in _each(error))
        self.exit_code = min((error.exit_code for error in errors), key=self._GRAVEST_FIRST.index)
        steps = list(dict.fromkeys(error.next_step for error in errors if error.next_step))
        lines = "\n  ".join(_error_lines(error, with_step=len(steps) > 1) for error in errors)
        super().__init__(where=f"{len(errors)} errors", what=f"\n  {lines}", next_step=next(iter(steps), ""))


def _each(error: BuilderError) -> tuple[BuilderError, ...]:
    return error.errors if isinstance(error, Several) else (error,)


def _error_lines(error: BuilderError, *, with_step: bool) -> str:
    """Return an error among others, with its own next step where they are not all the same."""
    return f"{error}\n    next:  {error.next_step}" if with_step and error.next_step else str(error)


def gathered(errors: Sequence[BuilderError]) -> BuilderError:
    """Return one error for one or more."""
    return errors[0] if len(errors) == 1 else Several(errors)


_OF_THE_MACHINE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
)
"""What no other path would mend: a full disk, a quota, a limit of the process."""


def of_file(error: OSError, where: object = "", *, doing: str = "used", next_step: str = "") -> BuilderError:
    """Return what a file system's error is to a person; `doing` is what could not be done with what `where` names.

    Failed where the machine has no room for more, else BadInput: the path cannot serve, and whoever named it can name
    another.
    """
    place = where or error.filename or "this machine"
    why = error.strerror or str(error) or type(error).__name__
    if error.errno in _OF_THE_MACHINE:
        return Failed(where=str(place), what=f"cannot be {doing}: {why}", next_step="make room, then the same again")
    return BadInput(where=str(place), what=f"cannot be {doing} ({why})", next_step=next_step)


def did_you_mean(wrong: object, right: Iterable[object]) -> str:
    """Return ` (did you mean X?)` for the nearest of the right values, or nothing where none is near."""
    # Only a broken file pays for this import.
    import difflib  # noqa: PLC0415

    if isinstance(wrong, int) and not isinstance(wrong, bool):
        numbers = [value for value in right if isinstance(value, int)]
        return _ask(min(numbers, key=lambda value: abs(value - wrong))) if numbers else ""
    # Case is a slip of its own: PYTHON3.14 has hardly a letter in common with python3.14.
    by_lower = {str(value).lower(): value for value in right}
    near = difflib.get_close_matches(str(wrong).lower(), by_lower, n=1, cutoff=0.5)
    return _ask(by_lower[near[0]]) if near else ""


def _ask(value: object) -> str:
    return f" (did you mean {value}?)"
