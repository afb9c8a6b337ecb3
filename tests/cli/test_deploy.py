"""The whole deployer through the command line, on the embedded AWS."""

import json
from pathlib import Path

import boto3
import pytest
import urllib3
from conftest import Command

from builder.local import EmbeddedAws

REGIONS = ("us-east-1", "us-west-2")


@pytest.fixture
def deployed(project: Path, credentials: None, builder: Command) -> Command:
    answer = builder("deploy", "--yes", "--env", "synthmfm20")
    assert answer.code == 0, answer
    return builder


def stacks(session: boto3.Session) -> dict[str, str]:
    return {
        f"{region}/{stack['StackName']}": stack["StackStatus"]
        for region in REGIONS
        for stack in session.client("cloudformation", region).describe_stacks()["Stacks"]
    }


def test_a_deployment_has_the_names_that_its_suffix_gives(deployed: Command, session: boto3.Session) -> None:
    assert session.client("dynamodb").list_tables()["TableNames"] == ["tap-synthmfm20-global"]
    for region, role in zip(REGIONS, ("primary", "secondary"), strict=True):
        functions = session.client("lambda", region).list_functions()["Functions"]
        assert [function["FunctionName"] for function in functions] == [f"tap-synthmfm20-{role}"]
    account = session.client("sts").get_caller_identity()["Account"]
    buckets = [bucket["Name"] for bucket in session.client("s3").list_buckets()["Buckets"]]
    assert sorted(buckets) == [f"tap-synthmfm20-{account}-{region}-an" for region in REGIONS]


def test_outputs_are_the_five_names_and_one_line_of_json(deployed: Command) -> None:
    answer = deployed("outputs", "--json", "--env", "synthmfm20")
    assert list(json.loads(answer.out)) == [
        "primaryLambdaUrl",
        "secondaryLambdaUrl",
        "globalTableName",
        "primaryBucketName",
        "secondaryBucketName",
    ]
    assert answer.out.count("\n") == 1


def test_an_output_by_name_is_its_bare_value_and_its_url_answers(
    deployed: Command, embedded: EmbeddedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENVIRONMENT_SUFFIX", "synthmfm20")
    url = deployed("outputs", "primaryLambdaUrl").out.rstrip("\n")
    host = url.removeprefix("https://").rstrip("/")
    answer = urllib3.request("GET", embedded.endpoint, headers={"host": host})
    assert (answer.status, answer.json()["role"]) == (200, "primary")


def test_an_unknown_output_is_a_wrong_input_that_names_the_right_ones(deployed: Command) -> None:
    answer = deployed("outputs", "primaryUrl", "--env", "synthmfm20")
    assert answer.code == 2
    assert "primaryLambdaUrl" in answer.err


def test_a_second_deploy_makes_no_change_set_and_says_so(deployed: Command, session: boto3.Session) -> None:
    answer = deployed("deploy", "--yes", "--env", "synthmfm20")
    assert answer.code == 0
    assert "No changes: all 5 stacks are as they should be." in answer.out
    for region in REGIONS:
        client = session.client("cloudformation", region)
        for stack in client.describe_stacks()["Stacks"]:
            sets = client.list_change_sets(StackName=stack["StackName"])["Summaries"]
            assert [one["ExecutionStatus"] for one in sets] == ["EXECUTE_COMPLETE"]


def test_one_variable_more_changes_the_functions_and_nothing_else(deployed: Command, project: Path) -> None:
    config = project / "dr.yaml"
    config.write_text(config.read_text() + "  environment: {GREETING: hello}\n")
    assert deployed("deploy", "--yes", "--env", "synthmfm20").code == 2  # templates/ is stale now
    assert deployed("render").code == 0
    answer = deployed("plan", "--env", "synthmfm20", "--detailed-exitcode")
    assert answer.code == 3
    plan = json.loads((project / "plan.json").read_text())
    assert [step["stack"] for step in plan["steps"]] == ["us-east-1/service", "us-west-2/service"]
    for step in plan["steps"]:
        (change,) = step["changes"]
        assert (change["action"], change["logical_id"], change["replacement"]) == ("Modify", "Function", "False")
        assert {touched["path"].split(".")[0] for touched in change["properties"]} == {"Properties"}
        assert not any("Tags" in touched["path"] for touched in change["properties"])
    assert "0 to create, 2 to update, 3 unchanged" in answer.out
    assert deployed("execute", "plan.json", "--env", "synthmfm20").code == 0


def test_the_plan_of_an_empty_account_stands_before_any_stack_does(
    project: Path, builder: Command, session: boto3.Session
) -> None:
    answer = builder("plan", "-o", "first.json")
    assert answer.code == 0
    assert "5 to create, 0 to update, 0 unchanged" in answer.out
    assert set(stacks(session).values()) == {"REVIEW_IN_PROGRESS"}
    assert len(stacks(session)) == 5
    shown = builder("show", "first.json")
    assert "console.aws.amazon.com" in shown.out
    assert "saved as first.json" in answer.out


def test_a_discarded_plan_leaves_nothing(project: Path, builder: Command, session: boto3.Session) -> None:
    builder("plan")
    answer = builder("discard", "plan.json")
    assert (answer.code, stacks(session)) == (0, {})
    assert builder("execute", "plan.json").code == 4


def test_execution_follows_the_needs(project: Path, builder: Command, credentials: None) -> None:
    builder("plan")
    answer = builder("execute", "plan.json", "--json")
    events = [json.loads(line) for line in answer.out.splitlines()]
    done = {e["stack"]: i for i, e in enumerate(events) if e.get("status") == "CREATE_COMPLETE"}
    started = {e["stack"]: i for i, e in enumerate(events) if e["event"] == "stack.started"}
    assert done["us-west-2/storage"] < started["us-east-1/storage"]
    assert done["us-east-1/table"] < min(started["us-east-1/service"], started["us-west-2/service"])
    assert {e["event"] for e in events} == {"stack.started", "stack.status", "run.ended"}


def test_an_executed_plan_executed_again_has_nothing_left_to_do(
    project: Path, builder: Command, credentials: None
) -> None:
    builder("plan")
    assert builder("execute", "plan.json").code == 0
    answer = builder("execute", "plan.json")
    assert (answer.code, answer.out) == (0, "5 done, 0 failed, 0 not started\n")


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
    assert stacks(session)["us-west-2/tap-dev-service"] == "REVIEW_IN_PROGRESS"
    assert session.client("dynamodb").list_tables()["TableNames"] == ["tap-dev-global"]
    again = builder("deploy", "--yes")
    assert again.code == 4
    assert "ROLLBACK_COMPLETE" in again.err


def test_without_a_terminal_deploy_asks_nobody_and_takes_its_change_sets_back(
    project: Path, builder: Command, session: boto3.Session
) -> None:
    answer = builder("deploy")
    assert answer.code == 4
    assert "--yes answers it" in answer.err
    assert stacks(session) == {}


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


def test_an_assembly_can_be_deployed_without_dr_yaml(project: Path, builder: Command, credentials: None) -> None:
    (project / "templates").rename(project / "elsewhere")
    (project / "dr.yaml").unlink()
    assert builder("plan", "--assembly", "elsewhere").code == 2
    assert builder("--assembly", "elsewhere", "plan", "--env", "qa").code == 0


def test_a_pinned_account_refuses_other_credentials(project: Path, builder: Command, credentials: None) -> None:
    config = project / "dr.yaml"
    config.write_text(config.read_text() + '\nenvironments:\n  dev: {account: "000000000001"}\n')
    answer = builder("plan")
    assert answer.code == 2
    assert "belongs in account 000000000001" in answer.err
