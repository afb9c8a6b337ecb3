"""A test's handle on one stack: look at it, or put it where no short way leads, without an AWS call."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fake_aws.cloudformation import lifecycle
from fake_aws.cloudformation.deployments import Deployment
from fake_aws.cloudformation.effects import effects_of, forget_name
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.records import Stack, copied
from fake_aws.cloudformation.template import read
from fake_aws.json_value import Json
from fake_aws.refusals import Unsupported

if TYPE_CHECKING:
    from fake_aws.world import World

ONE_TOPIC = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n"
"""The template of a stack that a test puts somewhere without saying what it holds."""
_EMPTY = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE", "CREATE_IN_PROGRESS"})
_ROLLS_BACK = frozenset(
    {"UPDATE_IN_PROGRESS", "UPDATE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"}
)


@dataclass(frozen=True, slots=True)
class StackControl:
    """One stack by its name."""

    world: "World"
    account: str
    region: str
    name: str

    @property
    def record(self) -> Stack:
        """Everything CloudFormation remembers of the stack; the last one of its name, though deleted."""
        self.world.catch_up()
        stacks = [each for each in self._stacks().values() if each.name == self.name]
        if not stacks:
            raise KeyError(f"no stack {self.name} in {self.region} of {self.account}")
        return stacks[-1]

    @property
    def exists(self) -> bool:
        """Whether there is such a stack that is not deleted."""
        self.world.catch_up()
        return any(each.name == self.name and each.status != "DELETE_COMPLETE" for each in self._stacks().values())

    @property
    def status(self) -> str:
        """The stack's status."""
        return self.record.status

    def deploy(
        self, body: str = ONE_TOPIC, *, parameters: dict[str, str] | None = None, tags: dict[str, str] | None = None
    ) -> Stack:
        """Create or update the stack at once, as someone else would; its change sets become OBSOLETE."""
        desired = self._deployment(body, parameters, tags)
        with self.world.changing():
            if not self.exists:
                return self._create(desired)
            book = self._journal(self.record)
            book.begin("UPDATE_STACK", None)
            _at_once(lifecycle.update(book, desired, disable_rollback=False))
            self._moved(book.stack)
            return book.stack

    def put(
        self, status: str, body: str = ONE_TOPIC, *, reason: str | None = None, failed: tuple[str, ...] = ()
    ) -> Stack:
        """Put the stack, made from `body` if it is not there, into a status; nothing goes on by itself from there.

        `failed` are the resources that are in the matching FAILED status. What a rollback goes back to is `body`.
        """
        with self.world.changing():
            stack = self.record if self.exists else self._make(status, self._deployment(body, None, None))
            book = self._journal(stack)
            if status in _ROLLS_BACK and stack.before is None:
                stack.before, stack.before_resources = stack.deployed, copied(stack.resources)
            stack.epoch += 1
            for logical_id in failed:
                resource = stack.resources[logical_id]
                kind = "DELETE" if status in {"DELETE_FAILED", "ROLLBACK_FAILED"} else status.split("_", maxsplit=1)[0]
                book.resource(resource, f"{kind}_FAILED", reason)
            book.become(status, reason)
            self._moved(stack)
            return stack

    def then(self, status: str, *, after_s: float, reason: str | None = None) -> None:
        """Let the stack get to another status by itself, unless an operation takes it over before."""
        stack, book = self.record, self._journal(self.record)
        epoch = stack.epoch

        def change() -> Iterator[float]:
            yield after_s
            if stack.epoch == epoch:
                book.become(status, reason)

        with self.world.changing():
            book.start(change)

    def drifts(self, logical_id: str, **properties: Json) -> None:
        """Change a resource's properties by hand, behind CloudFormation's back; None takes one away."""
        with self.world.changing():
            book, resource = self._journal(self.record), self.record.resources[logical_id]
            given = {name: value for name, value in properties.items() if value is not None}
            left = {name: value for name, value in resource.live.items() if name not in properties}
            changed = replace(resource, properties=left | given)
            effects = effects_of(self.world, resource.type)
            effects.update(self.world, book.place, changed, resource.live)
            effects.settle(self.world, book.place, changed)
            resource.actual = changed.properties

    def loses(self, logical_id: str) -> None:
        """Delete a resource by hand, behind CloudFormation's back."""
        with self.world.changing():
            book, resource = self._journal(self.record), self.record.resources[logical_id]
            effects_of(self.world, resource.type).delete(self.world, book.place, resource)
            forget_name(self.world, book.place, resource.type, resource.physical_id or "")
            resource.lost = True

    def hides(self, logical_id: str) -> None:
        """Keep drift detection from looking at a resource."""
        with self.world.changing():
            self.record.resources[logical_id].unreadable = True

    def _make(self, status: str, desired: Deployment) -> Stack:
        if status not in _EMPTY:
            return self._create(desired)
        stack = self._new(desired)
        if status == "REVIEW_IN_PROGRESS":
            stack.deployed = Deployment("", {}, desired.tags, [])
        return stack

    def _create(self, desired: Deployment) -> Stack:
        stack = self._new(desired)
        _at_once(lifecycle.create(self._journal(stack), desired, on_failure="DO_NOTHING"))
        if stack.status != "CREATE_COMPLETE":
            raise Unsupported(f"the stack could not be made: {stack.reason}")
        return stack

    def _new(self, desired: Deployment) -> Stack:
        stack_id = f"arn:aws:cloudformation:{self.region}:{self.account}:stack/{self.name}/{self.world.new_uuid()}"
        stack = Stack(self.name, stack_id, self.world.datetime(), "CREATE_IN_PROGRESS", desired)
        self._stacks()[stack_id] = stack
        self._journal(stack).begin("CREATE_STACK", None)
        return stack

    def _deployment(self, body: str, parameters: dict[str, str] | None, tags: dict[str, str] | None) -> Deployment:
        declared = read(body).parameters
        defaults = {key: str(each["Default"]) for key, each in declared.items() if "Default" in each}
        return Deployment(body, defaults | (parameters or {}), tags or {}, ["CAPABILITY_NAMED_IAM"])

    def _moved(self, stack: Stack) -> None:
        for each in stack.change_sets.values():
            if each.execution_status in {"AVAILABLE", "UNAVAILABLE"} and stack.status != "REVIEW_IN_PROGRESS":
                each.execution_status = "OBSOLETE"

    def _journal(self, stack: Stack) -> Journal:
        return Journal(self.world, self.account, self.region, stack)

    def _stacks(self) -> dict[str, Stack]:
        return self.world.region(self.account, self.region).cloudformation.stacks


def _at_once(process: Generator[float, None, None]) -> None:
    for _ in process:
        pass
