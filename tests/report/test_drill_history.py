"""Drills over time, as they are told; the page in a browser is in test_drill_page_in_chromium.py."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePath

import jsonschema
import pytest

from builder.drill.history import History, HistoryEntry, compare, read_report
from builder.report import drill_history
from drill.claims import claim
from report import drills
from report.events import events_schema
from report.sample import HOSTILE
from report.test_html import Seen


def of(*claims: dict[str, object]) -> History:
    entries: list[HistoryEntry] = [
        read_report(json.dumps(report).encode(), f"{number}/report.json", Path("nowhere"))
        for number, report in enumerate(claims)
    ]
    return compare("drills", entries)


def lines(shown: History, width: int = 100) -> list[str]:
    return drill_history.history_text(shown, width).plain.splitlines()


def test_each_drill_is_a_row_and_each_number_a_column_with_what_changed_and_the_worst() -> None:
    printed = lines(
        of(
            claim("a", began="2026-01-01T12:00:00Z", rpo_seconds=0.25, rto_seconds=2.0, stale_reads=3),
            claim("b", began="2026-01-02T12:00:00Z", rpo_seconds=0.5, rto_seconds=None, rate=20.0),
        )
    )
    assert [line.split() for line in printed[3:7]] == [
        ["#", "began", "(UTC)", "verdict", "max", "5", "s", "max", "60", "s"],
        ["1", "2026-01-01", "12:00", "passed", "0.250", "s", "2.000", "s", "3"],
        ["2", "2026-01-02", "12:00", "FAILED", "0.500", "s", "never", "reached!", "-"],
        ["worst", "0.500", "s", "never", "reached", "3"],
    ]
    assert printed[0] == "Failover drills of tap-dev in account 123456789012, 2 drills, the oldest first"
    assert printed[2].split() == ["RPO", "RTO", "stale", "reads"]
    assert len({len(line.rstrip("! -")) for line in (printed[4], printed[6])}) == 1, "values stand below each other"
    assert "  2  requests a second: 10 -> 20" in printed
    assert "! missed its objective  - not in that report" in printed


@pytest.mark.parametrize("width", [20, 60, 80, 120, 500])
def test_columns_that_a_screen_does_not_take_are_set_below(width: int) -> None:
    shown = drills.history(40)
    printed = lines(shown, width)
    rows = [line for line in printed if line.lstrip().startswith("40  2026-02-12 12:00")]
    assert len(rows) >= (5 if width == 20 else 1)
    if width >= 80:
        assert all(len(line) <= width for line in printed if line.lstrip()[:1].isdigit())


def test_pairs_of_regions_stand_over_their_columns_where_there_are_several() -> None:
    pairs = [
        {"name": "rpo_seconds", "pair": ["us-east-1", to], "measured": 0.5, "limit": None, "verdict": "no objective"}
        for to in ("us-west-2", "eu-central-1")
    ]
    printed = lines(of(claim("a", more=pairs)))
    assert [line.split() for line in printed[2:5]] == [
        ["RPO", "RPO"],
        ["us-east-1", "us-east-1"],
        ["to", "us-west-2", "to", "eu-central-1"],
    ]


def test_what_is_not_compared_is_told_and_an_empty_folder_too() -> None:
    text = "\n".join(lines(drills.history(1)))
    assert "Of version 1, outside of the trends" in text
    assert "old/report.json: failover drill of tap-dev, 2025-05-01 10:00, held" in text
    assert "bad/report.json: is no JSON" in text
    assert lines(of()) == ["no report of a drill to compare in drills"]


def test_a_log_that_is_gone_or_another_is_told() -> None:
    shown = of(claim("a"))
    assert "  0/report.json: its log is not there" in lines(shown)
    (group,) = shown.groups
    other = replace(shown, groups=(replace(group, drills=(replace(group.drills[0], log="another"),)),))
    assert "  0/report.json: the log beside it is not the one that it was made from" in lines(other)


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_its_line_of_json_is_what_the_schema_says(count: int) -> None:
    line = json.loads(drill_history.history_event(drills.history(count), datetime(2026, 3, 1, tzinfo=UTC)))
    jsonschema.Draft202012Validator(events_schema()).validate(line)
    assert sum(len(group["drills"]) for group in line["groups"]) == count
    assert all(len(trend["numbers"]) == count for group in line["groups"] for trend in group["trends"])


@pytest.mark.parametrize("count", [1, 3, 40])
def test_a_page_has_a_picture_for_each_number_and_a_mark_for_each_drill(count: int) -> None:
    shown = drills.history(count)
    seen = Seen(drill_history.history_page(shown))
    (group,) = shown.groups
    labels = seen.all("svg", "aria-label")
    assert len(labels) == len(group.trends)
    points = [facts for tag, facts in seen.elements if tag == "path" and str(facts.get("class")).startswith("point")]
    assert len(points) == sum(number is not None for trend in group.trends for number in trend.numbers)
    assert not {"script", "img", "link", "iframe", "form"} & {tag for tag, _ in seen.elements}


def test_verdicts_differ_by_the_form_of_their_marks() -> None:
    seen = Seen(drill_history.history_page(drills.history(40)))
    forms: dict[str, set[str]] = {}
    for tag, facts in seen.elements:
        kind, path = str(facts.get("class")), str(facts.get("d"))
        if tag == "path" and kind.startswith("point"):
            forms.setdefault(kind, set()).add(path[path.index("m") :])
    assert all(len(paths) == 1 for paths in forms.values())
    assert len({form for kind, (form,) in forms.items() if kind != "point no-objective"}) == 3


def test_a_page_leads_to_the_pages_of_its_drills_from_where_it_lies() -> None:
    page = drill_history.history_page(of(claim("a")), PurePath("../javascript:evil"))
    assert Seen(page).all("a", "href") == ["./../javascript%3Aevil/0/report.html"]
    assert Seen(drill_history.history_page(of(claim("a")))).all("a", "href") == []


def test_nothing_in_a_report_is_markup() -> None:
    hostile = "".join(filter(str.isprintable, HOSTILE))  # the rest is refused
    report = claim("a", deployment=hostile, by=hostile, fault=hostile)
    seen = Seen(drill_history.history_page(of(report, claim("b", deployment=hostile, began="2026-05-01T00:00:00Z"))))
    assert "script" not in {tag for tag, _ in seen.elements}
    assert "<script>alert(1)</script></details> *x*" in seen.text


def test_a_path_draws_no_line_of_its_own() -> None:
    report, before = json.dumps(claim("a")).encode(), {"version": 1, "kind": "failover", "holds": True}
    about = {"drill": "d", "deployment": "tap-dev", "began": "2025-01-01T00:00:00+00:00"}
    outside = json.dumps({**before, "about": about, "checks": []}).encode()
    entries = [
        read_report(data, f"{n}\n9  passed/report.json", Path("none")) for n, data in enumerate((report, outside, b"{"))
    ]
    shown = drill_history.history_text(compare("drills", entries), 100).plain
    assert not [line for line in shown.splitlines() if line.startswith("9  passed")]
