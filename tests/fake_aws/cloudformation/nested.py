"""AWS::CloudFormation::Stack: a stack that is a resource of another, made, updated, rolled back and deleted with it.

A child is a stack of the world like any other. Its template is read when the parent's operation gets to it, unless a
change set of the parent has looked into it before; its Parameters are the parent's alone. A child that was updated
keeps its old resources until all of its root has been updated, so that it can be rolled back with it.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html,
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stack.html and the
event texts as seen in public bug reports (see SPEC.md)
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fake_aws.cloudformation import lifecycle
from fake_aws.cloudformation.deployments import Deployment
from fake_aws.cloudformation.effects import Effects
from fake_aws.cloudformation.inputs import deployment
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.lifecycle import Waits
from fake_aws.cloudformation.records import ChangeSet, CloudFormation, Resource, Stack
from fake_aws.cloudformation.types import STACK_TYPE, Place
from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal

if TYPE_CHECKING:
    from fake_aws.world import World

_UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED"}
    | {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}
)
_WAITS_FOR_ITS_ROOT = frozenset({"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"})


@dataclass(frozen=True, slots=True)
class Parent:
    """A stack with nested ones, in its place."""

    world: "World"
    account: str
    region: str
    stack: Stack

    @property
    def stacks(self) -> dict[str, Stack]:
        """All stacks there."""
        return self.world.region(self.account, self.region).cloudformation.stacks

    @property
    def rolls_back(self) -> bool:
        """Whether its operation under way undoes what another did."""
        return "ROLLBACK" in self.stack.status

    def journal(self, stack: Stack) -> Journal:
        """Return a stack in its place there."""
        return Journal(self.world, self.account, self.region, stack)

    def child(self, resource: Resource) -> Stack | None:
        """Return the stack behind a resource."""
        return self.stacks.get(resource.physical_id or "")

    def new_child(self, stack_id: str, status: str) -> Stack:
        """Put a new nested stack there, of which nothing is deployed."""
        name = stack_id.split("/")[1]
        empty = Deployment(body="", parameters={}, tags={}, capabilities=[])
        child = Stack(name, stack_id, self.world.datetime(), status, empty)
        child.parent_id, child.root_id = self.stack.id, self.stack.root_id or self.stack.id
        self.stacks[stack_id] = child
        return child

    def deployment_of(self, resource: Resource, *, body: str | None = None) -> Deployment:
        """Return what a resource's properties make of its stack; its template is read unless `body` is its text."""
        target = self.stack.target or self.stack.deployed
        return child_deployment(self, resource.properties, resource.tags, target, body=body)


def parent_in(world: "World", place: Place) -> Parent:
    """Return the stack of a place."""
    stack = world.region(place.account, place.region).cloudformation.find(place.stack)
    if stack is None:
        raise AssertionError(f"no stack {place.stack}")
    return Parent(world, place.account, place.region, stack)


def child_deployment(
    parent: Parent, properties: dict[str, Json], tags: dict[str, str], target: Deployment, *, body: str | None = None
) -> Deployment:
    """Return the deployment of a child. Raises what CloudFormation refuses of it."""
    own = {each["Key"]: each["Value"] for each in properties.get("Tags", [])}
    params: dict[str, Any] = {
        "TemplateURL": properties.get("TemplateURL", ""),
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": _text(value)}
            for key, value in properties.get("Parameters", {}).items()
        ],
        "Tags": [{"Key": key, "Value": value} for key, value in (tags | own).items()],
        "Capabilities": target.capabilities,
        "RoleARN": target.role_arn,
        "NotificationARNs": properties.get("NotificationARNs", []),
    }
    return deployment(parent, params, None, body=body)


