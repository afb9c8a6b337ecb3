"""What is asked of a StackSet, by a call or by a resource: define it, or begin an operation on its instances."""

from dataclasses import dataclass, field
from typing import Any

from fake_aws.cloudformation.inputs import deployment
from fake_aws.cloudformation.stack_sets.preferences import check_preferences
from fake_aws.cloudformation.stack_sets.records import Instance, Key, Result, SetOperation, StackSet
from fake_aws.cloudformation.stack_sets.run import begin, check_free, in_progress
from fake_aws.cloudformation.stack_sets.seat import Seat, not_an_administrator
from fake_aws.json_value import Json
from fake_aws.refusals import AwsRefusal, validation_error

MOST_SETS = 1000
_DEPLOYED = frozenset({"TemplateBody", "TemplateURL", "UsePreviousTemplate", "Parameters", "Capabilities", "Tags"})
Overrides = dict[str, str]


@dataclass(frozen=True, slots=True)
class Options:
    """How an operation is to be carried out, and what is shown of it."""

    preferences: dict[str, Json] = field(default_factory=dict)
    targets: dict[str, Json] = field(default_factory=dict)
    id: str | None = None


def define(seat: Seat, params: dict[str, Any], set_id: str) -> StackSet:
    """Create a StackSet without instances."""
    name = params["StackSetName"]
    active = [each for each in seat.sets.values() if each.status == "ACTIVE"]
    if any(each.name == name for each in active):
        raise AwsRefusal("NameAlreadyExistsException", f"StackSet {name} already exists", status=409)
    if len(active) >= MOST_SETS:
        raise AwsRefusal("LimitExceededException", f"You have reached the limit of {MOST_SETS} StackSets")
    model = params.get("PermissionModel", "SELF_MANAGED")
    _check_model(seat, params, model)
    arn = f"arn:aws:cloudformation:{seat.region}:{seat.account}:stackset/{set_id}"
    made = StackSet(name, set_id, arn, model, deployment(seat, _deployed(params), None))
    _set_plain(made, params)
    seat.sets[set_id] = made
    return made


def redefine(seat: Seat, stack_set: StackSet, params: dict[str, Any], options: Options, about: set[Key] | None) -> str:
    """Change a StackSet's definition and update its instances, all or those named; return the operation's id."""
    keys = [key for key in stack_set.instances if about is None or key in about]
    _check(stack_set, keys, options)
    _check_model(seat, params, stack_set.permission_model)
    if "PermissionModel" in params and params["PermissionModel"] != stack_set.permission_model:
        raise validation_error("PermissionModel of a StackSet cannot be changed here")
    active = params.get("ManagedExecution", {}).get("Active", stack_set.managed)
    if _true(active) != stack_set.managed and stack_set.under_way():
        raise in_progress(stack_set)
    stack_set.deployed = deployment(seat, _deployed(params), stack_set)
    _set_plain(stack_set, params)
    for key, instance in stack_set.instances.items():
        if about is not None and key not in about:
            instance.status = "OUTDATED" if instance.status == "CURRENT" else instance.status
    return _operate(seat, stack_set, "UPDATE", _operable(stack_set, keys), options)


def create_instances(
    seat: Seat, stack_set: StackSet, targets: dict[Key, str | None], overrides: Overrides, options: Options
) -> str:
    """Begin to make instances (or to bring those that are there up to date); return the operation's id."""
    _check(stack_set, list(targets), options)
    _check_overrides(stack_set, overrides)
    for (account, region), ou in targets.items():
        instance = stack_set.instances.setdefault((account, region), Instance(account, region, ou))
        instance.overrides = dict(overrides)
    return _operate(seat, stack_set, "CREATE", list(targets), options)


def update_instances(
    seat: Seat, stack_set: StackSet, keys: list[Key], overrides: Overrides | None, options: Options
) -> str:
    """Begin to bring instances up to date; overrides replace theirs where given. Return the operation's id."""
    _check(stack_set, keys, options)
    _check_overrides(stack_set, overrides or {})
    for account, region in keys:
        if (account, region) not in stack_set.instances:
            raise AwsRefusal(
                "StackInstanceNotFoundException",
                f"Stack instance does not exist for StackSet {stack_set.id}, account {account}, region {region}",
                status=404,
            )
        if overrides is not None:
            stack_set.instances[account, region].overrides = dict(overrides)
    return _operate(seat, stack_set, "UPDATE", _operable(stack_set, keys), options)


