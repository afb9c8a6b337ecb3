"""Executing a plan and showing how it ended; what `execute` and `deploy` share."""

from typing import TYPE_CHECKING

from builder.cli.wiring import Wiring
from builder.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builder.deploy import Outcome, Plan


def carry_out(wiring: Wiring, plan: "Plan") -> ExitCode:
    """Execute a plan; return the code its outcomes amount to."""
    from builder.deploy import execute_plan

    with wiring.console.progress() as emit:
        ended = wiring.run(execute_plan(plan, wiring.clients, emit))
    return tell_end(wiring, ended)


def tell_end(wiring: Wiring, ended: "Sequence[Outcome]") -> ExitCode:
    """Show how every step ended; one that did not end well can never end in 0."""
    from builder.deploy import Done
    from builder.report import as_json, text

    if wiring.json_events:
        wiring.console.result(as_json.ended(ended, wiring.console.now()))
    wiring.console.say(text.outcomes(ended))
    return ExitCode.DONE if all(isinstance(outcome, Done) for outcome in ended) else ExitCode.FAILED
