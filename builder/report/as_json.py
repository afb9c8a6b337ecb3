"""Records as JSON, one object a line; pure. docs/events.schema.json is the lines' schema."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from builder.deploy.observe.deployment import Outputs
from builder.deploy.progress import OUTCOME_WORDS, Outcome
from builder.deploy.records import Plan
from builder.drill.findings import DrillProgress
from builder.fleet.drop import LeavingAccount
from builder.fleet.progress import SET_OUTCOME_WORDS, FleetEnd, FleetProgress, SetOutcome
from builder.fleet.records import FleetPlan, SetPlan
from builder.fleet.status import SetDrift
from builder.report.review import Tally, make_tally
from builder.report.screen import json_line
from builder.terms import StackId


@dataclass(frozen=True, slots=True)
class PlanMade:
    """A plan was made, or a saved plan is shown."""

    plan: str
    deployment: str
    account: str
    tally: Tally
    allow: tuple[str, ...]
    """What `--allow` has to name before it can be executed."""
    protections: Mapping[StackId, bool]
    """For each stack whose termination protection changes, whether it will have it."""
    policies: Mapping[StackId, str]
    """For each stack whose policy is set, the new policy, as JSON."""
    postponed: Mapping[StackId, tuple[str, ...]]
    """For each stack that waits until a skipped region answers again, what of its work depends on that region."""
    event: Literal["plan.made"] = "plan.made"


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run ended. Each step has its outcome."""

    steps: tuple[Outcome, ...]
    event: Literal["run.ended"] = "run.ended"


@dataclass(frozen=True, slots=True)
class OutputsRead:
    """The outputs of a deployment, by name."""

    deployment: str
    outputs: Mapping[str, str]
    absent: Mapping[str, str]
    """Why an output does not exist: its condition is false."""
    event: Literal["outputs.read"] = "outputs.read"


@dataclass(frozen=True, slots=True)
class FleetPlanMade:
    """A fleet's plan was made, or a saved one is shown: what it does to each StackSet, by account and region."""

    plan: str
    deployment: str
    account: str
    tally: Tally
    allow: tuple[str, ...]
    """What `--allow` has to name before it can be executed."""
    sets: tuple[SetPlan, ...]
    event: Literal["fleet.planned"] = "fleet.planned"


@dataclass(frozen=True, slots=True)
class FleetEnded:
    """A run on a fleet ended. Each stack that holds StackSets has its outcome, and so has each StackSet."""

    steps: tuple[Outcome, ...]
    sets: tuple[SetOutcome, ...]
    event: Literal["fleet.ended"] = "fleet.ended"


@dataclass(frozen=True, slots=True)
class FleetDriftSeen:
    """The result of the drift detection of each StackSet."""

    sets: tuple[SetDrift, ...]
    event: Literal["fleet.drift.seen"] = "fleet.drift.seen"


@dataclass(frozen=True, slots=True)
class FleetLeaving:
    """The stacks of an account that is to leave a fleet, before anybody is asked to confirm."""

    leaving: LeavingAccount
    deleted: tuple[str, ...]
    """The ARNs of the stacks that are deleted with their contents; the others stay in the account."""
    event: Literal["fleet.leaving"] = "fleet.leaving"


@dataclass(frozen=True, slots=True)
class StacksCaptured:
    """Stacks that others deployed were written into dr.yaml. Nothing was changed in AWS."""

    stacks: Mapping[str, object]
    """Their entries, by name."""
    files: tuple[str, ...]
    """The templates that were written."""
    event: Literal["stacks.captured"] = "stacks.captured"


def event(progress: FleetProgress | DrillProgress, at: datetime) -> str:
    """Return a progress record as one line, its kind and time first."""
    return _line(at, dataclasses.asdict(progress))


def made(plan: Plan, at: datetime) -> str:
    """Return a plan's summary as one line; the plan itself is in its file."""
    protections = {protection.stack: protection.protect for protection in plan.protections}
    policies = {policy.stack: policy.policy for policy in plan.policies}
    facts = PlanMade(
        plan=plan.id,
        deployment=plan.deployment,
        account=plan.account,
        tally=make_tally(plan),
        allow=_allow(plan),
        protections=protections,
        policies=policies,
        postponed={waiting.stack: waiting.because for waiting in plan.postponed},
    )
    return _line(at, dataclasses.asdict(facts))


def fleet_made(plan: FleetPlan, at: datetime) -> str:
    """Return a fleet's plan as one line: every account and region of it, and every resource."""
    ordinary = plan.ordinary
    tally = make_tally(ordinary)
    facts = FleetPlanMade(ordinary.id, ordinary.deployment, ordinary.account, tally, _allow(ordinary), plan.sets)
    return _line(at, dataclasses.asdict(facts))


def ended(outcomes: Sequence[Outcome], at: datetime) -> str:
    """Return all outcomes as one line."""
    return _line(at, {**dataclasses.asdict(RunEnded(())), "steps": _outcomes(outcomes)})


def outputs_read(deployment: str, outputs: Outputs, at: datetime) -> str:
    """Return all outputs of a deployment as one line."""
    return _line(at, dataclasses.asdict(OutputsRead(deployment, outputs.values, outputs.absent)))


def adopted(stacks: Mapping[str, object], files: tuple[str, ...], at: datetime) -> str:
    """Return the files written for stacks that others deployed, as one line."""
    return _line(at, dataclasses.asdict(StacksCaptured(stacks, files)))


def fleet_ended(end: FleetEnd, at: datetime) -> str:
    """Return the outcomes of a fleet as one line."""
    outcomes = {"steps": _outcomes(end.ordinary), "sets": _outcomes(end.sets)}
    return _line(at, {**dataclasses.asdict(FleetEnded((), ())), **outcomes})


def fleet_drift_seen(drifts: tuple[SetDrift, ...], at: datetime) -> str:
    """Return the result of every set's drift detection as one line."""
    return _line(at, dataclasses.asdict(FleetDriftSeen(drifts)))


def fleet_leaving(leaving: LeavingAccount, at: datetime) -> str:
    """Return what is done with each stack of an account that leaves, as one line."""
    return _line(
        at,
        dataclasses.asdict(FleetLeaving(leaving, tuple(stack.instance.stack for stack in leaving.deleted))),
    )


_WORDS: Mapping[type, str] = {**OUTCOME_WORDS, **SET_OUTCOME_WORDS}


def _outcomes(outcomes: Sequence[Outcome | SetOutcome]) -> list[dict[str, object]]:
    return [{"outcome": _WORDS[type(outcome)], **dataclasses.asdict(outcome)} for outcome in outcomes]


def _allow(plan: Plan) -> tuple[str, ...]:
    names = (*(hit.allow for hit in plan.guards), *(review.allow for review in plan.pending))
    return tuple(dict.fromkeys(names))


def _line(at: datetime, facts: dict[str, object]) -> str:
    return json_line(str(facts.pop("event")), at, facts)
