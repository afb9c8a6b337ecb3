"""The findings of linting: one record for each, from cfn-lint and from our own checks."""

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's finding at one place of a template or of the manifest."""

    rule: str
    severity: str
    """error, warning or informational."""
    file: str
    line: int
    column: int
    message: str
    source: str
    end_line: int = 0
    """0 where only the beginning is known."""
    end_column: int = 0
    path: tuple[str | int, ...] = ()
    """The path within the template, as keys and indexes."""


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """A check over several templates, in cfn-lint's words for a rule."""

    id: str
    severity: str
    shortdesc: str
    description: str
    source: str


_TABLE = yaml.load(Path(__file__).with_name("checks.yaml").read_bytes(), Loader=yaml.CSafeLoader)
CHECKS = {row["id"]: CrossCheck(**row) for row in _TABLE}
"""The checks of `builder.assembly.cross` and `builder.assembly.references`, by id."""


def finding(check: str, place: tuple[str, int, int], message: str) -> Finding:
    """Return a check's finding at a place: file, line, column."""
    known = CHECKS[check]
    file, line, column = place
    return Finding(check, known.severity, file, line, column, message, known.source)
