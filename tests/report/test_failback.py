"""What people read before clients are sent somewhere, and what a pipeline does."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from builder.failback.records import (
    BucketComparison,
    CompareProgress,
    FailbackFindings,
    FailbackNote,
    FailbackWay,
    HoldMoved,
    HoldSighting,
    ItemDifference,
    MarkerSeen,
    ObjectDifference,
    RegionProblem,
    TableComparison,
    TableSize,
)
from builder.report.failback import event, findings_text, looked_event, progress_text, whereabouts_text
from builder.terms import Region

EAST, WEST = Region("us-east-1"), Region("us-west-2")
WAY = FailbackWay(source=WEST, target=EAST)
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOLDS = (HoldSighting(region=EAST, held=WEST), HoldSighting(region=WEST, held=WEST))


def item(name: str, only: Region | None = None, **more: Any) -> ItemDifference:
    return ItemDifference(
        component="table", table="orders", key={"id": {"S": name}}, name=f"id={name}", only=only, **more
    )


def table(**more: Any) -> TableComparison:
    fields = {"only_source": 0, "only_target": 0, "both": 0, "moving": 0, "read": {WEST: 1200, EAST: 1199}}
    return TableComparison(component="table", table="orders", **{**fields, **more})


def bucket(**more: Any) -> BucketComparison:
    fields = {"only_source": 0, "only_target": 0, "both": 0, "moving": 0, "keys": 7, "older": {}, "comes_over": True}
    return BucketComparison(component="uploads", **{**fields, **more})


def make_findings(*, way: FailbackWay = WAY, **more: Any) -> FailbackFindings:
    return FailbackFindings(deployment="tap-dev", way=way, holds=HOLDS, **more)


def lines(findings: FailbackFindings) -> list[str]:
    return findings_text(findings, NOW).plain.splitlines()


def test_what_differs_is_listed_by_key_with_its_age_and_never_with_its_contents() -> None:
    examples = (
        item("a", WEST, written={WEST: "2026-11-28T11:59:19.000Z"}),
        item("b", attributes=("body", "time"), written={WEST: "2026-11-28T11:58:00Z", EAST: "2026-11-28T09:00:00Z"}),
        item("c", EAST),
    )
    comparison = table(only_source=22, both=1, only_target=1)
    assert lines(make_findings(tables=(comparison,), examples={"table": examples})) == [
        "table  orders: items 1,200 in us-west-2, 1,199 in us-east-1",
        "  22 only in us-west-2, 1 not the same in both, 1 only in us-east-1",
        "    id=a  only in us-west-2, written 41 s ago",
        "    id=b  not the same in body, time: us-west-2 2 min ago, us-east-1 3 h ago",
        "    id=c  only in us-east-1",
        "    and 21 more; --json has all",
        "something would be lost by going to us-east-1 now",
    ]


def test_an_object_that_was_deleted_in_one_region_is_told_so() -> None:
    gone = ObjectDifference(
        component="uploads",
        name="a\nb",
        only=EAST,
        versions={EAST: "v1"},
        written={WEST: "2026-11-28T11:00:00Z", EAST: "2026-11-20T12:00:00Z"},
    )
    comparison = bucket(only_target=1, comes_over=False, older={WEST: 3, EAST: 0})
    assert lines(make_findings(buckets=(comparison,), examples={"uploads": (gone,)})) == [
        "uploads  7 objects in either region",
        "  1 only in us-east-1",
        "    a b  only in us-east-1: us-west-2 deleted 1 h ago, us-east-1 8 d ago",
        "  what is written in us-west-2 does not come to us-east-1: `replication: two-way` of the bucket, or copy it",
        "  older versions that the other region has not: 3 in us-west-2",
        "something would be lost by going to us-east-1 now",
    ]


@pytest.mark.parametrize(
    ("fields", "last"),
    [
        ({}, "nothing would be lost"),
        ({"tables": (table(moving=2),)}, "nothing would be lost"),
        ({"tables": (table(is_sample=True),)}, "nothing of the sample would be lost; of the rest nobody knows"),
        ({"notes": ("uploads: not compared",)}, "nothing of what was compared would be lost"),
        ({"problems": (RegionProblem(region=EAST, what="does not answer"),)}, "us-east-1: not well"),
        ({"tables": (table(both=1),)}, "something would be lost by going to us-east-1 now"),
    ],
)
def test_the_last_line_says_what_it_comes_to(fields: dict[str, Any], last: str) -> None:
    assert lines(make_findings(**fields))[-1] == last


def test_what_would_be_lost_has_to_be_allowed_by_the_component_s_name_or_the_region_s() -> None:
    findings = make_findings(
        tables=(table(only_source=1, both=2),),
        buckets=(bucket(only_target=1),),
        problems=(RegionProblem(region=EAST, what="answers 503"),),
    )
    event = json.loads(looked_event(findings, NOW))
    assert event["event"] == "failback.looked"
    assert event["allow"] == ["table", "uploads", "us-east-1"]
    assert [loss.why for loss in findings.losses] == [
        "1 item of us-west-2 not in us-east-1: lost to who goes there",
        "2 items not the same in both: who goes sees those of us-east-1",
        "1 object of us-east-1 not in us-west-2: deleted there, or never arrived",
    ]


def test_where_clients_are_is_said_with_each_region_s_view() -> None:
    holds = (HOLDS[0], HoldSighting(region=WEST, problem="GET /hold: us-west-2: 503"))
    assert whereabouts_text("tap-dev", WAY, WEST, holds).plain.splitlines() == [
        "tap-dev: clients are held in us-west-2; looked at is the way from us-west-2 to us-east-1",
        "  us-east-1  hold: us-west-2",
        "  us-west-2  hold: not known, GET /hold: us-west-2: 503",
    ]
    none = HoldSighting(region=EAST)
    assert whereabouts_text("tap-dev", WAY, None, (none,)).plain.startswith(
        "tap-dev: no hold: clients prefer us-east-1;"
    )


SIZE = TableSize(component="table", table="orders", items={WEST: 2000000, EAST: 7}, read_units={WEST: 9000, EAST: 1})
SIZED = (
    "table: DynamoDB last counted 2,000,000 in us-west-2 and 7 in us-east-1 items of orders; reading all takes"
    " 9,000 in us-west-2 and 1 in us-east-1 read request units, --sample N less"
)
READ = CompareProgress(component="table", read={WEST: 10000, EAST: 9000})


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (SIZE, SIZED),
        (READ, "table: 10,000 in us-west-2, 9,000 in us-east-1 read"),
        (MarkerSeen(source=WEST, target=EAST, after_s=0.8), "a write in us-west-2 was seen in us-east-1 after 0.8 s"),
        (HoldMoved(held=None, seen_in=(EAST, WEST)), "no hold any more: seen in us-east-1, us-west-2"),
        (HoldMoved(held=WEST, seen_in=()), "clients are held in us-west-2: seen in no region"),
        (FailbackNote("late"), "note: late"),
        (item("a", WEST), None),
    ],
)
def test_each_step_has_a_line_but_what_is_listed_in_the_end(progress: Any, line: str | None) -> None:
    assert progress_text(progress) == line
    assert json.loads(event(progress, NOW))["event"].startswith("failback.")
