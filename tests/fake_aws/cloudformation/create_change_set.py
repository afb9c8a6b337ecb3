"""CreateChangeSet: what is refused at once, and the making of the change set as time passes.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
"""

from collections.abc import Iterator
from typing import Any

from fake_aws.calls import Reply, Request
from fake_aws.cloudformation.deployments import Deployment
from fake_aws.cloudformation.drift_aware import drift_status
from fake_aws.cloudformation.imports import check_frozen, import_fault, mark_imports
from fake_aws.cloudformation.inputs import deployment
from fake_aws.cloudformation.journal import Journal
from fake_aws.cloudformation.lifecycle import outputs
from fake_aws.cloudformation.lookup import journal
from fake_aws.cloudformation.nested_change_sets import NO_CHANGES, NO_UPDATES, differ, make_children
from fake_aws.cloudformation.provision import Provisioner
from fake_aws.cloudformation.records import ChangeSet, Stack
from fake_aws.cloudformation.template import read
from fake_aws.cloudformation.validation import failure_reason, findings
from fake_aws.refusals import AwsRefusal, validation_error

UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
    | {"CREATE_FAILED", "UPDATE_FAILED"}
)
"""Statuses in which a stack takes an update; the two failed ones since rollback can be disabled."""
_SHOWN = (
    "ImportExistingResources",
    "DeploymentMode",
    "NotificationARNs",
    "IncludeNestedStacks",
    "RollbackConfiguration",
)


def create_change_set(request: Request, params: dict[str, Any]) -> Reply:
    """Answer CreateChangeSet."""
    kind = params.get("ChangeSetType", "UPDATE")
    if ("ResourcesToImport" in params) != (kind == "IMPORT"):
        raise validation_error("ResourcesToImport must be specified with, and only with, ChangeSetType IMPORT")
    if params.get("OnStackFailure") == "DELETE" and kind != "CREATE":
        raise validation_error("OnStackFailure DELETE is only valid with ChangeSetType CREATE")
    if params.get("IncludeNestedStacks") and (kind == "IMPORT" or "DeploymentMode" in params):
        what = "ChangeSetType IMPORT" if kind == "IMPORT" else "DeploymentMode REVERT_DRIFT"
        raise validation_error(f"IncludeNestedStacks is not supported with {what}")
    present = request.state.find(params["StackName"])
    repeated = _repeated(request, params, present)
    if repeated is not None:
        return repeated
    _check_stack(request, present, kind, params)
    new = present is None or present.status == "REVIEW_IN_PROGRESS"
    desired = deployment(request, params, None if new else present)
    if kind == "IMPORT":
        check_frozen(desired, None if new else present)
    stack = present or _new_stack(request, params["StackName"], desired)
    made = _new_change_set(request, params, kind, desired)
    stack.change_sets[made.id] = made
    if new and request.world.quirks.review_shows_change_set_id:
        stack.change_set_id = made.id
    book = journal(request, stack)
    book.start(lambda: _make(book, made))
    return {"Id": made.id, "StackId": stack.id}


def _repeated(request: Request, params: dict[str, Any], present: Stack | None) -> Reply | None:
    name, token = params["ChangeSetName"], params.get("ClientToken")
    for each in present.change_sets.values() if present else ():
        if present and each.name == name:
            if token is not None and token != each.client_token:
                raise _mismatch(name, "ClientToken")
            if params.get("TemplateBody", each.desired.body) != each.desired.body:
                raise _mismatch(name, "Template")
            if token is not None and request.world.quirks.repeated_client_token_is_honoured:
                return {"Id": each.id, "StackId": present.id}
            raise AwsRefusal("AlreadyExistsException", f"ChangeSet {name} already exists")
    return None


def _mismatch(name: str, attribute: str) -> AwsRefusal:
    return AwsRefusal(
        "AlreadyExistsException",
        f"ChangeSet {name} cannot be created due to a mismatch with existing attribute {attribute}",
    )


def _may_import_again(request: Request, present: Stack) -> bool:
    """Return whether a stack that has nothing, its import having been rolled back, takes another one."""
    rolled_back = present.status == "IMPORT_ROLLBACK_COMPLETE" and not present.deployed.body
    return rolled_back and request.world.quirks.rolled_back_stacks_import_again


def _check_stack(request: Request, present: Stack | None, kind: str, params: dict[str, Any]) -> None:
    name, change_set = params["StackName"], params["ChangeSetName"]
    if kind == "CREATE" or (kind == "IMPORT" and (present is None or present.status == "REVIEW_IN_PROGRESS")):
        if len(name) > 128:
            raise validation_error(
                f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must"
                " have length less than or equal to 128"
            )
        if name.startswith("arn:"):
            raise validation_error(f"Stack name {name} is not valid for a new stack")
        if present is not None and present.status != "REVIEW_IN_PROGRESS":
            raise validation_error(
                f"Stack [{name}] already exists and cannot be created again with the changeSet [{change_set}]."
            )
    elif present is None or present.status == "DELETE_COMPLETE":
        raise validation_error(f"Stack [{name}] does not exist")
    elif kind != "IMPORT" or not _may_import_again(request, present):
        check_updatable(present)
        _check_follow_up(present, params.get("DeploymentConfig", {}))


