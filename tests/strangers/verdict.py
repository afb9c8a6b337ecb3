"""What was found against what is accepted; both ways, so that the list can't outlive its reasons."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

ACCEPTED = Path(__file__).parent / "accepted.yaml"

Tool = Literal["checkov", "parliament"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a tool holds against one resource."""

    tool: Tool
    check: str
    """The tool's id for what it looked for."""
    place: str
    """The template in the assembly, the logical id, and for a policy which: `us-east-1/service.yaml Function`."""
    says: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Findings of one kind that stay."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    tool: Tool
    check: str
    says: str
    """The tool's words, for the reader of the list."""
    places: Annotated[tuple[str, ...], Field(min_length=1)]
    reason: Annotated[str, StringConstraints(min_length=40)]


def read_accepted(file: Path = ACCEPTED) -> tuple[Accepted, ...]:
    """Return the list as it is committed. Raises ValidationError where it is not one."""
    return TypeAdapter(tuple[Accepted, ...]).validate_python(yaml.safe_load(file.read_text()))


def differences(findings: Iterable[Finding], accepted: Sequence[Accepted]) -> tuple[str, ...]:
    """Return a line for each finding that is not listed, and for each listed one that was not found."""
    distinct = dict.fromkeys(findings)
    listed = dict.fromkeys(Finding(entry.tool, entry.check, place) for entry in accepted for place in entry.places)
    return (
        *(
            f"not listed: {finding.tool} {finding.check} {finding.place}: {finding.says}"
            for finding in distinct
            if finding not in listed
        ),
        *(
            f"not found any more: {finding.tool} {finding.check} {finding.place}"
            for finding in listed
            if finding not in distinct
        ),
    )
