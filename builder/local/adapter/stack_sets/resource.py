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
from builder.local.adapter.emulator import Place, here, replace, touch
from builder.local.adapter.handlers import AlreadyExists, Fault, Properties, Refused, Reply, Resource, is_true
from builder.local.adapter.organizations import access
from builder.local.adapter.stack_sets import instances, records, sets, targets
from builder.local.adapter.stack_sets.records import Operation, Parameters, StackSet, find

Aimed = tuple[str | None, Place]
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
    """Add the type, and let its handlers run on a thread: they wait for stacks that the event loop makes meanwhile."""
    replace(f"{_CFN}.stacks:_runs_on_worker_thread", _make_blocking)
    touch("ministack.services.cloudformation.provisioners:_STACK_TAG_PROPERTY")[TYPE] = ("Tags", "list")
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
        with access.called_as(call_as):
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


async def _create(logical_id: str, props: Properties, stack_name: str) -> Resource:
    """Create the set and its instances; what a failure leaves is deleted by the next operation on the stack."""
    for left in _leftovers(stack_name):
        if left.owner == (stack_name, logical_id):
            await _remove(left, props)
    made = sets.create({"StackSetName": props["StackSetName"], **_definition(props)})
    made.owner = (stack_name, logical_id)
    await _add(made, props)
    made.owner = None
    return made.id, {"StackSetId": made.id}


async def _update(physical_id: str, old: Properties, new: Properties, stack_name: str) -> Resource:
    """Delete the instances of targets that go, change the definition, then create the instances of targets that come.

    A target is a unit or an account in a region: to which accounts it comes does not matter. Then those whose overrides
    are others are updated.
    """
    del stack_name
    stack_set = find(here(), physical_id)
    had, wanted = _aimed(stack_set, old), _aimed(stack_set, new)
    gone = {place: unit for unit, place in had if (unit, place) not in wanted and place in stack_set.instances}
    if gone:
        await _finish(instances.delete(stack_set, gone, _preferences(new)))
    if _definition(old) != _definition(new):
        await _finish(sets.update(stack_set, {**_definition(new), **_preferences(new)}))
    for group in _groups(old):
        targets.forget(stack_set, group)
    await _add(stack_set, new, had)
    for group, overrides, aimed in _by_group(stack_set, new):
        changed = {place: unit for unit, place in aimed if had.get((unit, place), overrides) != overrides}
        if changed:
            await _finish(instances.update(stack_set, changed, _request(new, group, overrides)))
    return stack_set.id, {"StackSetId": stack_set.id}


async def _delete(physical_id: str, props: Properties) -> None:
    with suppress(Fault):
        stack_set = find(here(), physical_id)
        if not stack_set.deleted:
            await _remove(stack_set, props)


async def _add(stack_set: StackSet, props: Properties, had: Collection[Aimed] = ()) -> None:
    """Create the instances of targets that there were not before."""
    for group, overrides, aimed in _by_group(stack_set, props):
        coming = {place: unit for unit, place in aimed if (unit, place) not in had}
        targets.remember(stack_set, group)
        if coming:
            await _finish(instances.create(stack_set, coming, _request(props, group, overrides)))


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
    places = {here(), Place(access.management_of(account), region)}
    found = (one for place in places for one in records.sets(place) if not one.deleted)
    return [one for one in found if one.owner and one.owner[0] == stack_name]


def _groups(props: Properties) -> list[dict[str, Any]]:
    return list(props.get("StackInstancesGroup", []))


def _by_group(stack_set: StackSet, props: Properties) -> Iterator[tuple[dict[str, Any], Parameters, list[Aimed]]]:
    """Yield each group with its overrides and the places its targets lead to, or led to when instances came by them."""
    for group in _groups(props):
        places = (targets.resolve(stack_set, one) | targets.left(stack_set, one) for one in targets.one_by_one(group))
        aimed = [(unit, place) for found in places for place, unit in found.items()]
        yield group, group.get("ParameterOverrides", []), aimed


def _aimed(stack_set: StackSet, props: Properties) -> dict[Aimed, Parameters]:
    """Return the overrides of every place that the properties aim at, by each of the targets that lead there."""
    return {one: overrides for _, overrides, aimed in _by_group(stack_set, props) for one in aimed}


def _request(props: Properties, group: Mapping[str, Any], overrides: Parameters) -> dict[str, Any]:
    return {**_preferences(props), **group, "ParameterOverrides": overrides}


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
