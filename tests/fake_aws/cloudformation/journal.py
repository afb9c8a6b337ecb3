"""Writes a stack's history: every change of a status goes through here, and leaves an event."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from fake_aws.cloudformation.deployments import Deployment
from fake_aws.cloudformation.intrinsics import Evaluator, Lookup
from fake_aws.cloudformation.records import Event, Resource, Stack
from fake_aws.cloudformation.template import read
from fake_aws.cloudformation.types import STACK_TYPE, Place, needs_region
from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal

if TYPE_CHECKING:
    from fake_aws.world import World

EXPRESS = "Resource operation completed using Express Mode. It may continue becoming available in the background."
REQUEST_SHARE = 0.3
"""The part of an action's time after which the service has taken the request; the rest is its becoming stable."""


@dataclass(slots=True)
class Journal:
    """A stack in its place in the world."""

    world: "World"
    account: str
    region: str
    stack: Stack

    @property
    def at(self) -> tuple[str, str, str]:
        """Account, region and stack name."""
        return (self.account, self.region, self.stack.name)

    @property
    def place(self) -> Place:
        """Where its resources are made."""
        return Place(self.account, self.region, self.stack.name)

    @property
    def now(self) -> datetime:
        """The world's moment."""
        return self.world.datetime()

    def start(self, process: Callable[[], Iterator[float]]) -> None:
        """Begin something that takes time and changes this stack."""
        self.world.start(process, (self.account, self.region))

    def begin(self, operation: str, token: str | None) -> None:
        """Give the stack a new operation of this type; what was under way stops at its next step."""
        self.stack.operations.append((operation, self.world.new_uuid()))
        self.stack.token = token
        if token is not None:
            self.stack.tokens.add(token)
        self.stack.epoch += 1
        self.stack.cancelled = False
        self.stack.detections = []

    def become(self, status: str, reason: str | None = None) -> None:
        """Give the stack a status."""
        stack = self.stack
        stack.status, stack.reason = status, reason
        if status == "DELETE_COMPLETE":
            stack.deleted = self.now
        elif status in {
            "UPDATE_IN_PROGRESS",
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "ROLLBACK_IN_PROGRESS",
            "CREATE_IN_PROGRESS",
        }:
            stack.updated = self.now
        self._write(self.world.new_uuid(), (stack.name, stack.id, STACK_TYPE), (status, reason))

    def resource(
        self, resource: Resource, status: str, reason: str | None = None, *, becoming: dict[str, Json] | None = None
    ) -> None:
        """Give a resource a status; `becoming` are the properties it is being given, if not its own."""
        resource.status, resource.reason, resource.updated = status, reason, self.now
        event_id = f"{resource.logical_id}-{status}-{self.now:%Y-%m-%dT%H:%M:%S}.{self.now.microsecond // 1000:03d}Z"
        properties = resource.properties if becoming is None else becoming
        what = (resource.logical_id, resource.physical_id or "", resource.type)
        self._write(event_id, what, (status, reason), properties)

    def _write(
        self,
        event_id: str,
        what: tuple[str, str, str],
        outcome: tuple[str, str | None],
        properties: dict[str, Json] | None = None,
    ) -> None:
        self.stack.events.append(
            Event(
                event_id=event_id,
                operation_id=self.stack.operation_id,
                logical_id=what[0],
                physical_id=what[1],
                type=what[2],
                status=outcome[0],
                at=self.now,
                reason=outcome[1],
                token=self.stack.token,
                properties=properties,
            )
        )

    def seconds(self, action: str, resource: str | None = None) -> float:
        """Return how long an action takes."""
        return self.world.script.seconds(action, resource, self.at)

    def fail_as_primed(self, action: str, resource: Resource) -> None:
        """Refuse an action on a resource where the test has written so, or where its control plane is down."""
        reason = self.world.script.failure(action, resource.logical_id, self.at)
        if reason is None and (needed := needs_region(resource.type)) in self.world.down:
            reason = f"{resource.type}: Service Unavailable (its control plane is in {needed})"
        if reason is not None:
            raise AwsRefusal("HandlerFailed", reason)

    def evaluator(
        self, deployment: Deployment, lookup: Lookup, exported: Callable[[str], str | None] | None = None
    ) -> Evaluator:
        """Return what evaluates a deployment's template in this stack."""
        return Evaluator(
            read(deployment.body),
            deployment.parameters | deployment.resolved,
            self.account,
            self.region,
            self.stack.name,
            self.stack.id,
            lookup,
            exported or self.exported,
        )

    def exported(self, name: str) -> str | None:
        """Return the value of an export of this region; None where there is none."""
        state = self.world.region(self.account, self.region).cloudformation
        return next(
            (
                each["OutputValue"]
                for stack in state.stacks.values()
                if stack.status not in {"DELETE_COMPLETE", "ROLLBACK_COMPLETE"}
                for each in stack.outputs
                if each.get("ExportName") == name
            ),
            None,
        )
