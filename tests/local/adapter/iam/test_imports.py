"""An import reads what it takes in as whoever CloudFormation acts for."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builder.policy.document import Verb
from builder.policy.rights import permissions
from local.adapter.strict import Strict, allow, reasons, settled
from local.adapter.templates import TABLE, bucket, kept, table

_READS = "dynamodb:Describe*", "dynamodb:GetResourcePolicy", "dynamodb:ListTagsOfResource"


def _make(strict: Strict) -> dict[str, dict[str, str]]:
    """Make a table and a bucket with a policy by hand; return what identifies them, by logical id."""
    name = f"imported-{strict.id}"
    s3 = strict.root("s3")
    s3.create_bucket(Bucket=name)
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": f"arn:aws:s3:::{name}"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    strict.root("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return {"Table": {"TableName": TABLE}, "Bucket": {"BucketName": name}, "Policy": {"Bucket": name}}


def _import(strict: Strict, client: Any, named: dict[str, dict[str, str]]) -> str:
    """Import all of it; return the stack's status."""
    name = named["Bucket"]["BucketName"]
    document = json.loads(strict.root("s3").get_bucket_policy(Bucket=name)["Policy"])
    policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": name, "PolicyDocument": document}}
    resources = kept({**table({"Region": "us-east-1"}), **bucket(name), "Policy": policy})
    made = client.create_change_set(
        StackName="one",
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": resources}),
        ResourcesToImport=[
            {
                "ResourceType": resources[logical_id]["Type"],
                "LogicalResourceId": logical_id,
                "ResourceIdentifier": identifier,
            }
            for logical_id, identifier in named.items()
        ],
    )
    client.execute_change_set(ChangeSetName=made["Id"])
    return settled(client, "one")


def test_whoever_may_read_all_that_aws_names_may_import_it(strict: Strict) -> None:
    named = _make(strict)
    kinds = ("AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::S3::BucketPolicy")
    reads = {action for kind in kinds for action in permissions(kind, "us-east-1", Verb.DRIFT) or {}}
    client = strict.person(allow("cloudformation:*"), allow(*sorted(reads)))
    assert _import(strict, client, named) == "IMPORT_COMPLETE"


@pytest.mark.parametrize(
    ("may", "denied"),
    [
        pytest.param(("s3:Get*", "s3:ListBucket"), "dynamodb:DescribeTable", id="table"),
        pytest.param((*_READS, "s3:GetBucketPolicy"), "s3:ListBucket", id="bucket"),
    ],
)
def test_whoever_may_not_imports_nothing(strict: Strict, may: tuple[str, ...], denied: str) -> None:
    named = _make(strict)
    client = strict.person(allow("cloudformation:*"), allow(*may))
    assert _import(strict, client, named) == "ROLLBACK_COMPLETE"
    assert f"is not authorized to perform: {denied}" in reasons(client, "one")
    with pytest.raises(ClientError, match="does not exist"):
        strict.root("cloudformation").describe_stack_resources(PhysicalResourceId=TABLE)
