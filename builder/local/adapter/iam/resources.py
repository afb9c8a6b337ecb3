"""The API calls that CloudFormation's handlers make for a resource, checked against policies.

The policies are of whoever CloudFormation acts for. The calls are written from each service's API reference, of what
the resource's properties make a handler call; not from the lists in the resource types' schemas, so that policies made
from those are held against something else.
Sources: each service's API reference; for replicas
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2gt_IAM.html, for passed roles
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from builder.local.adapter.emulator import AccountRegion, account_id, acting_in, region_name, touch
from builder.local.adapter.handlers import HandlerError, Properties
from builder.local.adapter.iam import alarms, imports
from builder.local.adapter.iam.calls import ApiCall, Calls, changed, each, make_arn
from builder.local.adapter.iam.policies import is_allowed, who_acts

_REPLICA = (
    *("CreateTable", "CreateTableReplica", "Scan", "Query", "UpdateItem"),
    *("PutItem", "GetItem", "DeleteItem", "BatchWriteItem"),
)
_BUCKET = {
    "LifecycleConfiguration": "PutLifecycleConfiguration",
    "BucketEncryption": "PutEncryptionConfiguration",
    "ObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "OwnershipControls": "PutBucketOwnershipControls",
    "PublicAccessBlockConfiguration": "PutBucketPublicAccessBlock",
    "ReplicationConfiguration": "PutReplicationConfiguration",
    "Tags": "PutBucketTagging",
    "VersioningConfiguration": "PutBucketVersioning",
}
_RESERVED = "ReservedConcurrentExecutions"
_ROLE = {
    "AssumeRolePolicyDocument": "UpdateAssumeRolePolicy",
    "PermissionsBoundary": "PutRolePermissionsBoundary",
    "Policies": "PutRolePolicy",
    "Tags": "TagRole",
}


def install(handlers: Mapping[str, MutableMapping[str, Any]]) -> None:
    """Wrap the handlers of every type whose calls are known."""
    wrap(handlers, CALLS)
    imports.wrap(handlers, _check)


def wrap(handlers: Mapping[str, MutableMapping[str, Any]], known: Mapping[str, Calls]) -> None:
    """Check the calls that are known of a type before its handlers, and before whatever wraps them already."""
    for kind, calls in known.items():
        handler = handlers[kind]
        handler["create"] = _make_create(handler["create"], calls.create)
        handler["update"] = _make_update(handler["update"], calls.update)
        handler["delete"] = _make_delete(handler["delete"], calls.delete)


def _make_create(create: Callable[..., Any], calls: Callable[..., Iterator[ApiCall]]) -> Callable[..., Any]:
    def checked(logical_id: str, props: Properties, stack_name: str) -> object:
        _check(calls(props, stack_name, logical_id))
        return create(logical_id, props, stack_name)

    return checked


def _make_update(update: Callable[..., Any], calls: Callable[..., Iterator[ApiCall]]) -> Callable[..., Any]:
    def checked(physical_id: str, old: Properties, new: Properties, *rest: Any) -> object:  # noqa: ANN401
        _check(calls(physical_id, old, new))
        return update(physical_id, old, new, *rest)

    return checked


def _make_delete(delete: Callable[..., Any], calls: Callable[..., Iterator[ApiCall]]) -> Callable[..., Any]:
    def checked(physical_id: str, props: Properties, *rest: Any) -> object:  # noqa: ANN401
        _check(calls(physical_id, props))
        return delete(physical_id, props, *rest)

    return checked


def _check(calls: Iterator[ApiCall]) -> None:
    for call in calls:
        with acting_in(_place_of(call)):
            allowed = is_allowed(call.action, call.arn, call.keys)
        if not allowed:
            service = call.action.partition(":")[0].title()
            message = f"User: {who_acts()} is not authorized to perform: {call.action} on resource: {call.arn}"
            raise HandlerError(message, service=service, status=403, code="AccessDenied")


def _place_of(call: ApiCall) -> AccountRegion:
    """Return where a call is made: where its resource is, if that has a region."""
    region = call.arn.split(":")[3] if call.arn.startswith("arn:") else ""
    return AccountRegion(account_id(), region or region_name())


# -- the calls, by type


# -- AWS::DynamoDB::GlobalTable


def _replicas(props: Properties) -> dict[str, Properties]:
    return {replica["Region"]: replica for replica in props["Replicas"]}


def _create_table(props: Properties, *_: str) -> Iterator[ApiCall]:
    name = props["TableName"]
    home = make_arn("dynamodb", f"table/{name}")
    yield from each("dynamodb", home, "CreateTable", "DescribeTable")
    for region, replica in _replicas(props).items():
        arn = make_arn("dynamodb", f"table/{name}", region)
        if arn != home:
            yield from _add_replica(home, arn)
        yield from _settings(arn, replica)


def _add_replica(home: str, arn: str) -> Iterator[ApiCall]:
    service = "replication.dynamodb.amazonaws.com"
    linked = f"role/aws-service-role/{service}/AWSServiceRoleForDynamoDBReplication"
    account = home.split(":")[4]
    yield ApiCall("iam:CreateServiceLinkedRole", f"arn:aws:iam::{account}:{linked}", {"iam:AWSServiceName": service})
    yield ApiCall("dynamodb:UpdateTable", home)
    yield from each("dynamodb", arn, *_REPLICA)


def _settings(arn: str, replica: Properties) -> Iterator[ApiCall]:
    if replica.get("PointInTimeRecoverySpecification"):
        yield ApiCall("dynamodb:UpdateContinuousBackups", arn)
    if replica.get("Tags"):
        yield ApiCall("dynamodb:TagResource", arn)


def _update_table(name: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    home = make_arn("dynamodb", f"table/{name}")
    if changed(old, new) - {"Replicas"}:
        yield ApiCall("dynamodb:UpdateTable", home)
    before, after = _replicas(old), _replicas(new)
    for region in changed(before, after):
        arn = make_arn("dynamodb", f"table/{name}", region)
        if region not in after:
            yield ApiCall("dynamodb:UpdateTable", home)
            yield from each("dynamodb", arn, "DeleteTable", "DeleteTableReplica")
            continue
        if region not in before:
            yield from _add_replica(home, arn)
        yield from _settings(arn, after[region])


def _delete_table(name: str, props: Properties) -> Iterator[ApiCall]:
    home = make_arn("dynamodb", f"table/{name}")
    for region in _replicas(props):
        arn = make_arn("dynamodb", f"table/{name}", region)
        if arn != home:
            yield from each("dynamodb", arn, "DeleteTable", "DeleteTableReplica")
    yield ApiCall("dynamodb:DeleteTable", home)


# -- AWS::S3::Bucket, AWS::S3::BucketPolicy


def _set_up_bucket(name: str, props: Properties, touched: set[str]) -> Iterator[ApiCall]:
    for prop in sorted(touched & {*_BUCKET}):
        yield ApiCall(f"s3:{_BUCKET[prop]}", f"arn:aws:s3:::{name}")
        if prop == "ReplicationConfiguration" and prop in props:
            yield ApiCall("iam:PassRole", props[prop]["Role"])


def _create_bucket(props: Properties, *_: str) -> Iterator[ApiCall]:
    yield ApiCall("s3:CreateBucket", f"arn:aws:s3:::{props['BucketName']}")
    yield from _set_up_bucket(props["BucketName"], props, {*props})


def _update_bucket(name: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    return _set_up_bucket(name, new, changed(old, new))


def _delete_bucket(name: str, _props: Properties) -> Iterator[ApiCall]:
    return each("s3", f"arn:aws:s3:::{name}", "DeleteBucket")


def _policy(action: str, bucket: str) -> Iterator[ApiCall]:
    return each("s3", f"arn:aws:s3:::{bucket}", action)


# -- AWS::IAM::Role


def _role_arn(name: str) -> str:
    return f"arn:aws:iam::{account_id()}:role/{name}"


def _create_role(props: Properties, stack: str, logical_id: str) -> Iterator[ApiCall]:
    made_up = touch("ministack.services.cloudformation.provisioners:_physical_name")
    arn = _role_arn(props.get("RoleName") or made_up(stack, logical_id, max_len=64))
    yield ApiCall("iam:CreateRole", arn, _boundary(props))
    for prop in ("Policies", "Tags"):
        if props.get(prop):
            yield ApiCall(f"iam:{_ROLE[prop]}", arn, _boundary(props))


def _update_role(name: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    for prop in sorted(changed(old, new) & {*_ROLE}):
        lifted = prop == "PermissionsBoundary" and prop not in new
        action = "DeleteRolePermissionsBoundary" if lifted else _ROLE[prop]
        yield ApiCall(f"iam:{action}", _role_arn(name), _boundary(old if lifted else new))


def _delete_role(name: str, props: Properties) -> Iterator[ApiCall]:
    if props.get("Policies"):
        yield ApiCall("iam:DeleteRolePolicy", _role_arn(name), _boundary(props))
    yield ApiCall("iam:DeleteRole", _role_arn(name))


def _boundary(props: Properties) -> Mapping[str, str]:
    boundary = props.get("PermissionsBoundary")
    return {"iam:PermissionsBoundary": boundary} if boundary else {}


# -- AWS::Lambda::Function, AWS::Lambda::Url, AWS::Lambda::Permission


def _function(name_or_arn: str) -> str:
    return name_or_arn if name_or_arn.startswith("arn:") else make_arn("lambda", f"function:{name_or_arn}")


def _create_function(props: Properties, *_: str) -> Iterator[ApiCall]:
    arn = _function(props["FunctionName"])
    yield from each("lambda", arn, "CreateFunction", *(("TagResource",) if props.get("Tags") else ()), "GetFunction")
    if _RESERVED in props:
        yield ApiCall("lambda:PutFunctionConcurrency", arn)
    yield ApiCall("iam:PassRole", props["Role"], {"iam:PassedToService": "lambda.amazonaws.com"})


def _update_function(name: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    touched = changed(old, new)
    if "Code" in touched:
        yield ApiCall("lambda:UpdateFunctionCode", _function(name))
    if touched - {"Code", "Tags", _RESERVED}:
        yield ApiCall("lambda:UpdateFunctionConfiguration", _function(name))
    if _RESERVED in touched:
        yield ApiCall(f"lambda:{'Put' if _RESERVED in new else 'Delete'}FunctionConcurrency", _function(name))


def _on_function(*names: str) -> Callable[[str], Iterator[ApiCall]]:
    return lambda function: each("lambda", _function(function), *names)


# -- AWS::Logs::LogGroup


def _create_log_group(props: Properties, *_: str) -> Iterator[ApiCall]:
    group = make_arn("logs", f"log-group:{props['LogGroupName']}")
    yield ApiCall("logs:CreateLogGroup", f"{group}:*")
    if props.get("RetentionInDays"):
        yield ApiCall("logs:PutRetentionPolicy", f"{group}:*")
    if props.get("Tags"):
        yield ApiCall("logs:TagResource", group)


def _update_log_group(name: str, old: Properties, new: Properties) -> Iterator[ApiCall]:
    if "RetentionInDays" in changed(old, new):
        yield ApiCall("logs:PutRetentionPolicy", make_arn("logs", f"log-group:{name}:*"))


CALLS: dict[str, Calls] = {
    **alarms.CALLS,
    "AWS::DynamoDB::GlobalTable": Calls(_create_table, _update_table, _delete_table),
    "AWS::IAM::Role": Calls(_create_role, _update_role, _delete_role),
    "AWS::Lambda::Function": Calls(
        _create_function,
        _update_function,
        lambda name, _: _on_function("DeleteFunction")(name),
    ),
    "AWS::Lambda::Permission": Calls(
        lambda props, *_: _on_function("AddPermission")(props["FunctionName"]),
        lambda _, __, new: _on_function("RemovePermission", "AddPermission")(new["FunctionName"]),
        lambda _, props: _on_function("RemovePermission")(props["FunctionName"]),
    ),
    "AWS::Lambda::Url": Calls(
        lambda props, *_: _on_function("CreateFunctionUrlConfig")(props["TargetFunctionArn"]),
        lambda _, __, new: _on_function("UpdateFunctionUrlConfig")(new["TargetFunctionArn"]),
        lambda _, props: _on_function("DeleteFunctionUrlConfig")(props["TargetFunctionArn"]),
    ),
    "AWS::Logs::LogGroup": Calls(
        _create_log_group,
        _update_log_group,
        lambda name, _: each("logs", make_arn("logs", f"log-group:{name}:*"), "DeleteLogGroup"),
    ),
    "AWS::S3::Bucket": Calls(_create_bucket, _update_bucket, _delete_bucket),
    "AWS::S3::BucketPolicy": Calls(
        lambda props, *_: _policy("PutBucketPolicy", props["Bucket"]),
        lambda _, __, new: _policy("PutBucketPolicy", new["Bucket"]),
        lambda _, props: _policy("DeleteBucketPolicy", props["Bucket"]),
    ),
}
