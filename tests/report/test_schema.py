import json
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from builder.assembly.finding import Finding
from builder.drill.findings import DrillProgress
from builder.failback.records import FailbackProgress
from builder.fleet.progress import FleetProgress
from builder.report import offline
from builder.report.failback import FailbackLooked
from builder.report.schema import make_event_schema

ROOT = Path(__file__).parents[2]
COMMITTED = (ROOT / "docs" / "events.schema.json").read_bytes()
SCHEMA = json.loads(COMMITTED)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
LINE = {"event": "stack.status", "at": "2026-01-01T00:00:00.000Z", "stack": "a/b", "status": "CREATE_COMPLETE"}


def test_the_committed_schema_is_the_records() -> None:
    assert make_event_schema() == COMMITTED, "stale: python scripts/goldens.py"


def test_every_kind_of_line_is_in_it_and_says_what_it_is_for() -> None:
    kinds = [entry["$ref"].rpartition("/")[2] for entry in SCHEMA["oneOf"]]
    ends = [
        "PlanMade",
        "RunEnded",
        "OutputsRead",
        "StacksCaptured",
        "FleetPlanMade",
        "FleetEnded",
        "FleetDriftSeen",
        "FleetLeaving",
        "BackfillCounted",
        "BackfillProgress",
        "BackfillEnded",
        "PromotionChecked",
        "PromotionBegun",
        "PromotionEnded",
        "StatusSeen",
        "DriftSeen",
    ]
    progress = (*get_args(FleetProgress), *get_args(DrillProgress), *get_args(FailbackProgress), FailbackLooked)
    assert kinds == [*(kind.__name__ for kind in progress), *ends, "DrillHistory", "ErrorTold", "Finding"]
    assert all(SCHEMA["$defs"][kind]["description"] for kind in kinds)


def test_a_line_as_it_is_printed_is_valid() -> None:
    VALIDATOR.validate(LINE)
    finding = Finding("E3002", "error", "templates/a.yaml", 3, 5, "is wrong", "https://x", path=("Resources", 0))
    VALIDATOR.validate(json.loads(offline.as_event(finding, datetime(2026, 1, 1, tzinfo=UTC))))


@pytest.mark.parametrize(
    "wrong",
    [
        {**LINE, "event": "stack.unheard_of"},
        {**LINE, "status": 5},
        {key: value for key, value in LINE.items() if key != "at"},
        {key: value for key, value in LINE.items() if key != "stack"},
    ],
)
def test_a_line_that_lacks_something_is_not(wrong: dict[str, object]) -> None:
    assert not VALIDATOR.is_valid(wrong)
