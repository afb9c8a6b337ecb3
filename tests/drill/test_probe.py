import json
from datetime import UTC, datetime

from builder.drill import probe

AT = datetime(2026, 1, 1, 12, 0, 0, 250000, tzinfo=UTC)


def test_a_probe_is_numbered_and_dated() -> None:
    made = probe.make_probe("d1", "there", 7, AT)
    assert made.id == "drill-d1-there-000007"
    assert json.loads(made.body) == {
        "drill": "d1",
        "series": "there",
        "number": 7,
        "sent": "2026-01-01T12:00:00.250+00:00",
    }


def test_a_probe_is_found_by_its_key_in_table_and_bucket() -> None:
    assert probe.item_name(probe.item_key("x")) == "x"
    assert probe.object_name("d1", probe.object_key("d1", "x")) == "x"
    assert probe.object_key("d1", "x").startswith(probe.object_prefix("d1"))
    assert probe.item_path("x") == "items/x"
