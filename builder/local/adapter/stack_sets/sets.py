"""The actions on stack sets themselves, and the installation of all actions."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.cloudformation.requests import Action, Params
from builder.local.adapter.emulator import here, replace, touch
from builder.local.adapter.handlers import ApiError, Reply, message_of
from builder.local.adapter.organizations import access
from builder.local.adapter.stack_sets import imports, instances, operations, records, stacks, targets, wire
from builder.local.adapter.stack_sets.instances import check_present, make_operation, with_previous
from builder.local.adapter.stack_sets.operations import page
from builder.local.adapter.stack_sets.records import Operation, StackSet, add, find, sets

_CFN = "ministack.services.cloudformation"


def install(actions: MutableMapping[str, Action]) -> None:
    """Add the actions and the resource type, forgotten when the emulator is reset."""
    for name, handle in (ACTIONS | instances.ACTIONS | imports.ACTIONS | operations.ACTIONS).items():
        actions[name] = _make_action(name, handle)
    replace(f"{_CFN}:reset", _forgetting)


def _make_action(name: str, handle: Callable[[dict[str, Any]], dict[str, Any]]) -> Action:
    def answer(params: Params) -> Reply:
        try:
            request = wire.read_request(name, params)
            with access.called_as(request.get("CallAs", "SELF")):
                return wire.make_reply(name, handle(request))
        except ApiError as fault:
            reply: Reply = touch(f"{_CFN}.helpers:_error")(fault.code, str(fault), wire.status_of(fault.code))
            return reply

    return answer


def _forgetting(reset: Callable[[], None]) -> Callable[[], None]:
    def reset_all() -> None:
        reset()
        records.reset()
        access.reset()

    return reset_all


ApiRequest = Mapping[str, Any]

_CFN = "ministack.services.cloudformation"
_DEFINITION = (
    *("AdministrationRoleARN", "AutoDeployment", "Capabilities", "Description", "ExecutionRoleName"),
    *("ManagedExecution", "PermissionModel", "Tags"),
)
_UNCHANGED = ("AutoDeployment", "Description", "ManagedExecution", "Tags")
"""What an update keeps unless its request has them."""


def create(request: ApiRequest) -> StackSet:
    """Add a set without instances and return it. Raises ApiError for a template that CloudFormation refuses."""
    if "StackId" in request:
        raise ApiError("ValidationError", "The embedded AWS makes no stack set of a stack")
    place = here()
    definition = {"PermissionModel": "SELF_MANAGED", **_definition(request)}
    if definition["PermissionModel"] == "SERVICE_MANAGED":
        access.check_active(place.account)
    elif "AutoDeployment" in definition:
        raise ApiError("ValidationError", "AutoDeployment is only supported for SERVICE_MANAGED stack sets")
    return add(place, request["StackSetName"], definition)


def update(stack_set: StackSet, request: ApiRequest) -> Operation:
    """Update the definition at once, and start to update the instances of the request, or all.

    The definition stays changed when the operation fails; instances that the request does not mean are outdated.
    """
    before = stack_set.definition
    definition = {name: before[name] for name in _UNCHANGED if name in before}
    definition |= {"PermissionModel": before["PermissionModel"], **_definition(request, before)}
    selected = targets.resolve(stack_set, request) if targets.names_any(request) else None
    if selected is not None:
        check_present(stack_set, selected)
    operations.check_free(stack_set, request.get("OperationId", ""))
    stacks.check_administration(stacks.roles_of(definition, stack_set.home), stack_set.home)
    places = {
        place: instance.unit for place, instance in stack_set.instances.items() if instance.status != "INOPERABLE"
    }
    stack_set.definition = definition
    for place in places:
        stack_set.instances[place].status = "OUTDATED"
    operation = make_operation(stack_set, "UPDATE", places if selected is None else selected, request)
    operations.start(stack_set, operation)
    return operation


def delete(stack_set: StackSet) -> None:
    """Delete a set. Raises ApiError while it has an instance or an operation runs."""
    if stack_set.busy:
        operations.check_free(stack_set, "")
    if stack_set.instances:
        raise ApiError("StackSetNotEmptyException", "StackSet is not empty")
    stack_set.deleted = True


def _definition(request: ApiRequest, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the definition of a set by the names of the API, from a request and, for an update, the one before."""
    definition = {name: request[name] for name in _DEFINITION if name in request}
    previous = before or {}
    if "Parameters" in request:
        definition["Parameters"] = with_previous(request["Parameters"], previous.get("Parameters", []))
    if request.get("UsePreviousTemplate"):
        return definition | {"TemplateBody": previous["TemplateBody"]}
    return definition | {"TemplateBody": _template(request)}


