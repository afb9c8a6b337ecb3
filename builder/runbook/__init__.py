"""The page for the bad day, made of an assembly: what to type, in which state, and what it says; pure, no AWS.

`page` puts it together; `loss`, `failback`, `promotion`, `corruption` and `practice` have the situations, `lines` how a
line is put together, `system` what of an assembly is named, `records` the data that is rendered and run.
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
