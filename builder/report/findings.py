"""What linting found, as text and as events; pure, and apart from the rest, which brings the whole deployer with it."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime

from builder.assembly.finding import Finding
from builder.report.screen import json_line

FINDING = "lint.finding"
"""The kind of event that a finding is."""


def as_text(found: Sequence[Finding]) -> str:
    """Return one line for each finding: where, which rule, what; and how many there are."""
    lines = [f"{entry.file}:{entry.line}:{entry.column}: {entry.rule} {entry.message}" for entry in found]
    count = f"{len(found)} finding{'s' if len(found) > 1 else ''}" if found else "no findings"
    return "\n".join([*lines, count])


def as_event(found: Finding, at: datetime) -> str:
    """Return one finding as one line."""
    return json_line(FINDING, at, dataclasses.asdict(found))
