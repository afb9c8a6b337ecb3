import json
from dataclasses import replace
from datetime import UTC, date, datetime

import jsonschema

from builder.assembly.components import Bucket, Component, one_way_replications
from builder.report.state import status_event, status_text
from builder.state.records import (
    AlarmState,
    BucketState,
    FunctionState,
    ReplicaState,
    RuleState,
    SiteState,
    StackState,
    Status,
    TopicState,
    UrlState,
)
from builder.terms import AccountId, Region
from report.events import events_schema

EAST, WEST = Region("us-east-1"), Region("us-west-2")
ONE_WAY = Bucket(names={}, replication=((EAST, WEST),))
BOTH_WAYS = Bucket(names={}, replication=((EAST, WEST), (WEST, EAST)))
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
ENDS = {"python3.14": date(2029, 6, 30), "nodejs18.x": date(2025, 9, 1)}
RULE = RuleState(id="all", status="Enabled", destination="there", pending=None, failed=None)
URL = UrlState(url="https://a/", auth="NONE", answer=200, latency_ms=12.3)
SITE = SiteState(
    region=Region("us-east-1"),
    account=None,
    stacks=(StackState(name="app", status="CREATE_COMPLETE", last_change="2026-01-01T10:00:00+00:00"),),
    replicas=(
        ReplicaState(
            table="items",
            status="ACTIVE",
            items=1234,
            bytes=5,
            point_in_time_recovery=False,
            latency_ms={"us-west-2": 801.4, "eu-west-1": None},
        ),
    ),
    buckets=(BucketState(bucket="files", versioning="Enabled", rules=(RULE,)),),
    functions=(
        FunctionState(function="f", state="Active", last_update="Successful", runtime="python3.14", urls=(URL,)),
    ),
)


def text_of(site: SiteState) -> str:
    return status_text(Status(deployment="tap-dev", sites=(site,)), ENDS, AT).plain


def test_all_of_a_region_is_on_the_screen() -> None:
    lines = [" ".join(line.split()) for line in text_of(SITE).splitlines()]
    assert lines == [
        "tap-dev at 2026-01-01 12:00:00 UTC",
        "",
        "us-east-1",
        "stack app CREATE_COMPLETE not checked as local 2026-01-01 10:00:00",
        "table items ACTIVE 1,234 items, 5 bytes PITR off to us-west-2 801 ms, to eu-west-1 no metric",
        "bucket files versioning enabled",
        "rule all (enabled) to there no metrics",
        "function f Active update successful python3.14 until 2029-06-30",
        "url https://a/ 200 12 ms auth NONE",
    ]


def test_an_index_that_is_not_there_yet_is_told() -> None:
    replica = replace(SITE.replicas[0], indexes={"by_day": "ACTIVE", "by_status": "CREATING"})
    text = " ".join(text_of(replace(SITE, replicas=(replica,))).split())
    assert "index by_status CREATING" in text
    assert "by_day" not in text


def test_what_is_wrong_is_said_in_words() -> None:
    rule = replace(RULE, pending=3.0, failed=2.0)
    url = replace(URL, answer=None, problem="no answer: refused")
    wrong = replace(
        SITE,
        account=AccountId("111122223333"),
        stacks=(StackState(name="app", status="ABSENT", template=""),),
        buckets=(BucketState(bucket="files", versioning="Suspended", rules=(rule, replace(rule, failed=None))),),
        functions=(replace(SITE.functions[0], state="Pending", runtime="ruby1.8", urls=(url,)),),
        silent=("us-east-1: AWS does not answer",),
    )
    text = text_of(wrong)
    for words in (
        "us-east-1 of 111122223333",
        "ABSENT",
        "versioning suspended",
        "3 pending, 2 failed",
        "3 pending, no metric of failed",
        "ruby1.8 until unknown",
        "no answer: refused",
        "DOES NOT ANSWER  us-east-1: AWS does not answer",
    ):
        assert words in text


def test_as_json_it_is_one_line_of_the_schema() -> None:
    line = json.loads(status_event(Status(deployment="tap-dev", sites=(SITE,)), ENDS, AT))
    jsonschema.Draft202012Validator(events_schema()).validate(line)
    assert (line["event"], line["runtime_ends"]) == ("status.seen", {"python3.14": "2029-06-30"})
    assert line["sites"][0]["replicas"][0]["latency_ms"] == {"us-west-2": 801.4, "eu-west-1": None}


def test_what_does_not_come_back_is_said_once_a_direction() -> None:
    ways = one_way_replications({"uploads": Component(bucket=ONE_WAY), "shared": Component(bucket=BOTH_WAYS)})
    status = Status(deployment="tap-dev", sites=(SITE,), one_way=ways)
    sentence = "uploads: objects go from us-east-1 to us-west-2; those written to us-west-2 do not come back"
    assert status_text(status, ENDS, AT).plain.count("do not come back") == 1
    assert status_text(status, ENDS, AT).plain.endswith(sentence)
    assert json.loads(status_event(status, ENDS, AT))["one_way"] == [
        {"component": "uploads", "source": "us-east-1", "destination": "us-west-2"}
    ]


ALARMS = (
    AlarmState(alarm="errors", state="OK", since="2026-01-01T10:00:00+00:00", reason="no matter"),
    AlarmState(alarm="late", state="ALARM", since="2026-01-01T11:00:00+00:00", reason="Threshold\nCrossed"),
    AlarmState(alarm="new", state="INSUFFICIENT_DATA", since="2026-01-01T11:30:00+00:00", reason="Unchecked"),
    AlarmState(alarm="gone", state="ABSENT"),
    AlarmState(alarm="quiet", state="OK", notifies=False),
)


def test_alarms_are_rows_with_a_reason_where_they_are_not_well_and_topics_say_who_waits() -> None:
    topics = (
        TopicState(topic="pager", confirmed=2, pending=("ops@example.com", "dev@example.com")),
        TopicState(topic="nobody", confirmed=0),
    )
    site = replace(SITE, stacks=(), replicas=(), buckets=(), functions=(), alarms=ALARMS, topics=topics)
    assert [" ".join(line.split()) for line in text_of(site).splitlines()[3:]] == [
        "alarm errors OK",
        "alarm late ALARM 2026-01-01 11:00:00 Threshold Crossed",
        "alarm new INSUFFICIENT_DATA 2026-01-01 11:30:00 Unchecked",
        "alarm gone ABSENT",
        "alarm quiet OK notifies nobody",
        "topic pager tells 2 subscriptions waits for ops@example.com, dev@example.com to confirm",
        "topic nobody tells nobody",
    ]
    line = status_event(Status(deployment="tap-dev", sites=(site,)), ENDS, AT)
    jsonschema.Draft202012Validator(events_schema()).validate(json.loads(line))
