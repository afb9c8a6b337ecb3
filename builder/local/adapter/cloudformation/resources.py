"""What CloudFormation does with a resource of any type: its name, its replacement, its events.

A physical name that something outside the stack holds already fails the resource; the emulator takes it over, so that
the stack's next rollback or deletion would destroy what was somebody else's. What its template leaves unnamed
gets a name that no stack of another region gives: roles have no region, and the emulator makes the name of stack and
logical id. Which property changes replace a resource is read from the types' own schemas (createOnlyProperties and
conditionalCreateOnlyProperties), where the emulator says only "perhaps". A resource that an update adds is created, and
its events and its status say so; the emulator says it is updated.
Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
and https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

import hashlib
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from builder.local.adapter.emulator import region_name, replace, touch
from builder.local.adapter.handlers import AlreadyExists

_CFN = "ministack.services.cloudformation"
_ROLE = "AWS::IAM::Role"
# Which changed properties replace a resource.
ALWAYS = {
    "AWS::ApiGatewayV2::Api": ("ProtocolType",),
    "AWS::ApiGatewayV2::Stage": ("ApiId", "StageName"),
    "AWS::CloudFormation::Stack": (),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName",),
    "AWS::CloudFormation::StackSet": ("PermissionModel", "StackSetName"),
    "AWS::DynamoDB::GlobalTable": ("TableName",),
    "AWS::FIS::ExperimentTemplate": (),
    "AWS::KMS::ReplicaKey": ("PrimaryKeyArn",),
    "AWS::Lambda::Permission": (
        *("Action", "EventSourceToken", "FunctionName", "FunctionUrlAuthType", "InvokedViaFunctionUrl"),
        *("Principal", "PrincipalOrgID", "SourceAccount", "SourceArn"),
    ),
    "AWS::Lambda::Url": ("Qualifier", "TargetFunctionArn"),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::S3::Bucket": ("BucketName", "BucketNamePrefix", "BucketNamespace"),
    "AWS::S3::BucketPolicy": ("Bucket",),
}
CONDITIONALLY = {"AWS::DynamoDB::GlobalTable": ("GlobalTableSourceArn", "KeySchema", "LocalSecondaryIndexes")}


def install(handlers: Mapping[str, MutableMapping[str, Any]]) -> None:
    """Wrap the creation of resources with names, add what replaces a resource, and correct the events."""
    replace(f"{_CFN}.provisioners:_physical_name", _make_physical_name)
    role = handlers[_ROLE]
    role.update(create=_make_create_role(role["create"]), update=_make_update_role(role["update"]))
    for kind, name in _NAMES.items():
        handlers[kind]["create"] = _make_create_unless_taken(handlers[kind]["create"], name)
    touch(f"{_CFN}.provisioners:_REPLACING_PROPERTIES").update(ALWAYS)
    touch(f"{_CFN}.provisioners:_CONDITIONALLY_REPLACING_PROPERTIES").update(CONDITIONALLY)
    replace(f"{_CFN}.stacks:_add_event", _make_add_event)


# -- names


@dataclass(frozen=True, slots=True)
class _Name:
    """A property that names a resource, the emulator's store of the names, and the error for a name that is taken."""

    name_property: str
    store: str
    service: str
    message: str


_NAMES = {
    "AWS::DynamoDB::Table": _Name(
        "TableName", "ministack.services.dynamodb:_tables", "DynamoDb", "Table already exists: {name}"
    ),
    _ROLE: _Name("RoleName", "ministack.services.iam:_roles", "Iam", "Role with name {name} already exists."),
    "AWS::Lambda::Function": _Name(
        "FunctionName", "ministack.services.lambda_svc:_functions", "Lambda", "Function already exist: {name}"
    ),
    "AWS::Logs::LogGroup": _Name(
        "LogGroupName",
        "ministack.services.cloudwatch_logs:_log_groups",
        "CloudWatchLogs",
        "Resource of type 'AWS::Logs::LogGroup' with identifier '{name}' already exists.",
    ),
}


def _make_create_unless_taken(create: Callable[..., Any], taken: _Name) -> Callable[..., Any]:
    def create_unless_taken(logical_id: str, props: Mapping[str, Any], stack_name: str) -> object:
        name = props.get(taken.name_property)
        if name and name in touch(taken.store):
            raise AlreadyExists(taken.message.format(name=name), service=taken.service)
        return create(logical_id, props, stack_name)

    return create_unless_taken


def _make_physical_name(make: Callable[..., str]) -> Callable[..., str]:
    def physical_name(stack_name: str, logical_id: str, *, max_len: int = 128, **how: bool) -> str:
        place = hashlib.sha256(region_name().encode()).hexdigest()[:6]
        name = make(stack_name, logical_id, max_len=max_len - len(place), **how)
        return name + (place if how.get("lowercase") else place.upper())

    return physical_name


def _make_create_role(create: Callable[..., Any]) -> Callable[..., Any]:
    def create_bounded(logical_id: str, props: Mapping[str, Any], stack_name: str) -> object:
        role = create(logical_id, props, stack_name)
        _set_boundary(role[0], props)
        return role

    return create_bounded


def _make_update_role(update: Callable[..., Any]) -> Callable[..., Any]:
    def update_bounded(physical_id: str, old: Any, new: Mapping[str, Any], *rest: Any) -> object:  # noqa: ANN401  the emulator's own
        role = update(physical_id, old, new, *rest)
        _set_boundary(role[0], new)
        return role

    return update_bounded


def _set_boundary(role: str, props: Mapping[str, Any]) -> None:
    """Set the permissions boundary of a role, which the emulator leaves out; the policy may not be there."""
    touch("ministack.services.iam:_roles")[role]["PermissionsBoundary"] = props.get("PermissionsBoundary", "")


# -- events

_ENDINGS = frozenset({"IN_PROGRESS", "COMPLETE", "FAILED"})
# On the emulator's own record of a stack: the resources that the update under way adds.
_ADDED = "_added"


def _make_add_event(add: Callable[..., None]) -> Callable[..., None]:
    def add_event(*event: Any, **named: Any) -> None:  # noqa: ANN401  the emulator's own
        stack_id, stack_name, logical_id, kind, status, *rest = event
        verb, _, ending = status.partition("_")
        stack = touch(f"{_CFN}:_stacks").get(stack_name)
        of_itself = logical_id == stack_name and kind == "AWS::CloudFormation::Stack"
        if stack is not None and not of_itself and verb == "UPDATE" and ending in _ENDINGS:
            status = f"{_verb(stack, logical_id, ending)}_{ending}"
        add(stack_id, stack_name, logical_id, kind, status, *rest, **named)

    return add_event


def _verb(stack: dict[str, Any], logical_id: str, ending: str) -> str:
    """Return CREATE for a resource that the update adds, else UPDATE."""
    added: list[str] = stack.setdefault(_ADDED, [])
    resource = stack.get("_resources", {}).get(logical_id)
    if ending == "IN_PROGRESS" and resource is None and stack["StackStatus"] == "UPDATE_IN_PROGRESS":
        added.append(logical_id)
        return "CREATE"
    if logical_id not in added:
        return "UPDATE"
    if ending != "IN_PROGRESS":
        added.remove(logical_id)
        if resource is not None:
            resource["ResourceStatus"] = f"CREATE_{ending}"
    return "CREATE"
