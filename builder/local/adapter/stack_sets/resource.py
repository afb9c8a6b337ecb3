"""AWS::CloudFormation::StackSet: a set with its instances, as a resource of a stack, that waits for its operations.

    Type: AWS::CloudFormation::StackSet
    Properties:
      StackSetName: tap-dev-us-west-2-storage
      PermissionModel: SELF_MANAGED
      StackInstancesGroup:
        - DeploymentTargets: {Accounts: ["111122223333"]}
          Regions: [us-west-2]

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
and UpdateHandler of https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-cloudformation
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

from builder.local.adapter.cloudformation.requests import Action, Params, find_stack, parameter
from builder.local.adapter.emulator import AccountRegion, here, replace, touch
from builder.local.adapter.handlers import (
    AlreadyExists,
    ApiError,
    HandlerError,
    PhysicalResource,
    Properties,
    Reply,
    is_true,
)
from builder.local.adapter.organizations import access
from builder.local.adapter.stack_sets import instances, records, sets, targets
from builder.local.adapter.stack_sets.records import Operation, Parameters, StackSet, find

TargetPlace = tuple[str | None, AccountRegion]
"""A place, and the unit that leads to it unless the account itself does."""

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
    """Add the type. Its handlers run on threads, because they wait for stacks that the event loop makes."""
    replace(f"{_CFN}.stacks:_runs_on_worker_thread", _make_blocking)
    touch("ministack.services.cloudformation.provisioners:_STACK_TAG_PROPERTY")[TYPE] = ("Tags", "list")
    handlers[TYPE] = {"create": _on_loop(_create), "update": _on_loop(_update), "delete": _on_loop(_delete)}
    actions["DeleteStack"] = _make_delete_stack(actions["DeleteStack"])


def _make_blocking(blocks: Callable[[str], bool]) -> Callable[[str], bool]:
    def blocks_or_is_ours(resource_type: str) -> bool:
        # Called on the loop, right before the start of the thread, which inherits what is set here.
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
        with access.called_as(call_as):
            return await handling
    except ApiError as fault:
        kind = AlreadyExists if fault.code == "NameAlreadyExistsException" else HandlerError
        raise kind(str(fault), service="CloudFormation") from fault


def _make_delete_stack(handle: Action) -> Action:
    def delete_stack(params: Params) -> Reply:
        stack = find_stack(parameter(params, "StackName"))
        for leftover in _leftovers(stack["StackName"]) if stack else ():
            assert stack is not None and leftover.owner is not None  # noqa: S101, PT018  for the type checker
            # The emulator keeps no resource whose creation failed; AWS deletes it with its stack.
            stack.setdefault("_resources", {})[leftover.owner[1]] = {
                "LogicalResourceId": leftover.owner[1],
                "PhysicalResourceId": leftover.id,
                "ResourceType": TYPE,
                "ResourceStatus": "CREATE_FAILED",
                "Properties": {"CallAs": "SELF" if leftover.home == here() else "DELEGATED_ADMIN"},
                "Attributes": {},
                "Timestamp": "",
            }
        return handle(params)

    return delete_stack


async def _create(logical_id: str, props: Properties, stack_name: str) -> PhysicalResource:
    """Create the set and its instances; what a failure leaves is deleted by the next operation on the stack."""
    for leftover in _leftovers(stack_name):
        if leftover.owner == (stack_name, logical_id):
            await _remove(leftover, props)
    stack_set = sets.create({"StackSetName": props["StackSetName"], **_definition(props)})
    stack_set.owner = (stack_name, logical_id)
    await _add(stack_set, props)
    stack_set.owner = None
    return stack_set.id, {"StackSetId": stack_set.id}


async def _update(physical_id: str, old: Properties, new: Properties, stack_name: str) -> PhysicalResource:
    """Delete the instances of removed targets, update the definition, then create the instances of new targets.

    A target is a unit or an account in a region, whichever accounts a unit has. Last, instances whose overrides changed
    are updated.
    """
    del stack_name
    stack_set = find(here(), physical_id)
    old_targets, new_targets = _target_places(stack_set, old), _target_places(stack_set, new)
    removed = {
        place: unit for unit, place in old_targets if (unit, place) not in new_targets and place in stack_set.instances
    }
    if removed:
        await _finish(instances.delete(stack_set, removed, _preferences(new)))
    if _differs(_definition(new), _definition(old)):
        await _finish(sets.update(stack_set, {**_definition(new), **_preferences(new)}))
    for group in _groups(old):
        targets.forget(stack_set, group)
    await _add(stack_set, new, old_targets)
    for group, overrides, group_targets in _by_group(stack_set, new):
        changed = {
            place: unit for unit, place in group_targets if old_targets.get((unit, place), overrides) != overrides
        }
        if changed:
            await _finish(instances.update(stack_set, changed, _request(new, group, overrides)))
    return stack_set.id, {"StackSetId": stack_set.id}


async def _delete(physical_id: str, props: Properties) -> None:
    with suppress(ApiError):
        stack_set = find(here(), physical_id)
        if not stack_set.deleted:
            await _remove(stack_set, props)


async def _add(stack_set: StackSet, props: Properties, old_targets: Collection[TargetPlace] = ()) -> None:
    """Create the instances of targets that are not among the old ones."""
    for group, overrides, group_targets in _by_group(stack_set, props):
        added = {place: unit for unit, place in group_targets if (unit, place) not in old_targets}
        targets.remember(stack_set, group)
        if added:
            await _finish(instances.create(stack_set, added, _request(props, group, overrides)))


async def _remove(stack_set: StackSet, props: Properties) -> None:
    """Delete all instances, then the set."""
    if stack_set.instances:
        places = {place: instance.unit for place, instance in stack_set.instances.items()}
        await _finish(instances.delete(stack_set, places, _preferences(props)))
    sets.delete(stack_set)


async def _finish(operation: Operation) -> None:
    """Wait for an operation. Raises HandlerError with the reasons of the failed instances unless it succeeds."""
    await operation.over.wait()
    if operation.status != "SUCCEEDED":
        reasons = ", ".join(dict.fromkeys(str(result.reason) for result in operation.failures))
        message = (
            f"Stack set operation [{operation.id}] was unexpectedly stopped or failed. status reason(s): [{reasons}]"
        )
        raise HandlerError(message, service="CloudFormation")


def _leftovers(stack_name: str) -> list[StackSet]:
    """Return the sets of a stack's resources whose creation failed."""
    account, region = here()
    places = {here(), AccountRegion(access.management_of(account), region)}
    stack_sets = (stack_set for place in places for stack_set in records.sets(place) if not stack_set.deleted)
    return [stack_set for stack_set in stack_sets if stack_set.owner and stack_set.owner[0] == stack_name]


