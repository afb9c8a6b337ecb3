"""A plan that somebody decides on: read from its file, or asked about; what the system's and a fleet's verbs share."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from builder.cli.wiring import Wiring
from builder.errors import BadInput, BuilderError

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


def ask_or_discard(wiring: Wiring, plan: "Plan", allow: Collection[str]) -> None:
    """Say what is allowed and ask whether to go on; where nobody says yes the plan's change sets go again."""
    from builder.deploy import check_allowed, discard_plan, tell_allowed

    try:
        tell_allowed(check_allowed(plan.guards, plan.pending, allow), wiring.console.tell)
        wiring.console.ask("Execute exactly this?", "yes")
    except (BuilderError, click.Abort):
        wiring.run(discard_plan(plan, wiring.clients))
        raise
