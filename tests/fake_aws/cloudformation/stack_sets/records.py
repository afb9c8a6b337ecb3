"""What CloudFormation remembers of a StackSet: its definition, its instances, its operations."""

import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from fake_aws.cloudformation.deployments import WHOLE, Deployment, whole
from fake_aws.json_value import Json

if TYPE_CHECKING:
    from fake_aws.cloudformation.records import ResourceDrift

Key = tuple[str, str]
"""The account and region of an instance."""
OVER = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
"""The statuses in which an operation stays."""


@dataclass(slots=True)
class Instance:
    """A stack instance: a reference to a stack that was made, or was to be made, in an account and region."""

    account: str
    region: str
    ou: str | None = None
    overrides: dict[str, str] = field(default_factory=dict)
    status: str = "OUTDATED"
    detailed: str = "PENDING"
    reason: str | None = None
    stack_id: str | None = None
    last_operation: str | None = None
    drift: "dict[str, ResourceDrift] | None" = None
    """What the last detection found by logical id; None where none was since its stack changed."""
    drift_at: datetime | None = None

    @property
    def drift_status(self) -> str:
        """NOT_CHECKED, IN_SYNC or DRIFTED."""
        if self.drift is None:
            return "NOT_CHECKED"
        return "IN_SYNC" if all(each.status == "IN_SYNC" for each in self.drift.values()) else "DRIFTED"


@dataclass(slots=True)
class Result:
    """What became of one instance in one operation."""

    ou: str | None
    status: str = "PENDING"
    reason: str | None = None


@dataclass(slots=True)
class SetOperation:
    """An operation on a StackSet, from its request on."""

    id: str
    action: str
    """CREATE, UPDATE, DELETE or DETECT_DRIFT."""
    created: datetime
    results: dict[Key, Result]
    """Per instance it is about, in the order of regions and accounts."""
    preferences: dict[str, Json] = field(default_factory=dict)
    targets: dict[str, Json] = field(default_factory=dict)
    retain: bool | None = None
    imports: dict[Key, str] = field(default_factory=dict)
    """The ids of the stacks that it takes in as they are."""
    status: str = "QUEUED"
    ended: datetime | None = None
    reason: str | None = None

    @property
    def failures(self) -> int:
        """How many instances failed in it."""
        return sum(1 for each in self.results.values() if each.status == "FAILED")


@dataclass(slots=True)
class StackSet:
    """A StackSet, deleted ones included."""

    name: str
    id: str
    arn: str
    permission_model: str
    deployed: Deployment
    """What its instances are to be, but for their overrides."""
    description: str | None = None
    administration_role: str | None = None
    execution_role: str | None = None
    auto_deployment: dict[str, Json] | None = None
    managed: bool = False
    status: str = "ACTIVE"
    instances: dict[Key, Instance] = field(default_factory=dict)
    operations: dict[str, SetOperation] = field(default_factory=dict)
    """By id, oldest first."""

    def __deepcopy__(self, memo: dict[int, object]) -> "StackSet":
        """Return a copy as it is now, that shares what is only ever replaced."""
        if WHOLE in memo:
            return whole(self, memo)
        then = copy.copy(self)
        then.instances = {key: copy.copy(each) for key, each in self.instances.items()}
        then.operations = {key: copy.copy(each) for key, each in self.operations.items()}
        for each in then.operations.values():
            if each.status not in OVER:
                each.results = {key: copy.copy(result) for key, result in each.results.items()}
        return then

    @property
    def service_managed(self) -> bool:
        """Whether AWS Organizations lends it its roles and targets."""
        return self.permission_model == "SERVICE_MANAGED"

    def under_way(self) -> list[SetOperation]:
        """Return the operations that are not over, in the order they were asked for."""
        return [each for each in self.operations.values() if each.status not in OVER]
