"""Reports below a folder, compared over time; every file there is somebody's claim."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from builder.drill.history import ConditionChange, Group, History, Unread, read_history
from builder.errors import BadInput
from drill.claims import claim, put


def history(folder: Path) -> History:
    return read_history(folder)


def only(shown: History) -> Group:
    (group,) = shown.groups
    return group


def test_drills_come_the_oldest_first_whatever_their_folders_are_called(tmp_path: Path) -> None:
    for name, began in (
        ("a", "2026-03-01T12:00:00Z"),
        ("b", "2026-03-01T13:30:00+02:00"),
        ("c", "2026-02-01T12:00:00Z"),
    ):
        put(tmp_path / name, claim(name, began=began))
    assert [drill.drill for drill in only(history(tmp_path)).drills] == ["c", "b", "a"]


def test_a_number_is_followed_by_name_and_pair_and_may_be_absent(tmp_path: Path) -> None:
    pairs = ["us-east-1", "eu-west-1"]
    more = {"name": "rpo_seconds", "pair": pairs, "measured": 0.5, "limit": 5.0, "verdict": "holds"}
    put(tmp_path / "a", claim("a", began="2026-01-01T00:00:00Z", rto_seconds=2.0))
    put(tmp_path / "b", claim("b", began="2026-01-02T00:00:00Z", rto_seconds=61.0, more=[more]))
    group = only(history(tmp_path))
    trends = {(trend.name, trend.pair): trend for trend in group.trends}
    rto = trends["rto_seconds", ""]
    assert [(number.measured, number.verdict) for number in rto.numbers if number] == [(2.0, "holds"), (61.0, "missed")]
    assert rto.worst == 61.0
    assert [number is None for number in trends["rpo_seconds", "us-east-1 to eu-west-1"].numbers] == [True, False]


def test_the_worst_is_the_lowest_availability_and_nothing_where_a_drill_never_reached_it(tmp_path: Path) -> None:
    put(tmp_path / "a", claim("a", began="2026-01-01T00:00:00Z", availability_percent=99.0, rto_seconds=2.0))
    put(tmp_path / "b", claim("b", began="2026-01-02T00:00:00Z", availability_percent=97.5, rto_seconds=None))
    worst = {trend.name: trend.worst for trend in only(history(tmp_path)).trends}
    assert worst == {"availability_percent": 97.5, "rto_seconds": None}


CHANGES: list[tuple[dict[str, Any], ConditionChange]] = [
    ({"assembly": "beef" * 16}, ConditionChange("assembly", "c0ffee" * 10 + "abcd", "beef" * 16)),
    ({"versions": {"builder": "0.2.0"}}, ConditionChange("version of builder", "0.1.0", "0.2.0")),
    ({"rate": 20.0}, ConditionChange("requests a second", "10", "20")),
    ({"service_s": 1.5}, ConditionChange("service within, seconds", "5", "1.5")),
    ({"fault": "no"}, ConditionChange("fault", "reserved concurrency of tap-dev-primary set to 0", "no")),
    ({"probe": "table"}, ConditionChange("probe", "PUT /items/{id}", "table")),
    ({"secondaries": ["eu-west-1"]}, ConditionChange("secondaries", "us-west-2", "eu-west-1")),
    ({"to": "eu-west-1"}, ConditionChange("failover to", "us-west-2", "eu-west-1")),
]


@pytest.mark.parametrize(("about", "change"), CHANGES, ids=[change.what for _, change in CHANGES])
def test_what_a_drill_was_run_with_otherwise_than_that_before_is_told(
    tmp_path: Path, about: dict[str, Any], change: ConditionChange
) -> None:
    put(tmp_path / "a", claim("a", began="2026-01-01T00:00:00Z"))
    put(tmp_path / "b", claim("b", began="2026-01-02T00:00:00Z", **about))
    assert only(history(tmp_path)).changes == ((), (change,))


def test_another_objective_is_a_change(tmp_path: Path) -> None:
    put(tmp_path / "a", claim("a", began="2026-01-01T00:00:00Z", rto_seconds=2.0))
    put(tmp_path / "b", claim("b", began="2026-01-02T00:00:00Z", rto_seconds=2.0, limits={"rto_seconds": 30.0}))
    assert only(history(tmp_path)).changes[1] == (ConditionChange("objective rto_seconds", "60", "30"),)


@pytest.mark.parametrize("other", ["deployment", "environment", "account"])
def test_what_is_of_another_deployment_environment_or_account_is_a_group_of_its_own(tmp_path: Path, other: str) -> None:
    put(tmp_path / "a", claim("a"))
    put(tmp_path / "b", claim("b", **{other: "999999999999"}))
    put(tmp_path / "c", {**claim("c"), "kind": "replication"})
    assert [len(group.drills) for group in history(tmp_path).groups] == [1, 1, 1]


def test_a_report_of_version_1_is_outside(tmp_path: Path) -> None:
    about = {"drill": "d", "deployment": "tap-dev", "began": "2025-01-01T00:00:00+00:00"}
    put(tmp_path / "d", {"version": 1, "kind": "failover", "holds": True, "about": about, "checks": []})
    shown = history(tmp_path)
    assert shown.groups == ()
    assert [(report.path, report.drill, report.holds) for report in shown.outside] == [("d/report.json", "d", True)]


def report_bytes(**more: Any) -> bytes:
    return json.dumps(claim("bad", rto_seconds=2.5) | more).encode()


UNREADABLE: list[tuple[bytes, str]] = [
    (b"", "is no JSON"),
    (b"{", "is no JSON"),
    (b"\xff\xfe", "is no JSON"),
    (b"[" * 10_000, "is no JSON"),
    (report_bytes().replace(b"2.5", b"NaN"), "is no JSON"),
    (b"[]", "is not a drill's report"),
    (b'{"version": "2"}', "is not a drill's report"),
    (b'{"version": true}', "is not a drill's report"),
    (b'{"version": 2}', "is not a drill's report: kind"),
    (b'{"version": 1}', "is not a drill's report: kind"),
    (report_bytes(about=None), "is not a drill's report: about"),
    (report_bytes(kind="rehearsal"), "is not a drill's report: kind"),
    (report_bytes().replace(b"2.5", b"-1"), "is not a drill's report: checks.0.measured"),
    (report_bytes().replace(b"2.5", b"1e308"), "is not a drill's report: checks.0.measured"),
    (report_bytes().replace(b"2.5", b"9" * 4000), "is not a drill's report: checks.0.measured"),
    (
        report_bytes().replace(b"2026-01-01T12:00:00+00:00", b"2026-01-01T12:00:00"),
        "is not a drill's report: about.began",
    ),
    (
        report_bytes().replace(b"2026-01-01T12:00:00+00:00", b"0001-01-01T00:00:00+14:00"),
        "is not a drill's report: about.began",
    ),
    (report_bytes(version=3), "is of version 3; this builder reads versions up to 2"),
    (report_bytes(verdict="not measured"), "says not measured, and its own checks say passed"),
    (json.dumps(claim("x", verdict="passed", rto_seconds=61.0)).encode(), "says passed, and its own checks say failed"),
]


def lying(**fields: object) -> bytes:
    """A report that says it passed, by its only check."""
    check = {"name": "rto_seconds", "pair": None, "measured": 2.0, "limit": 60.0, "verdict": "holds", **fields}
    return json.dumps(claim("x", more=[check])).encode()


TWICE = {"name": "rto_seconds", "pair": None, "measured": 1.0, "limit": 60.0, "verdict": "holds"}
UNREADABLE += [
    (lying(measured=61.0), "says that rto_seconds holds, with 61 against an objective of 60"),
    (lying(name="availability_percent", measured=59.0), "says that availability_percent holds, with 59 against"),
    (lying(measured=None), "says that rto_seconds holds, without a number"),
    (lying(limit=None), "says that rto_seconds holds, without an objective"),
    (lying(verdict="no objective"), "says that rto_seconds has no objective, and one of 60 beside it"),
    (json.dumps(claim("x", rto_seconds=2.0, more=[TWICE])).encode(), "says rto_seconds more than once"),
    (json.dumps({**claim("x"), "checks": []}).encode(), "has no checks"),
    (lying(name="rto\n1  passed"), "is not a drill's report: checks.0.name"),
    (lying(pair=["a", "\x1b[2J"]), "is not a drill's report: checks.0.pair"),
    (report_bytes(about={**claim("x")["about"], "by": "ada\n2  passed"}), "is not a drill's report: about.by"),
]


@pytest.mark.parametrize(("data", "why"), UNREADABLE, ids=[f"{n} {why}" for n, (_, why) in enumerate(UNREADABLE)])
def test_what_is_no_report_is_told_with_its_path_and_the_others_are_compared(
    tmp_path: Path, data: bytes, why: str
) -> None:
    put(tmp_path / "good", claim("good"))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "report.json").write_bytes(data)
    shown = history(tmp_path)
    assert [drill.drill for drill in only(shown).drills] == ["good"]
    (unread,) = shown.unread
    assert unread.path == "bad/report.json"
    assert unread.why.startswith(why)


def test_what_is_no_file_or_may_not_be_read_is_told_and_nothing_waits_for_a_pipe(tmp_path: Path) -> None:
    for name in ("pipe", "folder", "link", "gone"):
        (tmp_path / name).mkdir()
    os.mkfifo(tmp_path / "pipe" / "report.json")
    (tmp_path / "folder" / "report.json").mkdir()
    (tmp_path / "link" / "report.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "gone" / "around").symlink_to(tmp_path, target_is_directory=True)
    shown = history(tmp_path)
    assert {unread.path.partition("/")[0]: unread.why for unread in shown.unread} == {
        "pipe": "is no file",
        "folder": "is no file",
        "link": "cannot be read (No such file or directory)",
    }


def test_a_drill_that_left_a_log_alone_is_told(tmp_path: Path) -> None:
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "log.jsonl").write_text("")
    assert history(tmp_path).unread == (
        Unread("killed", "has a log.jsonl and no report.json: the drill came to no end"),
    )


def test_a_drill_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    put(tmp_path / "a", claim("same"))
    put(tmp_path / "b", claim("same"))
    put(tmp_path / "c", claim("same", rto_seconds=0.1))
    shown = history(tmp_path)
    assert len(only(shown).drills) == 1
    assert [(unread.path, unread.why) for unread in shown.unread] == [
        ("b/report.json", "is the same drill as a/report.json"),
        ("c/report.json", "says something else of the same drill than a/report.json"),
    ]


def test_a_report_is_held_to_its_log(tmp_path: Path) -> None:
    log = b'{"kind": "opened"}\n{"kind": "write"}\n'
    sha256 = hashlib.sha256(log).hexdigest()
    for number, (name, beside) in enumerate({"a": log + b'{"kind": "closed"}\n', "b": b"x" + log}.items()):
        put(tmp_path / name, claim(name, began=f"2026-01-0{number + 1}T00:00:00Z", log_sha256=sha256))
        (tmp_path / name / "log.jsonl").write_bytes(beside)
    put(tmp_path / "c", claim("c", began="2026-01-03T00:00:00Z", log_sha256=sha256))
    assert [drill.log for drill in only(history(tmp_path)).drills] == ["as reported", "another", "not there"]


def test_an_empty_folder_is_an_empty_history_and_none_is_bad_input(tmp_path: Path) -> None:
    assert history(tmp_path) == History(str(tmp_path), (), (), ())
    for wrong in (tmp_path / "nowhere", Path(__file__)):
        with pytest.raises(BadInput):
            history(wrong)
