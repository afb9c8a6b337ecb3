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
from fake_aws.cloudformation.lookup import change_set_named, find_change_set, journal, stack_named
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
    stack, change_set = change_set_named(request, params)
    values = params.get("IncludePropertyValues", False)
    changes, reason = _changes(request, stack, change_set, values=values)
    listed, token = page(request, changes, params.get("NextToken"))
    shown = [with_values(each) if values else without_values(each) for each in listed]
    return {
        "ChangeSetName": change_set.name,
        "ChangeSetId": change_set.id,
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": change_set.description,
        "Parameters": parameters(change_set.desired) or None,
        "CreationTime": change_set.created,
        "ExecutionStatus": change_set.execution_status,
        "Status": change_set.status,
        "StatusReason": reason,
        "Capabilities": change_set.desired.capabilities,
        "Tags": tags(change_set.desired.tags) or None,
        "Changes": [{"Type": "Resource", "ResourceChange": each} for each in shown],
        "NextToken": token,
        "StackDriftStatus": change_set.drift_status,
        "OnStackFailure": change_set.on_stack_failure,
        "DeploymentConfig": change_set.deployment_config or None,
        "IncludeNestedStacks": False,
        "ParentChangeSetId": change_set.parent_id,
        "RootChangeSetId": change_set.root_id,
        "RollbackConfiguration": {},
        "NotificationARNs": [],
        **change_set.options,
    }


def _changes(
    request: Request, stack: Stack, change_set: ChangeSet, *, values: bool
) -> tuple[list[dict[str, Any]], str | None]:
    changes = change_set.changes if change_set.status == "CREATE_COMPLETE" else []
    if not request.world.quirks.policy_changes_are_shown:
        changes = [shown for each in changes if (shown := _without_policies(each))]
    reason = change_set.reason
    at = (request.account, request.region, stack.name)
    dropped = {lid for where, lid in request.world.script.dropped_with_values if values and where.covers(*at)}
    if dropped & {each["LogicalResourceId"] for each in changes}:
        changes = [each for each in changes if each["LogicalResourceId"] not in dropped]
        reason = (
            "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet"
            f" creation failed for resource [{', '.join(sorted(dropped))}]"
        )
    if values and not reason and change_set.status == "CREATE_COMPLETE":
        for name in change_set.missing_exports[:1]:
            reason = (
                "[WARN] --include-property-values option can return incomplete ChangeSet data because: ChangeSet"
                f" creation failed for resource [{_using(change_set, name)}] because: No export named {name}"
            )
    return changes, reason


_POLICIES = frozenset({"DeletionPolicy", "UpdateReplacePolicy"})


def _without_policies(change: dict[str, Any]) -> dict[str, Any] | None:
    """Return a row without what it says of policies; None where it says nothing else."""
    if not _POLICIES & set(change.get("Scope", ())):
        return change
    details = [detail for detail in change["Details"] if detail["Target"]["Attribute"] not in _POLICIES]
    return {**change, "Scope": sorted(set(change["Scope"]) - _POLICIES), "Details": details} if details else None


def _using(change_set: ChangeSet, export: str) -> str:
    """Return the first resource whose row shows that it waits for an export."""
    waiting = [
        str(each["LogicalResourceId"])
        for each in change_set.changes
        if KNOWN_AFTER_APPLY in str(each.get("AfterContext"))
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
    pair = find_change_set(request, params)
    if pair is not None:
        stack, change_set = pair
        _check_root(change_set, "deleted")
        if change_set.status in {"DELETE_PENDING", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"}:
            return {}
        if change_set.execution_status == "EXECUTE_IN_PROGRESS" or change_set.status in {
            "CREATE_PENDING",
            "CREATE_IN_PROGRESS",
        }:
            busy = (
                change_set.execution_status
                if change_set.execution_status == "EXECUTE_IN_PROGRESS"
                else change_set.status
            )
            raise AwsRefusal(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.id}] cannot be deleted in its current status of [{busy}]",
            )
        if not change_set.nested:
            del stack.change_sets[change_set.id]
        elif change_set.execution_status in {"EXECUTE_COMPLETE", "EXECUTE_FAILED"}:
            raise AwsRefusal(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.id}] cannot be deleted in its current execution status of"
                f" [{change_set.execution_status}]",
            )
        else:
            book = journal(request, stack)
            book.start(lambda: delete_hierarchy(book, change_set))
    return {}


