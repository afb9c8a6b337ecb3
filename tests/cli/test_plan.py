"""`plan`, and how a plan is shown: on the fake AWS."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from answer import Command
from cli.on_fake import OnWorld

PLANS = Path(__file__).parents[1] / "golden" / "plans"
REPLACEMENT = str(PLANS / "replacement.json")
OWN_ENDPOINT = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}


@pytest.mark.slow
def test_one_variable_more_changes_the_functions_and_nothing_else(on_deployed: OnWorld, project: Path) -> None:
    config = project / "dr.yaml"
    config.write_text(config.read_text() + "  environment: {GREETING: hello}\n")
    assert on_deployed("deploy", "--yes").code == 2  # templates/ is stale now
    assert on_deployed("render").code == 0
    answer = on_deployed("plan", "--detailed-exitcode")
    assert answer.code == 3
    plan = json.loads((project / "plan.json").read_text())
    assert [step["stack"] for step in plan["steps"]] == ["us-east-1/service", "us-west-2/service"]
    for step in plan["steps"]:
        (change,) = step["changes"]
        assert (change["action"], change["logical_id"], change["replacement"]) == ("Modify", "Function", "False")
        assert [touched["path"] for touched in change["properties"]] == ["/Properties/Environment/Variables/GREETING"]
    assert "0 to create, 2 to update, 3 unchanged" in answer.out
    assert on_deployed("execute", "plan.json").code == 0


def test_the_plan_of_an_empty_account_stands_before_any_stack_does(command: OnWorld) -> None:
    command.environment = OWN_ENDPOINT
    answer = command("plan", "-o", "first.json")
    assert answer.code == 0
    assert "5 to create, 0 to update, 0 unchanged" in answer.out
    assert set(command.stacks().values()) == {"REVIEW_IN_PROGRESS"}
    assert len(command.stacks()) == 5
    shown = command("show", "first.json")
    assert "opens to the world:" in shown.out
    assert "console.aws.amazon.com" not in shown.out  # it knows nothing of an endpoint of one's own
    assert "saved as first.json" in answer.out


def test_an_assembly_can_be_deployed_without_dr_yaml(project: Path, command: OnWorld) -> None:
    (project / "templates").rename(project / "elsewhere")
    (project / "dr.yaml").unlink()
    assert command("plan", "--assembly", "elsewhere").code == 2
    assert command("--assembly", "elsewhere", "plan", "--env", "qa").code == 0


def test_a_pinned_account_refuses_other_credentials(project: Path, command: OnWorld) -> None:
    config = project / "dr.yaml"
    config.write_text(config.read_text() + '\nenvironments:\n  dev: {account: "000000000001"}\n')
    answer = command("plan")
    assert answer.code == 2
    assert "belongs in account 000000000001" in answer.err


def test_a_saved_plan_is_written_for_a_pull_request_and_for_a_browser(builder: Command, tmp_path: Path) -> None:
    page, comment = tmp_path / "plan.html", tmp_path / "plan.md"
    answer = builder("show", REPLACEMENT, "--markdown", str(comment), "--html", str(page))
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.endswith("0 to create, 2 to update (1 replacement), 3 unchanged\n")
    assert comment.read_text().startswith("### 0 to create, 2 to update (1 replacement), 3 unchanged\n")
    assert f"python -m builder execute {REPLACEMENT}" in page.read_text()


def test_a_new_plan_is_written_to_pages_too(command: OnWorld) -> None:
    command.environment = OWN_ENDPOINT
    answer = command("plan", "-o", "mine.json", "--html", "plan.html", "--markdown", "plan.md")
    assert answer.code == 0
    assert "python -m builder execute mine.json" in Path("plan.html").read_text()
    # What is asked is no AWS: its console knows nothing of these change sets.
    assert "[review](" not in Path("plan.md").read_text()
    assert "5 to create" in Path("plan.md").read_text()


def test_with_json_a_plan_is_one_event_on_stdout(builder: Command) -> None:
    answer = builder("show", REPLACEMENT, "--json")
    (line,) = map(json.loads, answer.out.splitlines())
    assert (line["event"], line["allow"]) == ("plan.made", ["us-east-1/table/Table"])
    assert "1 replacement" in answer.err


@pytest.mark.parametrize("option", ["--markdown", "--html"])
def test_a_page_that_cannot_be_written_is_a_wrong_input(builder: Command, tmp_path: Path, option: str) -> None:
    page = tmp_path / "missing" / "plan"
    answer = builder("show", REPLACEMENT, option, str(page))
    assert answer.code == 2
    assert answer.err == f"error: {option} {page}: cannot be written (No such file or directory)\n"


@pytest.mark.processes
def test_what_pages_need_is_imported_for_pages_only() -> None:
    code = "import sys; from builder.cli import main; main.main(['show', *sys.argv[1:]]); exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, REPLACEMENT], capture_output=True, check=False).returncode == 0
