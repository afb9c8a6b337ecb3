"""What CloudFormation remembers in one account and region: stacks, their resources and events, their change sets."""

import copy
from dataclasses import dataclass, field
from datetime import datetime

from fake_aws.cloudformation.deployments import WHOLE, Deployment, whole
from fake_aws.cloudformation.stack_sets.records import StackSet
from fake_aws.json_value import Json

_GONE = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED", "IMPORT_FAILED", "IMPORT_ROLLBACK_COMPLETE"})


@dataclass(slots=True)
class Resource:
    """A resource of a stack as it is deployed."""

    logical_id: str
    type: str
    status: str
    updated: datetime
    physical_id: str | None = None
    reason: str | None = None
    properties: dict[str, Json] = field(default_factory=dict)
    """With every function evaluated."""
    declared: dict[str, Json] = field(default_factory=dict)
    """The resource as the template writes it."""
    attributes: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    """The stack's tags that it was given."""
    actual: dict[str, Json] | None = None
    """Its properties as they really are, where somebody changed them by hand."""
    lost: bool = False
    """Whether somebody deleted it by hand."""
    unreadable: bool = False
    """Whether drift detection cannot look at it."""
    imported: dict[str, Json] | None = None
    """Its properties before the operation under way, or failed, imported it."""
    attempted: dict[str, Json] | None = None
    """What a failed update wanted of it, until it was put back."""

    @property
    def live(self) -> dict[str, Json]:
        """Its properties as they really are."""
        return self.properties if self.actual is None else self.actual

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags its service shows: its stack's, its own, and CloudFormation's."""
        own = {each["Key"]: each["Value"] for each in self.properties.get("Tags", [])}
        of_stack = {"aws:cloudformation:logical-id": self.logical_id} if self.logical_id else {}
        return self.tags | own | of_stack

    @property
    def good(self) -> bool:
        """Whether it stands and was made whole, so that an update changes it; else an update makes it anew."""
        return self.exists and self.status != "CREATE_FAILED"

    @property
    def exists(self) -> bool:
        """Whether something stands behind it that would have to be deleted."""
        return self.physical_id is not None and self.status not in _GONE


def copied(resources: dict[str, Resource]) -> dict[str, Resource]:
    """Return the resources as they are now, for a rollback to go back to."""
    return {logical_id: copy.copy(each) for logical_id, each in resources.items()}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a stack's history."""

    event_id: str
    operation_id: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    at: datetime
    reason: str | None = None
    token: str | None = None
    properties: dict[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What early validation found wrong while a change set was made."""

    validation: str
    """Such as PROPERTY_VALIDATION or NAME_CONFLICT_VALIDATION."""
    hook: str
    """The name CloudFormation puts into the change set's reason, such as AWS::EarlyValidation::PropertyValidation."""
    mode: str
    """FAIL or WARN."""
    path: str
    reason: str
    logical_id: str
    type: str


@dataclass(frozen=True, slots=True)
class ResourceDrift:
    """What a drift detection found of one resource."""

    status: str
    """IN_SYNC, MODIFIED or DELETED."""
    at: datetime
    expected: dict[str, Json] = field(default_factory=dict)
    actual: dict[str, Json] = field(default_factory=dict)
    """Only of the properties that the template gives it."""


@dataclass(slots=True)
class Detection:
    """A drift detection of a stack; `found` is there once it has ended."""

    id: str
    began: datetime
    drifts: dict[str, ResourceDrift] | None = None
    failed: str = ""
    """Why it failed, for one resource at least; the others are found all the same."""


@dataclass(slots=True)
class ChangeSet:
    """A change set, from its creation on."""

    name: str
    id: str
    type: str
    created: datetime
    desired: Deployment
    client_token: str | None
    operation_id: str
    status: str = "CREATE_PENDING"
    execution_status: str = "UNAVAILABLE"
    reason: str | None = None
    description: str | None = None
    on_stack_failure: str | None = None
    deployment_config: dict[str, Json] = field(default_factory=dict)
    options: dict[str, Json] = field(default_factory=dict)
    """What was asked for and is only shown again: ImportExistingResources, DeploymentMode, NotificationARNs, ..."""
    changes: list[dict[str, Json]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    missing_exports: list[str] = field(default_factory=list)
    """What its template imports and nobody exported while it was made."""
    drift_status: str | None = None
    """The stack's, of a drift-aware change set."""
    parent_id: str | None = None
    """The change set of the parent stack that it was made for."""
    root_id: str | None = None

    @property
    def nested(self) -> bool:
        """Whether it has, or is one of, the change sets of a hierarchy of stacks."""
        return bool(self.options.get("IncludeNestedStacks"))


@dataclass(slots=True)
class Stack:
    """A stack, deleted ones included."""

    name: str
    id: str
    created: datetime
    status: str
    deployed: Deployment
    reason: str | None = None
    updated: datetime | None = None
    deleted: datetime | None = None
    description: str | None = None
    change_set_id: str | None = None
    termination_protection: bool = False
    policy: str | None = None
    """The stack policy's text; None until one was set."""
    parent_id: str | None = None
    """The stack that this one is a resource of."""
    root_id: str | None = None
    target: Deployment | None = None
    """What the operation under way, or the last one, makes of it."""
    skip: frozenset[str] = frozenset()
    """What ContinueUpdateRollback was told to skip, in children too (`ChildStackName.LogicalId`)."""
    disable_rollback: bool = False
    retain_except_on_create: bool = False
    deployment_config: dict[str, Json] = field(default_factory=dict)
    """Of the operation under way, or of the last one."""
    deletion_mode: str | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[dict[str, str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    """Oldest first."""
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    """By id, oldest first."""
    operations: list[tuple[str, str]] = field(default_factory=list)
    """Type and id of each operation, newest last."""
    token: str | None = None
    """The client request token of the operation under way, or of the last one."""
    tokens: set[str] = field(default_factory=set)
    before: Deployment | None = None
    """What a rollback goes back to."""
    before_resources: dict[str, Resource] = field(default_factory=dict)
    before_outputs: list[dict[str, str]] = field(default_factory=list)
    replaced: list[Resource] = field(default_factory=list)
    """Old versions that stand beside the ones that replaced them, until the update or its rollback is done."""
    leftovers: list[Resource] = field(default_factory=list)
    """New versions that a rollback has put aside, until it is done."""
    detections: list[Detection] = field(default_factory=list)
    """Of drift, since the last operation; newest last."""
    epoch: int = 0
    """Grows when an operation takes over from another, which then stops."""
    cancelled: bool = False

    def __deepcopy__(self, memo: dict[int, object]) -> "Stack":
        """Return a copy as it is now, that shares what is only ever replaced: the past is made of many."""
        if WHOLE in memo:
            return whole(self, memo)
        then = copy.copy(self)
        then.resources = copied(self.resources)
        then.change_sets = {key: copy.copy(each) for key, each in self.change_sets.items()}
        then.replaced, then.leftovers = list(map(copy.copy, self.replaced)), list(map(copy.copy, self.leftovers))
        then.detections = list(map(copy.copy, self.detections))
        then.events, then.operations, then.tokens = list(self.events), list(self.operations), set(self.tokens)
        return then

    @property
    def express(self) -> bool:
        """Whether its operation is over as soon as the services have taken every request."""
        return self.deployment_config.get("Mode") == "EXPRESS"

    @property
    def operation_id(self) -> str:
        """The id of the operation under way, or of the last one."""
        return self.operations[-1][1]


@dataclass(slots=True)
class CloudFormation:
    """All stacks of one account and region, and the StackSets administered there, by id, oldest first."""

    stacks: dict[str, Stack] = field(default_factory=dict)
    stack_sets: dict[str, StackSet] = field(default_factory=dict)

    def find(self, name_or_id: str) -> Stack | None:
        """Return the stack: by name only one that is not deleted, by id any."""
        if name_or_id.startswith("arn:"):
            return self.stacks.get(name_or_id)
        alive = [each for each in self.stacks.values() if each.name == name_or_id and each.status != "DELETE_COMPLETE"]
        return alive[-1] if alive else None
