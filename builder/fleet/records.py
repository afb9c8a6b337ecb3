"""The records of a fleet's plan; fleet-plan.json is a `FleetPlan`, written out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from pydantic import ConfigDict, TypeAdapter

from builder.deploy.desired import MASK
from builder.deploy.plan.saved import read_versioned
from builder.deploy.records import PLAN_VERSION, Plan, ResourceChange
from builder.errors import BadInput
from builder.terms import AccountId, LogicalId, Region, Site, StackId

FLEET_PLAN_VERSION = 2


_STRICT = ConfigDict(extra="forbid")


_SKIPPED = "SKIPPED_SUSPENDED_ACCOUNT"


ACTIVE = "ACTIVE"
"""The state of an account in which stacks can be created."""


SetAction = Literal["create", "update", "targets", "remove", "nothing"]
"""What a plan does to a set: `targets` keeps its template, and adds or removes accounts or changes their parameters."""


class Holding(NamedTuple):
    """A stack that holds sets as its resources, and its site."""

    stack: StackId
    site: Site


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSet:
    """One StackSet, with the settings of its operations."""

    __pydantic_config__ = _STRICT
    id: StackId
    """The id of the stack that it creates in every account, `us-west-2/storage`."""
    name: str
    logical_id: LogicalId
    held_by: Holding
    needs: tuple[StackId, ...] = ()
    """The sets that have to be done before it."""
    is_service_managed: bool = False
    call_as: Literal["SELF", "DELEGATED_ADMIN"] = "SELF"
    execution_role: str = ""
    preferences: Mapping[str, Any] = field(default_factory=dict)
    """OperationPreferences, as CloudFormation takes them."""

    @property
    def site(self) -> Site:
        """Where it is administered."""
        return self.held_by.site


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """The targets of a set's stacks in a template: accounts and organisational units, as AWS combines them."""

    accounts: tuple[AccountId, ...] = ()
    units: tuple[str, ...] = ()
    filter: Literal["NONE", "INTERSECTION", "DIFFERENCE", "UNION"] = "NONE"
    regions: tuple[Region, ...] = ()
    overrides: Mapping[str, str] = field(default_factory=dict)
    """The overrides of these stacks' parameters."""


