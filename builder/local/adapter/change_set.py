"""Change sets found by stack ARN as well as by stack name, and refused where the stack can't take one.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import touch
from builder.local.adapter.refusals import Reply

Params = Mapping[str, Any]
Action = Callable[[Params], Reply]
Stack = MutableMapping[str, Any]

_CFN = "ministack.services.cloudformation"
_UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "CREATE_FAILED", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
    | {"UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE"}
)


def install(actions: MutableMapping[str, Action]) -> None:
    """Wrap the actions that take a change set."""
    for name in ("DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "ListChangeSets"):
        actions[name] = _make_by_name(actions[name])
    actions["CreateChangeSet"] = _make_create(actions["CreateChangeSet"])


def parameter(params: Params, name: str) -> str:
    """Return one parameter of a request, or the empty string."""
    return str(touch(f"{_CFN}.helpers:_p")(params, name))


def find_stack(name_or_arn: str) -> Stack | None:
    """Return the stack that a request names, unless it is deleted."""
    stack: Stack | None = touch(f"{_CFN}.handlers:_resolve_stack")(name_or_arn)
    return None if stack is None or stack["StackStatus"] == "DELETE_COMPLETE" else stack


def find_change_set(params: Params) -> MutableMapping[str, Any]:
    """Return the change set that a request names, by its own ARN or by its name and its stack's name or ARN.

    For requests that were answered well, so that it is known to exist.
    """
    stack = find_stack(parameter(params, "StackName"))
    name = stack["StackName"] if stack else ""
    found: MutableMapping[str, Any] = touch(f"{_CFN}.changesets:_find_change_set")(
        parameter(params, "ChangeSetName"), name
    )[1]
    return found


def seek(params: Params) -> MutableMapping[str, Any] | None:
    """Return the change set that a request names, or None; for requests that were not answered yet."""
    name, stack = parameter(params, "ChangeSetName"), find_stack(parameter(params, "StackName"))
    if not name.startswith("arn:") and stack is None:
        return None
    found: MutableMapping[str, Any] | None = touch(f"{_CFN}.changesets:_find_change_set")(
        name, stack["StackName"] if stack else ""
    )[1]
    return found


def invalid(message: str) -> Reply:
    """Return the reply for a request that CloudFormation refuses."""
    reply: Reply = touch(f"{_CFN}.helpers:_error")("ValidationError", message)
    return reply


def _make_by_name(handle: Action) -> Action:
    def handle_by_name(params: Params) -> Reply:
        wanted = parameter(params, "StackName")
        if wanted:
            stack = find_stack(wanted)
            if stack is None:
                return invalid(f"Stack [{wanted}] does not exist")
            return handle({**params, "StackName": [stack["StackName"]]})
        if not parameter(params, "ChangeSetName").startswith("arn:"):
            return invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
        return handle(params)

    return handle_by_name


def _make_create(handle: Action) -> Action:
    def create(params: Params) -> Reply:
        stack = find_stack(parameter(params, "StackName"))
        kind = parameter(params, "ChangeSetType") or "UPDATE"
        if stack is None:
            return handle(params)
        status, name = stack["StackStatus"], parameter(params, "ChangeSetName")
        if kind == "CREATE" and status == "REVIEW_IN_PROGRESS":
            return _add_to_review(handle, params, stack)
        if kind == "CREATE":
            return invalid(
                f"Stack [{stack['StackName']}] already exists and cannot be created again with the changeSet [{name}]."
            )
        if kind == "UPDATE" and status not in _UPDATABLE:
            return invalid(f"Stack:{stack['StackId']} is in {status} state and can not be updated.")
        return handle(params)

    return create


def _add_to_review(handle: Action, params: Params, stack: Stack) -> Reply:
    """Create one more change set for a stack in review, which stays the stack it is.

    The emulator makes a new stack of the same name, so the change sets that wait there would lose theirs.
    """
    stacks, events = touch(f"{_CFN}:_stacks"), touch(f"{_CFN}:_stack_events")
    name, kept = stack["StackName"], stack["StackId"]
    status, headers, body = handle(params)
    made = stacks.get(name)
    stacks[name] = stack
    if made is None:
        return status, headers, body
    events.pop(made["StackId"], None)
    for change_set in touch(f"{_CFN}:_change_sets").values():
        if change_set["StackId"] == made["StackId"]:
            change_set["StackId"] = kept
    text = body.decode() if isinstance(body, bytes) else body
    return status, headers, text.replace(made["StackId"], kept).encode()