def delete_instances(seat: Seat, stack_set: StackSet, keys: list[Key], *, retain: bool, options: Options) -> str:
    """Begin to delete instances, their stacks too unless retained; return the operation's id."""
    _check(stack_set, keys, options)
    there = [key for key in keys if key in stack_set.instances]
    return _operate(seat, stack_set, "DELETE", there, options, retain=retain)


def import_stacks(
    seat: Seat, stack_set: StackSet, stacks: dict[Key, str], units: dict[str, str | None], options: Options
) -> str:
    """Begin to take stacks in as instances, each by its account's unit; return the operation's id."""
    _check(stack_set, list(stacks), options)
    for key, stack_id in stacks.items():
        known = stack_set.instances.get(key)
        if known is not None and (known.detailed, known.stack_id) != ("FAILED_IMPORT", stack_id):
            raise AwsRefusal(
                "InvalidOperationException", f"Stack instance exists for StackSet {stack_set.id}, {key[0]}, {key[1]}"
            )
    for key, stack_id in stacks.items():
        stack_set.instances[key] = Instance(*key, units.get(key[0]), stack_id=stack_id)
    return _operate(seat, stack_set, "CREATE", list(stacks), options, imports=stacks)


def detect_drift(seat: Seat, stack_set: StackSet, options: Options) -> str:
    """Begin to compare every instance's stack with what it was made of; return the operation's id."""
    keys = list(stack_set.instances)
    if not keys:
        raise AwsRefusal("InvalidOperationException", f"StackSet {stack_set.id} has no stack instances")
    detecting = [each for each in stack_set.under_way() if each.action == "DETECT_DRIFT"]
    if detecting:
        raise in_progress(stack_set)
    if options.id in stack_set.operations:
        return str(options.id)
    _check(stack_set, keys, options)
    return _operate(seat, stack_set, "DETECT_DRIFT", keys, options)


def forget(stack_set: StackSet) -> None:
    """Delete a StackSet that has no instances and is at rest."""
    if stack_set.under_way():
        raise in_progress(stack_set)
    if stack_set.instances:
        raise AwsRefusal("StackSetNotEmptyException", "StackSet is not empty", status=409)
    stack_set.status = "DELETED"


def _operate(
    seat: Seat,
    stack_set: StackSet,
    action: str,
    keys: list[Key],
    options: Options,
    *,
    retain: bool | None = None,
    imports: dict[Key, str] | None = None,
) -> str:
    operation = SetOperation(
        id=options.id or seat.world.new_uuid(),
        action=action,
        created=seat.world.datetime(),
        results={key: Result(stack_set.instances[key].ou) for key in keys},
        preferences=options.preferences,
        targets=options.targets,
        retain=retain,
        imports=imports or {},
    )
    begin(seat, stack_set, operation)
    return operation.id


def _check(stack_set: StackSet, keys: list[Key], options: Options) -> None:
    check_free(stack_set, options.id)
    check_preferences(options.preferences, {region for _, region in keys})


def _operable(stack_set: StackSet, keys: list[Key]) -> list[Key]:
    return [key for key in keys if stack_set.instances[key].status != "INOPERABLE"]


def _check_overrides(stack_set: StackSet, overrides: Overrides) -> None:
    if strangers := sorted(overrides.keys() - stack_set.deployed.parameters.keys()):
        raise validation_error(f"Parameters: [{', '.join(strangers)}] do not exist in the template")


def _check_model(seat: Seat, params: dict[str, Any], model: str) -> None:
    if model == "SELF_MANAGED":
        if "AutoDeployment" in params:
            raise validation_error("AutoDeployment is not supported with SELF_MANAGED permission model")
        return
    organization = seat.world.organization
    if organization is None or seat.account != organization.management:
        raise not_an_administrator()
    if params.keys() & {"AdministrationRoleARN", "ExecutionRoleName"}:
        raise validation_error("AdministrationRoleARN and ExecutionRoleName are for SELF_MANAGED StackSets only")


def _deployed(params: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if key in _DEPLOYED}


def _set_plain(stack_set: StackSet, params: dict[str, Any]) -> None:
    """Take over what a definition says beside what its stacks are to be; what it leaves out stays."""
    stack_set.description = params.get("Description", stack_set.description)
    stack_set.administration_role = params.get("AdministrationRoleARN", stack_set.administration_role)
    stack_set.execution_role = params.get("ExecutionRoleName", stack_set.execution_role)
    stack_set.auto_deployment = params.get("AutoDeployment", stack_set.auto_deployment)
    stack_set.managed = _true(params.get("ManagedExecution", {}).get("Active", stack_set.managed))


def _true(value: Json) -> bool:
    return str(value).lower() == "true"
