import json
from pathlib import Path

import jsonschema
import pytest

from builder.report import drill_json
from builder.report.drill_json import make_schema
from report import drills

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft202012Validator(json.loads(make_schema()))


def test_the_committed_schema_is_the_records() -> None:
    committed = (ROOT / "docs" / "drill.schema.json").read_bytes()
    assert committed == make_schema(), "stale: python scripts/goldens.py"


@pytest.mark.parametrize("kind", ["failover", "replication"])
def test_a_report_is_what_the_schema_says(kind: str) -> None:
    shown = getattr(drills, kind)()
    found = json.loads(drill_json.report(shown))
    VALIDATOR.validate(found)
    assert found["holds"] is shown.holds is True
    assert found["kind"] == kind
    assert found["version"] == 2


def test_a_report_that_lacks_its_verdict_is_none() -> None:
    found = json.loads(drill_json.report(drills.failover()))
    del found["holds"]
    assert not VALIDATOR.is_valid(found)
