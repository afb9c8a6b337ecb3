"""What verbs work on: the system, or its fleet in many accounts.

`plan`, `show`, `execute`, `deploy`, `destroy`, `status`, `drift` and `outputs` are told once, each in its module, over
a `Scope`; `system` and `fleet` hold its two values, of which `command` chooses one.
"""

from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text

    from builder.assembly import Assembly
    from builder.cli.options import Options
    from builder.cli.project import Project
    from builder.cli.session import Session
    from builder.deploy import Deployment, Plan, PlanOptions, PlanRequest, Removal, StackContents, TrustedInput
    from builder.deploy.desired import DesiredStack
    from builder.deploy.plan.done_before import StackNames
    from builder.errors import ExitCode
    from builder.fleet import FleetEmit
    from builder.report.review import InAccounts
    from builder.terms import AccountId, Region, Site, StackId


class _Planned(Protocol):
    @property
    def is_empty(self) -> bool: ...


P = TypeVar("P", bound=_Planned)
TypedOptions = Mapping[str, Any]
"""A verb's own options as they were typed, by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What one execution of a plan is given."""

    trusted: "TrustedInput"
    plan_file: Path
    """What is left for review is written there."""
    allow: Collection[str]
    again: str
    """The command that goes on from here."""
    stop: bool
    """Whether Ctrl-C stops the operations of StackSets too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDeployment:
    """All that is deployed, found by its tag, and how it is deleted."""

    name: str
    stacks: "tuple[StackContents, ...]"
    account: "AccountId | None"
    """The only account that its stacks may be in."""
    listing: "str | Text"
    consequence: str
    """What the question adds of it."""
    nothing: str
    """The text that is shown where no stack was found."""
    needs: "Callable[[], Mapping[StackId, tuple[StackId, ...]]]"
    """Returns what each stack is known to need, besides what is seen of it."""
    delete: "Callable[[Removal], ExitCode]"
    """Deletes it, shows how that ended."""
    unseen: "tuple[Region, ...]" = ()
    """Regions in which it could not be looked at."""
    sites: "tuple[Site, ...]" = ()
    """Where it was looked for."""
    desired: "Callable[[], tuple[DesiredStack, ...]]" = tuple
    """Returns the stacks of the assembly, where there is one: what may have stood before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateReport:
    """What was observed, in each form that it is shown in, and how the verb ends. A form is made when it is shown."""

    text: "Callable[[], Sequence[str | Text]]"
    """Returns what people read."""
    event: Callable[[], str]
    """Returns the line of JSON that --json shows instead."""
    alone: Callable[[], str] | None = None
    """Returns what takes the place of both: a bare value, a spreadsheet."""
    has_both: bool = False
    """Whether --json shows the text too, on stderr."""
    notes: tuple[str, ...] = ()
    """Warnings to show after it, in whatever form."""
    end: "Callable[[], ExitCode]"
    """Returns the exit code. Raises Failed where what was shown is not all that had to be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope(Generic[P]):
    """The system, or its fleet: what is planned of it, how that is shown and executed, and what is deployed."""

    word: str
    """What is typed before the verb."""
    plan_file: Path
    """Where a plan is that nobody saved."""
    assembly: "Callable[[Project], Assembly]"
    """Returns the fresh assembly. Raises BadInput."""
    deployment: "Callable[[Session], Deployment]"
    """Returns what of it is to be deployed, its assets made. Raises BadInput."""
    deployment_as_is: "Callable[[Project], Deployment]"
    """Returns the same of the assembly as it is. Raises BadInput."""
    account: "Callable[[Project], AccountId | None]"
    """Returns the only account that dr.yaml allows it to be in."""
    role_arn: "Callable[[Project], str | None]"
    """Returns the role that dr.yaml has CloudFormation assume."""
    trusted: "Callable[[Session, PlanOptions], TrustedInput]"
    """Returns what a saved plan has to follow from, its assets made."""
    make_plan: "Callable[[Session, Deployment, PlanRequest, FleetEmit, TypedOptions], Coroutine[Any, Any, P]]"
    ordinary: "Callable[[P], Plan]"
    """Returns the plan of change sets."""
    read_plan: Callable[[bytes, str], P]
    write_plan: Callable[[P], bytes]
    event: "Callable[[P, datetime], str]"
    """Returns a plan as a line of JSON."""
    text: "Callable[[Session, P, TypedOptions], Text]"
    """Returns a plan for people."""
    pages: "Callable[[P], tuple[Plan, InAccounts | None]]"
    """Returns a plan as its pages have it, with what it means in accounts."""
    check_saved: "Callable[[Session, P, Execution], None]"
    """Raises BadInput unless a saved plan can be executed here; asks AWS nothing."""
    check_file: Callable[[P, Path], None]
    """Raises BadInput unless the file can be written where executing the plan may lead to another review."""
    recover: "Callable[[Session, Deployment | Plan, TypedOptions], ExitCode]"
    """With --recover, rolls back first what has to be, once somebody agrees; DONE unless that ends otherwise."""
    execute: "Callable[[Session, P, Execution], ExitCode]"
    """Executes a plan, shows how it ended."""
    again: "Callable[[Options, TypedOptions, Path | None], str]"
    """Returns the command that goes on where an execution ended, with what it does; of a saved plan by its file."""
    names_of_sets: "Callable[[P, Deployment], Iterable[StackNames]]"
    """Returns what can be named of a fleet's sets."""
    tell_deployed: "Callable[[Session], None]"
    """Shows what `deploy` has led to."""
    find: "Callable[[Session, TypedOptions], FoundDeployment]"
    status: "Callable[[Session, TypedOptions], Callable[[], Coroutine[Any, Any, StateReport]]]"
    """Returns what observes how it stands, once or again and again."""
    drift: "Callable[[Session], StateReport]"
    outputs: "Callable[[Session, TypedOptions], StateReport]"