def _template(request: ApiRequest) -> str:
    """Return the template of a request, read from its URL if it has one. Raises ApiError unless it is valid."""
    parameters = {name: [request[name]] for name in ("TemplateBody", "TemplateURL") if name in request}
    body, refusal = touch(f"{_CFN}.helpers:_resolve_template")(parameters)
    if refusal is not None:
        raise ApiError("ValidationError", message_of(refusal[2]))
    if not body:
        raise ApiError("ValidationError", "Either TemplateBody or TemplateURL must be specified")
    status, _, reply = touch(f"{_CFN}.handlers:_ACTION_HANDLERS")["ValidateTemplate"](parameters)
    if status >= 400:
        raise ApiError("ValidationError", message_of(reply))
    return str(body)


def _describe(request: ApiRequest) -> dict[str, Any]:
    stack_set = find(here(), request["StackSetName"])
    return {
        "StackSet": {
            **dict.fromkeys(("Capabilities", "Parameters", "Tags"), ()),
            **stack_set.definition,
            **_summary(stack_set),
            **stacks.roles_of(stack_set.definition, stack_set.home),
            "StackSetARN": stack_set.arn,
            "OrganizationalUnitIds": list(stack_set.units),
            "Regions": list(dict.fromkeys(place.region for place in stack_set.instances)),
            "StackSetDriftDetectionDetails": {
                "DriftStatus": "NOT_CHECKED",
                "TotalStackInstancesCount": len(stack_set.instances),
            },
        }
    }


def _summary(stack_set: StackSet) -> dict[str, Any]:
    return {
        "StackSetName": stack_set.name,
        "StackSetId": stack_set.id,
        "Description": stack_set.definition.get("Description"),
        "Status": "DELETED" if stack_set.deleted else "ACTIVE",
        "AutoDeployment": stack_set.definition.get("AutoDeployment"),
        "PermissionModel": stack_set.definition["PermissionModel"],
        "ManagedExecution": stack_set.definition.get("ManagedExecution", {"Active": False}),
    }


def _list(request: ApiRequest) -> dict[str, Any]:
    summaries = [_summary(stack_set) | {"DriftStatus": "NOT_CHECKED"} for stack_set in sets(here())]
    return page(
        request, [summary for summary in summaries if summary["Status"] == request.get("Status", summary["Status"])]
    )


def _list_targets(request: ApiRequest) -> dict[str, Any]:
    units = find(here(), request["StackSetName"]).units
    return page(request, [{"OrganizationalUnitId": unit, "Regions": regions} for unit, regions in units.items()])


def _delete(request: ApiRequest) -> dict[str, Any]:
    delete(find(here(), request["StackSetName"]))
    return {}


def _activate(_request: ApiRequest) -> dict[str, Any]:
    access.activate(here().account)
    return {}


def _deactivate(_request: ApiRequest) -> dict[str, Any]:
    access.deactivate(here().account)
    return {}


ACTIONS: dict[str, Callable[[ApiRequest], dict[str, Any]]] = {
    "ActivateOrganizationsAccess": _activate,
    "CreateStackSet": lambda request: {"StackSetId": create(request).id},
    "DeactivateOrganizationsAccess": _deactivate,
    "DeleteStackSet": _delete,
    "DescribeOrganizationsAccess": lambda _: {"Status": "ENABLED" if access.is_active(here().account) else "DISABLED"},
    "DescribeStackSet": _describe,
    "ListStackSetAutoDeploymentTargets": _list_targets,
    "ListStackSets": _list,
    "UpdateStackSet": lambda request: {"OperationId": update(find(here(), request["StackSetName"]), request).id},
}
