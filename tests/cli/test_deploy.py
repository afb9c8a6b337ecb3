import json
from pathlib import Path

import boto3
import jsonschema

from answer import Command
from builder.report.schema import make_schema
from cli.inventory import REGIONS, stacks


def test_a_deployment_has_the_names_that_its_suffix_gives(deployed: Command, session: boto3.Session) -> None:
    assert session.client("dynamodb").list_tables()["TableNames"] == ["tap-synthmfm20-global"]
    for region, role in zip(REGIONS, ("primary", "secondary"), strict=True):
        functions = session.client("lambda", region).list_functions()["Functions"]
        assert [function["FunctionName"] for function in functions] == [f"tap-synthmfm20-{role}"]
    account = session.client("sts").get_caller_identity()["Account"]
    buckets = [bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]]
    assert sorted(buckets) == [f"tap-synthmfm20-{account}-{region}-an" for region in REGIONS]


def test_a_second_deploy_makes_no_change_set_and_says_so(deployed: Command, session: boto3.Session) -> None:
    answer = deployed("deploy", "--yes", "--env", "synthmfm20")
    assert answer.code == 0
    assert "No changes: all 5 stacks are as they should be." in answer.out
    for region in REGIONS:
        client = session.client("cloudformation", region)
        for stack in client.describe_stacks()["Stacks"]:
            sets = client.list_change_sets(StackName=stack["StackName"])["Summaries"]
            assert [one["ExecutionStatus"] for one in sets] == ["EXECUTE_COMPLETE"]


def test_every_line_of_a_run_as_json_is_one_of_the_schema_the_outputs_too(deployed: Command) -> None:
    answer = deployed("deploy", "--yes", "--json", "--env", "synthmfm20")
    lines = [json.loads(line) for line in answer.out.splitlines()]
    check = jsonschema.Draft202012Validator(json.loads(make_schema()))
    assert [error.message for line in lines for error in check.iter_errors(line)] == []
    assert lines[-1]["event"] == "outputs.read"
    assert lines[-1]["outputs"] == json.loads(deployed("outputs", "--json", "--env", "synthmfm20").out)


def test_a_step_that_fails_is_named_by_its_first_resource_and_what_needs_it_is_never_started(
    project: Path, builder: Command, session: boto3.Session
) -> None:
    session.client("dynamodb").create_table(
        TableName="tap-dev-global",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    answer = builder("deploy", "--yes")
    assert answer.code == 1
    assert "us-east-1/table: ROLLBACK_COMPLETE: Table (AWS::DynamoDB::GlobalTable): " in answer.out
    assert "us-west-2/service: not started" in answer.out
    assert "us-west-2/tap-dev-service" not in stacks(session)
    assert session.client("dynamodb").list_tables()["TableNames"] == ["tap-dev-global"]
    # What failed to come into being holds nothing: once its reason is gone, the same command makes it anew.
    session.client("dynamodb").delete_table(TableName="tap-dev-global")
    assert builder("deploy", "--yes").code == 0
    assert "us-west-2/tap-dev-service" in stacks(session)


def test_without_a_terminal_deploy_asks_nobody_and_takes_its_change_sets_back(
    project: Path, builder: Command, session: boto3.Session
) -> None:
    answer = builder("deploy")
    assert answer.code == 4
    assert "--yes answers it" in answer.err
    assert stacks(session) == {}
