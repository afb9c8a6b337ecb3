"""All that is known of one StackSet when what a change set does to it is worked out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from builder.deploy.records import ResourceChange
from builder.fleet.records import Aimed, Definition, Instance, Overridden, Skipped, skips
from builder.fleet.targets import Aim
from builder.terms import AccountId, Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A StackSet as it stands."""

    body: str
    parameters: Mapping[str, str]
    instances: tuple[Instance, ...] = ()
    overrides: tuple[Overridden, ...] = ()
    overrides_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """All that is known of one set when its plan is made."""

    definition: Definition
    """As it will be; of a set that goes, as it is."""
    change: ResourceChange | None = None
    """What the change set does to the set as a resource."""
    observed: Observed | None = None
    aim: Aim = field(default_factory=lambda: Aim(sites=()))
    """Where its stacks are wanted from now on."""
    states: Mapping[AccountId, str] = field(default_factory=dict)
    """By account what Organizations says of it; nothing of those that no unit of the fleet has."""
    aims: tuple[Aimed, ...] = ()
    """Every place that the targets lead to from now on, by each of them."""
    aimed: tuple[Aimed, ...] = ()
    """Every place that those lead to which CloudFormation compares them with."""

    def skipped(self) -> tuple[Skipped, ...]:
        """Return where StackSets pass over what stands, with the reason."""
        return skips(self.observed.instances if self.observed else (), self.states)

    @property
    def region(self) -> Region:
        """The region that its stacks are compared for; both sides are read for the same one."""
        return next((region for group in self.definition.targets for region in group.regions), Region(""))
