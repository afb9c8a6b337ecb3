"""A plan that somebody decides on: read from its file, or asked about; what the system's and a fleet's verbs share."""

import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from builder.cli.wiring import Wiring
from builder.errors import BadInput

if TYPE_CHECKING:
    from builder.deploy import Plan

P = TypeVar("P")


def read_saved(plan_file: Path, read: Callable[[bytes, str], P], verb: str) -> P:
    """Return the plan that `verb` has saved. Raises BadInput, naming the command that makes it."""
    try:
        return read(plan_file.read_bytes(), str(plan_file))
    except OSError as error:
        raise BadInput(
            where=str(plan_file),
            what=f"cannot be read ({error.strerror})",
            next_step=f"python -m builder {verb} -o {plan_file}",
        ) from error


def write_private(path: Path, data: bytes, what: str) -> None:
    """Write a file that only its owner may read, whole or not at all. Raises BadInput where it cannot be written.

    What is no ordinary file, such as a pipe, is written to as it is.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        # mkstemp makes it for its owner alone.
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as fresh:
                fresh.write(data)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadInput(where=what, what=f"{path} cannot be written ({error.strerror})") from error


def ask_to_execute(wiring: Wiring, plan: "Plan", allow: Collection[str]) -> None:
    """Say what is allowed, and ask whether to go on. Raises Stopped where nobody says yes."""
    from builder.deploy import check_allowed, tell_allowed

    tell_allowed(check_allowed(plan.guards, plan.pending, allow), wiring.console.tell)
    wiring.console.ask("Execute exactly this?")


@contextmanager
def or_discard(wiring: Wiring, plan: "Plan") -> Iterator[None]:
    """Show a plan and ask about it; whatever ends that before its end, the plan's change sets go again.

    A no, Ctrl-C, SIGTERM, a terminal that goes and a page that cannot be written all mean the same.
    """
    from builder.deploy import discard_plan
    from builder.report.console import interruptible

    try:
        with interruptible():
            yield
    except BaseException:
        wiring.run(discard_plan(plan, wiring.clients))
        raise
