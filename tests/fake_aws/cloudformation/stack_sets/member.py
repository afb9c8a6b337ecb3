"""One instance's stack: made, updated or deleted in its own account and region by CloudFormation as any other.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-troubleshooting.html
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from fake_aws.cloudformation import lifecycle
from fake_aws.cloudformation.create_change_set import UPDATABLE
from fake_aws.cloudformation.deployments import Deployment
from fake_aws.cloudformation.drift import detect
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.records import Detection, Stack
from fake_aws.cloudformation.stack_sets.records import Instance, Key, StackSet
from fake_aws.cloudformation.stack_sets.seat import Seat
from fake_aws.cloudformation.template import read

Outcome = Generator[float, None, str | None]
"""Yields waits in seconds, returns why it failed, if it did."""
_ADMINISTRATION = "AWSCloudFormationStackSetAdministrationRole"
_EXECUTION = "AWSCloudFormationStackSetExecutionRole"


@dataclass(frozen=True, slots=True)
class Member:
    """An instance, with what it needs to reach its stack."""

    seat: Seat
    stack_set: StackSet
    instance: Instance

    def bring(self) -> Outcome:
        """Make its stack what the set wants, creating it where it is not there."""
        stack = self._stack()
        desired = self._desired()
        if stack is None:
            stack = self._new(desired)
            book = self._book(stack, "CREATE_STACK")
            yield from lifecycle.guarded(stack, lifecycle.create(book, desired, on_failure="DELETE"))
            return None if stack.status == "CREATE_COMPLETE" else _reason(stack)
        if stack.status not in UPDATABLE or stack.status.endswith("_FAILED"):
            return f"Stack:{stack.id} is in {stack.status} state and can not be updated."
        if _same(stack.deployed, desired):
            return None
        book = self._book(stack, "UPDATE_STACK")
        yield from lifecycle.guarded(stack, lifecycle.update(book, desired, disable_rollback=False))
        return None if stack.status == "UPDATE_COMPLETE" else _reason(stack)

    def take_in(self) -> str | None:
        """Take the stack in as it is, its parameters as the instance's own; return why that is not possible."""
        stack, of_set = self._stack(), self.stack_set.deployed
        if stack is None:
            return f"Stack {self.instance.stack_id} does not exist"
        if stack.status not in UPDATABLE or stack.status.endswith("_FAILED"):
            return f"Stack:{stack.id} is in {stack.status} state and can not be imported."
        if any(stack.id == each.stack_id for each in self._instances_elsewhere()):
            return f"Stack {stack.id} belongs to a StackSet"
        template = read(stack.deployed.body)
        if any(str(each.get("NoEcho")).lower() == "true" for each in template.parameters.values()):
            return f"Stack {stack.id} has a NoEcho parameter"
        if template != read(of_set.body):
            return f"The template of stack {stack.id} is not the StackSet's"
        self.instance.overrides = dict(stack.deployed.parameters)
        return None

    def _instances_elsewhere(self) -> Iterator[Instance]:
        for place in self.seat.world.places():
            for each in place.cloudformation.stack_sets.values():
                if each.status == "ACTIVE":
                    yield from (instance for instance in each.instances.values() if instance is not self.instance)

    def remove(self) -> Outcome:
        """Delete its stack, if it has one."""
        stack = self._stack()
        if stack is None:
            return None
        if stack.termination_protection:
            return f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
        book = self._book(stack, "DELETE_STACK")
        yield from lifecycle.guarded(stack, lifecycle.delete(book, retain=frozenset(), force=False))
        return None if stack.status == "DELETE_COMPLETE" else _reason(stack)

    def compare(self) -> Outcome:
        """Look at each of its resources, as drift detection of the stack does; overrides are what it was made of."""
        stack = self._stack()
        if stack is None:
            return "Stack instance has no stack"
        detection = Detection(self.seat.world.new_uuid(), self.seat.world.datetime())
        stack.detections.append(detection)
        yield from detect(self._book(stack, None), detection)
        if detection.failed:
            return detection.failed
        self.instance.drift, self.instance.drift_at = dict(detection.drifts or {}), self.seat.world.datetime()
        return None

    def refused(self) -> str | None:
        """Return why StackSets cannot act there at all: region down, a role missing, or a test has written so."""
        if self.instance.region in self.seat.world.down:
            return f"CloudFormation in {self.instance.region} is unavailable"
        organization = self.seat.world.organization
        if organization is not None and organization.state(self.instance.account) == "PENDING_CLOSURE":
            return f"Account {self.instance.account} is pending closure"
        primed = self.seat.world.script.failure("STACK_INSTANCE", "", self.at)
        if primed is not None or self.stack_set.service_managed:
            return primed
        administration = (
            self.stack_set.administration_role or f"arn:aws:iam::{self.seat.account}:role/{_ADMINISTRATION}"
        )
        execution = self.stack_set.execution_role or _EXECUTION
        short = administration.rpartition("/")[2]
        if self._lacks(administration):
            return (
                f"Account {self.seat.account} should have '{short}' role with trust relationship to CloudFormation"
                " service."
            )
        if self._lacks(f"arn:aws:iam::{self.instance.account}:role/{execution}"):
            return (
                f"Account {self.instance.account} should have '{execution}' role with trust relationship to Role"
                f" '{short}'."
            )
        return None

    def _lacks(self, role: str) -> bool:
        world, account, name = self.seat.world, role.split(":")[4], role.rpartition("/")[2]
        exists = ("AWS::IAM::Role", account, name) in world.names
        return role in world.forbidden_roles or (world.stack_sets_need_roles and not exists)

    @property
    def key(self) -> Key:
        """The account and region of its instance."""
        return (self.instance.account, self.instance.region)

    @property
    def at(self) -> tuple[str, str, str]:
        """The account, region and StackSet that the script knows it by."""
        return (self.instance.account, self.instance.region, self.stack_set.name)

    def _stacks(self) -> dict[str, Stack]:
        return self.seat.world.region(self.instance.account, self.instance.region).cloudformation.stacks

    def _stack(self) -> Stack | None:
        stack = self._stacks().get(self.instance.stack_id or "")
        return stack if stack is not None and stack.status != "DELETE_COMPLETE" else None

    def _new(self, desired: Deployment) -> Stack:
        world, instance = self.seat.world, self.instance
        name = f"StackSet-{self.stack_set.name[:80]}-{world.new_uuid()}"
        stack_id = f"arn:aws:cloudformation:{instance.region}:{instance.account}:stack/{name}/{world.new_uuid()}"
        stack = Stack(name, stack_id, world.datetime(), "CREATE_IN_PROGRESS", desired)
        self._stacks()[stack_id] = stack
        instance.stack_id = stack_id
        return stack

    def _book(self, stack: Stack, operation: str | None) -> Journal:
        book = Journal(self.seat.world, self.instance.account, self.instance.region, stack)
        if operation is not None:
            book.begin(operation, None)
        return book

    def _desired(self) -> Deployment:
        of_set = self.stack_set.deployed
        role = None
        if not self.stack_set.service_managed:
            role = f"arn:aws:iam::{self.instance.account}:role/{self.stack_set.execution_role or _EXECUTION}"
        known = read(of_set.body).parameters.keys()
        overrides = {key: value for key, value in self.instance.overrides.items() if key in known}
        return Deployment(of_set.body, of_set.parameters | overrides, dict(of_set.tags), of_set.capabilities, role)


def _same(have: Deployment, want: Deployment) -> bool:
    return (have.body, have.parameters, have.tags) == (want.body, want.parameters, want.tags)


def _reason(stack: Stack) -> str:
    """Return the first failure of the stack's last operation, as StackSets tells it."""
    for event in stack.events:
        own = event.operation_id == stack.operation_id and event.physical_id != stack.id
        if own and event.status.endswith("_FAILED") and "cancelled" not in (event.reason or ""):
            return (
                f"ResourceLogicalId:{event.logical_id}, ResourceType:{event.type}, ResourceStatusReason:{event.reason}."
            )
    return f"Stack {stack.id} is in {stack.status} state"
