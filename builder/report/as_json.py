"""Records as JSON, one object a line; pure. What the lines look like is in docs/events.schema.json."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from builder.deploy.outcome import Outcome
from builder.deploy.progress import Progress
from builder.deploy.records import Plan
from builder.drill.progress import DrillProgress
from builder.report.line import json_line
from builder.report.review import Tally, make_tally


@dataclass(frozen=True, slots=True)
class PlanMade:
    """The plan stands, or one that was saved is shown again."""

    plan: str
    deployment: str
    account: str
    tally: Tally
    allow: tuple[str, ...]
    """What has to be allowed by name before it can be executed."""
    event: Literal["plan.made"] = "plan.made"


@dataclass(frozen=True, slots=True)
class RunEnded:
    """Nothing goes on any more; each step with how it ended."""

    steps: tuple[Outcome, ...]
    event: Literal["run.ended"] = "run.ended"


def event(progress: Progress | DrillProgress, at: datetime) -> str:
    """Return a progress record as one line, its kind and time first."""
    return _line(at, dataclasses.asdict(progress))


def made(plan: Plan, at: datetime) -> str:
    """Return what a plan amounts to as one line; the plan itself is in its file."""
    allow = dict.fromkeys((*(trip.allow for trip in plan.guards), *(review.allow for review in plan.pending)))
    facts = PlanMade(plan.id, plan.deployment, plan.account, make_tally(plan), tuple(allow))
    return _line(at, dataclasses.asdict(facts))


def ended(outcomes: Sequence[Outcome], at: datetime) -> str:
    """Return all outcomes as one line."""
    steps = [{"outcome": type(one).__name__.lower(), **dataclasses.asdict(one)} for one in outcomes]
    return _line(at, {**dataclasses.asdict(RunEnded(())), "steps": steps})


def _line(at: datetime, facts: dict[str, object]) -> str:
    return json_line(str(facts.pop("event")), at, facts)