def _text(value: Json) -> str:
    if isinstance(value, list):
        return ",".join(map(_text, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def root_of(state: CloudFormation, stack: Stack) -> Stack:
    """Return the stack on top of a hierarchy."""
    return state.stacks.get(stack.root_id or "", stack)


def _create(world: "World", place: Place, resource: Resource) -> None:
    parent = parent_in(world, place)
    planned = _planned(parent, resource)
    desired = parent.deployment_of(resource, body=planned.desired.body if planned else None)
    child = parent.child(resource) or parent.new_child(str(resource.physical_id), "CREATE_IN_PROGRESS")
    child.target = replace(desired, children=planned.desired.children if planned else {})
    _begin(parent, child, "CREATE_STACK", planned)


def _creating(world: "World", place: Place, resource: Resource) -> Iterator[float]:
    parent = parent_in(world, place)
    child = parent.child(resource)
    if child is None or child.target is None:
        raise AssertionError(f"no stack {resource.physical_id}")
    book = parent.journal(child)
    minutes = float(resource.properties.get("TimeoutInMinutes", 0))
    late = yield from _run(child, lifecycle.create(book, child.target, on_failure="DO_NOTHING"), minutes * 60)
    if late:
        cancel(parent, child)
        child.reason = "Stack creation time exceeded the specified timeout. "
    if child.status != "CREATE_COMPLETE":
        raise AwsRefusal("Embedded", f"Embedded stack {child.id} was not successfully created: {child.reason or ''}")


def _run(child: Stack, waits: Waits, limit_s: float = 0) -> Generator[float, None, bool]:
    """Go on with a child's operation to its end, or to that of another which took over; return whether it is late."""
    spent = 0.0
    for wait in lifecycle.guarded(child, waits):
        spent += wait
        if limit_s and spent > limit_s:
            return True
        yield wait
    while child.status.endswith("_IN_PROGRESS") and child.status not in _WAITS_FOR_ITS_ROOT | {
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
    }:
        yield 1.0
    return False


def _begin(parent: Parent, child: Stack, operation: str, planned: ChangeSet | None) -> None:
    child.disable_rollback, child.deployment_config = parent.stack.disable_rollback, parent.stack.deployment_config
    child.retain_except_on_create = parent.stack.retain_except_on_create
    for each in child.change_sets.values():
        if each is not planned and each.execution_status == "AVAILABLE":
            each.execution_status = "OBSOLETE"
    parent.journal(child).begin(operation, parent.stack.token)


def _planned(parent: Parent, resource: Resource) -> ChangeSet | None:
    """Return the child's own change set that the parent's change set was executed with."""
    planned_child = (parent.stack.target or parent.stack.deployed).children.get(resource.logical_id)
    if planned_child is None or planned_child.stack_id not in parent.stacks:
        return None
    return parent.stacks[planned_child.stack_id].change_sets.get(planned_child.change_set_id)


def _differs(world: "World", place: Place, resource: Resource) -> bool:
    """Return whether an update has something to do in the child, whatever the resource's own properties say."""
    parent = parent_in(world, place)
    child = parent.child(resource)
    if child is None:
        return False
    if parent.rolls_back:
        return child.before is not None
    planned_child = (parent.stack.target or parent.stack.deployed).children.get(resource.logical_id)
    if planned_child is not None:
        return planned_child.changes
    return True  # it is looked at each time: "the nested stack's template might have changed"


def _changes_anything(parent: Parent, child: Stack, desired: Deployment) -> bool:
    """Return whether a deployment changes a child, or one below it."""
    has = child.deployed
    if (has.body, has.parameters, has.tags, has.notification_arns) != (
        desired.body,
        desired.parameters,
        desired.tags,
        desired.notification_arns,
    ):
        return True
    below = Parent(parent.world, parent.account, parent.region, child)
    for each in child.resources.values():
        grandchild = below.child(each) if each.type == STACK_TYPE else None
        if grandchild is not None:
            inner = child_deployment(below, each.properties, each.tags, desired)
            if _changes_anything(below, grandchild, inner):
                return True
    return child.status == "UPDATE_FAILED"


def _updating(world: "World", place: Place, resource: Resource, _: dict[str, Any]) -> Iterator[float]:
    parent = parent_in(world, place)
    child = parent.child(resource)
    if parent.rolls_back:
        if child is not None and child.before is not None:
            yield from _go_back(parent, child)
        return
    if child is None or child.status == "DELETE_COMPLETE":
        raise AwsRefusal("NotFound", f"Stack [{resource.physical_id}] does not exist")
    planned_child = (parent.stack.target or parent.stack.deployed).children.get(resource.logical_id)
    if planned_child is not None and not planned_child.changes:
        return
    planned = _planned(parent, resource)
    desired = parent.deployment_of(resource, body=planned.desired.body if planned else None)
    desired = replace(desired, children=planned.desired.children if planned else {})
    if planned is None and not _changes_anything(parent, child, desired):
        return
    if child.status not in _UPDATABLE:
        raise AwsRefusal("Embedded", f"Stack:{child.id} is in {child.status} state and can not be updated.")
    _begin(parent, child, "UPDATE_STACK", planned)
    book = parent.journal(child)
    yield from _run(child, _forward(parent, book, desired))
    if child.status != "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
        raise _not_updated(child)


def _forward(parent: Parent, book: Journal, desired: Deployment) -> Waits:
    why = yield from lifecycle.go_forward(book, desired)
    if why is not None:
        if parent.stack.disable_rollback:
            book.stack.deployed = desired
        book.become("UPDATE_FAILED" if parent.stack.disable_rollback else "UPDATE_ROLLBACK_IN_PROGRESS", why or None)


def _not_updated(child: Stack) -> AwsRefusal:
    return AwsRefusal(
        "Embedded",
        f"Embedded stack {child.id} was not successfully updated. Currently in {child.status} with reason:"
        f" {child.reason or ''}",
    )


def _go_back(parent: Parent, child: Stack) -> Iterator[float]:
    book = parent.journal(child)
    skip = root_of(parent.world.region(parent.account, parent.region).cloudformation, child).skip
    own = frozenset(each.partition(".")[2] for each in skip if each.partition(".")[0] == child.name)
    book.begin("UPDATE_STACK", parent.stack.token)
    if child.status != "UPDATE_ROLLBACK_IN_PROGRESS":
        book.become("UPDATE_ROLLBACK_IN_PROGRESS")
    yield from _run(child, _back(book, own))
    if child.status != "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS":
        raise _not_updated(child)


def _back(book: Journal, skip: frozenset[str]) -> Waits:
    yield from lifecycle.go_back(book, skip)


def _finishing(world: "World", place: Place, resource: Resource) -> Iterator[float]:
    parent = parent_in(world, place)
    child = parent.child(resource)
    if child is None or child.status not in _WAITS_FOR_ITS_ROOT:
        return
    book = parent.journal(child)
    back = child.status.startswith("UPDATE_ROLLBACK")
    yield from lifecycle.guarded(child, (lifecycle.clean_up_rollback if back else lifecycle.clean_up)(book))


def _deleting(world: "World", place: Place, resource: Resource) -> Iterator[float]:
    parent = parent_in(world, place)
    child = parent.child(resource)
    if child is None or child.status == "DELETE_COMPLETE":
        return
    _begin(parent, child, "DELETE_STACK", None)
    book = parent.journal(child)
    waits = lifecycle.delete(book, retain=frozenset(), force=False, rolling_back=parent.rolls_back)
    yield from _run(child, waits)
    if child.status != "DELETE_COMPLETE":
        raise AwsRefusal("Embedded", f"Embedded stack {child.id} was not successfully deleted: {child.reason or ''}")


def _cancel(world: "World", place: Place, resource: Resource) -> None:
    parent = parent_in(world, place)
    child = parent.child(resource)
    if child is not None and child.status in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}:
        cancel(parent, child)


def cancel(parent: Parent, child: Stack) -> None:
    """Stop a child's creation or update, and what is under way below it."""
    book = parent.journal(child)
    below = Parent(parent.world, parent.account, parent.region, child)
    for each in child.resources.values():
        if each.status in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}:
            grandchild = below.child(each) if each.type == STACK_TYPE else None
            if grandchild is not None and grandchild.status in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"}:
                cancel(below, grandchild)
            creating = each.status == "CREATE_IN_PROGRESS"
            book.resource(
                each,
                "CREATE_FAILED" if creating else "UPDATE_FAILED",
                f"Resource {'creation' if creating else 'update'} cancelled",
            )
    child.epoch += 1
    if child.status == "CREATE_IN_PROGRESS":
        book.become("CREATE_FAILED", "Resource creation cancelled")
    elif parent.stack.disable_rollback:
        book.become("UPDATE_FAILED", "Resource update cancelled")
    else:
        book.become("UPDATE_ROLLBACK_IN_PROGRESS", "Resource update cancelled")


def _attributes(world: "World", resource: Resource) -> dict[str, str]:
    _, _, _, region, account, _ = str(resource.physical_id).split(":", 5)
    child = world.region(account, region).cloudformation.stacks.get(str(resource.physical_id))
    if child is None:
        return {}
    return {f"Outputs.{each['OutputKey']}": each["OutputValue"] for each in child.outputs}


NESTED = Effects(
    create=_create,
    creating=_creating,
    updating=_updating,
    deleting=_deleting,
    differs=_differs,
    cancel=_cancel,
    finishing=_finishing,
    attributes=_attributes,
)
