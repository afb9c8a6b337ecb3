"""The service role's policy, held to by the embedded AWS: a stack's life goes through, and less by one action not."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest

from builder.policy import Verb
from policy.guarded import Guarded

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_DEADLINE_S = 20.0
TABLE, STORAGE, SERVICE = "us-east-1/table", "us-east-1/storage", "us-east-1/service"
REPLICA = ("BatchWriteItem", "CreateTableReplica", "DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem")
NEEDED = {
    TABLE: (
        *(f"dynamodb:{name}" for name in ("CreateTable", *REPLICA)),
        *(f"dynamodb:{name}" for name in ("UpdateTable", "UpdateContinuousBackups", "TagResource")),
        *(f"dynamodb:{name}" for name in ("DeleteTable", "DeleteTableReplica", "Describe*")),
        "iam:CreateServiceLinkedRole",
    ),
    STORAGE: (
        *(f"s3:{name}" for name in ("CreateBucket", "DeleteBucket", "PutBucketPolicy", "DeleteBucketPolicy")),
        *(f"s3:PutBucket{name}" for name in ("OwnershipControls", "PublicAccessBlock", "Tagging", "Versioning")),
        *(f"s3:Put{name}Configuration" for name in ("Encryption", "Lifecycle", "Replication")),
        *(f"iam:{name}" for name in ("CreateRole", "PutRolePolicy", "DeleteRolePolicy", "DeleteRole")),
        *("iam:PassRole", "iam:TagRole"),
    ),
    SERVICE: (
        *(f"lambda:{name}" for name in ("CreateFunction", "GetFunction", "TagResource", "DeleteFunction")),
        *(f"lambda:UpdateFunction{name}" for name in ("Code", "Configuration", "UrlConfig")),
        *(f"lambda:{name}FunctionUrlConfig" for name in ("Create", "Delete")),
        *(f"lambda:{name}Permission" for name in ("Add", "Remove")),
        *(f"logs:{name}" for name in ("CreateLogGroup", "DeleteLogGroup", "PutRetentionPolicy", "TagResource")),
        *(f"iam:{name}" for name in ("CreateRole", "PutRolePolicy", "DeleteRolePolicy", "DeleteRole")),
        *("iam:PassRole", "iam:TagRole"),
    ),
}
EDITS = {
    TABLE: (("PointInTimeRecoveryEnabled: true", "PointInTimeRecoveryEnabled: false"),),
    STORAGE: (("NoncurrentDays: 30", "NoncurrentDays: 31"), ("s3:ReplicateTags", "s3:ReplicateObject")),
    SERVICE: (
        ("MemorySize: 256", "MemorySize: 512"),
        ("RetentionInDays: 30", "RetentionInDays: 60"),
        ("dynamodb:DeleteItem", "dynamodb:Query"),
        ("AuthType: NONE", "AuthType: AWS_IAM"),
        ("ZipFile: |", "ZipFile: |\n          # edited"),
    ),
}


def live(guarded: Guarded, stack_id: str, without: Iterable[str] = ()) -> str:
    """Create, change and delete a stack by the role; return what was refused, or nothing."""
    stack = next(desired for desired in guarded.deployment.stacks if desired.id == stack_id)
    client = guarded.root.client("cloudformation", stack.region)
    edited = stack.template
    for old, new in EDITS[stack_id]:
        assert old in edited
        edited = edited.replace(old, new)
    arguments: Any = {
        "StackName": stack.name,
        "Parameters": [{"ParameterKey": k, "ParameterValue": str(v)} for k, v in stack.parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
    }
    role = guarded.service_role(Verb.EXECUTE, Verb.DESTROY, without=without)
    client.create_stack(TemplateBody=stack.template, RoleARN=role, **arguments)
    refused = refusals(client, stack.name, ("CREATE_", "ROLLBACK_"))
    if not refused:
        client.update_stack(TemplateBody=edited, **arguments)
        refused = refusals(client, stack.name, ("UPDATE_",))
    client.delete_stack(StackName=stack.name)
    return refused or refusals(client, stack.name, ("DELETE_",))


def refusals(client: "CloudFormationClient", name: str, statuses: tuple[str, ...]) -> str:
    """Wait for the operation that ends in one of these statuses; return the reasons of what failed in it."""
    until = time.monotonic() + _DEADLINE_S
    while stacks := [stack for stack in client.describe_stacks()["Stacks"] if stack["StackName"] == name]:
        status = stacks[0]["StackStatus"]
        if status.startswith(statuses) and not status.endswith("_IN_PROGRESS"):
            break
        assert time.monotonic() < until
        time.sleep(0.01)
    else:
        return ""
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    return "\n".join(event.get("ResourceStatusReason", "") for event in events if "FAILED" in event["ResourceStatus"])


@pytest.fixture
def account(guarded: Guarded) -> Guarded:
    """An account with the bucket that the primary's is replicated to."""
    client, name = guarded.root.client("s3", "us-west-2"), guarded.bucket("us-west-2")
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return guarded


@pytest.mark.parametrize("stack_id", list(NEEDED))
def test_a_stack_s_life_goes_through_with_what_its_handlers_call(account: Guarded, stack_id: str) -> None:
    statements = account.document(Verb.EXECUTE, Verb.DESTROY, of_service_role=True)["Statement"]
    granted = {action for statement in statements for action in statement["Action"]}
    assert live(account, stack_id, without=granted - set(NEEDED[stack_id])) == ""


@pytest.mark.parametrize(
    ("stack_id", "action"), [(stack_id, action) for stack_id, needed in NEEDED.items() for action in needed], ids=str
)
def test_for_want_of_any_one_of_these_it_does_not(account: Guarded, stack_id: str, action: str) -> None:
    refused = live(account, stack_id, without=(action,))
    assert f"is not authorized to perform: {action.removesuffix('*')}" in refused
