"""AWS::CloudFormation::StackSet: a set with its instances, as a resource of a stack, that waits for its operations.

    Type: AWS::CloudFormation::StackSet
    Properties:
      StackSetName: tap-dev-us-west-2-storage
      PermissionModel: SELF_MANAGED
      StackInstancesGroup:
        - DeploymentTargets: {Accounts: ["111122223333"]}
          Regions: [us-west-2]

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from builder.local.adapter.change_set import Action, Params, find_stack, parameter
from builder.local.adapter.emulator import replace
from builder.local.adapter.refusals import AlreadyExists, Refused, Reply
from builder.local.adapter.replica import is_true
from builder.local.adapter.stack_set import instances, organization, records, sets, target
from builder.local.adapter.stack_set.records import Operation, Place, StackSet, find, here
from builder.local.adapter.stack_set.wire import Fault

Properties = Mapping[str, Any]
Created = tuple[str, Mapping[str, str]]

TYPE = "AWS::CloudFormation::StackSet"

_DEFINITION = (
    *("AdministrationRoleARN", "AutoDeployment", "Capabilities", "Description", "ExecutionRoleName"),
    *("ManagedExecution", "Parameters", "PermissionModel", "Tags", "TemplateBody", "TemplateURL"),
)
_BOOLEANS = frozenset({"Active", "Enabled", "RetainStacksOnAccountRemoval"})
_CFN = "ministack.services.cloudformation"
_loop: ContextVar[asyncio.AbstractEventLoop] = ContextVar("loop")
"""The server's event loop, for handlers on a thread of their own."""


def install(handlers: MutableMapping[str, Any], actions: MutableMapping[str, Action]) -> None:
    """Add the type, and let its handlers run on a thread: they wait for stacks that the event loop makes meanwhile."""
    replace(f"{_CFN}.stacks:_runs_on_worker_thread", _make_blocking)
    handlers[TYPE] = {"create": _on_loop(_create), "update": _on_loop(_update), "delete": _on_loop(_delete)}
    actions["DeleteStack"] = _make_delete_stack(actions["DeleteStack"])


def _make_blocking(blocks: Callable[[str], bool]) -> Callable[[str], bool]:
    def blocks_or_is_ours(resource_type: str) -> bool:
        # Asked on the loop, right before the thread is begun, which inherits what is set here.
        _loop.set(asyncio.get_running_loop())
        return resource_type == TYPE or blocks(resource_type)

    return blocks_or_is_ours


