"""Stack policies: an update is denied, resource by resource, what the policy that stands does not allow.

The emulator keeps a policy and takes no notice of it. UpdateStack's own policy comes into force after the update, and
its StackPolicyDuringUpdateBody holds for the update alone; ExecuteChangeSet has neither. A removal is denied before
anything is changed (*unverified*), as the wording of a denial is.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from builder.local.adapter.cloudformation.requests import (
    Action,
    Params,
    Stack,
    find_change_set,
    find_stack,
    parameter,
    validation_error,
)
from builder.local.adapter.emulator import replace, touch
from builder.local.adapter.handlers import Reply

Statement = Mapping[str, Any]
Deploy = Callable[..., Awaitable[None]]

_CFN = "ministack.services.cloudformation"
# On the emulator's own record of a stack.
_POLICY = "_stack_policy"
_ACTIONS = ("Update:Modify", "Update:Replace", "Update:Delete", "Update:*")
_PARTS = ({"Action", "NotAction"}, {"Resource", "NotResource"}, {"Principal", "NotPrincipal"})
_OPERATORS = frozenset({"StringEquals", "StringLike"})

_update_in_progress: ContextVar[tuple[str, str]] = ContextVar("update_in_progress", default=("", ""))
"""The stack that is being updated, and the policy that holds for it; what is started in the background inherits it."""


def install(actions: MutableMapping[str, Action]) -> None:
    """Check policies when they are set, and updates by them."""
    for name in ("SetStackPolicy", "CreateStack", "UpdateStack"):
        actions[name] = _make_check(actions[name])
    for name in ("UpdateStack", "ExecuteChangeSet"):
        actions[name] = _make_update_handler(actions[name])
    replace(f"{_CFN}.stacks:_update_resource", _make_update)
    for module in ("changesets", "handlers"):
        replace(f"{_CFN}.{module}:_deploy_stack_async", _make_deploy)


# -- a policy


def find_fault(policy: str) -> str | None:
    """Return CloudFormation's message for a policy that is none, or None."""
    try:
        statements = json.loads(policy)["Statement"]
    except (ValueError, KeyError, TypeError):
        return "Error validating stack policy: Invalid stack policy"
    for statement in _listed(statements):
        if any(len(part & statement.keys()) != 1 for part in _PARTS) or statement.get("Effect") not in {
            "Allow",
            "Deny",
        }:
            return "Error validating stack policy: Invalid stack policy"
        strange = [name for name in _listed(_either(statement, "Action")) if name not in _ACTIONS]
        if strange:
            return f"Error validating stack policy: Invalid action {strange[0]}"
        conditions = statement.get("Condition", {})
        if conditions.keys() - _OPERATORS or any(keys.keys() != {"ResourceType"} for keys in conditions.values()):
            return "Error validating stack policy: Invalid condition"
    return None


def find_denial(policy: str, action: str, logical_id: str, kind: str) -> str | None:
    """Return why a policy denies an action on a resource, or None where it allows it or there is none."""
    if not policy:
        return None
    resource = f"LogicalResourceId/{logical_id}"
    fitting = [
        (number, statement["Effect"])
        for number, statement in enumerate(_listed(json.loads(policy)["Statement"]), 1)
        if _covers(statement, action, resource, kind)
    ]
    for number, effect in fitting:
        if effect == "Deny":
            return (
                f"Action denied by stack policy: Statement [#{number}] does not allow [{action}] for resource "
                f"[{resource}];"
            )
    return None if fitting else f"Action not allowed by stack policy: [{action}] for resource [{resource}]"


def _covers(statement: Statement, action: str, resource: str, kind: str) -> bool:
    named = _listed(_either(statement, "Action"))
    if ("NotAction" in statement) == (action in named or "Update:*" in named):
        return False
    if ("NotResource" in statement) == any(
        fnmatchcase(resource, name) for name in _listed(_either(statement, "Resource"))
    ):
        return False
    for operator, keys in statement.get("Condition", {}).items():
        kinds = _listed(keys["ResourceType"])
        if not (any(fnmatchcase(kind, name) for name in kinds) if operator == "StringLike" else kind in kinds):
            return False
    return True


def _either(statement: Statement, name: str) -> Any:  # noqa: ANN401  a text or a list
    return statement.get(name, statement.get(f"Not{name}"))


def _listed(value: Any) -> list[Any]:  # noqa: ANN401  any JSON
    return value if isinstance(value, list) else [value]


# -- the actions


def _make_check(handle: Action) -> Action:
    def checked(params: Params) -> Reply:
        for name in ("StackPolicyBody", "StackPolicyDuringUpdateBody"):
            body = parameter(params, name)
            if body and (fault := find_fault(body)):
                return validation_error(fault)
        return handle(params)

    return checked