def _check_follow_up(present: Stack, config: dict[str, Any]) -> None:
    if present.status.endswith("_FAILED") and present.express and config.get("Mode") != "EXPRESS":
        raise validation_error("Follow-up operations must use the same DeploymentConfig (mode=EXPRESS)")


def check_updatable(stack: Stack) -> None:
    """Refuse a stack that cannot take an update as it is."""
    if stack.status not in UPDATABLE:
        raise validation_error(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
    if not stack.deployed.body:
        raise validation_error(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def _new_stack(request: Request, name: str, desired: Deployment) -> Stack:
    world = request.world
    stack_id = f"arn:aws:cloudformation:{request.region}:{request.account}:stack/{name}/{world.new_uuid()}"
    tags = desired.tags if world.quirks.review_shows_tags else {}
    empty = Deployment(body="", parameters={}, tags=tags, capabilities=[])
    stack = Stack(name, stack_id, world.datetime(), "REVIEW_IN_PROGRESS", empty)
    request.state.stacks[stack_id] = stack
    book = journal(request, stack)
    book.begin("CREATE_CHANGESET", None)
    book.become("REVIEW_IN_PROGRESS", "User Initiated")
    return stack


def _new_change_set(request: Request, params: dict[str, Any], kind: str, desired: Deployment) -> ChangeSet:
    world, name = request.world, params["ChangeSetName"]
    return ChangeSet(
        name=name,
        id=f"arn:aws:cloudformation:{request.region}:{request.account}:changeSet/{name}/{world.new_uuid()}",
        type=kind,
        created=world.datetime(),
        desired=desired,
        client_token=params.get("ClientToken"),
        operation_id=world.new_uuid(),
        description=params.get("Description"),
        on_stack_failure=params.get("OnStackFailure"),
        deployment_config=params.get("DeploymentConfig", {}),
        options={key: params[key] for key in _SHOWN if key in params},
    )


def _make(book: Journal, change_set: ChangeSet) -> Iterator[float]:
    seconds = book.seconds("CREATE_CHANGE_SET")
    yield seconds * 0.25
    change_set.status = "CREATE_IN_PROGRESS"
    yield seconds * 0.75
    if change_set.id not in book.stack.change_sets or book.stack.status == "DELETE_COMPLETE":
        return
    reason = change_set.reason
    if reason is None and change_set.nested:
        reason = yield from make_children(book, change_set, _make)
    if change_set.id not in book.stack.change_sets or book.stack.status == "DELETE_COMPLETE":
        return
    try:
        reason = reason or _compute(book, change_set)
    except AwsRefusal as refusal:
        reason = refusal.message
    reason = book.world.script.change_set_failure(book.at) or reason
    change_set.reason = reason
    change_set.status = "FAILED" if reason else "CREATE_COMPLETE"
    if change_set.execution_status == "UNAVAILABLE" and not reason:
        change_set.execution_status = "AVAILABLE"


def _compute(book: Journal, change_set: ChangeSet) -> str | None:
    stack, desired = book.stack, change_set.desired
    before, looked = stack.deployed, differ(book, change_set)
    evaluator = looked.evaluator
    retyped = [
        lid
        for lid, each in sorted(stack.resources.items())
        if lid in evaluator.template.resources and evaluator.template.resources[lid]["Type"] != each.type
    ]
    if retyped:
        return (
            "Update of resource type is not permitted. The new template modifies resource type of the following"
            f" resources: [{', '.join(retyped)}]"
        )
    change_set.changes = looked.changes()
    if desired.reverts_drift:
        drifted = any(drift_status(each) != "IN_SYNC" for each in stack.resources.values())
        change_set.drift_status = "DRIFTED" if drifted else "IN_SYNC"
    mark_imports(book, change_set, evaluator.template)
    if change_set.type == "IMPORT" and (fault := import_fault(book, change_set, evaluator.template)) is not None:
        return fault
    change_set.findings = list(findings(book, evaluator, change_set))
    if (reason := failure_reason(change_set.findings)) is not None:
        return reason
    if change_set.type == "UPDATE" and not change_set.changes and not _changes_besides(book, change_set):
        identical = (before.body, before.parameters) == (desired.body, desired.parameters)
        return book.world.quirks.no_changes_reason or (NO_CHANGES if identical else NO_UPDATES)
    return None


def _changes_besides(book: Journal, change_set: ChangeSet) -> bool:
    """Return whether something changes that no resource shows: outputs, or the stack's own settings."""
    stack = book.stack
    before, desired = stack.deployed, change_set.desired
    if (before.tags, before.notification_arns, before.rollback) != (
        desired.tags,
        desired.notification_arns,
        desired.rollback,
    ):
        return True
    old, new = read(stack.deployed.body).outputs, read(change_set.desired.body).outputs
    if old != new:
        return True
    if change_set.missing_exports:
        return True
    return outputs(Provisioner(book, change_set.desired)) != stack.outputs
