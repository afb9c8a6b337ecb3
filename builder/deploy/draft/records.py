"""What a draft is made of: the decision about each stack, the change sets that the plan needs; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from builder.deploy.desired import DesiredStack
from builder.deploy.handovers.transfers import NO_TRANSFER, Transfer
from builder.deploy.observe.stacks import ObservedStack
from builder.deploy.records import Adoption, ChangeSetType, FoundStack, Protection, ResourceChange, StackPolicy
from builder.terms import Site, StackId, StackName

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ResourceToImportTypeDef


@dataclass(frozen=True, slots=True)
class NeedsChangeSet:
    """The stack needs a change set of this type."""

    type: Literal["CREATE", "UPDATE"]
    certain: bool = True
    """Whether something certainly changes; if not, only CloudFormation can tell, and the change set may be empty."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """The rest of a failed creation has to be deleted; then the stack needs a change set of type CREATE."""


@dataclass(frozen=True, slots=True)
class Keep:
    """The stack is unchanged."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """The stack exists without belonging to the deployment: it gets the deployment's tags, and no other change."""


Decision = NeedsChangeSet | Rebuild | Keep | Adopt


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedStack:
    """A stack with the decision about it, and why its change set waits."""

    desired: DesiredStack
    decision: Decision
    because: tuple[str, ...] = ()
    """Why its change set can only be created later; empty if it can be created now."""
    moved: frozenset[str] = frozenset()
    """Its parameters whose values change, though their texts do not."""

    @property
    def is_deferred(self) -> bool:
        """Whether its change set can only be created later."""
        return bool(self.because)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftStep:
    """One change set that the plan needs."""

    desired: DesiredStack
    type: ChangeSetType
    number: int = 1
    """Its number among the change sets of its stack."""
    found: FoundStack = FoundStack()
    because: str = ""
    """Why it cannot be created yet; empty if it can."""
    expected: tuple[ResourceChange, ...] = ()
    hidden: bool = False
    """Whether it cannot be created yet only because it takes values that AWS hides."""
    derived: bool = False
    """Whether its template is one between the deployed and the desired one, which the assembly does not have."""
    secret: bool = False
    """Whether values of its properties may be of NoEcho parameters of the deployed template or of its own."""
    only_nested: bool = False
    """Whether its own stack is unchanged: it is created for its nested stacks, and dropped if they are unchanged
    too."""
    adoption: Adoption | None = None
    """Set if it adopts its stack, and does nothing else."""
    transfer: Transfer = NO_TRANSFER
    """The data that it imports or releases."""
    lost: tuple[ResourceChange, ...] = ()
    """What is lost by policies that keep less than the deployed ones, whatever the change set shows."""

    @property
    def is_deferred(self) -> bool:
        """Whether it can only be created once another step is done."""
        return bool(self.because)

    @property
    def targets(self) -> "tuple[ResourceToImportTypeDef, ...]":
        """The resources that it imports, as CreateChangeSet takes them."""
        return self.transfer.targets if self.type == "IMPORT" else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPlan:
    """A plan before any of its change sets is created."""

    now: tuple[DraftStep, ...]
    later: tuple[DraftStep, ...]
    failed_creations: tuple[tuple[DesiredStack, ObservedStack], ...]
    """The stacks whose creation failed; they are deleted first."""
    places: Mapping[StackId, tuple[Site, StackName]]
    protections: tuple[Protection, ...] = ()
    policies: tuple[StackPolicy, ...] = ()

    @property
    def stacks(self) -> tuple[StackId, ...]:
        """Every stack for which the plan has a step."""
        made = (part.desired.id for part in (*self.now, *self.later))
        ids = (*made, *(step.stack for step in self.policies), *(step.stack for step in self.protections))
        return tuple(dict.fromkeys(ids))
