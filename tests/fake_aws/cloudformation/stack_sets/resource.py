"""AWS::CloudFormation::StackSet: what its handlers do with the set and its instances, in the order they do it.

An update compares targets, each a unit or an account in a region, and not the accounts that they come to: it deletes
the instances of targets that go, changes the definition, creates those of targets that come, and updates those whose
overrides changed; each step is an operation that is waited for, and one that fails or is stopped fails the resource.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html
and UpdateHandler of https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-cloudformation
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from fake_aws.cloudformation.effects import Effects
from fake_aws.cloudformation.records import Resource
from fake_aws.cloudformation.stack_sets import requests
from fake_aws.cloudformation.stack_sets.records import Key, StackSet
from fake_aws.cloudformation.stack_sets.requests import Options, Overrides
from fake_aws.cloudformation.stack_sets.run import wait_for
from fake_aws.cloudformation.stack_sets.seat import Seat, not_an_administrator
from fake_aws.cloudformation.stack_sets.targets import accounts
from fake_aws.cloudformation.types import Place
from fake_aws.refusals import AwsRefusal

if TYPE_CHECKING:
    from fake_aws.world import World

Properties = dict[str, Any]
Target = tuple[str | None, str, str]
"""The unit, if any, then the account and the region that it leads to."""
_OF_SET = frozenset(
    {"StackSetName", "Description", "TemplateBody", "TemplateURL", "Parameters", "Capabilities", "PermissionModel"}
    | {"AdministrationRoleARN", "ExecutionRoleName", "AutoDeployment", "ManagedExecution"}
)
_PATIENCE_S = 2.0


def _create(world: "World", place: Place, resource: Resource) -> None:
    at = _seat(world, place, resource.properties)
    requests.define(at, _definition(resource, resource.properties), str(resource.physical_id))


def _creating(world: "World", place: Place, resource: Resource) -> Iterator[float]:
    at, stack_set = _active_set(world, place, resource)
    yield from _create_instances(at, stack_set, resource.properties, _instances(world, stack_set, resource.properties))


def _updating(world: "World", place: Place, resource: Resource, before: Properties) -> Iterator[float]:
    at, stack_set = _active_set(world, place, resource)
    options = Options(resource.properties.get("OperationPreferences", {}))
    old, new = _instances(world, stack_set, before), _instances(world, stack_set, resource.properties)
    gone = {(account, region) for _, account, region in old.keys() - new.keys()}
    if leaving := [key for key in stack_set.instances if key in gone]:
        yield from _operate(
            stack_set, lambda: requests.delete_instances(at, stack_set, leaving, retain=False, options=options)
        )
    definition = _definition(resource, resource.properties)
    if _differs(definition, _definition(resource, before)) or definition["Tags"] != _shown(stack_set):
        yield from _operate(stack_set, lambda: requests.redefine(at, stack_set, definition, options, None))
    coming = {target: overrides for target, overrides in new.items() if target not in old}
    yield from _create_instances(at, stack_set, resource.properties, coming)
    changed = {target: overrides for target, overrides in new.items() if old.get(target, overrides) != overrides}
    for overrides, keys in _by_overrides(changed):
        yield from _operate(
            stack_set,
            lambda overrides=overrides, keys=keys: requests.update_instances(  # type: ignore[misc]  # early binding
                at, stack_set, list(keys), overrides, options
            ),
        )


def _deleting(world: "World", place: Place, resource: Resource) -> Iterator[float]:
    at = _seat(world, place, resource.properties)
    stack_set = at.sets.get(str(resource.physical_id))
    if stack_set is None or stack_set.status != "ACTIVE":
        return
    options = Options(resource.properties.get("OperationPreferences", {}))
    named = {(account, region) for _, account, region in _instances(world, stack_set, resource.properties)}
    if there := [key for key in stack_set.instances if key in named]:
        yield from _operate(
            stack_set, lambda: requests.delete_instances(at, stack_set, there, retain=False, options=options)
        )


def _delete(world: "World", place: Place, resource: Resource) -> None:
    at = _seat(world, place, resource.properties)
    stack_set = at.sets.get(str(resource.physical_id))
    if stack_set is not None and stack_set.status == "ACTIVE":
        requests.forget(stack_set)


STACK_SET = Effects(_create, delete=_delete, creating=_creating, updating=_updating, deleting=_deleting)


def _seat(world: "World", place: Place, properties: Properties) -> Seat:
    if properties.get("CallAs", "SELF") == "SELF":
        return Seat(world, place.account, place.region)
    organization = world.organization
    if organization is None or place.account not in organization.delegated:
        raise not_an_administrator()
    return Seat(world, organization.management, place.region)


def _active_set(world: "World", place: Place, resource: Resource) -> tuple[Seat, StackSet]:
    at = _seat(world, place, resource.properties)
    stack_set = at.sets.get(str(resource.physical_id))
    if stack_set is None or stack_set.status != "ACTIVE":
        raise AwsRefusal("NotFound", f"StackSet {resource.physical_id} not found (HandlerErrorCode: NotFound)")
    return at, stack_set


def _definition(resource: Resource, properties: Properties) -> Properties:
    """Return what CreateStackSet and UpdateStackSet are given; the stack's tags are the set's too."""
    own = {each["Key"]: each["Value"] for each in properties.get("Tags", [])}
    tags = [{"Key": key, "Value": value} for key, value in sorted((resource.tags | own).items())]
    given = {key: value for key, value in properties.items() if key in _OF_SET}
    return {"Parameters": [], "Capabilities": [], **given, "Tags": tags}


def _differs(definition: Properties, before: Properties) -> bool:
    """Return whether the set is asked to update: capabilities do not count, a template in a bucket always does."""
    compared = (definition.keys() | before.keys()) - {"Capabilities"}
    return "TemplateURL" in definition or any(definition.get(name) != before.get(name) for name in compared)


def _shown(stack_set: StackSet) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(stack_set.deployed.tags.items())]


def _instances(world: "World", stack_set: StackSet, properties: Properties) -> dict[Target, Overrides]:
    """Return the overrides of the instances that the template wants, by each of the targets that lead to them."""
    instances: dict[Target, Overrides] = {}
    for group in properties.get("StackInstancesGroup", []):
        overrides = {each["ParameterKey"]: each["ParameterValue"] for each in group.get("ParameterOverrides", [])}
        for targets in _one_by_one(group["DeploymentTargets"]):
            named = accounts(world, stack_set, {"DeploymentTargets": targets}, departed=True)
            instances |= {
                (unit, account, region): overrides for region in group["Regions"] for account, unit in named.items()
            }
    return instances


def _one_by_one(targets: Properties) -> list[Properties]:
    """Return targets of one unit each, or of accounts alone."""
    units = targets.get("OrganizationalUnitIds")
    return [targets] if units is None else [{**targets, "OrganizationalUnitIds": [unit]} for unit in units]


def _by_overrides(instances: dict[Target, Overrides]) -> Iterator[tuple[Overrides, dict[Key, str | None]]]:
    """Yield the instances that share their overrides, as one operation can have them."""
    left = dict(instances)
    while left:
        overrides = next(iter(left.values()))
        same = [target for target, theirs in left.items() if theirs == overrides]
        left = {target: theirs for target, theirs in left.items() if target not in same}
        yield overrides, {(account, region): unit for unit, account, region in same}


def _create_instances(
    at: Seat, stack_set: StackSet, properties: Properties, instances: dict[Target, Overrides]
) -> Iterator[float]:
    options = Options(properties.get("OperationPreferences", {}))
    for overrides, keys in _by_overrides(instances):
        yield from _operate(
            stack_set,
            lambda overrides=overrides, keys=keys: requests.create_instances(  # type: ignore[misc]  # early binding
                at, stack_set, keys, overrides, options
            ),
        )


def _operate(stack_set: StackSet, ask: Callable[[], str]) -> Iterator[float]:
    """Begin an operation as soon as the set is free, and wait until it went well."""
    operation_id = None
    while operation_id is None:
        try:
            operation_id = ask()
        except AwsRefusal as refusal:
            if refusal.code != "OperationInProgressException":
                raise
            yield _PATIENCE_S
    operation = stack_set.operations[operation_id]
    yield from wait_for(operation)
    if operation.status != "SUCCEEDED":
        raise AwsRefusal(
            "HandlerFailed",
            f'Resource handler returned message: "Stack set operation [{operation.id}] was unexpectedly stopped or'
            ' failed" (RequestToken: fake, HandlerErrorCode: GeneralServiceException)',
        )
