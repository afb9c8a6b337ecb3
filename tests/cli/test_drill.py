"""`drill` through the command line; what it measures is in tests/drill."""

import json
from pathlib import Path

import jsonschema
import pytest

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


def test_an_interrupted_drill_says_what_it_left(
    deployed: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from builder.cli.wiring import Wiring

    run = Wiring.run

    def interrupted(wiring: Wiring, work: object, brake: None = None) -> object:
        if getattr(work, "__name__", "") == "drill_replication":
            work.close()  # type: ignore[attr-defined]  # a coroutine
            raise KeyboardInterrupt
        return run(wiring, work, brake)  # type: ignore[arg-type]

    monkeypatch.setattr(Wiring, "run", interrupted)
    answer = deployed(*REPLICATION, "--env", "synthmfm20")
    assert answer.code == 130
    assert "the probes are gone" in answer.err


def test_a_drill_needs_both_regions(deployed: Command) -> None:
    answer = deployed(*REPLICATION, "--env", "synthmfm20", "--skip-region", "us-west-2")
    assert answer.code == 2
    assert "needs both regions" in answer.err


def test_nothing_deployed_is_nothing_to_drill(project: Path, credentials: None, builder: Command) -> None:
    answer = builder("drill", "failover")
    assert answer.code == 1
    assert "python -m builder deploy" in answer.err
