from datetime import UTC, datetime

from builder.assembly.finding import Finding
from builder.report import offline

FINDING = Finding("E3002", "error", "templates/a.yaml", 3, 5, "is wrong", "https://x")


def test_each_finding_is_a_line_and_the_last_line_counts_them() -> None:
    assert offline.as_text([FINDING]) == "templates/a.yaml:3:5: E3002 is wrong\n1 finding"
    assert offline.as_text([FINDING, FINDING]).endswith("\n2 findings")


def test_nothing_found_is_said_too() -> None:
    assert offline.as_text([]) == "no findings"


def test_a_finding_is_one_line_with_all_that_is_known_of_it() -> None:
    line = offline.as_event(
        Finding("E3002", "error", "a.yaml", 3, 5, "is wrong", "https://x", path=("Resources", 1)),
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert line == (
        '{"event": "lint.finding", "at": "2026-01-01T00:00:00.000Z", "rule": "E3002", "severity": "error", '
        '"file": "a.yaml", "line": 3, "column": 5, "message": "is wrong", "source": "https://x", "end_line": 0, '
        '"end_column": 0, "path": ["Resources", 1]}'
    )
