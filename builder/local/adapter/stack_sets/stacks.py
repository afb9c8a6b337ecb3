"""The stack of an instance: created, updated and deleted by CloudFormation itself where the instance is."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

from builder.local.adapter.cloudformation.requests import Action, find_stack, members
from builder.local.adapter.emulator import AccountRegion, acting_in, replace, touch
from builder.local.adapter.handlers import ApiError, is_true, message_of, text_of
from builder.local.adapter.iam import policies
from builder.local.adapter.stack_sets.records import Instance, Parameters, StackSet, every_set

_CFN = "ministack.services.cloudformation"
_GONE = frozenset({"CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"})
"""A stack in these takes no update: it is deleted and created again."""
_GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"})
_LINKED = "aws-service-role/member.org.stacksets.cloudformation.amazonaws.com/"
_LINKED += "AWSServiceRoleForCloudFormationStackSetsOrgMember"
"""What deploys service-managed instances."""
_IMPORTABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
)
_POLL_S = 0.005
_on_behalf: ContextVar[bool] = ContextVar("on_behalf", default=False)
"""Whether a request is StackSets' own, whose template may be as large as one in a bucket."""


def install() -> None:
    """Let StackSets' own requests have templates that are too large for others."""
    replace(f"{_CFN}.helpers:_template_body_problem", _make_body_problem)


def _make_body_problem(find_problem: Callable[[str], str | None]) -> Callable[[str], str | None]:
    return lambda body: None if _on_behalf.get() else find_problem(body)


class StackOperationFailed(Exception):
    """A stack operation that was refused or failed, with the reason that the instance shows."""


async def deploy(stack_set: StackSet, instance: Instance, role: str) -> None:
    """Create or update the stack of an instance, and wait. Raises StackOperationFailed."""
    stack = _find(instance)
    if stack is not None and stack["StackStatus"] in _GONE:
        await remove(instance, role)
        stack = None
    name = stack["StackName"] if stack else f"StackSet-{stack_set.name}-{uuid4()}"
    request = _request(stack_set, instance, name)
    if stack is None:
        _call("CreateStack", request, instance.place, role)
        with acting_in(instance.place):
            new_stack = find_stack(name)
        instance.stack_id = new_stack["StackId"] if new_stack else None
    elif "No updates are to be performed" in _call("UpdateStack", request, instance.place, role):
        return
    await _settle(instance)


async def remove(instance: Instance, role: str) -> None:
    """Delete the stack of an instance, if it has one, and wait. Raises StackOperationFailed."""
    stack = _find(instance)
    if stack is not None:
        _call("DeleteStack", {"StackName": [stack["StackName"]]}, instance.place, role)
        await _settle(instance)
    instance.stack_id = None


def take_in(stack_set: StackSet, instance: Instance) -> None:
    """Take the stack of an instance in as it is, its parameters as the instance's own. Raises StackOperationFailed."""
    stack = _find(instance)
    if stack is None:
        raise StackOperationFailed(f"Stack {instance.stack_id} does not exist")
    if stack["StackStatus"] not in _IMPORTABLE:
        raise StackOperationFailed(f"Stack:{stack['StackId']} is in {stack['StackStatus']} state")
    known = (other for each in every_set() for other in each.instances.values() if other is not instance)
    if any(other.stack_id == instance.stack_id for other in known):
        raise StackOperationFailed(f"Stack {stack['StackId']} belongs to a StackSet")
    parse = touch(f"{_CFN}.engine:_parse_template")
    template = parse(stack["_template_body"])
    if any(is_true(declared.get("NoEcho")) for declared in template.get("Parameters", {}).values()):
        raise StackOperationFailed(f"Stack {stack['StackId']} has a NoEcho parameter")
    if template != parse(stack_set.definition["TemplateBody"]):
        raise StackOperationFailed(f"The template of stack {stack['StackId']} is not the StackSet's")
    instance.overrides = [
        {"ParameterKey": parameter["ParameterKey"], "ParameterValue": parameter["ParameterValue"]}
        for parameter in stack["Parameters"]
    ]


def _request(stack_set: StackSet, instance: Instance, name: str) -> dict[str, list[str]]:
    definition = stack_set.definition
    if definition["PermissionModel"] == "SERVICE_MANAGED" and _has_transform(definition["TemplateBody"]):
        raise StackOperationFailed("StackSets with service-managed permissions do not support transforms")
    return {
        "StackName": [name],
        "TemplateBody": [definition["TemplateBody"]],
        **members("Capabilities", [{"": capability} for capability in definition.get("Capabilities", [])]),
        **members("Parameters", _overridden(definition.get("Parameters", []), instance.overrides)),
        **members("Tags", definition.get("Tags", [])),
    }


def _has_transform(body: str) -> bool:
    return bool(touch(f"{_CFN}.handlers:_uses_macro")(touch(f"{_CFN}.engine:_parse_template")(body)))