class TargetedSite(NamedTuple):
    """A site with the target that includes it; several targets may include the same site."""

    unit: str
    """The organisational unit; empty if the account itself is the target."""
    site: Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One StackSet in a template."""

    stack_set: StackSet
    body: str | None
    """The template of its stacks; None if it is in a bucket."""
    parameters: Mapping[str, str]
    targets: tuple[Targets, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackInstance:
    """One stack instance, as ListStackInstances shows it."""

    __pydantic_config__ = _STRICT
    site: Site
    status: str
    """CURRENT, OUTDATED or INOPERABLE."""
    detailed_status: str = ""
    reason: str = ""
    stack: str = ""
    """The ARN of its stack; empty if none was created."""
    unit: str = ""
    """The organisational unit that it was targeted by; empty in a self-managed set."""
    drift: str = ""
    drift_at: str = ""
    """When its drift was detected last; empty if never."""
    operation: str = ""
    """The id of the last operation on it."""

    def skipped_because(self, state: str | None) -> str:
        """Return why StackSets skip it; empty if they do not.

        `state` is its account's state in Organizations; where that is None, the last operation's status decides.
        Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceComprehensiveStatus.html
        """
        if state is not None:
            return "" if state == ACTIVE else f"its account is {state}"
        return "its account was suspended at the last operation" if self.detailed_status == _SKIPPED else ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """An account and region that StackSets skip, as the account is suspended or closed. This is no failure."""

    __pydantic_config__ = _STRICT
    site: Site
    because: str


def skips(instances: Iterable[StackInstance], states: Mapping[AccountId, str]) -> tuple[Skipped, ...]:
    """Return the set's instances that StackSets skip, by their last operation or their account's state; pure."""
    reasons = {
        instance.site: instance.skipped_because(states.get(AccountId(str(instance.site.account))))
        for instance in instances
    }
    return tuple(Skipped(site, because) for site, because in reasons.items() if because)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceOverride:
    """The parameter overrides of one stack instance. In a plan, the values of NoEcho parameters are masked."""

    __pydantic_config__ = _STRICT
    site: Site
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPace:
    """The estimated pace of a StackSet operation."""

    __pydantic_config__ = _STRICT
    accounts: int
    """The number of accounts in the region that has the most."""
    at_once: int
    asked: int
    """The number from the preferences, which strict concurrency may not reach."""
    rounds: int
    """How many rounds of that many accounts it takes, over all regions."""
    stack_s: float
    """How many seconds a stack takes in an account."""
    is_assumed: bool = False
    """Whether `stack_s` is an assumption, as no operation of the set shows it."""

    @property
    def seconds(self) -> float:
        """How many seconds the set takes if nothing fails."""
        return self.rounds * self.stack_s


@dataclass(frozen=True, slots=True, kw_only=True)
class StackImport:
    """A stack that was retained when its account left, and that its StackSet imports."""

    __pydantic_config__ = _STRICT
    site: Site
    stack: str
    """Its ARN."""
    unit: str = ""
    """The organizational unit that includes it; empty in a self-managed set."""
    joins: bool = False
    """Whether the change set makes its place a target; if that fails, CloudFormation removes the target again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarredStack:
    """A retained stack in a place where its StackSet is to create another, and that the StackSet cannot import."""

    __pydantic_config__ = _STRICT
    site: Site
    stack: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPlan:
    """What a plan does to one StackSet, in each account and region."""

    __pydantic_config__ = _STRICT
    stack_set: StackSet
    does: SetAction
    instances: tuple[StackInstance, ...] = ()
    """The deployed instances."""
    joining: tuple[Site, ...] = ()
    """Where stacks are created."""
    updating: tuple[Site, ...] = ()
    """Where existing stacks are updated."""
    leaving: tuple[Site, ...] = ()
    """Where stacks are deleted; those also in `joining` are created again, without their contents."""
    retries: tuple[StackInstance, ...] = ()
    """Instances that failed before, in a set that the change set does not touch: they are updated again."""
    missing: tuple[TargetedSite, ...] = ()
    """Where a stack is missing that the change set does not create: an operation of our own does."""
    imports: tuple[StackImport, ...] = ()
    """Stacks that are imported before the change set is executed, instead of creating others."""
    barred: tuple[BarredStack, ...] = ()
    """Retained stacks where the set is to create others."""
    skipped: tuple[Skipped, ...] = ()
    """Instances that StackSets skip."""
    changes: tuple[ResourceChange, ...] = ()
    """The changes that the new template makes to the resources of a stack with the deployed one."""
    overrides: tuple[InstanceOverride, ...] = ()
    given: tuple[InstanceOverride, ...] = ()
    """The new overrides of stacks, where the template has or had any."""
    reset: tuple[Site, ...] = ()
    """The sites in `updating` that get other overrides."""
    exposed: tuple[Site, ...] = ()
    """Where the set has a stack already, and the change set makes its place a target: if that fails, CloudFormation
    removes the target again, and deletes the stack with it."""
    pace: OperationPace | None = None
    """The pace of its largest operation; None where there is none."""
    remarks: tuple[str, ...] = ()
    """Remarks for a person: which accounts are left out and why, what was not read."""

    @property
    def id(self) -> StackId:
        """The set's id."""
        return self.stack_set.id

    @property
    def changed(self) -> tuple[Site, ...]:
        """Every account and region that the change set touches, and those of the imports before it."""
        imported = (stack_import.site for stack_import in self.imports)
        return tuple(dict.fromkeys((*self.joining, *imported, *self.updating, *self.leaving)))

    @property
    def has_secrets(self) -> bool:
        """Whether the value of any of its overrides is masked."""
        return any(MASK in override.parameters.values() for override in self.given)

    @property
    def touched(self) -> tuple[Site, ...]:
        """Every account and region in which anything is done."""
        return tuple(dict.fromkeys((*self.changed, *(repair.site for repair in self.repairs))))

    @property
    def repairs(self) -> tuple[StackInstance | TargetedSite, ...]:
        """The instances and places that operations of our own repair after the change set."""
        return (*self.retries, *self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """All changes planned in a fleet, none of them executed."""

    __pydantic_config__ = _STRICT
    version: int
    ordinary: Plan
    """The change sets of the stacks that hold the sets; its guards include those of the accounts."""
    sets: tuple[SetPlan, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.ordinary.is_empty and not any(planned.repairs or planned.imports for planned in self.sets)


_PLAN = TypeAdapter(FleetPlan)


def read_fleet_plan(data: bytes, where: str) -> FleetPlan:
    """Return the plan in a file's bytes. Raises BadInput."""
    again, otherwise = "python -m builder fleet plan -o fleet-plan.json", "is no fleet's plan"
    plan = read_versioned(_PLAN, data, FLEET_PLAN_VERSION, where=where, otherwise=otherwise, again=again)
    if plan.ordinary.version != PLAN_VERSION:
        what = f"plan version {plan.ordinary.version} in it is not {PLAN_VERSION}: plan again"
        raise BadInput(where=where, what=what, next_step=again)
    return plan


def write_fleet_plan(plan: FleetPlan) -> bytes:
    """Return the bytes of fleet-plan.json."""
    return _PLAN.dump_json(plan, indent=2) + b"\n"
