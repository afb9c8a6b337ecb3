"""A stack set, its instances and its operations, and where they are kept: in the account and region of their set."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from builder.local.adapter.emulator import AccountRegion
from builder.local.adapter.handlers import ApiError

Parameters = list[dict[str, Any]]


@dataclass(slots=True)
class Instance:
    """A stack of a set in one account and region; its stack may be absent."""

    place: AccountRegion
    overrides: Parameters = field(default_factory=list)
    unit: str | None = None
    """The organizational unit that it was deployed for."""
    stack_id: str | None = None
    status: str = "OUTDATED"
    detail: str = "PENDING"
    reason: str | None = None
    operation_id: str | None = None


@dataclass(slots=True)
class Result:
    """What an operation did in one place."""

    place: AccountRegion
    unit: str | None = None
    status: str = "PENDING"
    reason: str | None = None


@dataclass(slots=True)
class Operation:
    """An operation; its results are in the order in which the places are tried."""

    id: str
    action: str
    preferences: dict[str, Any]
    results: dict[AccountRegion, Result]
    roles: dict[str, str]
    retain: bool = False
    targets: dict[str, Any] | None = None
    imports: dict[AccountRegion, str] = field(default_factory=dict)
    """The ids of the stacks that it takes in as they are."""
    after: tuple["Operation", ...] = ()
    """Of other sets: those that have to end before this one begins."""
    status: str = "QUEUED"
    created: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def failures(self) -> list[Result]:
        """What failed, in the order tried."""
        return [result for result in self.results.values() if result.status == "FAILED"]


@dataclass(slots=True)
class StackSet:
    """A set; `definition` has the parameters of its creation or last update, by the names of the API."""

    name: str
    id: str
    arn: str
    home: AccountRegion
    definition: dict[str, Any]
    owner: tuple[str, str] | None = None
    """The stack and logical id of the resource that it is."""
    deleted: bool = False
    instances: dict[AccountRegion, Instance] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    units: dict[str, list[str]] = field(default_factory=dict)
    """Regions by the organizational units it is deployed to."""

    @property
    def service_managed(self) -> bool:
        """Whether it is deployed to organizational units, without roles of its owner's."""
        return bool(self.definition["PermissionModel"] == "SERVICE_MANAGED")

    @property
    def busy(self) -> list[Operation]:
        """Its operations that are not over, oldest first."""
        return [operation for operation in self.operations.values() if not operation.over.is_set()]


_sets: dict[AccountRegion, dict[str, StackSet]] = {}


def reset() -> None:
    """Delete all sets of all accounts."""
    _sets.clear()


def sets(place: AccountRegion) -> list[StackSet]:
    """Return the sets administered there, deleted ones too, oldest first."""
    return list(_sets.get(place, {}).values())


def sets_of(account: str) -> Iterator[StackSet]:
    """Return the sets that an account administers, in all regions."""
    for place, stack_sets in _sets.items():
        if place.account == account:
            yield from (stack_set for stack_set in stack_sets.values() if not stack_set.deleted)


def every_set() -> Iterator[StackSet]:
    """Return the sets of all accounts, in all regions."""
    for stack_sets in _sets.values():
        yield from (stack_set for stack_set in stack_sets.values() if not stack_set.deleted)


def find(place: AccountRegion, name: str) -> StackSet:
    """Return a set by its name, id or ARN. Raises ApiError if there is none."""
    for stack_set in sets(place):
        if name in {stack_set.id, stack_set.arn} or (name == stack_set.name and not stack_set.deleted):
            return stack_set
    raise ApiError("StackSetNotFoundException", f"StackSet {name} not found")


def find_arn(name: str, place: AccountRegion) -> str | None:
    """Return the ARN of a set by its name or id, or None."""
    arns = (
        stack_set.arn for stack_set in sets(place) if name in {stack_set.id, stack_set.name} and not stack_set.deleted
    )
    return next(arns, None)


def add(place: AccountRegion, name: str, definition: dict[str, Any]) -> StackSet:
    """Add a set without instances and return it. Raises ApiError where the name is taken."""
    if any(stack_set.name == name and not stack_set.deleted for stack_set in sets(place)):
        raise ApiError("NameAlreadyExistsException", f"StackSet {name} already exists")
    set_id = f"{name}:{uuid4()}"
    arn = f"arn:aws:cloudformation:{place.region}:{place.account}:stackset/{set_id}"
    new_set = StackSet(name=name, id=set_id, arn=arn, home=place, definition=definition)
    _sets.setdefault(place, {})[set_id] = new_set
    return new_set


def find_operation(stack_set: StackSet, operation_id: str) -> Operation:
    """Return an operation of a set; raises ApiError if there is none."""
    if operation_id not in stack_set.operations:
        raise ApiError("OperationNotFoundException", f"Operation {operation_id} not found")
    return stack_set.operations[operation_id]
