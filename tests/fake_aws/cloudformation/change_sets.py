"""What can be done with a change set that was made: look at it, execute it, delete it, list all.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html,
API_ExecuteChangeSet, API_DeleteChangeSet and API_ListChangeSets
"""

from collections.abc import Callable
from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation import lifecycle
from fake_aws.cloudformation.changes import with_values, without_values
from fake_aws.cloudformation.create_change_set import check_updatable
from fake_aws.cloudformation.intrinsics import KNOWN_AFTER_APPLY
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.lifecycle import Waits
from fake_aws.cloudformation.lookup import change_set, find_change_set, journal, stack_named
from fake_aws.cloudformation.nested import Parent
from fake_aws.cloudformation.nested_change_sets import (
    begin_execution,
    below,
    delete_hierarchy,
    end_execution,
    forget_others,
)
from fake_aws.cloudformation.paging import page
from fake_aws.cloudformation.records import ChangeSet, Stack
from fake_aws.cloudformation.shown import parameters, tags
from fake_aws.refusals import AwsRefusal, validation_error


def describe_change_set(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DescribeChangeSet, one page of its changes."""
    stack, found = change_set(request, params)
    values = params.get("IncludePropertyValues", False)
    changes, reason = _changes(request, stack, found, values=values)
    listed, token = page(request, changes, params.get("NextToken"))
    shown = [with_values(each) if values else without_values(each) for each in listed]
    return {
        "ChangeSetName": found.name,
        "ChangeSetId": found.id,
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": found.description,
        "Parameters": parameters(found.wanted) or None,
        "CreationTime": found.created,
        "ExecutionStatus": found.execution_status,
        "Status": found.status,
        "StatusReason": reason,
        "Capabilities": found.wanted.capabilities,
        "Tags": tags(found.wanted.tags) or None,
        "Changes": [{"Type": "Resource", "ResourceChange": each} for each in shown],
        "NextToken": token,
        "StackDriftStatus": found.drift_status,
        "OnStackFailure": found.on_stack_failure,
        "DeploymentConfig": found.deployment_config or None,
        "IncludeNestedStacks": False,
        "ParentChangeSetId": found.parent_id,
        "RootChangeSetId": found.root_id,
        "RollbackConfiguration": {},
        "NotificationARNs": [],
        **found.options,
    }


def _changes(
    request: Request, stack: Stack, found: ChangeSet, *, values: bool
) -> tuple[list[dict[str, Any]], str | None]:
    changes = found.changes if found.status == "CREATE_COMPLETE" else []
    if not request.world.quirks.policy_changes_are_shown:
        changes = [shown for each in changes if (shown := _without_policies(each))]
    reason = found.reason
    at = (request.account, request.region, stack.name)
    dropped = {lid for where, lid in request.world.script.dropped_with_values if values and where.covers(*at)}
    if dropped & {each["LogicalResourceId"] for each in changes}:
        changes = [each for each in changes if each["LogicalResourceId"] not in dropped]
        reason = (
            "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet"
            f" creation failed for resource [{', '.join(sorted(dropped))}]"
        )
    if values and not reason and found.status == "CREATE_COMPLETE":
        for name in found.missing_exports[:1]:
            reason = (
                "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet"
                f" creation failed for resource [{_using(found, name)}] because: No export named {name}"
            )
    return changes, reason


_POLICIES = frozenset({"DeletionPolicy", "UpdateReplacePolicy"})


def _without_policies(change: dict[str, Any]) -> dict[str, Any] | None:
    """Return a row without what it says of policies; None where it says nothing else."""
    if not _POLICIES & set(change.get("Scope", ())):
        return change
    details = [detail for detail in change["Details"] if detail["Target"]["Attribute"] not in _POLICIES]
    return {**change, "Scope": sorted(set(change["Scope"]) - _POLICIES), "Details": details} if details else None


def _using(found: ChangeSet, export: str) -> str:
    """Return the first resource whose row shows that it waits for an export."""
    waiting = [
        str(each["LogicalResourceId"]) for each in found.changes if KNOWN_AFTER_APPLY in str(each.get("AfterContext"))
    ]
    return waiting[0] if waiting else export


def list_change_sets(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ListChangeSets, one page."""
    stack = stack_named(request, params["StackName"])
    summaries = [
        {
            "StackId": stack.id,
            "StackName": stack.name,
            "ChangeSetId": each.id,
            "ChangeSetName": each.name,
            "ExecutionStatus": each.execution_status,
            "Status": each.status,
            "StatusReason": each.reason,
            "CreationTime": each.created,
            "Description": each.description,
            "IncludeNestedStacks": each.nested,
            "ParentChangeSetId": each.parent_id,
            "RootChangeSetId": each.root_id,
            "ImportExistingResources": each.options.get("ImportExistingResources", False),
        }
        for each in stack.change_sets.values()
    ]
    shown, token = page(request, summaries, params.get("NextToken"))
    return {"Summaries": shown, "NextToken": token}


def delete_change_set(request: Request, params: dict[str, Any]) -> Reply:
    """Answer DeleteChangeSet; a change set that is not there is no error, a missing stack is."""
    found = find_change_set(request, params)
    if found is not None:
        stack, each = found
        _check_root(each, "deleted")
        if each.status in {"DELETE_PENDING", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"}:
            return {}
        if each.execution_status == "EXECUTE_IN_PROGRESS" or each.status in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
            busy = each.execution_status if each.execution_status == "EXECUTE_IN_PROGRESS" else each.status
            raise AwsRefusal(
                "InvalidChangeSetStatus", f"ChangeSet [{each.id}] cannot be deleted in its current status of [{busy}]"
            )
        if not each.nested:
            del stack.change_sets[each.id]
        elif each.execution_status in {"EXECUTE_COMPLETE", "EXECUTE_FAILED"}:
            raise AwsRefusal(
                "InvalidChangeSetStatus",
                f"ChangeSet [{each.id}] cannot be deleted in its current execution status of [{each.execution_status}]",
            )
        else:
            book = journal(request, stack)
            book.start(lambda: delete_hierarchy(book, each))
    return {}


def _check_root(made: ChangeSet, verb: str) -> None:
    if made.root_id is not None:
        raise validation_error(
            f"Nested change set [{made.id}] cannot be {verb} by itself. Use the root change set [{made.root_id}]"
        )


def execute_change_set(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ExecuteChangeSet: the stack's other change sets are gone from then on."""
    stack, found = change_set(request, params)
    _check_root(found, "executed")
    token, quirks = params.get("ClientRequestToken"), request.world.quirks
    if token is not None and token in stack.tokens:
        if quirks.repeated_request_token_is_honoured:
            return {}
        if quirks.repeated_execution_names_the_token:
            raise AwsRefusal("TokenAlreadyExistsException", f"A client request token already exists: {token}")
    for each in (found, *(made for _, made in below(request.state.stacks, found) if made.status == "CREATE_COMPLETE")):
        _check_executable(each)
    if "DisableRollback" in params and found.on_stack_failure is not None:
        raise validation_error(
            "DisableRollback cannot be specified when OnStackFailure was specified for the change set"
        )
    disable_rollback = _disable_rollback(found, params)
    new = stack.status == "REVIEW_IN_PROGRESS"
    if not new and (stack.deployed.body or found.type != "IMPORT"):
        check_updatable(stack)
        _check_terminal(stack, disable_rollback=disable_rollback)
    forget_others(Parent(request.world, request.account, request.region, stack), found)
    stack.change_sets = {found.id: found}
    stack.change_set_id = found.id
    stack.deployment_config = found.deployment_config
    stack.disable_rollback = disable_rollback
    stack.retain_except_on_create = params.get("RetainExceptOnCreate", False)
    found.execution_status = "EXECUTE_IN_PROGRESS"
    begin_execution(request.state.stacks, found)
    book = journal(request, stack)
    lifecycle.start(book, "CREATE_STACK" if new else "UPDATE_STACK", token, _execution(book, found))
    return {}


def _check_executable(found: ChangeSet) -> None:
    for name, status, good in (
        ("status", found.status, "CREATE_COMPLETE"),
        ("execution status", found.execution_status, "AVAILABLE"),
    ):
        if status != good:
            raise AwsRefusal(
                "InvalidChangeSetStatus",
                f"ChangeSet [{found.id}] cannot be executed in its current {name} of [{status}]",
            )


def _disable_rollback(found: ChangeSet, params: dict[str, Any]) -> bool:
    express = found.deployment_config.get("Mode") == "EXPRESS"
    by_default = found.on_stack_failure == "DO_NOTHING" or (found.on_stack_failure is None and express)
    return bool(params.get("DisableRollback", found.deployment_config.get("DisableRollback", by_default)))


def _check_terminal(stack: Stack, *, disable_rollback: bool) -> None:
    if stack.status in {"CREATE_FAILED", "UPDATE_FAILED"} and not disable_rollback:
        raise validation_error(
            f"This stack is currently in a non-terminal [{stack.status}] state. To update the stack from this state,"
            " please use the disable-rollback parameter with update-stack API. To rollback to the last known good"
            " state, use the rollback-stack API"
        )


def _execution(book: Journal, found: ChangeSet) -> Callable[[], Waits]:
    def run() -> Waits:
        stack = book.stack
        if found.type == "CREATE":
            on_failure = found.on_stack_failure or ("DO_NOTHING" if stack.disable_rollback else "ROLLBACK")
            yield from lifecycle.create(book, found.wanted, on_failure=on_failure)
        elif found.type == "IMPORT":
            yield from lifecycle.import_resources(book, found.wanted)
        else:
            yield from lifecycle.update(book, found.wanted, disable_rollback=stack.disable_rollback)
        good = stack.status in {"CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE"}
        found.execution_status = "EXECUTE_COMPLETE" if good else "EXECUTE_FAILED"
        end_execution(book, found)

    return run
