"""What AWS checks of CloudFormation's requests, and of DynamoDB's by ARN, but not the emulator with AUTH=true.

A change set named by its ARN belongs to a stack, which is what the action is allowed on; the condition keys
cloudformation:ChangeSetName, cloudformation:RoleArn and a stack's aws:ResourceTag; and iam:PassRole for the role that a
stack is given, which is the stack's from then on.
Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
"""

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from builder.local.adapter.cloudformation.requests import (
    Action,
    Params,
    Stack,
    find_change_set,
    find_stack,
    get_change_set,
    parameter,
)
from builder.local.adapter.emulator import AccountRegion, replace, touch
from builder.local.adapter.handlers import Reply
from builder.local.adapter.iam.policies import acting_as, is_allowed, who_acts

FindStackSet = Callable[[str, AccountRegion], str | None]
"""Returns the ARN of the StackSet that is called so, by name or id, in an account and region."""

_CFN = "ministack.services.cloudformation"
_ACTIONS = "ministack.core.iam_actions"
_SERVICE = "cloudformation.amazonaws.com"
_ROLE = "RoleARN"


def install(actions: MutableMapping[str, Action], find_stack_set: FindStackSet) -> None:
    """Check requests as AWS checks them, and let the service role of a stack handle it."""
    replace(f"{_ACTIONS}:extract_resource_arn", lambda extract: _make_resource(extract, find_stack_set))
    replace(f"{_ACTIONS}:request_tag_context", _make_context)
    for name in ("CreateStack", "UpdateStack", "DeleteStack"):
        actions[name] = _make_passing(actions[name], lambda params: find_stack(parameter(params, "StackName")))
    actions["CreateChangeSet"] = _make_passing(actions["CreateChangeSet"], get_change_set)
    actions["ExecuteChangeSet"] = _make_execute(actions["ExecuteChangeSet"])


def _make_resource(extract: Callable[..., str], find_stack_set: FindStackSet) -> Callable[..., str]:
    def resource(service: str, *arguments: Any) -> str:  # noqa: ANN401  the emulator's own
        params: Params = arguments[4]
        name = parameter(params, "StackSetName")
        if service == "cloudformation" and name and parameter(params, "Action") != "CreateStackSet":
            return _stack_set(name, AccountRegion(arguments[6], arguments[5]), find_stack_set)
        if service == "dynamodb":
            return _table_of(arguments[3]) or extract(service, *arguments)
        if service == "monitoring" and _DESCRIBE_ALARMS in {*_operations(arguments)}:
            return f"arn:aws:cloudwatch:{arguments[5]}:{arguments[6]}:alarm:*"
        change_set = parameter(params, "ChangeSetName")
        if service != "cloudformation" or not change_set.startswith("arn:"):
            return extract(service, *arguments)
        if parameter(params, "Action") == "DescribeEvents":
            return change_set
        stack = _stack_of(params)
        return str(stack["StackId"]) if stack else change_set

    return resource


# Whichever alarms a request names, it is taken to be checked for all of them (unverified).
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
_DESCRIBE_ALARMS = "DescribeAlarms"


def _operations(arguments: Sequence[Any]) -> Iterator[str]:
    """Yield what a request calls its operation: in a header, in its path, or among its parameters."""
    _, path, headers, _, params = arguments[:5]
    yield headers.get("x-amz-target", "").rpartition(".")[2]
    yield path.rpartition("/")[2]
    yield parameter(params, "Action")


def _stack_set(name: str, place: AccountRegion, find_stack_set: FindStackSet) -> str:
    """Return the ARN of a StackSet by its name, id or ARN; of one that does not exist, a pattern for its name."""
    if name.startswith("arn:"):
        return name
    return find_stack_set(name, place) or (
        f"arn:aws:cloudformation:{place.region}:{place.account}:stackset/{name.partition(':')[0]}:*"
    )


def _table_of(body: bytes) -> str:
    """Return the ARN of the table of a request about tags or resource policies, or the empty string."""
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return ""
    arn = document.get("ResourceArn") if isinstance(document, dict) else None
    return arn if isinstance(arn, str) else ""


def _make_context(tags_of: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def context(service: str, action: str, body: bytes, params: Params) -> dict[str, Any]:
        keys = tags_of(service, action, body, params)
        return {**keys, **dict(_keys(params))} if service == "cloudformation" else keys

    return context


def _keys(params: Params) -> Iterator[tuple[str, str]]:
    for name, key in (("ChangeSetName", "cloudformation:ChangeSetName"), (_ROLE, "cloudformation:RoleArn")):
        if value := parameter(params, name):
            yield key, value
    stack = _stack_of(params)
    # A stack in review has no tags yet.
    if stack is not None and stack["StackStatus"] != "REVIEW_IN_PROGRESS":
        for tag in stack.get("Tags") or []:
            yield f"aws:ResourceTag/{tag['Key']}", tag["Value"]


def _stack_of(params: Params) -> Stack | None:
    """Return the stack of a request or of its change set's ARN, deleted or not."""
    change_set = parameter(params, "ChangeSetName")
    record = touch(f"{_CFN}:_change_sets").get(change_set) if change_set.startswith("arn:") else None
    stack: Stack | None = touch(f"{_CFN}.handlers:_resolve_stack")(
        record["StackId"] if record else parameter(params, "StackName")
    )
    return stack


def _make_passing(handle: Action, find_record: Callable[[Params], MutableMapping[str, Any] | None]) -> Action:
    """Return the action, which checks iam:PassRole for the service role and keeps the role on the record."""

    def checked(params: Params) -> Reply:
        role = parameter(params, _ROLE)
        if role and not is_allowed("iam:PassRole", role, {"iam:PassedToService": _SERVICE}):
            return _denied(f"User: {who_acts()} is not authorized to perform: iam:PassRole on resource: {role}")
        if role and not _trusts(role):
            return _denied(f"Role {role} is invalid or cannot be assumed")
        with acting_as(role or _role_of(find_stack(parameter(params, "StackName")))):
            reply = handle(params)
        record = find_record(params) if role and reply[0] == 200 else None
        if record is not None:
            record[_ROLE] = role
        return reply

    return checked


def _make_execute(handle: Action) -> Action:
    def execute(params: Params) -> Reply:
        stack = _stack_of(params)
        change_set = find_change_set(params) if stack else None
        if stack and change_set and change_set.get(_ROLE):
            stack[_ROLE] = change_set[_ROLE]
        with acting_as(_role_of(stack)):
            return handle(params)

    return execute


def _role_of(stack: Mapping[str, Any] | None) -> str:
    return str((stack or {}).get(_ROLE, ""))


def _trusts(role: str) -> bool:
    record = touch("ministack.services.iam:_roles").get(role.rpartition("/")[2])
    document = (record or {}).get("AssumeRolePolicyDocument", "{}")
    return _SERVICE in str(document)


def _denied(message: str) -> Reply:
    reply: Reply = touch(f"{_CFN}.helpers:_error")("AccessDenied", message, 403)
    return reply
