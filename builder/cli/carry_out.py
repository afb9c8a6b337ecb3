"""Executing a plan and showing how it ended; what `execute` and `deploy` share."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from builder.cli.plan_at_hand import check_writable, write_private
from builder.cli.wiring import Wiring
from builder.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from builder.deploy import Brake, Emit, Outcome, Plan


class Execution(Protocol):
    """A way to execute a plan, bound to everything but the person who watches it."""

    def __call__(self, *, emit: "Emit", brake: "Brake", in_detail: bool) -> "Coroutine[Any, Any, tuple[Outcome, ...]]":
        """Execute it and return how each stack ended."""


def check_review(plan: "Plan", plan_file: Path) -> None:
    """Return if a plan that may end in another review can be written into its file then. Raises BadInput."""
    if plan.pending:
        check_writable({"the plan's file": plan_file})


def carry_out(wiring: Wiring, plan: "Plan", plan_file: Path, execution: Execution) -> "Sequence[Outcome]":
    """Execute a plan and return how each stack ended; what is left for review is written into the plan's file."""
    from builder.deploy import Brake, Deviated, after_review, write_plan

    brake = Brake()
    with wiring.console.progress() as emit:
        ended = wiring.run(execution(emit=emit, brake=brake, in_detail=wiring.console.in_detail), brake)
    if any(isinstance(outcome, Deviated) for outcome in ended):
        write_private(plan_file, write_plan(after_review(plan, ended)), str(plan_file))
    return ended


def tell_end(wiring: Wiring, ended: "Sequence[Outcome]", again: str) -> ExitCode:
    """Show how everything ended; `again` is the command that goes on from here."""
    from builder.deploy import Done, exit_code
    from builder.report import as_json, text

    if wiring.json_events:
        wiring.console.result(as_json.ended(ended, wiring.console.now()))
    wiring.console.say(text.outcomes(ended))
    if not all(isinstance(outcome, Done) for outcome in ended):
        steps = [step for outcome in ended if (step := outcome.next_step)]
        wiring.console.warn(f"next:  {steps[0] if steps else again}")
    return exit_code(ended)
