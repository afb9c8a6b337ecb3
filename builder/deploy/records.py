"""The records of a plan; plan.json is a `Plan`, written out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ConfigDict

from builder.deploy.desired import DesiredStack
from builder.terms import AccountId, Arn, LogicalId, Region, Site, StackId, StackName, StackPlace

PLAN_VERSION = 2
PLAN_AGAIN = "python -m builder plan    makes a new plan from what stands now"
_STRICT = ConfigDict(extra="forbid")

ChangeSetType = Literal["CREATE", "UPDATE", "IMPORT"]
PLACEHOLDER_TYPE = "AWS::CloudFormation::WaitConditionHandle"
"""The type of a resource that does nothing, for a stack without others: CloudFormation keeps no empty stack."""
Risk = Literal["create", "update", "replace", "remove"]
RISKS: tuple[Risk, ...] = ("remove", "replace", "update", "create")
"""The riskiest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyChange:
    """A property that a change set changes, with its old and new value if CloudFormation shows them."""

    __pydantic_config__ = _STRICT
    path: str
    before: str | None = None
    after: str | None = None
    recreation: str = "Never"
    """Never, Conditionally or Always."""
    follows: str = ""
    """The resource whose attribute or name is the value, where only the execution shows whether it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """The change that a change set makes to one resource, in CloudFormation's own words."""

    __pydantic_config__ = _STRICT
    action: str
    logical_id: LogicalId
    """In a nested stack the path to it, `Child/Grandchild/Orders`."""
    type: str
    physical_id: str | None = None
    replacement: str | None = None
    """True, False or Conditional; None where it does not apply."""
    policy_action: str | None = None
    """What CloudFormation does with the old physical resource: Delete, Retain or Snapshot, or ReplaceAnd and one of
    these."""
    scope: tuple[str, ...] = ()
    """Which attributes the change affects: Properties, Tags, DeletionPolicy and so on."""
    properties: tuple[PropertyChange, ...] = ()
    losses: tuple[str, ...] = ()
    """What is deleted for good inside a resource that stays, such as a replica; each one is a guard hit."""
    warnings: tuple[str, ...] = ()
    """What weakens the resource and loses nothing by itself, such as suspended versioning; no guard stops it."""
    regions: tuple[str, ...] = ()
    """The regions that hold a copy of its data, before or after, as far as the change shows them."""
    opens: tuple[str, ...] = ()
    """What it newly opens to the world, a sentence each; no guard stops it."""
    definition: str = ""
    """The properties of a resource that is created or imported, as JSON, where they are known; else empty."""
    other_stack: str = ""
    """The stack that imports what this one retains and removes; for an import, the stack that released it."""

    @property
    def is_removed(self) -> bool:
        """Whether the resource is removed and no other stack imports it; a placeholder does not count."""
        return self.action == "Remove" and not self.is_moved and self.type != PLACEHOLDER_TYPE

    @property
    def is_moved(self) -> bool:
        """Whether the resource leaves its stack, retained, and another stack of the deployment imports it."""
        return self.action == "Remove" and self.policy_action == "Retain" and bool(self.other_stack)

    @property
    def is_replaced(self) -> bool:
        """Whether the resource is replaced by a new one, or may be."""
        return self.replacement in {"True", "Conditional"} or (self.policy_action or "").startswith("Replace")

    @property
    def values(self) -> tuple[PropertyChange, ...]:
        """Each changed value once: CloudFormation shows it again for each cause of the change."""
        return tuple({(touched.path, touched.before, touched.after): touched for touched in self.properties}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardHit:
    """One thing a plan would do that has to be allowed by name first."""

    __pydantic_config__ = _STRICT
    stack: str
    logical_id: str
    why: str
    """What would be lost, in one sentence without its full stop."""
    allow: str
    """The argument of `--allow` that permits it, `us-east-1/table/Table`."""
    kind: str = ""
    """The reason that guards of one kind share, where many may hit at a time: `the account leaves`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackResource:
    """A resource of a stack, or of one that is nested in it."""

    __pydantic_config__ = _STRICT
    logical_id: LogicalId
    """In a nested stack the path to it, `Child/Grandchild/Orders`."""
    type: str
    policy_action: str | None = None
    """What the stack's deletion does with it: Delete, Retain or Snapshot; None where no template states it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A stack of the deployment that the assembly no longer has; it is left alone."""

    __pydantic_config__ = _STRICT
    stack: StackId
    """`region/name`."""
    region: Region
    resources: tuple[StackResource, ...] = ()
    account: AccountId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundStack:
    """The state of a stack when the plan was made. An execution refuses a stack that has changed since."""

    __pydantic_config__ = _STRICT
    status: str | None = None
    stack_id: Arn | None = None
    last_change: str | None = None
    """ISO time of the last update, or of the creation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """A change set that only adds this deployment's tags to a stack that others deployed."""

    __pydantic_config__ = _STRICT
    to_come: tuple[str, ...] = ()
    """What differs from the assembly and is changed by the next plan: `template`, `parameters`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step whose change set exists: people review it, and an execution executes it by its ARN."""

    __pydantic_config__ = _STRICT
    stack: StackId
    region: Region
    name: StackName
    type: ChangeSetType
    change_set: Arn
    stack_arn: Arn
    template_sha256: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[StackId, ...] = ()
    found: FoundStack = FoundStack()
    risk: Risk = "create"
    console: str = ""
    changes: tuple[ResourceChange, ...] = ()
    findings: tuple[str, ...] = ()
    """The warnings of CloudFormation's early validation."""
    part: int = 1
    """Its number among the change sets of its stack, from 1."""
    account: AccountId | None = None
    nested: bool = False
    """Whether it includes the stacks nested in its own: then CloudFormation takes longer to delete it."""
    adoption: Adoption | None = None
    """Set where the stack does not belong to this deployment yet."""

    @property
    def site(self) -> Site:
        """Where its stack is or will be."""
        return Site(self.account, self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A whole stack to be deleted, with its resources: an orphan, or what is left of a failed creation."""

    __pydantic_config__ = _STRICT
    stack: StackId
    region: Region
    name: StackName
    stack_arn: Arn
    because: str
    needs: tuple[StackId, ...] = ()
    found: FoundStack = FoundStack()
    resources: tuple[StackResource, ...] = ()
    account: AccountId | None = None
    protected: bool = False
    """Whether it has termination protection, which is lifted first if `--allow` permits it."""

    @property
    def site(self) -> Site:
        """Where the stack is."""
        return Site(self.account, self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A stack's termination protection, to be set or lifted once its change sets are executed: no change set can do so.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateTerminationProtection.html
    """

    __pydantic_config__ = _STRICT
    stack: StackId
    region: Region
    name: StackName
    protect: bool
    """Whether the stack is to have it; AWS is read for whether it has it already."""
    needs: tuple[StackId, ...] = ()
    found: FoundStack = FoundStack()
    account: AccountId | None = None

    @property
    def site(self) -> Site:
        """Where the stack is or will be."""
        return Site(self.account, self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPolicy:
    """A stack's policy, to be set once its change sets are executed: the current policy judges an update.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SetStackPolicy.html
    """

    __pydantic_config__ = _STRICT
    stack: StackId
    region: Region
    name: StackName
    policy: str
    """The policy that the stack is to have, as JSON; AWS is read for whether it has it already."""
    standing: str | None = None
    """The policy that it replaces, as AWS showed it; None where none was ever set."""
    needs: tuple[StackId, ...] = ()
    found: FoundStack = FoundStack()
    account: AccountId | None = None
    opens: bool = False
    """Whether it is set before the change sets, so that one of them may release data; another step restores the old
    policy."""

    @property
    def site(self) -> Site:
        """Where the stack is or will be."""
        return Site(self.account, self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Code that is put into a bucket before the stacks that take it are executed, or that is there already."""

    __pydantic_config__ = _STRICT
    stack: StackId
    """Its id among the stacks, `us-east-1/asset-0123456789ab`."""
    region: Region
    bucket: str
    key: str
    source: str
    """Its source, relative to dr.yaml's folder."""
    sha256: str
    """The hash of the bytes that planning read, here or in the bucket."""
    size: int
    there: bool = False
    """Whether it was in the bucket when the plan was made: then it is no step, but it still has to be there."""
    needs: tuple[StackId, ...] = ()
    """The stack that creates the bucket."""
    account: AccountId | None = None

    @property
    def site(self) -> Site:
        """Where the bucket is."""
        return Site(self.account, self.region)

    @property
    def name(self) -> StackName:
        """Its name where a stack's name is expected: its place in S3."""
        return StackName(f"{self.bucket}/{self.key}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """A step whose change set can only be made once what it needs is done, with the changes it may then show.

    If it shows anything beyond them it is left for review.
    """

    __pydantic_config__ = _STRICT
    desired: DesiredStack
    type: ChangeSetType
    because: str
    part: int = 1
    """Its number among the change sets of its stack, from 1."""
    sources: Mapping[StackId, tuple[Site, StackName]] = field(default_factory=dict)
    """Where the outputs are read that its parameters are bound to."""
    changes: tuple[ResourceChange, ...] = ()
    """The most that it may show; for a modified resource, the paths of its properties."""
    risk: Risk = "create"
    found: FoundStack = FoundStack()
    findings: tuple[str, ...] = ()
    """The findings of linting its template, where the assembly does not have that template."""

    @property
    def stack(self) -> StackId:
        """The stack's id in the assembly."""
        return self.desired.id

    @property
    def region(self) -> Region:
        """Where the stack is or will be."""
        return self.desired.region

    @property
    def name(self) -> StackName:
        """The stack's name in CloudFormation."""
        return self.desired.name

    @property
    def site(self) -> Site:
        """Where the stack is or will be."""
        return self.desired.site

    @property
    def needs(self) -> tuple[StackId, ...]:
        """The stacks that have to be done before it is created."""
        return self.desired.needs


AnyStep = Step | Deferred | Deletion | Protection | StackPolicy | Upload
"""A step of a plan, of whatever kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingReview:
    """A change set that somebody else made and that waits on a stack of this plan."""

    __pydantic_config__ = _STRICT
    stack: StackId
    change_set: Arn
    created: str
    allow: str
    """The argument of `--allow` that lets an execution delete it, `us-east-1/table/its-name`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostponedStack:
    """A stack of a region that answers, whose work depends on one that is skipped: it stays as it is until then."""

    __pydantic_config__ = _STRICT
    stack: StackId
    because: tuple[str, ...]
    """What of its work depends on a skipped region, one sentence for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """How a plan's change sets are made, beyond what the assembly determines."""

    __pydantic_config__ = _STRICT
    by: Literal["plan", "deploy"] = "plan"
    """The command that asked for the change sets: `deploy`'s own do not wait for a review."""
    role_arn: str | None = None
    """The role that CloudFormation assumes."""
    deployment_mode: Literal["STANDARD", "EXPRESS", "REVERT_DRIFT"] = "STANDARD"
    import_existing: bool = False
    artifacts_bucket: str | None = None
    """The bucket for templates that are too large to send with the request."""
    unrolled: tuple[StackId, ...] = ()
    """Stacks that are not rolled back after a failure; the next update continues from where they failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The origin that all change sets of one plan share."""

    deployment: str
    assembly: str
    """The assembly's digest."""
    plan: str
    """The plan's id."""
    options: PlanOptions
    account: AccountId
    """The account of the credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one deployment is about to change, nothing of it executed."""

    __pydantic_config__ = _STRICT
    version: int
    id: str
    at: str
    account: AccountId
    deployment: str
    assembly: str
    """The assembly's digest."""
    steps: tuple[Step, ...]
    deferred: tuple[Deferred, ...] = ()
    deletions: tuple[Deletion, ...] = ()
    protections: tuple[Protection, ...] = ()
    """Each is the last step of its stack."""
    policies: tuple[StackPolicy, ...] = ()
    """Each is set after its stack's change sets."""
    artifacts: tuple[Upload, ...] = ()
    """The code that changing stacks take from buckets, including what was in them already."""
    unchanged: tuple[StackId, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    guards: tuple[GuardHit, ...] = ()
    """What `--allow` has to name before anything is executed."""
    pending: tuple[PendingReview, ...] = ()
    left_out: tuple[StackId, ...] = ()
    """Stacks in regions that were skipped: they were not read."""
    postponed: tuple[PostponedStack, ...] = ()
    """Stacks of other regions that a promotion leaves as they are until the skipped region answers again."""
    options: PlanOptions = PlanOptions()

    @property
    def origin(self) -> Origin:
        """The origin of its change sets."""
        return Origin(
            deployment=self.deployment,
            assembly=self.assembly,
            plan=self.id,
            options=self.options,
            account=self.account,
        )

    @property
    def change_sets(self) -> tuple[Step | Deferred, ...]:
        """The change sets that exist, and those that the execution creates."""
        return (*self.steps, *self.deferred)

    @property
    def changing(self) -> tuple[Step | Deferred | Protection | StackPolicy, ...]:
        """All its steps on stacks that stay or are created."""
        return (*self.change_sets, *self.policies, *self.protections)

    @property
    def work(self) -> tuple[AnyStep, ...]:
        """All its steps."""
        return (*self.uploads, *self.changing, *self.deletions)

    @property
    def uploads(self) -> tuple[Upload, ...]:
        """The code that has to be uploaded."""
        return tuple(artifact for artifact in self.artifacts if not artifact.there)

    @property
    def regions(self) -> tuple[Region, ...]:
        """Every region in which it changes something."""
        return tuple(dict.fromkeys(step.region for step in self.work))

    @property
    def places(self) -> Mapping[StackId, StackPlace]:
        """Where each stack that it changes is or will be, without stacks that it only deletes."""
        return {step.stack: StackPlace(step.site, step.name) for step in self.changing}

    @property
    def is_empty(self) -> bool:
        """Whether it has no step."""
        return not self.work
