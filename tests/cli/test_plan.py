import json
from pathlib import Path

import boto3

from answer import Command
from cli.inventory import stacks


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
        assert [touched["path"] for touched in change["properties"]] == ["/Properties/Environment/Variables/GREETING"]
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
    assert "opens to the world:" in shown.out
    assert "console.aws.amazon.com" not in shown.out  # it knows nothing of an endpoint of one's own
    assert "saved as first.json" in answer.out


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
