import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from builder.drill.findings import Report
from builder.drill.history import Drill, read_report
from builder.report import schema
from builder.report.schema import make_report_schema
from report import drills

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(json.loads(make_report_schema()))
DAYS = {name.lower(): day for name, day in drills.DAYS.items()}
NAMES = (*DAYS, "replication")


@cache
def shown_by(name: str) -> Report:
    return drills.failover(DAYS[name]) if name in DAYS else drills.replication()


def test_the_committed_schema_is_the_records() -> None:
    committed = (ROOT / "docs" / "drill.schema.json").read_bytes()
    assert committed == make_report_schema(), "stale: python scripts/goldens.py"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_what_the_schema_says_its_verdict_first(name: str) -> None:
    document = json.loads(schema.report_as_json(shown_by(name)))
    VALIDATOR.validate(document)
    assert next(iter(document)) == "verdict"
    assert document["verdict"] == shown_by(name).verdict
    assert document["version"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read_again_by_the_history(name: str, tmp_path: Path) -> None:
    shown = shown_by(name)
    read = read_report(schema.report_as_json(shown), "report.json", tmp_path / "log.jsonl")
    assert isinstance(read, Drill)
    assert (read.drill, read.kind, read.verdict, read.by) == (
        shown.about.drill,
        shown.kind,
        shown.verdict,
        shown.about.by,
    )
    assert [(number.name, number.measured, number.limit, number.verdict) for number in read.numbers] == [
        (check.name, check.measured, check.limit, check.verdict) for check in shown.checks
    ]


def test_a_report_that_lacks_its_verdict_is_none() -> None:
    document = json.loads(schema.report_as_json(drills.failover()))
    del document["verdict"]
    assert not VALIDATOR.is_valid(document)
