"""Records as JSON, one object a line; pure."""

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

# By name only: the records come with the whole deployer, which linting has no use for.
if TYPE_CHECKING:
    from builder.assembly.finding import Finding
    from builder.deploy.progress import Progress
    from builder.deploy.records import Outcome


def event(progress: "Progress", at: datetime) -> str:
    """Return a progress record as one line, its kind and time first."""
    facts = dataclasses.asdict(progress)
    return json.dumps({"event": facts.pop("event"), "at": _time(at), **facts})


def ended(outcomes: Sequence["Outcome"], at: datetime) -> str:
    """Return all outcomes as one line."""
    steps = [{"outcome": type(one).__name__.lower(), **dataclasses.asdict(one)} for one in outcomes]
    return json.dumps({"event": "run.ended", "at": _time(at), "steps": steps})


def finding(found: "Finding", at: datetime) -> str:
    """Return what a rule found as one line."""
    return json.dumps({"event": "lint.finding", "at": _time(at), **dataclasses.asdict(found)})


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
