"""The runbook of a deployment, made from an assembly: which commands to type in which situation; pure, no AWS.

`page` puts the runbook together. `loss`, `failback`, `promotion`, `corruption` and `practice` have the situations,
`lines` makes the commands, `system` reads the names from the assembly, and `records` has the records of a runbook.
"""

from builder.runbook.page import make_runbook
from builder.runbook.records import (
    Condition,
    Runbook,
    RunbookLine,
    RunbookRequest,
    RunbookState,
    RunbookStep,
    ShellVariable,
    Situation,
    TypedCommand,
    as_typed,
    variables_in,
)

__all__ = [
    "Condition",
    "Runbook",
    "RunbookLine",
    "RunbookRequest",
    "RunbookState",
    "RunbookStep",
    "ShellVariable",
    "Situation",
    "TypedCommand",
    "as_typed",
    "make_runbook",
    "variables_in",
]
