"""`runbook` through the command line: the page of a deployment, without AWS."""

import re
import socket
from pathlib import Path

import pytest

from answer import ROOT, Command

PAGE = (ROOT / "docs" / "runbook.md").read_text()


@pytest.fixture(autouse=True)
def nobody_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("AWS is not asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_it_goes_to_stdout_and_into_files_that_others_may_read(project: Path, builder: Command) -> None:
    shown = builder("runbook", "--env", "prod")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("# Runbook of tap-prod\n")

    written = builder("runbook", "--env", "prod", "-o", "runbook.md", "--html", "runbook.html")
    assert (written.code, written.out, written.err) == (0, "", "")
    assert (project / "runbook.md").read_text() == shown.out
    assert "<title>Runbook of tap-prod</title>" in (project / "runbook.html").read_text()
    assert (project / "runbook.md").stat().st_mode & 0o044


def test_the_docs_excerpt_is_what_it_writes(project: Path, builder: Command) -> None:
    (excerpt,) = re.findall(r"````markdown\n(.*?)\n````", PAGE, flags=re.DOTALL)
    assert excerpt in builder("runbook").out


def test_each_command_leads_to_this_deployment_and_names_no_one_s_machine(
    project: Path, builder: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    (project / "dr.yaml").rename(project / "other.yaml")
    page = builder(
        "runbook", "--config", "other.yaml", "--env", "qa", "--profile", "mine", "--skip-region", "us-east-1"
    )
    commands = re.findall(r"python -m builder [^\n]*", page.out)
    assert len(commands) > 30
    assert [command for command in commands if "--config other.yaml --env qa" not in command] == []
    for word in ("127.0.0.1", "mine", str(project)):
        assert word not in page.out


def test_it_says_what_dr_yaml_says_of_the_environment(project: Path, builder: Command) -> None:
    file = project / "dr.yaml"
    file.write_text(file.read_text() + 'environments:\n  prod: {account: "111122223333", production: true}\n')
    assert builder("render").code == 0
    page = builder("runbook", "--env", "prod").out
    assert "tap-prod-111122223333-us-west-2-an" in page
    assert "ACCOUNT=" not in page
    assert "drill failover --yes-in-production" in page
    assert "5 seconds of writes" in page
    assert "`dev` is to be promoted too" in page
    assert "5 stacks of 5 from deletion" in page


def test_an_assembly_without_dr_yaml_has_a_page_and_no_promotion(project: Path, builder: Command) -> None:
    (project / "dr.yaml").unlink()
    page = builder("runbook", "--assembly", "templates", "--env", "dev")
    assert page.code == 0
    assert "python -m builder status --assembly templates --env dev" in page.out
    assert "promote" not in page.out


def test_stale_templates_are_told_and_what_was_rendered_last_is_written(project: Path, builder: Command) -> None:
    file = project / "dr.yaml"
    file.write_text(file.read_text().replace("point_in_time_recovery: true", "point_in_time_recovery: false"))
    page = builder("runbook")
    assert "stale" in page.err
    assert "NO recovery" not in page.out


def test_where_it_cannot_be_written_nothing_is(project: Path, builder: Command) -> None:
    answer = builder("runbook", "-o", "nowhere/runbook.md", "--html", "runbook.html")
    assert answer.code == 2
    assert "nowhere/runbook.md" in answer.err
    assert not (project / "runbook.html").exists()