def _make_update_handler(handle: Action) -> Action:
    def judged(params: Params) -> Reply:
        change_set = find_change_set(params) if "ChangeSetName" in params else None
        stack = find_stack(change_set["StackName"] if change_set else parameter(params, "StackName"))
        policy = parameter(params, "StackPolicyDuringUpdateBody") or (stack or {}).get(_POLICY) or ""
        token = _update_in_progress.set((stack["StackName"], policy) if stack else ("", ""))
        try:
            return handle(params)
        finally:
            _update_in_progress.reset(token)

    return judged


def _policy_of(stack: Stack) -> str:
    """Return the policy by which a stack's update is judged; a nested stack has its own."""
    name, policy = _update_in_progress.get()
    return policy if name == stack["StackName"] else str(stack.get(_POLICY) or "")


# -- an update


def _make_update(update: Callable[..., Any]) -> Callable[..., Any]:
    def update_if_allowed(kind: str, physical_id: str, old: Any, new: Any, name: str, *rest: Any) -> object:  # noqa: ANN401  the emulator's own
        stack = touch(f"{_CFN}:_stacks").get(name)
        policy = _policy_of(stack) if stack is not None else ""
        if policy and old != new and stack["StackStatus"] == "UPDATE_IN_PROGRESS":
            action = "Update:Replace" if _is_replaced(stack, rest[0], kind, (old, new)) else "Update:Modify"
            if denial := find_denial(policy, action, rest[0], kind):
                raise ValueError(denial)
        return update(kind, physical_id, old, new, name, *rest)

    return update_if_allowed


def _is_replaced(stack: Stack, logical_id: str, kind: str, values: tuple[Any, Any]) -> bool:
    provisioners = f"{_CFN}.provisioners"
    if stack["_resources"].get(logical_id, {}).get("ResourceType") != kind:
        return True
    if touch(f"{provisioners}:_replacing_change")(kind, *values):
        return True
    named = touch(f"{provisioners}:_CUSTOM_NAME_REPLACEMENT").get(kind, {})
    # Absent where only a new name replaces.
    return "requires_replacement" in named and bool(named["requires_replacement"](*values))


@dataclass(frozen=True, slots=True)
class _Update:
    """What a stack is updated to, and what it was before; the emulator's own."""

    stack: Stack
    template: Mapping[str, Any]
    values: Mapping[str, Any]
    before: Mapping[str, Any]


def _make_deploy(deploy: Deploy) -> Deploy:
    async def deploy_if_allowed(
        name: str,
        stack_id: str,
        template: Mapping[str, Any],
        values: Mapping[str, Any],
        *rest: object,
        **named: Any,  # noqa: ANN401  the emulator's own
    ) -> None:
        before = named.get("previous_stack")
        update = _Update(touch(f"{_CFN}:_stacks")[name], template, values, before or {})
        denials = list(_denied_removals(update)) if before else []
        if denials:
            await _refuse(update, denials, without_rollback=bool(rest and rest[0]))
        else:
            await deploy(name, stack_id, template, values, *rest, **named)

    return deploy_if_allowed


def _denied_removals(update: _Update) -> Iterator[tuple[str, str]]:
    """Yield each resource that an update would remove and the policy denies, with the reason."""
    conditions = touch(f"{_CFN}.stacks:_evaluate_conditions")(update.template, update.values)
    present = touch(f"{_CFN}.engine:_topological_sort")(update.template.get("Resources") or {}, conditions)
    for logical_id, resource in update.before.get("_resources", {}).items():
        if logical_id not in present:
            kind = resource.get("ResourceType", "")
            if denial := find_denial(_policy_of(update.stack), "Update:Delete", logical_id, kind):
                yield logical_id, denial


async def _refuse(update: _Update, denials: list[tuple[str, str]], *, without_rollback: bool) -> None:
    """Fail an update at what it would remove, and roll it back."""
    stack, before = update.stack, update.before
    name, stack_id = stack["StackName"], stack["StackId"]
    add_event = touch(f"{_CFN}.stacks:_add_event")
    for logical_id, denial in denials:
        resource = before["_resources"][logical_id]
        place = (logical_id, resource.get("ResourceType", ""))
        add_event(stack_id, name, *place, "UPDATE_FAILED", denial, resource.get("PhysicalResourceId", ""))
    logical_id, denial = denials[0]
    resource = before["_resources"][logical_id]
    place = (logical_id, resource.get("ResourceType", ""))
    operation = touch(f"{_CFN}.stacks:_failed_operation")(
        is_update=True,
        previous_stack=before,
        created=[],
        failed_update=(*place, resource.get("PhysicalResourceId", ""), None, None, None),
        failed_logical_id=logical_id,
        replaced_ids=[],
        cancelled=False,
        template=update.template,
        param_values=update.values,
        retain_except_on_create=False,
        stack_tags=stack.get("Tags") or [],
        previous_tags=before.get("Tags") or [],
    )
    if without_rollback:
        stack.update(StackStatus="UPDATE_FAILED", StackStatusReason=denial, _failed_operation=operation)
        add_event(stack_id, name, name, "AWS::CloudFormation::Stack", "UPDATE_FAILED", denial, stack_id)
    else:
        await touch(f"{_CFN}.stacks:_roll_back_operation")(name, stack_id, stack, operation)
