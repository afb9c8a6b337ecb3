"""`drill` through the command line; what it measures is in tests/drill."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import jsonschema
import pytest

from answer import Command
from builder.drill.records import read_log, unfinished
from builder.local import EmbeddedAws
from builder.report.schema import make_event_schema, make_report_schema
from cli.deaf import deaf_to, timed
from cli.on_fake import OTHER, OnWorld
from drill.claims import claim, put

REPLICATION = ("drill", "replication", "--seconds", "1", "--rate", "4", "--object-rate", "2")


def test_a_drill_leaves_a_report_and_says_its_verdict_by_exit_code(shared: Command, project: Path) -> None:
    answer = shared(*REPLICATION, "--env", "synthmfm20")
    assert answer.code == 0, answer
    (folder,) = (project / "drills").iterdir()
    assert {path.name for path in folder.iterdir()} == {"log.jsonl", "report.json", "report.html"}
    report = json.loads((folder / "report.json").read_text())
    jsonschema.Draft202012Validator(json.loads(make_report_schema())).validate(report)
    assert report["verdict"] == "passed"
    assert report["about"]["environment"] == "synthmfm20"
    assert "replication, p99 " in answer.out
    assert "at most 5 s" in answer.out
    assert f"passed; the report is drills/{folder.name}/report.html" in answer.out


def test_an_objective_that_is_missed_is_exit_code_1(shared: Command, project: Path) -> None:
    text = (project / "dr.yaml").read_text()
    (project / "dr.yaml").write_text(text.replace("replication_p99_seconds: 5", "replication_p99_seconds: 0.0001"))
    answer = shared(*REPLICATION, "--env", "synthmfm20", "--json")
    assert answer.code == 1
    lines = [json.loads(line) for line in answer.out.splitlines()]
    validator = jsonschema.Draft202012Validator(json.loads(make_event_schema()))
    for line in lines:
        validator.validate(line)
    assert [line["event"] for line in lines] == ["drill.begun", "drill.moment", "drill.moment", "drill.ended"]
    assert lines[-1]["verdict"] == "failed"
    assert {check["verdict"] for check in lines[-1]["checks"]} == {"missed"}


def test_production_is_not_drilled_without_a_word(shared: Command, project: Path) -> None:
    with (project / "dr.yaml").open("a") as file:
        file.write("environments: {synthmfm20: {production: true}}\n")
    refused = shared(*REPLICATION, "--env", "synthmfm20")
    assert refused.code == 4
    assert "--yes-in-production" in refused.err
    assert not (project / "drills").exists()
    assert shared("render").code == 0  # production protects the table
    assert shared(*REPLICATION, "--env", "synthmfm20", "--yes-in-production").code == 0


@contextmanager
def without_dr_yaml(project: Path) -> Iterator[None]:
    (project / "dr.yaml").rename(project / "away")
    yield
    (project / "away").rename(project / "dr.yaml")


def test_an_assembly_taken_as_it_is_is_not_drilled_in_production_either(shared: Command, project: Path) -> None:
    with (project / "dr.yaml").open("a") as file:
        file.write("environments: {synthmfm20: {production: true}}\n")
    taken = (*REPLICATION, "--env", "synthmfm20", "--assembly", "templates")
    refused = shared(*taken)
    assert refused.code == 4
    assert "environments.synthmfm20: is marked as production" in refused.err
    allowed = shared(*taken, "--yes-in-production")
    assert allowed.code == 0
    assert "at most 5 s" in allowed.out


def test_without_dr_yaml_a_drill_takes_a_yes_and_says_that_nothing_is_judged(shared: Command, project: Path) -> None:
    taken = (*REPLICATION, "--env", "synthmfm20", "--assembly", "templates")
    with without_dr_yaml(project):
        refused = shared(*taken)
        assert refused.code == 4
        assert "dr.yaml: is not there to say whether this is production" in refused.err
        assert "--yes-in-production" in refused.err
        allowed = shared(*taken, "--yes-in-production")
    assert allowed.code == 0
    assert "without objectives no time is judged" in allowed.err
    assert "no objective" in allowed.out


@pytest.mark.parametrize("verb", [REPLICATION, ("drill", "failover"), ("drill", "restore")])
def test_another_account_than_the_one_that_is_pinned_is_not_touched(
    on_deployed: OnWorld, project: Path, verb: tuple[str, ...]
) -> None:
    functions = on_deployed.client("lambda")
    arn = functions.get_function_configuration(FunctionName="tap-dev-primary")["FunctionArn"]
    functions.tag_resource(Resource=arn, Tags={"builder:drill:d1": "reserved-concurrency=7"})
    with (project / "dr.yaml").open("a") as file:
        file.write(f'environments: {{dev: {{account: "{OTHER}"}}}}\n')
    answer = on_deployed(*verb)
    assert answer.code == 2
    assert f"belongs in account {OTHER}" in answer.err
    assert "builder:drill:d1" in functions.list_tags(Resource=arn)["Tags"]


def test_clients_go_over_to_a_secondary_alone(shared: Command) -> None:
    for region in ("us-east-1", "eu-west-1"):
        answer = shared("drill", "failover", "--to", region, "--env", "synthmfm20")
        assert answer.code == 2
        assert f"--to {region}: is not a secondary of tap-synthmfm20: us-west-2" in answer.err


def started(project: Path, *options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "builder", "drill", "failover", "--env", "synthmfm20", "--json", *options]
    return subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def reached(child: "subprocess.Popen[str]", moment: str) -> bool:
    assert child.stdout is not None
    return any(json.loads(line).get("moment") == moment for line in child.stdout)


def test_ctrl_c_ends_a_drill_in_order(shared: Command, project: Path) -> None:
    child = started(project)
    assert reached(child, "load")
    child.send_signal(signal.SIGINT)
    _, stderr = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "the probes are gone" in stderr
    (log,) = (project / "drills").glob("*/log.jsonl")
    assert unfinished(read_log(log)) is None


@pytest.mark.alone
def test_two_signals_leave_at_once_and_name_what_undoes_the_fault(
    shared: Command, project: Path, shared_session: boto3.Session
) -> None:
    child = started(project, "--before", "2", "--outage", "60")
    assert reached(child, "fault")
    child.send_signal(signal.SIGINT)
    child.send_signal(signal.SIGTERM)
    _, stderr = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "python -m builder drill restore undoes and deletes them" in stderr
    restored = shared("drill", "restore", "--env", "synthmfm20")
    assert restored.code == 0
    functions = shared_session.client("lambda")
    concurrency = functions.get_function_concurrency(FunctionName="tap-synthmfm20-primary")
    assert "ReservedConcurrentExecutions" not in concurrency


@pytest.mark.alone
@pytest.mark.usefixtures("hung_up")
def test_a_session_that_ends_during_the_outage_leaves_no_fault(
    deployed: Command, project: Path, session: boto3.Session
) -> None:
    functions = session.client("lambda")
    child = started(project, "--before", "2", "--outage", "60")
    assert reached(child, "fault")
    name = "tap-synthmfm20-primary"
    assert functions.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 0
    assert child.stderr is not None
    assert child.stdout is not None
    child.stdout.close()
    child.stderr.close()
    child.send_signal(signal.SIGHUP)
    child.wait(timeout=30)
    assert child.returncode != 0
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName=name)
    arn = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    assert not [key for key in functions.list_tags(Resource=arn)["Tags"] if key.startswith("builder:drill")]


@pytest.mark.alone
def test_a_fault_is_undone_though_the_secondary_is_down_and_the_templates_are_stale(
    deployed: Command, project: Path, session: boto3.Session, embedded: EmbeddedAws
) -> None:
    functions, name = session.client("lambda"), "tap-synthmfm20-primary"
    child = started(project, "--before", "2", "--outage", "60")
    assert reached(child, "fault")
    child.kill()
    child.communicate(timeout=10)
    config = project / "dr.yaml"
    config.write_text(config.read_text().replace("memory_mb: 256", "memory_mb: 512"))
    with deaf_to("us-west-2", embedded):
        half, took_s = timed(deployed, "drill", "restore", "--env", "synthmfm20")
    assert took_s < 15
    assert half.code == 1
    assert "reserved concurrency of tap-synthmfm20-primary is none again" in half.out
    assert "probes of 1 drills remain" in half.err
    assert "python -m builder drill restore    once every region answers" in half.err
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName=name)
    whole = deployed("drill", "restore", "--env", "synthmfm20")
    assert whole.code == 0
    assert "its probes are gone" in whole.out


def test_a_drill_needs_every_region(command: OnWorld) -> None:
    answer = command(*REPLICATION, "--skip-region", "us-west-2")
    assert answer.code == 2
    assert "a drill needs every region" in answer.err


@pytest.mark.parametrize("verb", [("replication",), ("failover",), ("restore",)])
def test_which_component_is_drilled_is_one_that_there_is(command: OnWorld, verb: tuple[str, ...]) -> None:
    answer = command("drill", *verb, "--env", "dev", "--component", "tabel")
    assert answer.code == 2
    assert "--component: 'tabel': there is no such component (did you mean table?)" in answer.err


@pytest.mark.parametrize("probe", ["handler", "table"])
def test_handlers_keep_nothing_in_a_table_of_another_key(command: OnWorld, project: Path, probe: str) -> None:
    text = (project / "dr.yaml").read_text()
    text = text.replace("table:\n", "table:\n  key: {customer: S, placed_at: N}\n", 1) + f"drill: {{probe: {probe}}}\n"
    (project / "dr.yaml").write_text(text)
    assert command("render").code == 0
    refused = command("drill", "replication")
    assert refused.code != 0
    reason = "drill.probe: is handler, which keeps items under id: S, and the key of table is customer: S, placed_at: N"
    assert (reason in refused.err) == (probe == "handler")
    assert ("drill: {probe: table} in dr.yaml" in refused.err) == (probe == "handler")


def test_nothing_deployed_is_nothing_to_drill(command: OnWorld) -> None:
    answer = command("drill", "failover")
    assert answer.code == 1
    assert "python -m builder deploy" in answer.err


def history(folder: Path) -> None:
    put(folder / "a", claim("a", began="2026-01-01T12:00:00Z", rto_seconds=2.0))
    put(folder / "b", claim("b", began="2026-01-02T12:00:00Z", rto_seconds=61.0))


def test_a_history_takes_files_alone_and_tells_a_missed_objective_without_failing(
    builder: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    history(tmp_path / "drills")
    answer = builder("drill", "history", "--html", "page.html")
    assert answer.code == 0, answer
    assert "2  2026-01-02 12:00  FAILED   61.000 s!" in answer.out
    assert 'href="./drills/a/report.html"' in (tmp_path / "page.html").read_text()
    (line,) = builder("drill", "history", "drills", "--json").out.splitlines()
    jsonschema.Draft202012Validator(json.loads(make_event_schema())).validate(json.loads(line))
    assert json.loads(line)["event"] == "drill.history"


@pytest.mark.parametrize("arguments", [["nowhere"], ["file"], ["drills", "--html", "nowhere/page.html"]])
def test_a_history_of_a_folder_that_is_not_there_is_bad_input(
    builder: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    history(tmp_path / "drills")
    (tmp_path / "file").touch()
    answer = builder("drill", "history", *arguments)
    assert answer.code == 2
    assert "nowhere" in answer.err or "file" in answer.err
