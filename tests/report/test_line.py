from datetime import UTC, datetime

from builder.report.screen import json_line


def test_a_line_begins_with_its_kind_and_its_time() -> None:
    line = json_line("stack.status", datetime(2026, 1, 1, tzinfo=UTC), {"status": "CREATE_COMPLETE", "n": 1})
    assert line == '{"event": "stack.status", "at": "2026-01-01T00:00:00.000Z", "status": "CREATE_COMPLETE", "n": 1}'
