import json
from datetime import UTC, datetime

from builder.assembly.finding import Finding
from builder.deploy.progress import Status
from builder.deploy.records import Broke, Done
from builder.report import as_json
from builder.terms import StackId

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_event_is_one_line_that_begins_with_its_kind_and_time() -> None:
    line = as_json.event(Status(StackId("us-east-1/table"), "CREATE_COMPLETE"), AT)
    assert line == (
        '{"event": "stack.status", "at": "2026-01-01T00:00:00.000Z", '
        '"stack": "us-east-1/table", "status": "CREATE_COMPLETE"}'
    )


def test_the_end_of_a_run_holds_every_outcome() -> None:
    line = as_json.ended([Done(StackId("a"), "ok"), Broke(StackId("b"), "s", "r", "why")], AT)
    assert [step["outcome"] for step in json.loads(line)["steps"]] == ["done", "broke"]


def test_a_finding_is_one_line_with_all_that_is_known_of_it() -> None:
    line = as_json.finding(
        Finding("E3002", "error", "a.yaml", 3, 5, "is wrong", "https://x", path=("Resources", 1)), AT
    )
    assert line == (
        '{"event": "lint.finding", "at": "2026-01-01T00:00:00.000Z", "rule": "E3002", "severity": "error", '
        '"file": "a.yaml", "line": 3, "column": 5, "message": "is wrong", "source": "https://x", "end_line": 0, '
        '"end_column": 0, "path": ["Resources", 1]}'
    )
