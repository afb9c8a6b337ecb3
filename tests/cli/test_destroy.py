import io
import shutil
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
import urllib3

from answer import Command
from builder.local import EmbeddedAws
from cli.inventory import inventory
from cli.on_fake import ACCOUNT, OTHER, OnWorld

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


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


BUCKET = f"tap-dev-{ACCOUNT}-us-east-1-an"


@pytest.mark.slow
def test_destroy_empties_full_buckets_on_both_sides_and_leaves_nothing(on_deployed: OnWorld) -> None:
    s3, world = on_deployed.client("s3"), on_deployed.world
    for version in range(3):
        s3.put_object(Bucket=BUCKET, Key="kept", Body=str(version).encode())
    s3.delete_object(Bucket=BUCKET, Key="kept")
    world.settle()
    assert len(world.filled_buckets()) == 2
    assert on_deployed("destroy").code == 4  # nobody to type the name
    answer = on_deployed("destroy", "--yes")
    assert answer.code == 0, answer
    assert on_deployed.stacks() == {}
    assert world.buckets == {}
    assert world.tables == {}
    assert world.functions == {}
    # Those of roles and log groups, which the fake has in stacks alone, among them.
    assert world.names == set()
    assert world.unmanaged == {}
    assert "left of tap-dev: nothing" in on_deployed("destroy", "--yes").out


@pytest.mark.slow
def test_a_protected_stack_stays_until_it_is_allowed_by_name(on_deployed: OnWorld) -> None:
    client = on_deployed.client("cloudformation")
    client.update_termination_protection(StackName="tap-dev-table", EnableTerminationProtection=True)
    refused = on_deployed("destroy", "--yes")
    assert refused.code == 4
    assert "next:  --allow us-east-1/table/TerminationProtection " in refused.err
    assert len(on_deployed.stacks()) == 5
    assert on_deployed("destroy", "--yes", "--allow", "us-east-1/table/TerminationProtection").code == 0
    assert on_deployed.stacks() == {}


@pytest.mark.slow
def test_without_dr_yaml_and_templates_the_project_s_name_is_enough(on_deployed: OnWorld, project: Path) -> None:
    shutil.rmtree(project / "templates")
    (project / "dr.yaml").unlink()
    assert on_deployed("destroy", "--yes", "--env", "dev").code == 2
    assert on_deployed("destroy", "--yes", "--project", "tap").code == 2  # of which environment?
    answer = on_deployed("destroy", "--yes", "--project", "tap", "--env", "dev")
    assert answer.code == 0, answer
    assert answer.out.rstrip().endswith("left of tap-dev: nothing")
    assert on_deployed.stacks() == {}


@pytest.mark.slow
def test_stacks_of_regions_that_dr_yaml_no_longer_has_go_too(on_deployed: OnWorld, project: Path) -> None:
    config = project / "dr.yaml"
    config.write_text(config.read_text().replace("us-west-2", "eu-west-1"))
    assert on_deployed("render").code == 0
    answer = on_deployed("destroy", "--yes")
    assert answer.code == 0, answer
    assert on_deployed.stacks() == {}


@pytest.mark.slow
def test_another_account_than_the_pinned_one_keeps_what_it_has(on_deployed: OnWorld, project: Path) -> None:
    config = project / "dr.yaml"
    whole = config.read_text()
    assert on_deployed("render").code == 0
    config.write_text(f'{whole}\nenvironments: {{dev: {{account: "{OTHER}"}}}}\n')
    refused = on_deployed("destroy", "--yes")
    assert refused.code == 2
    assert f"belongs in account {OTHER}, and the credentials are of account {ACCOUNT}" in refused.err
    assert refused.out == ""
    assert len(on_deployed.stacks()) == 5
    config.write_text(f'{whole}\nenvironments: {{dev: {{account: "{ACCOUNT}"}}}}\n')
    assert on_deployed("destroy", "--yes").code == 0
    assert on_deployed.stacks() == {}


@pytest.mark.slow
def test_only_the_regions_that_are_named_are_looked_at(on_deployed: OnWorld) -> None:
    command = ("destroy", "--yes", "--project", "tap", "--env", "dev")
    assert "left of tap-dev: nothing" in on_deployed(*command, "--region", "eu-west-1").out
    assert len(on_deployed.stacks()) == 5
    assert on_deployed(*command, "--region", "us-east-1", "--region", "us-west-2").code == 0
    assert on_deployed.stacks() == {}


def test_a_bucket_with_thousands_of_versions_is_emptied_with_progress(
    deployed: Command, session: boto3.Session, account_id: str
) -> None:
    s3, bucket = session.client("s3"), f"tap-synthmfm20-{account_id}-us-east-1-an"
    s3.delete_bucket_replication(Bucket=bucket)
    for number in range(3):  # delete markers, which come by the thousand
        objects: list[ObjectIdentifierTypeDef] = [{"Key": f"{number}/{key}"} for key in range(1000)]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    answer = deployed("destroy", "--yes", "--env", "synthmfm20")
    assert answer.code == 0, answer
    assert f"emptying: {bucket}, 3,000 versions removed" in answer.out
    assert session.client("cloudformation").describe_stacks()["Stacks"] == []


def test_what_a_template_retains_is_told_at_the_end(
    credentials: None, builder: Command, session: boto3.Session
) -> None:
    kept = "Resources: {Kept: {Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: {BucketName: kept-bucket}}}"
    session.client("cloudformation", "us-east-1").create_stack(
        StackName="tap-dev-kept", TemplateBody=kept, Tags=[{"Key": "builder:deployment", "Value": "tap-dev"}]
    )
    answer = builder("destroy", "--yes", "--project", "tap", "--env", "dev")
    assert answer.code == 0, answer
    assert "us-east-1  kept-bucket  AWS::S3::Bucket, left behind by us-east-1/tap-dev-kept" in answer.out


FOR_EACH = """
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Buckets:
    - Name
    - [one, two]
    - Kept${Name}:
        Type: AWS::S3::Bucket
        DeletionPolicy: Retain
        Properties: {BucketName: !Sub 'kept-${Name}', VersioningConfiguration: {Status: Enabled}}
"""


def test_what_only_the_processed_template_retains_keeps_all_that_is_in_it(
    credentials: None, builder: Command, session: boto3.Session
) -> None:
    client, s3 = session.client("cloudformation", "us-east-1"), session.client("s3", "us-east-1")
    client.create_stack(
        StackName="tap-dev-kept",
        TemplateBody=FOR_EACH,
        Capabilities=["CAPABILITY_AUTO_EXPAND"],
        Tags=[{"Key": "builder:deployment", "Value": "tap-dev"}],
    )
    client.get_waiter("stack_create_complete").wait(StackName="tap-dev-kept", WaiterConfig={"Delay": 1})
    s3.put_object(Bucket="kept-one", Key="key", Body=b"kept")
    answer = builder("destroy", "--yes", "--project", "tap", "--env", "dev")
    assert answer.code == 0, answer
    assert s3.get_object(Bucket="kept-one", Key="key")["Body"].read() == b"kept"
    assert "us-east-1  kept-two  AWS::S3::Bucket, left behind by us-east-1/tap-dev-kept" in answer.out
