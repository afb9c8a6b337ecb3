"""`drill` through the command line; what it measures is in tests/drill."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema

from builder.drill.log import read_log, unfinished
from builder.report.drill_json import make_schema as make_report_schema
from builder.report.schema import make_schema
from conftest import Command

REPLICATION = ("drill", "replication", "--seconds", "1", "--rate", "4", "--object-rate", "2")


def test_a_drill_leaves_a_report_and_says_its_verdict_by_exit_code(deployed: Command, project: Path) -> None:
    answer = deployed(*REPLICATION, "--env", "synthmfm20")
    assert answer.code == 0, answer
    (folder,) = (project / "drills").iterdir()
    assert {path.name for path in folder.iterdir()} == {"log.jsonl", "report.json", "report.html"}
    found = json.loads((folder / "report.json").read_text())
    jsonschema.Draft202012Validator(json.loads(make_report_schema())).validate(found)
    assert found["holds"] is True
    assert found["about"]["environment"] == "synthmfm20"
    assert "holds   replication, p99 " in answer.out
    assert "of 5 s at most" in answer.out
    assert f"passed; the report is drills/{folder.name}/report.html" in answer.out


def test_an_objective_that_is_missed_is_exit_code_1(deployed: Command, project: Path) -> None:
    text = (project / "dr.yaml").read_text()
    (project / "dr.yaml").write_text(text.replace("replication_p99_seconds: 5", "replication_p99_seconds: 0.0001"))
    answer = deployed(*REPLICATION, "--env", "synthmfm20", "--json")
    assert answer.code == 1
    lines = [json.loads(line) for line in answer.out.splitlines()]
    validator = jsonschema.Draft202012Validator(json.loads(make_schema()))
    for line in lines:
        validator.validate(line)
    assert [line["event"] for line in lines] == ["drill.begun", "drill.moment", "drill.moment", "drill.ended"]
    assert lines[-1]["holds"] is False


def test_production_is_not_drilled_without_a_word(deployed: Command, project: Path) -> None:
    with (project / "dr.yaml").open("a") as file:
        file.write("environments: {synthmfm20: {production: true}}\n")
    refused = deployed(*REPLICATION, "--env", "synthmfm20")
    assert refused.code == 4
    assert "--yes-in-production" in refused.err
    assert not (project / "drills").exists()
    assert deployed(*REPLICATION, "--env", "synthmfm20", "--yes-in-production").code == 0


def test_ctrl_c_ends_a_drill_in_order(deployed: Command, project: Path) -> None:
    command = [sys.executable, "-m", "builder", "drill", "failover", "--env", "synthmfm20", "--json"]
    child = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert any(json.loads(line).get("moment") == "load" for line in child.stdout)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "the probes are gone" in told
    (log,) = (project / "drills").glob("*/log.jsonl")
    assert unfinished(read_log(log)) is None


def test_a_drill_needs_both_regions(deployed: Command) -> None:
    answer = deployed(*REPLICATION, "--env", "synthmfm20", "--skip-region", "us-west-2")
    assert answer.code == 2
    assert "needs both regions" in answer.err


def test_nothing_deployed_is_nothing_to_drill(project: Path, credentials: None, builder: Command) -> None:
    answer = builder("drill", "failover")
    assert answer.code == 1
    assert "python -m builder deploy" in answer.err
