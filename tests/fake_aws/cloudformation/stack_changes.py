"""What is done to a stack as a whole: delete, protect, cancel, roll back, continue a rollback.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html,
API_UpdateTerminationProtection, API_CancelUpdateStack, API_RollbackStack and API_ContinueUpdateRollback
"""

from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation import lifecycle
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.lifecycle import Waits
from fake_aws.cloudformation.lookup import journal, stack_named
from fake_aws.cloudformation.nested import root_of
from fake_aws.cloudformation.records import Stack
from fake_aws.refusals import AwsRefusal, validation_error

_BUSY_FOR_DELETION = frozenset(
    {"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"}
    | {"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "IMPORT_IN_PROGRESS", "IMPORT_ROLLBACK_IN_PROGRESS"}
)


def delete_stack(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteStack; a stack that is not there, or already going, is no error."""
    stack = request.state.find(params["StackName"])
    if stack is None or stack.status in {"DELETE_COMPLETE", "DELETE_IN_PROGRESS"}:
        return {}
    retain, force = frozenset(params.get("RetainResources", ())), params.get("DeletionMode") == "FORCE_DELETE_STACK"
    _check_deletable(stack, retain, force=force, protected=root_of(request.state, stack).termination_protection)
    if _repeated(request, stack, params):
        return {}
    stack.deletion_mode, stack.deployment_config = params.get("DeletionMode"), params.get("DeploymentConfig", {})
    book = journal(request, stack)
    lifecycle.start(
        book,
        "DELETE_STACK",
        params.get("ClientRequestToken"),
        lambda: lifecycle.delete(book, retain=retain, force=force),
    )
    return {}


def _check_deletable(stack: Stack, retain: frozenset[str], *, force: bool, protected: bool) -> None:
    if protected:
        raise validation_error(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    if stack.status in _BUSY_FOR_DELETION:
        raise validation_error(f"Stack [{stack.id}] cannot be deleted while in status {stack.status}")
    if stack.status != "DELETE_FAILED" and (retain or force):
        what = "resources to retain" if retain else "FORCE_DELETE_STACK"
        raise validation_error(
            f"Invalid operation on stack [{stack.id}]. When you delete a stack, specify which {what} only when the"
            " stack is in the DELETE_FAILED state."
        )
    for logical_id in sorted(retain):
        if logical_id not in stack.resources:
            raise validation_error(f"Resource {logical_id} does not exist for stack {stack.name}")
        if not stack.resources[logical_id].exists:
            raise validation_error(
                "The specified resources to retain must be in a valid state. Do not specify resources that are in the"
                " DELETE_COMPLETE state."
            )


def _repeated(request: Request, stack: Stack, params: dict[str, Any]) -> bool:
    """Return whether the token was used on this stack before and AWS takes that for a repeat; else refuse it."""
    token = params.get("ClientRequestToken")
    if token is None or token not in stack.tokens:
        return False
    if request.world.quirks.repeated_request_token_is_honoured:
        return True
    raise AwsRefusal("TokenAlreadyExistsException", f"A client request token already exists: {token}")


def update_termination_protection(request: Request, params: dict[str, Any]) -> Reply:
    """Answer UpdateTerminationProtection."""
    stack = stack_named(request, params["StackName"])
    if stack.root_id is not None:
        raise validation_error(
            f"TerminationProtection cannot be updated on nested stack [{stack.id}]. Its root stack is [{stack.root_id}]"
        )
    stack.termination_protection = params["EnableTerminationProtection"]
    return {"StackId": stack.id}


def cancel_update_stack(request: Request, params: dict[str, Any]) -> Reply:
    """Answer CancelUpdateStack: what runs is cancelled, and the stack rolls back, rollback disabled or not."""
    stack = stack_named(request, params["StackName"])
    if stack.status != "UPDATE_IN_PROGRESS":
        raise validation_error("CancelUpdateStack cannot be called from current stack status")
    stack.cancelled = True
    return {}


def rollback_stack(request: Request, params: dict[str, Any]) -> Reply:
    """Answer RollbackStack, for a stack that failed with rollback disabled."""
    stack = stack_named(request, params["StackName"])
    if stack.status not in {"CREATE_FAILED", "UPDATE_FAILED"}:
        raise validation_error(f"Stack:{stack.id} is in {stack.status} state and can not be rolled back.")
    if stack.express:
        raise validation_error(
            "RollbackStack is not supported for stacks that were last updated using EXPRESS deployment mode"
        )
    if _repeated(request, stack, params):
        return {"StackId": stack.id, "OperationId": stack.operation_id}
    stack.retain_except_on_create = params.get("RetainExceptOnCreate", stack.retain_except_on_create)
    book = journal(request, stack)
    token = params.get("ClientRequestToken")
    lifecycle.start(book, "ROLLBACK", token, lambda: lifecycle.roll_back(book, "User Initiated"))
    return {"StackId": stack.id, "OperationId": stack.operation_id}


def continue_update_rollback(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ContinueUpdateRollback, for a stack whose rollback failed."""
    stack = stack_named(request, params["StackName"])
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise validation_error(f"ContinueUpdateRollback cannot be called from stack with {stack.status} status")
    skip = frozenset(params.get("ResourcesToSkip", ()))
    for logical_id in sorted(skip):
        if not _could_not_be_rolled_back(*_within(request, stack, logical_id)):
            raise validation_error(
                f"ResourcesToSkip: [{logical_id}] can only name resources that are in the UPDATE_FAILED state"
            )
    if _repeated(request, stack, params):
        return {}
    book = journal(request, stack)
    lifecycle.start(book, "CONTINUE_ROLLBACK", params.get("ClientRequestToken"), lambda: _continue(book, skip))
    return {}


def _within(request: Request, stack: Stack, name: str) -> tuple[Stack, str]:
    """Return the stack of a hierarchy that a resource to skip is in, and its logical id there."""
    child_name, dot, logical_id = name.partition(".")
    if not dot:
        return stack, name
    for each in request.state.stacks.values():
        if each.name == child_name and each.root_id == stack.id:
            return each, logical_id
    return stack, name


def _could_not_be_rolled_back(stack: Stack, logical_id: str) -> bool:
    """Return whether the resource failed by itself when the stack was last rolled back, not only on its way forth."""
    if logical_id not in stack.resources or stack.resources[logical_id].status != "UPDATE_FAILED":
        return False
    for event in reversed(stack.events):
        if event.logical_id == logical_id and event.status == "UPDATE_FAILED":
            return event.reason != "Resource update cancelled"
        if event.physical_id == stack.id and event.status == "UPDATE_ROLLBACK_IN_PROGRESS":
            break
    return False


def _continue(book: Journal, skip: frozenset[str]) -> Waits:
    book.stack.skip = skip
    book.become("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
    yield from lifecycle.roll_back_update(book, frozenset(each for each in skip if "." not in each))
    book.stack.skip = frozenset()
