import io
import zipfile
from pathlib import Path

import boto3
import pytest
import urllib3

from builder.local import EmbeddedAws
from cli.inventory import REGIONS, inventory, stacks
from conftest import Command


@pytest.fixture
def neighbours(project: Path, builder: Command, session: boto3.Session) -> None:
    """Another deployment of the same project, and things that no deployment made, alike in name."""
    assert builder("deploy", "--yes", "--env", "bystander").code == 0
    s3 = session.client("s3")
    s3.create_bucket(Bucket=f"tap-dev-alien-{session.client('sts').get_caller_identity()['Account']}")
    s3.put_object(Bucket=s3.list_buckets()["Buckets"][-1]["Name"], Key="kept", Body=b"kept")
    session.client("dynamodb", "us-west-2").create_table(
        TableName="tap-dev-alien",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    role = session.client("iam").create_role(RoleName="tap-dev-alien", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return {}\n")
    session.client("lambda", "us-east-1").create_function(
        FunctionName="tap-dev-alien",
        Role=role,
        Runtime="python3.13",
        Handler="index.handler",
        Code={"ZipFile": packed.getvalue()},
    )
    session.client("logs", "us-east-1").create_log_group(logGroupName="/aws/lambda/tap-dev-alien")
    session.client("cloudformation", "us-east-1").create_stack(
        StackName="tap-dev-alien", TemplateBody="Resources: {Topic: {Type: AWS::SNS::Topic}}"
    )


def test_the_account_is_after_destroying_what_it_was_before_deploying(
    neighbours: None, builder: Command, session: boto3.Session, embedded: EmbeddedAws
) -> None:
    before = inventory(session)
    assert builder("deploy", "--yes").code == 0
    for name in ("primaryLambdaUrl", "secondaryLambdaUrl"):
        host = builder("outputs", name).out.strip().removeprefix("https://").rstrip("/")
        assert urllib3.request("GET", embedded.endpoint, headers={"host": host}).status == 200
    bucket = builder("outputs", "primaryBucketName").out.strip()
    session.client("s3").put_object(Bucket=bucket, Key="object", Body=b"x")
    assert inventory(session) != before
    answer = builder("destroy", "--yes")
    assert answer.code == 0, answer
    assert inventory(session) == before


def test_destroy_empties_full_buckets_on_both_sides_and_leaves_nothing(
    deployed: Command, session: boto3.Session
) -> None:
    account = session.client("sts").get_caller_identity()["Account"]
    s3 = session.client("s3")
    bucket = f"tap-synthmfm20-{account}-us-east-1-an"
    for version in range(3):
        s3.put_object(Bucket=bucket, Key="kept", Body=str(version).encode())
    s3.delete_object(Bucket=bucket, Key="kept")
    assert deployed("destroy", "--env", "synthmfm20").code == 4  # nobody to type the name
    answer = deployed("destroy", "--yes", "--env", "synthmfm20")
    assert answer.code == 0, answer
    assert stacks(session) == {}
    assert s3.list_buckets()["Buckets"] == []
    for region in REGIONS:
        assert session.client("dynamodb", region).list_tables()["TableNames"] == []
        assert session.client("lambda", region).list_functions()["Functions"] == []
        assert session.client("logs", region).describe_log_groups()["logGroups"] == []
    assert session.client("iam").list_roles()["Roles"] == []
    assert "nothing of tap-synthmfm20 stands" in deployed("destroy", "--yes", "--env", "synthmfm20").out


def test_a_protected_stack_stays_until_it_is_allowed_by_name(deployed: Command, session: boto3.Session) -> None:
    client = session.client("cloudformation", "us-east-1")
    client.update_termination_protection(StackName="tap-synthmfm20-table", EnableTerminationProtection=True)
    refused = deployed("destroy", "--yes", "--env", "synthmfm20")
    assert refused.code == 4
    assert "next:  --allow us-east-1/table/TerminationProtection " in refused.err
    assert len(stacks(session)) == 5
    allow = ("--allow", "us-east-1/table/TerminationProtection")
    assert deployed("destroy", "--yes", *allow, "--env", "synthmfm20").code == 0
    assert stacks(session) == {}