def _on_loop(handle: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """Return a handler that is run by the loop while its thread waits."""

    def wait(*arguments: Any) -> object:  # noqa: ANN401  the emulator's own
        # The properties are each handler's second argument.
        handling = _refusing(handle(*arguments), arguments[1].get("CallAs", "SELF"))
        return asyncio.run_coroutine_threadsafe(handling, _loop.get()).result()

    return wait


async def _refusing(handling: Coroutine[Any, Any, Any], call_as: str) -> object:
    try:
        with organization.called_as(call_as):
            return await handling
    except Fault as fault:
        kind = AlreadyExists if fault.code == "NameAlreadyExistsException" else Refused
        raise kind(str(fault), service="CloudFormation") from fault


def _make_delete_stack(handle: Action) -> Action:
    def delete_stack(params: Params) -> Reply:
        stack = find_stack(parameter(params, "StackName"))
        for left in _leftovers(stack["StackName"]) if stack else ():
            assert stack is not None and left.owner is not None  # noqa: S101, PT018  for the type checker
            # The emulator keeps no resource whose creation failed; AWS deletes it with its stack.
            stack.setdefault("_resources", {})[left.owner[1]] = {
                "LogicalResourceId": left.owner[1],
                "PhysicalResourceId": left.id,
                "ResourceType": TYPE,
                "ResourceStatus": "CREATE_FAILED",
                "Properties": {"CallAs": "SELF" if left.home == here() else "DELEGATED_ADMIN"},
                "Attributes": {},
                "Timestamp": "",
            }
        return handle(params)

    return delete_stack


async def _create(logical_id: str, props: Properties, stack_name: str) -> Created:
    """Create the set and its instances; what a failure leaves is deleted by the next operation on the stack."""
    for left in _leftovers(stack_name):
        if left.owner == (stack_name, logical_id):
            await _remove(left, props)
    made = sets.create({"StackSetName": props["StackSetName"], **_definition(props)})
    made.owner = (stack_name, logical_id)
    await _add(made, props)
    made.owner = None
    return made.id, {"StackSetId": made.id}


async def _update(physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
    """Change the definition in all instances, then delete the instances that left, then create those that came."""
    del stack_name
    stack_set = find(here(), physical_id)
    if _definition(old) != _definition(new):
        await _finish(sets.update(stack_set, {**_definition(new), **_preferences(new)}))
    wanted = {place for group in _groups(new) for place in target.resolve(stack_set, group)}
    gone = {place: None for place in _places(stack_set, old) if place not in wanted}
    if gone:
        await _finish(instances.delete(stack_set, gone, _preferences(new)))
    for group in _groups(old):
        target.forget(stack_set, group)
    await _add(stack_set, new)
    return stack_set.id, {"StackSetId": stack_set.id}


async def _delete(physical_id: str, props: Properties) -> None:
    with suppress(Fault):
        stack_set = find(here(), physical_id)
        if not stack_set.deleted:
            await _remove(stack_set, props)


async def _add(stack_set: StackSet, props: Properties) -> None:
    """Create the instances that are not there yet, and update those whose overrides are others."""
    for group in _groups(props):
        overrides = group.get("ParameterOverrides", [])
        places = {
            place: unit
            for place, unit in target.resolve(stack_set, group).items()
            if place not in stack_set.instances or stack_set.instances[place].overrides != overrides
        }
        target.remember(stack_set, group)
        if places:
            request = {**_preferences(props), **group, "ParameterOverrides": overrides}
            await _finish(instances.create(stack_set, places, request))


async def _remove(stack_set: StackSet, props: Properties) -> None:
    """Delete all instances, then the set."""
    if stack_set.instances:
        places = {place: one.unit for place, one in stack_set.instances.items()}
        await _finish(instances.delete(stack_set, places, _preferences(props)))
    sets.delete(stack_set)


async def _finish(operation: Operation) -> None:
    """Wait for an operation; raises Refused with the reasons of the failed instances if it did not succeed."""
    await operation.over.wait()
    if operation.status != "SUCCEEDED":
        reasons = ", ".join(dict.fromkeys(str(result.reason) for result in operation.failures))
        said = f"Stack set operation [{operation.id}] was unexpectedly stopped or failed. status reason(s): [{reasons}]"
        raise Refused(said, service="CloudFormation")


def _leftovers(stack_name: str) -> list[StackSet]:
    """Return the sets that resources of a stack made before they failed."""
    account, region = here()
    places = {here(), Place(organization.management_of(account), region)}
    found = (one for place in places for one in records.sets(place) if not one.deleted)
    return [one for one in found if one.owner and one.owner[0] == stack_name]


def _groups(props: Properties) -> list[dict[str, Any]]:
    return list(props.get("StackInstancesGroup", []))


def _places(stack_set: StackSet, props: Properties) -> list[Place]:
    """Return the set's instances that are in the groups of some properties, or came with their units."""
    named = {place for group in _groups(props) for place in target.resolve(stack_set, group)}
    came = {place for group in _groups(props) for place in target.left(stack_set, group)}
    return [place for place in stack_set.instances if place in named | came]


def _definition(props: Properties) -> dict[str, Any]:
    """Return what the properties say of the set itself, in the shape of the API; of the stack's tags not AWS's own."""
    said = {name: _typed(props[name]) for name in _DEFINITION if name in props}
    return said | {"Tags": [tag for tag in said.get("Tags", ()) if not tag["Key"].startswith("aws:")]}


def _preferences(props: Properties) -> dict[str, Any]:
    return {"OperationPreferences": _typed(props["OperationPreferences"])} if "OperationPreferences" in props else {}


def _typed(value: Any, name: str = "") -> Any:  # noqa: ANN401  JSON
    """Return a property's value with its numbers and booleans, which a parameter gives as text."""
    if isinstance(value, dict):
        return {key: _typed(one, key) for key, one in value.items()}
    if name in _BOOLEANS:
        return is_true(value)
    return int(value) if name.endswith(("Count", "Percentage")) else value