def _groups(props: Properties) -> list[dict[str, Any]]:
    return list(props.get("StackInstancesGroup", []))


def _by_group(stack_set: StackSet, props: Properties) -> Iterator[tuple[dict[str, Any], Parameters, list[TargetPlace]]]:
    """Yield each group with its overrides and its places, also those of accounts that left their unit since."""
    for group in _groups(props):
        places = (
            targets.resolve(stack_set, request) | targets.left(stack_set, request)
            for request in targets.one_by_one(group)
        )
        group_targets = [(unit, place) for resolved in places for place, unit in resolved.items()]
        yield group, group.get("ParameterOverrides", []), group_targets


def _target_places(stack_set: StackSet, props: Properties) -> dict[TargetPlace, Parameters]:
    """Return the overrides of each place, by the place and the unit that it is a target of."""
    return {
        target: overrides for _, overrides, group_targets in _by_group(stack_set, props) for target in group_targets
    }


def _request(props: Properties, group: Mapping[str, Any], overrides: Parameters) -> dict[str, Any]:
    return {**_preferences(props), **group, "ParameterOverrides": overrides}


def _definition(props: Properties) -> dict[str, Any]:
    """Return the definition of the set in the shape of the API, without AWS's own tags."""
    definition = {name: _typed(props[name]) for name in _DEFINITION if name in props}
    return definition | {"Tags": [tag for tag in definition.get("Tags", ()) if not tag["Key"].startswith("aws:")]}


def _differs(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Return whether the handler updates the set: not for capabilities alone, and always for a template in a bucket."""
    compared = (new.keys() | old.keys()) - {"Capabilities"}
    return "TemplateURL" in new or any(new.get(name) != old.get(name) for name in compared)


def _preferences(props: Properties) -> dict[str, Any]:
    return {"OperationPreferences": _typed(props["OperationPreferences"])} if "OperationPreferences" in props else {}


def _typed(value: Any, name: str = "") -> Any:  # noqa: ANN401  JSON
    """Return a property's value with its numbers and booleans, which arrive as text from a parameter."""
    if isinstance(value, dict):
        return {key: _typed(item, key) for key, item in value.items()}
    if name in _BOOLEANS:
        return is_true(value)
    return int(value) if name.endswith(("Count", "Percentage")) else value
