"""Six plans recorded from the fake, as everybody sees them; scripts/goldens.py writes what is compared here."""

import json
from pathlib import Path

import jsonschema
import pytest

from builder.deploy import read_plan
from report.events import events_schema
from report.recordings import RECORDED, goldens

FOLDER = Path(__file__).parents[1] / "golden" / "plans"
VALIDATOR = jsonschema.Draft202012Validator(events_schema())


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_plan_is_seen_as_it_was(name: str) -> None:
    for file, text in goldens(name).items():
        assert (FOLDER / file).read_text() == text, f"{file} is stale: python scripts/goldens.py"


@pytest.mark.parametrize("name", RECORDED)
def test_every_line_of_json_is_what_the_schema_says(name: str) -> None:
    for line in (FOLDER / f"{name}.jsonl").read_text().splitlines():
        VALIDATOR.validate(json.loads(line))


def test_there_is_nothing_among_the_goldens_that_nobody_compares() -> None:
    assert {path.name.partition(".")[0] for path in FOLDER.iterdir()} == set(RECORDED)


def test_each_recording_is_of_what_its_name_says() -> None:
    plans = {name: read_plan((FOLDER / f"{name}.json").read_bytes(), name) for name in RECORDED}
    assert {step.type for step in plans["first"].steps} == {"CREATE"}
    assert {step.risk for step in plans["update"].steps} == {"update"}
    assert plans["update"].pending
    assert any(change.warnings for step in plans["update"].steps for change in step.changes)
    assert [hit.allow for hit in plans["replacement"].guards] == ["us-east-1/table/Table"]
    assert plans["nothing"].is_empty
    assert '"outcome": "failed"' in (FOLDER / "failure.jsonl").read_text()
    assert plans["deferred"].deferred
    assert plans["deferred"].deletions