def _overridden(parameters: Parameters, overrides: Parameters) -> Parameters:
    values = {parameter["ParameterKey"]: parameter.get("ParameterValue", "") for parameter in [*parameters, *overrides]}
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def _call(action: str, request: Mapping[str, list[str]], place: AccountRegion, role: str) -> str:
    """Call an action in a place as the execution role, and return its reply. Raises StackOperationFailed."""
    handle: Action = touch(f"{_CFN}.handlers:_ACTION_HANDLERS")[action]
    arn = f"arn:aws:cloudformation:{place.region}:{place.account}:stack/{request['StackName'][0]}/*"
    with acting_in(place), policies.acting_as(f"arn:aws:iam::{place.account}:role/{role or _LINKED}"):
        if policies.is_enforced() and not policies.is_allowed(f"cloudformation:{action}", arn):
            message = (
                f"User: {policies.who_acts()} is not authorized to perform: cloudformation:{action} on resource: {arn}"
            )
            raise StackOperationFailed(message)
        token = _on_behalf.set(True)
        status, _, body = handle({"Action": [action], **request})
        _on_behalf.reset(token)
    text = text_of(body)
    if status >= 400 and "No updates are to be performed" not in text:
        raise StackOperationFailed(message_of(text))
    return text


async def _settle(instance: Instance) -> None:
    """Wait for the operation on the stack of an instance. Raises StackOperationFailed with the first failure."""
    # A deletion shows once its task runs, which is scheduled before this one goes on.
    await asyncio.sleep(0)
    stack = _find(instance, deleted=True)
    while stack is not None and stack["StackStatus"].endswith("_IN_PROGRESS"):
        await asyncio.sleep(_POLL_S)
        stack = _find(instance, deleted=True)
    if stack is not None and stack["StackStatus"] not in _GOOD:
        raise StackOperationFailed(_first_failure(instance) or f"Stack {stack['StackId']} is in {stack['StackStatus']}")


def _find(instance: Instance, *, deleted: bool = False) -> MutableMapping[str, Any] | None:
    if instance.stack_id is None:
        return None
    with acting_in(instance.place):
        if not deleted:
            return find_stack(instance.stack_id)
        stack: MutableMapping[str, Any] | None = touch(f"{_CFN}.handlers:_resolve_stack")(instance.stack_id)
        return stack


def _first_failure(instance: Instance) -> str | None:
    """Return the first failure of the stack's last operation, worded as StackSets words it."""
    with acting_in(instance.place):
        events = list(touch(f"{_CFN}:_stack_events").get(instance.stack_id, []))
    reason = None
    for event in events:
        status = event["ResourceStatus"]
        if event["ResourceType"] == "AWS::CloudFormation::Stack" and re.fullmatch(
            "(CREATE|UPDATE|DELETE)_IN_PROGRESS", status
        ):
            reason = None
        elif reason is None and status.endswith("_FAILED") and event["ResourceType"] != "AWS::CloudFormation::Stack":
            reason = (
                f"ResourceLogicalId:{event['LogicalResourceId']}, ResourceType:{event['ResourceType']}, "
                f"ResourceStatusReason:{event.get('ResourceStatusReason', '')}."
            )
    return reason


# -- the roles


ADMINISTRATION = "AWSCloudFormationStackSetAdministrationRole"
EXECUTION = "AWSCloudFormationStackSetExecutionRole"


def roles_of(definition: Mapping[str, Any], home: AccountRegion) -> dict[str, str]:
    """Return AdministrationRoleARN and ExecutionRoleName of a set, or AWS's defaults; {} for a service-managed set."""
    if definition["PermissionModel"] == "SERVICE_MANAGED":
        return {}
    return {
        "AdministrationRoleARN": definition.get(
            "AdministrationRoleARN", f"arn:aws:iam::{home.account}:role/{ADMINISTRATION}"
        ),
        "ExecutionRoleName": definition.get("ExecutionRoleName", EXECUTION),
    }


def check_administration(roles: Mapping[str, str], home: AccountRegion) -> None:
    """Raise ApiError unless the administration role exists and trusts CloudFormation."""
    if arn := roles.get("AdministrationRoleARN"):
        role = _find_role(home.account, _name(arn))
        if role is None or "cloudformation.amazonaws.com" not in json.dumps(_trust(role)):
            raise ApiError("ValidationError", f"Role {arn} is invalid or cannot be assumed")


def find_refusal(roles: Mapping[str, str], home: AccountRegion, account: str) -> str | None:
    """Return why the administration role cannot assume an account's execution role, or None if it can."""
    if not roles:
        return None
    administration, execution = roles["AdministrationRoleARN"], roles["ExecutionRoleName"]
    role = _find_role(account, execution)
    trusted = {administration, home.account, f"arn:aws:iam::{home.account}:root", "*"}
    if role is not None and trusted & _principals(role):
        return None
    return (
        f"Account {account} should have '{execution}' role with trust relationship to Role '{_name(administration)}'."
    )


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _find_role(account: str, name: str) -> Mapping[str, Any] | None:
    with acting_in(AccountRegion(account, "us-east-1")):
        role: Mapping[str, Any] | None = touch("ministack.services.iam:_roles").get(name)
        return role


def _trust(role: Mapping[str, Any]) -> Mapping[str, Any]:
    document: str | Mapping[str, Any] = role["AssumeRolePolicyDocument"]
    parsed: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    return parsed


def _principals(role: Mapping[str, Any]) -> set[str]:
    """Return the AWS principals that a role trusts, whatever its conditions."""
    statements = _trust(role).get("Statement", [])
    principals: set[str] = set()
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        aws = principal.get("AWS", []) if isinstance(principal, dict) else principal
        if statement["Effect"] == "Allow":
            principals.update([aws] if isinstance(aws, str) else aws)
    return principals
