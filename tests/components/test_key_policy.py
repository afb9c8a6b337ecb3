"""Who can do what with a managed key in the end: the key's policy with that of a role, by a table of requests.

As IAM evaluates them within an account: what a key's policy allows a principal by name is allowed; what it allows the
account, where the principal's own policy allows it too.
Source: https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import pytest

from components.templates import Json, properties, statements, templates

ACCOUNT, OTHER = "111122223333", "444455556666"
HERE, AWAY = "us-east-1", "us-west-2"
KNOWN = {
    "${AWS::Partition}": "aws",
    "${AWS::AccountId}": ACCOUNT,
    "${AWS::URLSuffix}": "amazonaws.com",
    "${EnvironmentSuffix}": "dev",
    "${KeyId}": "mrk-1",
    "${BornAs}": "primary",
}
ALL = templates(encryption={"key": "managed"}, alarms={"email": []})


@dataclass(frozen=True)
class Request:
    """One request of KMS, in a region."""

    action: str
    principal: str = f"arn:aws:iam::{ACCOUNT}:user/anybody"
    context: Mapping[str, str] = field(default_factory=dict)
    region: str = HERE
    role: tuple[Json, ...] | None = None
    """The statements of whoever asks; None for somebody whose own policy allows anything."""


def filled(value: Any, region: str) -> Any:
    match value:
        case list():
            return [filled(item, region) for item in value]
        case {"Fn::Sub": str(text)}:
            return filled(text, region)
        case {"Ref": "KeyArn"}:
            return f"arn:aws:kms:{region}:{ACCOUNT}:key/mrk-1"
        case {"Ref": str(name)}:
            return filled(f"${{{name}}}", region)
        case {"Fn::GetAtt": _}:
            return "arn:aws:logs:any"
        case dict():
            return {key: filled(item, region) for key, item in value.items()}
        case str(text):
            for hole, known in {**KNOWN, "${AWS::Region}": region}.items():
                text = text.replace(hole, known)
            return text
    return value


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def holds(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    for operator, tests in condition.items():
        match = fnmatchcase if operator in {"ArnLike", "ArnEquals", "StringLike"} else str.__eq__
        for key, values in tests.items():
            if key not in context or not any(match(context[key], value) for value in listed(values)):
                return False
    return True


def covers(statement: Json, request: Request, context: Mapping[str, str]) -> bool:
    return request.action in statement["Action"] and holds(statement.get("Condition", {}), context)


def is_allowed(request: Request) -> bool:
    account = request.principal.split(":")[4] if request.principal.startswith("arn:") else ""
    context = {"aws:PrincipalArn": request.principal, "kms:CallerAccount": account, **request.context}
    own = [filled(each, request.region) for each in request.role or ()]
    key = f"arn:aws:kms:{request.region}:{ACCOUNT}:key/mrk-1"
    by_itself = request.role is None or any(covers(each, request, context) and key in each["Resource"] for each in own)
    for statement in filled(properties(ALL[f"{request.region}/key"], "Key")["KeyPolicy"]["Statement"], request.region):
        if not covers(statement, request, context):
            continue
        is_named = False
        match statement["Principal"]:
            case {"Service": service}:
                is_named = request.principal == service
            case {"AWS": "*"}:
                is_named = account != ""
            case {"AWS": str(root)}:
                is_named = root == f"arn:aws:iam::{account}:root" and by_itself
        if is_named:
            return True
    return False


def via(service: str, region: str = HERE, **more: str) -> dict[str, str]:
    return {"kms:ViaService": f"{service}.{region}.amazonaws.com", **more}


LINKED = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/replication.dynamodb.amazonaws.com/"
LINKED += "AWSServiceRoleForDynamoDBReplication"
FUNCTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/tap-dev-service-ExecutionRole-1A2B"
FUNCTION = {"kms:EncryptionContext:aws:lambda:FunctionArn": f"arn:aws:lambda:{HERE}:{ACCOUNT}:function:tap-dev-primary"}
GROUP = "kms:EncryptionContext:aws:logs:arn"
LOGS = f"logs.{HERE}.amazonaws.com"
FOR_AWS = {"kms:GrantIsForAWSResource": "true"}
BUCKET = "kms:EncryptionContext:aws:s3:arn"
OF_ALARM = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"arn:aws:cloudwatch:{HERE}:{ACCOUNT}:alarm:one"}


def bucket(region: str) -> dict[str, str]:
    return {BUCKET: f"arn:aws:s3:::tap-dev-{ACCOUNT}-{region}-an"}


def group(name: str, account: str = ACCOUNT) -> dict[str, str]:
    return {GROUP: f"arn:aws:logs:{HERE}:{account}:log-group:{name}"}


def role(stack: str, name: str) -> tuple[Json, ...]:
    return tuple(statements(ALL[stack], name))


SERVICE, STORAGE = role("us-east-1/service", "ExecutionRole"), role("us-east-1/storage", "ReplicationRole")
REPLICATION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/tap-dev-storage-ReplicationRole-1A2B"
STRANGER = f"arn:aws:iam::{OTHER}:role/tap-dev-service-ExecutionRole-1A2B"


def allowed() -> Iterator[Request]:
    yield from (
        Request(f"kms:{name}") for name in ("PutKeyPolicy", "DescribeKey", "ScheduleKeyDeletion", "CreateAlias")
    )
    for service in ("dynamodb", "s3", "lambda", "sns"):
        yield Request("kms:Decrypt", context=via(service))
    for action in ("Decrypt", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "DescribeKey"):
        yield Request(f"kms:{action}", LINKED, role=())
    yield Request("kms:CreateGrant", LINKED, FOR_AWS, role=())
    yield Request("kms:CreateGrant", context={**via("dynamodb"), **FOR_AWS})
    yield Request("kms:CreateGrant", context={**via("lambda"), **FOR_AWS})
    # A function: its variables, and the table; before its own policy says anything, too.
    yield Request("kms:Decrypt", FUNCTION_ROLE, FUNCTION, role=SERVICE)
    yield Request("kms:Decrypt", FUNCTION_ROLE, via("dynamodb"), role=SERVICE)
    yield Request("kms:Decrypt", FUNCTION_ROLE, via("dynamodb"), role=())
    yield Request("kms:GenerateDataKey", FUNCTION_ROLE, via("s3"), role=())
    # Replication, in the source and in the destination.
    yield Request("kms:Decrypt", REPLICATION_ROLE, via("s3", **bucket(HERE)), role=STORAGE)
    for action in ("Encrypt", "GenerateDataKey"):
        yield Request(f"kms:{action}", REPLICATION_ROLE, via("s3", AWAY, **bucket(AWAY)), AWAY, role=STORAGE)
    for action in ("Encrypt", "Decrypt", "GenerateDataKey", "ReEncryptTo"):
        yield Request(f"kms:{action}", LOGS, group("/aws/lambda/tap-dev-primary"))
    yield Request("kms:GenerateDataKey", "cloudwatch.amazonaws.com", OF_ALARM)


def denied() -> Iterator[Request]:
    # Nobody decrypts by themselves, whatever their own policy says.
    yield from (Request(f"kms:{name}") for name in ("Decrypt", "Encrypt", "GenerateDataKey", "CreateGrant"))
    yield Request("kms:Decrypt", context=via("ec2"))
    yield Request("kms:Decrypt", context=via("dynamodb", AWAY))
    yield Request("kms:CreateGrant", context=via("dynamodb"))
    yield Request("kms:CreateGrant", context={**via("s3"), **FOR_AWS})
    yield Request("kms:CreateGrant", LINKED, role=())
    # Nobody of another account, by whatever name.
    yield from (Request(f"kms:{name}", STRANGER) for name in ("PutKeyPolicy", "DescribeKey"))
    yield Request("kms:Decrypt", STRANGER, via("dynamodb"))
    yield Request("kms:Decrypt", LINKED.replace(ACCOUNT, OTHER), role=())
    # Roles of others, and the deployment's own beyond their data.
    yield Request("kms:Decrypt", FUNCTION_ROLE.replace("tap-dev", "tap-prod"), via("dynamodb"), role=())
    yield Request("kms:Decrypt", FUNCTION_ROLE, via("sns"), role=SERVICE)
    yield Request("kms:Encrypt", FUNCTION_ROLE, via("dynamodb"), role=SERVICE)
    yield Request("kms:Decrypt", FUNCTION_ROLE, role=SERVICE)
    others = {key: value.replace("primary", "other") for key, value in FUNCTION.items()}
    yield Request("kms:Decrypt", FUNCTION_ROLE, others, role=SERVICE)
    yield Request("kms:Encrypt", REPLICATION_ROLE, via("s3", **bucket(HERE)), role=STORAGE)
    yield Request("kms:Encrypt", REPLICATION_ROLE, via("s3", AWAY, **bucket(HERE)), AWAY, role=STORAGE)
    by_object = {BUCKET: f"{bucket(AWAY)[BUCKET]}/key"}
    yield Request("kms:Encrypt", REPLICATION_ROLE, via("s3", AWAY, **by_object), AWAY, role=STORAGE)
    yield Request("kms:Encrypt", LOGS, group("/aws/lambda/tap-prod-primary"))
    yield Request("kms:Encrypt", LOGS, group("/aws/lambda/tap-dev-primary", OTHER))
    yield Request("kms:Encrypt", LOGS)
    yield Request("kms:Encrypt", "lambda.amazonaws.com", group("/aws/lambda/tap-dev-primary"))
    yield Request("kms:GenerateDataKey", "cloudwatch.amazonaws.com", {**OF_ALARM, "aws:SourceAccount": OTHER})
    yield Request("kms:Encrypt", "cloudwatch.amazonaws.com", OF_ALARM)


@pytest.mark.parametrize("region", [HERE, AWAY])
def test_a_replica_s_policy_is_the_key_s(region: str) -> None:
    keys = [properties(ALL[f"{each}/key"], "Key")["KeyPolicy"] for each in (HERE, region)]
    assert keys[0] == keys[1]


def test_what_needs_the_key_may_use_it() -> None:
    assert [request for request in allowed() if not is_allowed(request)] == []


def test_nobody_else_may() -> None:
    assert [request for request in denied() if is_allowed(request)] == []