def _check_root(made: ChangeSet, verb: str) -> None:
    if made.root_id is not None:
        raise validation_error(
            f"Nested change set [{made.id}] cannot be {verb} by itself. Use the root change set [{made.root_id}]"
        )


def execute_change_set(request: Request, params: dict[str, Any]) -> Reply:
    """Answer ExecuteChangeSet: the stack's other change sets are gone from then on."""
    stack, change_set = change_set_named(request, params)
    _check_root(change_set, "executed")
    token, quirks = params.get("ClientRequestToken"), request.world.quirks
    if token is not None and token in stack.tokens:
        if quirks.repeated_request_token_is_honoured:
            return {}
        if quirks.repeated_execution_names_the_token:
            raise AwsRefusal("TokenAlreadyExistsException", f"A client request token already exists: {token}")
    for each in (
        change_set,
        *(made for _, made in below(request.state.stacks, change_set) if made.status == "CREATE_COMPLETE"),
    ):
        _check_executable(each)
    if "DisableRollback" in params and change_set.on_stack_failure is not None:
        raise validation_error(
            "DisableRollback cannot be specified when OnStackFailure was specified for the change set"
        )
    disable_rollback = _disable_rollback(change_set, params)
    new = stack.status == "REVIEW_IN_PROGRESS"
    if not new and (stack.deployed.body or change_set.type != "IMPORT"):
        check_updatable(stack)
        _check_terminal(stack, disable_rollback=disable_rollback)
    forget_others(Parent(request.world, request.account, request.region, stack), change_set)
    stack.change_sets = {change_set.id: change_set}
    stack.change_set_id = change_set.id
    stack.deployment_config = change_set.deployment_config
    stack.disable_rollback = disable_rollback
    stack.retain_except_on_create = params.get("RetainExceptOnCreate", False)
    change_set.execution_status = "EXECUTE_IN_PROGRESS"
    begin_execution(request.state.stacks, change_set)
    book = journal(request, stack)
    lifecycle.start(book, "CREATE_STACK" if new else "UPDATE_STACK", token, _execution(book, change_set))
    return {}


def _check_executable(change_set: ChangeSet) -> None:
    for name, status, good in (
        ("status", change_set.status, "CREATE_COMPLETE"),
        ("execution status", change_set.execution_status, "AVAILABLE"),
    ):
        if status != good:
            raise AwsRefusal(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.id}] cannot be executed in its current {name} of [{status}]",
            )


def _disable_rollback(change_set: ChangeSet, params: dict[str, Any]) -> bool:
    express = change_set.deployment_config.get("Mode") == "EXPRESS"
    by_default = change_set.on_stack_failure == "DO_NOTHING" or (change_set.on_stack_failure is None and express)
    return bool(params.get("DisableRollback", change_set.deployment_config.get("DisableRollback", by_default)))


def _check_terminal(stack: Stack, *, disable_rollback: bool) -> None:
    if stack.status in {"CREATE_FAILED", "UPDATE_FAILED"} and not disable_rollback:
        raise validation_error(
            f"This stack is currently in a non-terminal [{stack.status}] state. To update the stack from this state,"
            " please use the disable-rollback parameter with update-stack API. To rollback to the last known good"
            " state, use the rollback-stack API"
        )


def _execution(book: Journal, change_set: ChangeSet) -> Callable[[], Waits]:
    def run() -> Waits:
        stack = book.stack
        if change_set.type == "CREATE":
            on_failure = change_set.on_stack_failure or ("DO_NOTHING" if stack.disable_rollback else "ROLLBACK")
            yield from lifecycle.create(book, change_set.desired, on_failure=on_failure)
        elif change_set.type == "IMPORT":
            yield from lifecycle.import_resources(book, change_set.desired)
        else:
            yield from lifecycle.update(book, change_set.desired, disable_rollback=stack.disable_rollback)
        good = stack.status in {"CREATE_COMPLETE", "IMPORT_COMPLETE", "UPDATE_COMPLETE"}
        change_set.execution_status = "EXECUTE_COMPLETE" if good else "EXECUTE_FAILED"
        end_execution(book, change_set)

    return run
